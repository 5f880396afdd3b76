"""Whole sessions under chance: any order, any repeats, any answers; the money always adds up.

A small acquirer keeps books of its own (`Bank`), acts before or after its time-outs, and is asked
in the end what it thinks. Charger facts come in any order and as often as chance likes.
"""

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from sessionworld import (
    POLICY,
    T0,
    World,
    answered,
    ended,
    path_of,
    reading,
    request,
    started,
    tariff,
    tick,
    updated,
)

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
from streams.core.case import case_of
from streams.core.pricing import Quantities, parse
from streams.core.rules import RULES, times_of
from streams.core.session import Quarantined, QuarantineLifted

MONEY_COMMANDS = (PlaceHold, RaiseHold, LowerHold, CaptureHold, ReleaseHold, RefundCapture)
MINUTE = 60_000
LIFE = 5 * 24 * 60 * MINUTE
REMAINDERS = {
    "sim-total": "AUTO_AT_CAPTURE",
    "sim-delta": "LOWER_BEFORE_CAPTURE",
    "sim-reverse": "REVERSE_AFTER_CAPTURE",
    "sim-lapse": "LAPSE_ONLY",
}


class Bank:
    """An acquirer's own view of one hold: acts once per command id, whatever it is told."""

    def __init__(self, remainder, available):
        self.remainder = remainder
        self.available = available
        self.approved = self.open = self.captured = self.released = self.lapsed = 0
        self.captures = self.refunded = 0
        self.verdicts = {}

    def act(self, command):
        """(outcome, amount); the same id is never acted on twice."""
        if command.command_id not in self.verdicts:
            self.verdicts[command.command_id] = self._act(command)
        return self.verdicts[command.command_id]

    def _act(self, command):
        acts = {
            PlaceHold: self._place,
            RaiseHold: self._raise,
            LowerHold: self._lower,
            CaptureHold: self._capture,
            ReleaseHold: self._release,
            RefundCapture: self._refund,
        }
        return acts[type(command)](command.amount_minor)

    def _place(self, amount):
        self.approved = self.open = min(amount, self.available)
        return ("done", self.open) if self.open else ("declined", 0)

    def _raise(self, amount):
        if self.open == 0 or amount > self.available:
            return "declined", 0
        self.approved += amount - self.open
        self.open = amount
        return "done", amount

    def _lower(self, amount):
        if not 0 < amount < self.open:
            return "failed", 0
        self.released += self.open - amount
        self.open = amount
        return "done", amount

    def _release(self, _):
        moved, self.open = self.open, 0
        self.released += moved
        return ("done", moved) if moved else ("failed", 0)

    def _capture(self, amount):
        exact = self.remainder == "LOWER_BEFORE_CAPTURE"
        if self.captured or not 0 < amount <= self.open or (exact and amount != self.open):
            return "failed", 0
        self.captures += 1
        self.captured += amount
        self.open -= amount
        if self.remainder == "AUTO_AT_CAPTURE":
            self.released += self.open
            self.open = 0
        return "done", amount

    def _refund(self, amount):
        if not 0 < amount <= self.captured - self.refunded:
            return "failed", 0
        self.refunded += amount
        return "done", amount

    def lapse(self):
        self.lapsed += self.open
        self.open = 0


