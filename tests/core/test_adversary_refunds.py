"""Hostile lives after the end: CDRs that change and are taken back, decisions of people, refunds,
chargebacks, dark chargers, an acquirer that loses answers and takes captures and refunds back.

Seeded and without shrinking: `lived(seed)` lives a failing one again, `.story` tells it.
"""

import random

import pytest
from msgspec.structs import replace
from partnerworld import cdr, linked, seen
from sessionworld import (
    POLICY,
    T0,
    World,
    answered,
    ended,
    notified,
    path_of,
    reading,
    refund_decided,
    released,
    request,
    signed,
    silence,
    started,
    tariff,
    tick,
    updated,
    webhook,
)

from schemas.codec import NotReadable
from schemas.commands import (
    CaptureHold,
    InquireCommand,
    LowerHold,
    PlaceHold,
    RaiseHold,
    RefundCapture,
    ReleaseHold,
    ResendCommand,
)
from streams.core.risk import risk_open

MINUTE = 60_000
HOUR = 60 * MINUTE
END = T0 + 40 * MINUTE
MONEY = (PlaceHold, RaiseHold, LowerHold, ReleaseHold, CaptureHold, RefundCapture)
STEPS_MAX = 400  # ticks until a session has to be at rest
FOR_PEOPLE = {"unresolved", "refused"}


def policy_of(chance):
    """What operators may have chosen; the CDR as price has no charger to settle by."""
    by_cdr = chance.random() < 0.25
    ways = ["person", "lower", "cdr"] if by_cdr else ["person", "lower", "cdr", "charger"]
    return replace(
        POLICY,
        proof=replace(
            POLICY.proof,
            disagreement=chance.choice(ways),
            price_authority="cdr" if by_cdr else "tariff",
            second_person_above_minor=chance.choice([10_000, 500]),
        ),
        refunds=replace(
            POLICY.refunds,
            credit_cdr=chance.choice(["proof", "always", "never"]),
            automatic_minor=chance.choice([0, 300, 5_000]),
        ),
        clocks=replace(POLICY.clocks, at_deadline=chance.choice(["lapse", "floor"])),
        below_cost=chance.choice(["reduction", "balance"]),
    )


class Acquirer:
    """What really happened to the money, and what has been heard of it."""

    def __init__(self, chance):
        self.chance = chance
        self.trouble = 0.3
        self.verdicts, self.taken, self.back = {}, {}, {}
        self.waiting, self.heard = [], {}
        self.disputed = False

    def perform(self, original, command):
        """`command` is `original`, or a resend of it. The first hold has no trouble."""
        fate = 1 if isinstance(original, PlaceHold) else self.chance.random()
        if fate < self.trouble / 3:
            return self.answer(command, "unknown", 0)
        if original.command_id not in self.verdicts:
            self._act(original)
        if fate < self.trouble * 2 / 3:
            return self.answer(command, "unknown", 0)  # done, and the answer was lost
        return self.answer(command, *self.verdicts[original.command_id])

    def _act(self, command):
        refuses = not isinstance(command, PlaceHold) and self.chance.random() < self.trouble / 4
        if refuses:
            self.verdicts[command.command_id] = ("declined", 0)
            return
        self.verdicts[command.command_id] = ("done", command.amount_minor)
        if isinstance(command, CaptureHold):
            self.taken[command.command_id] = command.amount_minor
        if isinstance(command, RefundCapture):
            self.back[command.command_id] = command.amount_minor

    def look_up(self, command):
        self.answer(command, *self.verdicts.get(command.of_command_id, ("not_found", 0)))

    def answer(self, command, outcome, minor):
        about = getattr(command, "of_command_id", command.command_id)
        self.waiting.append((about, command.command_id, outcome, minor))

    def is_known(self, command_id):
        return command_id in self.heard

    @property
    def left(self):
        return sum(self.taken.values()) - sum(self.back.values())

    def takes_back(self, moved):
        """A capture or a refund that was told as done comes to nothing after all; None: none."""
        known = [one for one in moved if self.heard.get(one) == "done"]
        if not known:
            return None
        moved.pop(known[0])
        self.verdicts[known[0]], self.heard[known[0]] = ("failed", 0), "failed"
        return known[0]