class Life:
    """One session between the core, a bank and chance."""

    def __init__(self, chance, acquirer_id, available, trouble):
        self.chance = chance
        self.acquirer_id = acquirer_id
        self.bank = Bank(REMAINDERS[acquirer_id], available)
        self.trouble = trouble
        self.world = World()
        self.now_at = T0
        self.waiting = []  # facts on their way
        self.done = []  # facts that may come again
        self.by_id = {}
        self.closed_before = False

    def apply(self, fact):
        step = self.world.apply(fact, self.now_at)
        check_step(self, step)
        for command in step.commands:
            self.by_id[getattr(command, "command_id", "")] = command
            self.perform(command)
        return step

    def perform(self, command):
        match command:
            case InquireCommand():
                self.answer(command, *self.looked_up(command.of_command_id))
            case ResendCommand():
                self.send(self.by_id[command.of_command_id], command)
            case _ if isinstance(command, MONEY_COMMANDS):
                self.send(command, command)

    def looked_up(self, command_id):
        if self.chance.random() < self.trouble / 2:
            return "unknown", 0
        return self.bank.verdicts.get(command_id, ("not_found", 0))

    def send(self, original, command):
        fate = (
            "act"
            if self.chance.random() >= self.trouble
            else self.chance.choice(["timeout_before", "timeout_after", "lost"])
        )
        if fate == "timeout_before":
            self.answer(command, "unknown", 0)
            return
        verdict = self.bank.act(original)
        if fate == "act":
            self.answer(command, *verdict)
        elif fate == "timeout_after":
            self.answer(command, "unknown", 0)

    def answer(self, command, outcome, amount):
        path = path_of(command.command_id)
        at = self.now_at + self.chance.randrange(1, 20_000)
        expires_at = T0 + LIFE if outcome == "done" else 0
        self.waiting.append(answered(path, outcome, amount, at, expires_at=expires_at))

    def run(self, charger_facts):
        self.apply(request(acquirer_id=self.acquirer_id))
        charger = list(charger_facts)
        self.chance.shuffle(charger)
        for _ in range(400):
            if self.world.session.issued.get(f"{self.world.session.session_id}/start"):
                self.waiting += charger
                charger = []
            if not self.waiting:
                break
            self.one_event()
        self.heal()

    def one_event(self):
        self.now_at += self.chance.choice([0, 1_000, 5_000, 60_000])
        if self.done and self.chance.random() < 0.2:
            self.apply(self.chance.choice(self.done))
            return
        self.chance.shuffle(self.waiting)
        fact = self.waiting.pop()
        self.done.append(fact)
        self.apply(fact)

    def heal(self):
        """From now on everything works: what was unknown must become known."""
        self.trouble = 0
        for _ in range(200):
            while self.waiting:
                self.apply(self.waiting.pop())
            deadline = self.world.session.deadline
            if deadline is None:
                return
            self.now_at = max(self.now_at, deadline)
            if self.now_at >= T0 + LIFE:
                self.bank.lapse()
            self.apply(tick(self.now_at))
        raise AssertionError("it never comes to rest")


def check_step(life, step):
    """What must hold after every single fact, on every prefix of every history."""
    world, ledger = life.world, life.world.ledger
    for hold in ledger.holds:
        where = hold.captured_minor + hold.released_minor + hold.lapsed_minor + hold.open_minor
        assert hold.approved_minor == where
        assert min(hold.captured_minor, hold.released_minor, hold.open_minor) >= 0
    if ledger.phase == "closed":
        settled = ledger.captured_minor - ledger.refunded_minor
        settled += ledger.arrears_minor + ledger.forgiven_minor
        assert ledger.priced_minor == settled
    emitted = [one.command_id for one in world.commands]
    assert len(emitted) == len(set(emitted)), Counter(emitted).most_common(1)
    raises = [one for one in step.commands if isinstance(one, RaiseHold)]
    assert len(raises) <= 1
    for one in raises:
        check_raise(world, one)
    for one in step.commands:
        if isinstance(one, CaptureHold):
            check_capture(world, one)
    assert not ledger.conflicts
    check_times(step.session)


def check_times(session):
    """A rule that is not asked, for it is not its time, would have had nothing to propose."""
    case = case_of(session, POLICY)
    times = times_of(case)
    assert [r.name for r in RULES if r.when not in times and list(r.propose(case))] == []


def unresolved(world, command_id):
    known = world.session.answers.get(command_id)
    return known is None or known.outcome in ("unknown", "not_found")


def check_raise(world, command):
    choice = world.session.pinned.choice
    assert command.amount_minor <= choice.ceiling_minor
    assert command.previous_minor + command.delta_minor == command.amount_minor
    before = [one for one in world.commands if isinstance(one, RaiseHold) and one is not command]
    assert all(one.amount_minor < command.amount_minor for one in before)
    assert not any(unresolved(world, one.command_id) for one in before)
    acquirer = POLICY.acquirers[world.session.request.acquirer_id]
    assert len(before) < acquirer.attempts_cap


def check_capture(world, command):
    others = [
        one for one in world.commands if isinstance(one, MONEY_COMMANDS) and one is not command
    ]
    assert not any(unresolved(world, one.command_id) for one in others)
    assert command.amount_minor <= command.capturable_minor
    assert command.amount_minor <= command.priced_minor
    assert command.proof == "COMPLETE_TRANSACTION"
    assert any(one.end and one.end.complete for one in world.session.chargings.values())


def full_power_ms(wh, power_w=150_000):
    """How long an EVSE, the usual one, takes for it: no story tells what cannot be."""
    return max(wh, 0) * 3_600_000 // power_w


@st.composite
def stories(draw):
    """Begin and end registers, and what is told between them, in order of its own time."""
    energy = draw(st.sampled_from([0, 1, 900, 9_000, 24_000, 47_000, 160_000]))
    begin = draw(st.sampled_from([0, 5_000]))
    points = sorted(draw(st.lists(st.integers(0, energy), max_size=6)))
    facts = [started(begin, T0)]
    at = T0
    for number, point in enumerate(points, 1):
        at = max(at + draw(st.integers(1, 9)) * MINUTE, T0 + full_power_ms(point))
        facts.append(reading(begin + point, at, seq=number))
    at = max(at + MINUTE, T0 + full_power_ms(energy))
    facts.append(updated("suspended_ev", begin + energy, at, seq=len(points) + 1))
    at += draw(st.integers(0, 30)) * MINUTE
    facts.append(ended(begin + energy, at, complete=False))
    facts.append(ended(begin + energy, at, complete=True))
    return energy, facts


@settings(max_examples=300, deadline=None)
@given(
    stories(),
    st.randoms(use_true_random=False),
    st.sampled_from(sorted(REMAINDERS)),
    st.sampled_from([0, 700, 3_000, 5_500, 10**6]),
    st.sampled_from([0, 0.1, 0.5]),
)
def test_whatever_happens_the_money_comes_out_right(story, chance, acquirer_id, available, trouble):
    energy, facts = story
    life = Life(chance, acquirer_id, available, trouble)
    life.run(facts)
    ledger, bank = life.world.ledger, life.bank
    assert ledger.phase == "closed"
    assert (ledger.captured_minor, ledger.released_minor, ledger.lapsed_minor, 0) == (
        bank.captured,
        bank.released,
        bank.lapsed,
        bank.open,
    )
    assert bank.captures <= 1
    if acquirer_id != "sim-lapse":
        assert bank.lapsed == 0  # nobody's money stays frozen until it lapses
    assert bank.captured <= bank.approved
    if life.world.session.chargings:
        due = parse(tariff()).simple.minor(Quantities(energy, 0, 0)) if energy else 0
        assert ledger.priced_minor == due
        assert ledger.proof == "COMPLETE_TRANSACTION"
        covered = bank.lapsed == 0 and available >= due
        # An outstanding raise may be declined for its step although the cost alone would fit, and
        # a given-up hold covers nothing: only then is anything owed.
        if covered and not ledger.declined_mid_charge and ledger.closed_reason == "captured":
            assert ledger.captured_minor == min(due, ceiling(life))
    else:
        assert bank.captured == 0


def ceiling(life):
    choice = life.world.session.pinned.choice
    return choice.ceiling_minor


@settings(max_examples=100, deadline=None)
@given(stories(), st.randoms(use_true_random=False), st.sampled_from(sorted(REMAINDERS)))
def test_the_final_money_does_not_depend_on_the_order(story, chance, acquirer_id):
    """With an issuer that gives what is asked, one order of the facts is as good as any."""
    _, facts = story
    ends = set()
    for _ in range(3):
        life = Life(random.Random(chance.randrange(10**9)), acquirer_id, 10**6, 0)
        life.run(facts)
        ledger = life.world.ledger
        if any(one.rule == "stop_never_started" for one in life.world.session.issued.values()):
            continue  # not a word of the charger within the grace period: that is another day
        ends.add((ledger.priced_minor, ledger.proof, ledger.captured_minor, ledger.energy_wh))
    assert len(ends) <= 1


@settings(max_examples=100, deadline=None)
@given(stories(), st.randoms(use_true_random=False), st.sampled_from(["sim-total", "sim-delta"]))
def test_after_the_close_only_late_facts_can_call_for_anything(story, chance, acquirer_id):
    _, facts = story
    life = Life(chance, acquirer_id, 10**6, 0.2)
    life.run(facts)
    emitted = len(life.world.commands)
    for fact in life.done:
        life.apply(fact)
    life.now_at += 400 * 24 * 60 * MINUTE
    life.apply(tick(life.now_at))
    assert len(life.world.commands) == emitted
    assert life.world.session.deadline is None


def test_a_repeated_fact_changes_nothing_and_says_nothing():
    world = World()
    facts = [
        request(),
        answered("hold/1", "done", 2_000),
        started(0),
        reading(9_000),
        ended(9_000),
        answered("capture/1", "done", 711),
    ]
    for fact in facts:
        world.apply(fact, T0)
    before = world.session
    for fact in facts:
        step = world.apply(fact, T0)
        assert (step.commands, step.watches, step.aliases, step.ledger) == ([], [], [], None)
        assert step.session == before


def test_a_quarantined_session_keeps_its_facts_and_commands_nothing():
    world = World()
    world.apply(request(), T0)
    world.apply(Quarantined(ref="charger.transactions.v1/0/7"), T0)
    assert world.apply(answered("hold/1", "done", 2_000), T0).commands == []
    assert world.ledger.phase == "quarantined"
    (start,) = world.apply(QuarantineLifted(ref="charger.transactions.v1/0/7"), T0).commands
    assert type(start).__name__ == "StartCharging"