class Life:
    """One session among them; `story` is what a person wants to read of a failing one."""

    def __init__(self, seed):
        chance = self.chance = random.Random(seed)
        self.policy = policy_of(chance)
        bodies = [tariff(), tariff("0.40", time="6.00", parking="0.60"), tariff(flat="1.00")]
        self.world = World(chance.choice(bodies), self.policy)
        self.acquirer = Acquirer(chance)
        self.now, self.by_id, self.asked, self.story = T0, {}, [], []

    def apply(self, fact, why):
        try:
            step = self.world.apply(fact, self.now)
        except NotReadable:
            return  # parked: the session is as it was
        said = [f"{path_of(c.command_id)} {getattr(c, 'amount_minor', '')}" for c in step.commands]
        self.story.append((self.now - T0, why, said, self.world.ledger.phase))
        for command in step.commands:
            self.by_id[command.command_id] = command
            self._commanded(command)
        self.check_books()

    def _commanded(self, command):
        match command:
            case CaptureHold():
                self.check_capture(command)
            case RefundCapture():
                self.check_refund(command)
        if isinstance(command, MONEY):
            self.asked.append(command.command_id)
            self.acquirer.perform(command, command)
        elif isinstance(command, InquireCommand):
            self.acquirer.look_up(command)
        elif isinstance(command, ResendCommand):
            self.acquirer.perform(self.by_id[command.of_command_id], command)

    # --- laws ---

    def check_books(self):
        ledger = self.world.ledger
        for one in ledger.holds:
            gone = one.captured_minor + one.released_minor + one.lapsed_minor
            assert one.approved_minor == gone + one.open_minor, self.story
        assert ledger.refunded_minor <= ledger.captured_minor, self.story
        if ledger.phase == "closed":
            kept = ledger.captured_minor - ledger.refunded_minor
            rest = ledger.arrears_minor + ledger.forgiven_minor
            assert ledger.priced_minor == kept + rest, self.story

    def check_capture(self, command):
        if command.proof != "OPERATOR_RELEASE":
            assert not risk_open(self.world.session), self.story
        assert command.amount_minor <= min(command.priced_minor, command.capturable_minor)
        beside = [one for one in self.asked if not self.acquirer.is_known(one)]
        assert all("/raise/" in one for one in beside), (beside, self.story)
        done = [one for one, word in self.acquirer.heard.items() if word == "done"]
        assert not any("/capture/" in one for one in done), ("a second capture", self.story)

    def check_refund(self, command):
        refunds = [one for one in self.asked if "/refund/" in one]
        assert all(self.acquirer.is_known(one) for one in refunds), self.story
        assert command.command_id not in refunds, ("the same cause again", self.story)
        assert not self.acquirer.disputed, self.story
        assert 0 < command.amount_minor <= self.acquirer.left, self.story

    def check_end(self):
        ledger, session = self.world.ledger, self.world.session
        told = {one.kind for one in session.published.differences.values() if one.open}
        assert ledger.phase == "closed" or told & FOR_PEOPLE, (ledger.phase, self.story)
        taken, back = sum(self.acquirer.taken.values()), sum(self.acquirer.back.values())
        assert ledger.captured_minor == taken, self.story
        transfers = [
            one.amount_minor
            for one in session.refund_decisions.values()
            if one.route == "transfer" and not one.disputed
        ]
        if "unresolved" not in told:
            assert ledger.refunded_minor == min(back + sum(transfers), taken), self.story
        if taken - ledger.refunded_minor > ledger.priced_minor:
            assert "captured-above-cost" in told, self.story

    # --- what happens ---

    def live(self):
        chance = self.chance
        card = {"entry_mode": chance.choice(["chip", "contactless"])}
        acquirer_id = chance.choice(["sim-total", "sim-delta"])
        self.apply(request(acquirer_id=acquirer_id, **card), "request")
        while self.acquirer.waiting:
            self.deliver(0)
        self.now = max(self.now, T0 + 5_000)
        if chance.random() < 0.7:
            self.apply(started(0, T0 + MINUTE), "started")
        told = []
        for made in self.facts():
            self.now += chance.choice([1_000, MINUTE, 20 * MINUTE, 5 * HOUR, 30 * HOUR])
            told.append(made())
            self.apply(told[-1], repr(told[-1])[:60])
            if chance.random() < 0.2:
                self.apply(chance.choice(told), "again")
            while self.acquirer.waiting and chance.random() < 0.7:
                self.deliver(chance.randrange(len(self.acquirer.waiting)))
            if chance.random() < 0.5:
                self.come_due()
        self.come_to_rest()
        self.check_end()
        return self

    def deliver(self, index):
        about, command_id, outcome, minor = self.acquirer.waiting.pop(index)
        if outcome in ("done", "declined") and self.acquirer.heard.get(about) != "done":
            self.acquirer.heard[about] = outcome
        self.now += 1
        fact = answered(path_of(command_id), outcome, minor, self.now)
        self.apply(fact, f"answer {path_of(command_id)} {outcome}")

    def come_due(self):
        deadline = self.world.session.deadline
        if deadline is not None:
            self.now = max(self.now, deadline)
            self.apply(tick(self.now), "tick")
        return deadline is not None

    def come_to_rest(self):
        for _ in range(STEPS_MAX):
            while self.acquirer.waiting:
                self.deliver(self.chance.randrange(len(self.acquirer.waiting)))
            self.acquirer.trouble *= 0.9
            if not self.come_due():
                return
        pytest.fail(f"never at rest: {self.story}")

    def facts(self):
        made = [*self._of_charger(), *self._of_partners(), *self._of_people(), *self._of_bank()]
        self.chance.shuffle(made)
        return made

    def _of_charger(self):
        chance, seq = self.chance, self.chance.choice([-1, 9])
        yield lambda: started(0, T0 + MINUTE, seq=-1 if seq < 0 else 0)
        for _ in range(chance.randrange(3)):
            yield _later(reading, chance.choice([3_000, 6_000, 9_000, 10_000]),
                         T0 + chance.randrange(5, 40) * MINUTE, seq=-1)  # fmt: skip
        if chance.random() < 0.7:
            wh, whole = chance.choice([10_000, 9_500, 6_000, 0]), chance.random() < 0.5
            yield _later(ended, wh, END, seq=seq, complete=whole and seq > 0)
            if chance.random() < 0.3:
                pair = chance.choice([10_000, 7_000])
                end = ended(wh, END, seq=seq, complete=False)
                yield _later(signed, end, pair, (T0 + MINUTE, END - chance.randrange(2)))
        if chance.random() < 0.3:
            at = T0 + chance.randrange(5, 40) * MINUTE
            yield _later(updated, "suspended_ev", chance.choice([0, 5_000]), at, seq=3)
        if chance.random() < 0.2:
            yield _later(started, 0, T0 + 2 * MINUTE, tx="tx2")
            yield _later(ended, 3_000, END, tx="tx2")
        for _ in range(chance.choice([0, 0, 2, 4])):
            state = chance.choice(["silent", "heard", "unread", "lost"])
            version, tx = chance.randrange(1, 6), chance.choice(["tx1", "tx1", "tx2"])
            read_at = chance.choice([T0, END])
            yield lambda s=state, v=version, t=tx, r=read_at: silence(s, v, self.now, t, r)

    def _of_partners(self):
        chance = self.chance
        for n in range(chance.choice([0, 1, 1, 2])):
            wh = chance.choice([10_000, 9_500, 8_000, 6_000])
            gross = chance.choice([f"{wh * 79 / 100_000:.2f}", "6.00", "9.00", "0.00", ""])
            code = chance.choice([0, 0, 0, 2001])
            mine = {"started_at": T0, "cdr_id": f"C-{n}"}
            yield _bill(wh, gross, END, rejected_code=code, **mine)
            if chance.random() < 0.3:
                yield _bill(wh, "5.00", END + HOUR, **mine)
            if chance.random() < 0.4:
                yield _bill(wh, gross, END + HOUR, credit=True, credit_reference_id=f"C-{n}",
                            started_at=T0, cdr_id=f"K-{n}",
                            rejected_code=chance.choice([0, 0, 2001]))  # fmt: skip
        if chance.random() < 0.3:
            wh = chance.choice([10_000, 8_000])
            yield lambda: linked(seen(wh, END, status="COMPLETED", started_at=T0))

    def _of_people(self):
        chance = self.chance
        for _ in range(chance.choice([0, 0, 1, 2, 3])):
            wh, who = chance.choice([8_000, 9_000, 5_000]), chance.choice(["ann", "bob"])
            amount = chance.choice([-1, -1, 300, 700, 0])
            yield lambda w=wh, p=who, a=amount: released(w, p, self.now, a)
        for n in range(chance.choice([0, 1, 2, 3])):
            said = {"route": chance.choice(["card", "card", "transfer"]),
                    "reason": chance.choice(["goodwill", "correction"])}  # fmt: skip
            amount = chance.choice([100, 400, 790])
            yield lambda d=f"D-{n}", a=amount, s=said: refund_decided(d, a, self.now, **s)

    def _of_bank(self):
        for share, made in (
            (0.15, lambda: self._chargeback("chargeback_opened")),
            (0.10, lambda: self._chargeback("chargeback_reversed")),
            (0.15, self._capture_fails),
            (0.10, self._refund_fails),
            (0.10, lambda: notified("hold_lapsed", 2_000, "", self.now)),
        ):
            if self.chance.random() < share:
                yield made

    def _chargeback(self, event):
        self.acquirer.disputed = event == "chargeback_opened"
        return webhook(event, 790, at=self.now)

    def _capture_fails(self):
        """Not once something of it went back: that is told to people, and no law of these."""
        failed = None if self.acquirer.back else self.acquirer.takes_back(self.acquirer.taken)
        what = "capture_failed"
        return notified(what, 790, path_of(failed), self.now) if failed else tick(self.now)

    def _refund_fails(self):
        failed = self.acquirer.takes_back(self.acquirer.back)
        what = "refund_failed"
        return notified(what, 1, path_of(failed), self.now) if failed else tick(self.now)


def _later(made, *words, **more):
    return lambda: made(*words, **more)


def _bill(wh, gross, at, **more):
    return lambda: linked(cdr(wh, gross, at, **more))


def lived(seed):
    return Life(seed).live()


@pytest.mark.parametrize("hundred", range(5))
def test_whatever_is_decided_taken_back_and_lost_the_money_comes_out_right(hundred):
    captured = refunded = 0
    for seed in range(100 * hundred, 100 * (hundred + 1)):
        try:
            life = lived(seed)
        except AssertionError as error:
            raise AssertionError(f"lived({seed}): {error}") from error
        captured += bool(life.acquirer.taken)
        refunded += bool(life.acquirer.back)
    assert captured >= 10, "else these lives say nothing of captures"
    assert refunded >= 3, "nor of refunds"
