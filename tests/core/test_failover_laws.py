"""Sessions that may go to several acquirers, some of which cannot be reached or change their mind.

One bank a hold, each with books of its own. Whatever happens: one driver's money is held once, each
hold is spoken of to one acquirer alone, and nothing is captured when a hold's time is over.
"""

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sessionworld import POLICY, World, answered, path_of, request, tariff, tick
from test_session_laws import LIFE, REMAINDERS, Bank, Life, stories

from schemas.commands import CaptureHold, InquireCommand, MoneyCommand, PlaceHold
from streams.core.holds import book
from streams.core.pricing import Quantities, parse
from streams.core.verdicts import verdict

DAY = 24 * 3_600_000


class FailoverLife(Life):
    """`liar`: an acquirer that says it could not, and says later that it did."""

    def __init__(self, chance, available, trouble, liar, late=0.03, policy=POLICY):
        super().__init__(chance, "sim-total", available, trouble)
        self.world = World(policy=policy)
        self.late = late
        self.available = available
        self.liar = liar
        self.banks = {}
        self.ends_at = {}
        self.acquirers = {}

    def apply(self, fact):
        step = self.world.apply(fact, self.now_at)
        for command in step.commands:
            if isinstance(command, MoneyCommand):
                self.check(command)
            self.by_id[getattr(command, "command_id", "")] = command
            self.perform(command)
        return step

    def check(self, command):
        session = self.world.session
        if isinstance(command, PlaceHold):
            for earlier in self.acquirers:
                over = verdict(session, earlier) in ("declined", "failed")
                assert over or self.banks[earlier].open == 0, "two holds may live"
            self.acquirers[command.hold_id] = command.acquirer_id
        assert command.acquirer_id == self.acquirers[command.hold_id]
        of = self.by_id.get(getattr(command, "of_command_id", ""), command)
        if isinstance(of, CaptureHold) and not isinstance(command, InquireCommand):
            acquirer = POLICY.acquirers[command.acquirer_id]
            assert session.now_at < book(session, command.hold_id, acquirer).deadline.ends_at

    def bank_of(self, command):
        bank = Bank(REMAINDERS[command.acquirer_id], self.available)
        return self.banks.setdefault(command.hold_id, bank)

    def looked_up(self, command_id):
        if self.chance.random() < self.trouble / 2:
            return "unknown", 0
        hold_id = self.by_id[command_id].hold_id
        known = self.banks[hold_id].verdicts if hold_id in self.banks else {}
        return known.get(command_id, ("not_found", 0))

    def send(self, original, command):
        placing = isinstance(command, PlaceHold)
        if placing and self.chance.random() < self.trouble:
            self.answer(command, "failed", 0, reason="not_sent")
        elif placing and self.chance.random() < self.liar:
            self.answer(command, "failed", 0, reason="technical")
            if self.chance.random() < 0.5:
                self.answer(command, *self.bank_of(command).act(original), source="webhook")
        else:
            fates = ["act", "timeout_before", "timeout_after", "lost"]
            fate = "act" if self.chance.random() >= self.trouble else self.chance.choice(fates)
            if fate in ("act", "timeout_after"):
                told = self.bank_of(command).act(original)
                self.answer(command, *(told if fate == "act" else ("unknown", 0)))
            elif fate == "timeout_before":
                self.answer(command, "unknown", 0)

    def answer(self, command, outcome, amount, **more):
        at = self.now_at + self.chance.randrange(1, 20_000)
        told = {"acquirer_id": command.acquirer_id, "hold_id": command.hold_id, **more}
        if outcome == "done":
            told["expires_at"] = self.ends_at.setdefault(command.hold_id, at + LIFE)
        self.waiting.append(answered(path_of(command.command_id), outcome, amount, at, **told))

    def one_event(self):
        while self.world.session.chargings and self.chance.random() < self.late:
            due_at = max(self.world.session.deadline or 0, self.now_at)
            self.now_at = self.chance.choice([self.now_at + 3_600_000, self.now_at + DAY, due_at])
            self.lapse()
            self.apply(tick(self.now_at))
        super().one_event()

    def lapse(self):
        for hold_id, bank in self.banks.items():
            if self.now_at >= self.ends_at.get(hold_id, self.now_at + 1):
                bank.lapse()

    def run(self, charger_facts, **asked):
        self.apply(request(**{"acquirer_id": "any", **asked}))
        charger = list(charger_facts)
        self.chance.shuffle(charger)
        for _ in range(400):
            if self.world.session.issued.get(f"{self.world.session.session_id}/start"):
                self.waiting += charger
                charger = []
            if not self.waiting:
                break
            self.one_event()
        self.liar = 0
        self.rest()

    def rest(self):
        self.trouble = 0
        for _ in range(200):
            while self.waiting:
                self.apply(self.waiting.pop())
            deadline = self.world.session.deadline
            if deadline is None:
                return
            self.now_at = max(self.now_at, deadline)
            self.lapse()
            self.apply(tick(self.now_at))
        raise AssertionError("it never comes to rest")


@settings(max_examples=250, deadline=None)
@given(
    stories(),
    st.integers(0, 2**32),
    st.sampled_from([0, 3_000, 10**6]),
    st.sampled_from([0, 0.1, 0.5]),
    st.sampled_from([0, 0.3, 0.8]),
)
def test_money_is_held_once_by_whoever_can_be_reached(story, seed, available, trouble, liar):
    _, facts = story
    life = FailoverLife(random.Random(seed), available, trouble, liar)
    life.run(facts)
    ledger, banks = life.world.ledger, life.banks.values()
    assert sum(bank.captures for bank in banks) <= 1
    assert all(bank.open == 0 for bank in banks), "somebody's money stays frozen"
    assert ledger.phase == "closed"
    assert ledger.captured_minor == sum(bank.captured for bank in banks)
    assert ledger.released_minor == sum(bank.released for bank in banks)
    settled = ledger.captured_minor + ledger.arrears_minor + ledger.forgiven_minor
    assert ledger.priced_minor == settled
    assert len({line.hold_id for line in ledger.holds}) == len(life.acquirers)


PATIENT = replace(
    POLICY,
    clocks=replace(POLICY.clocks, at_deadline="floor"),
    acquirers={
        name: replace(one, reauthorise=True, increment_extends=("mastercard",))
        for name, one in POLICY.acquirers.items()
    },
)


@settings(max_examples=250, deadline=None)
@given(
    stories(),
    st.integers(0, 2**32),
    st.sampled_from(["visa", "mastercard"]),
    st.sampled_from(["sim-total", "sim-delta", "sim-reverse"]),
    st.sampled_from([0, 0.3]),
    st.sampled_from([(POLICY, False), (PATIENT, False), (PATIENT, True)]),
)
def test_late_proofs_take_the_money_once_at_most(story, seed, scheme, acquirer_id, trouble, agreed):
    """Days pass between the facts: floors, extensions, expiries and second holds come into play."""
    (energy, facts), (policy, consent) = story, agreed
    life = FailoverLife(random.Random(seed), 10**6, trouble, 0, late=0.6, policy=policy)
    life.run(facts, acquirer_id=acquirer_id, scheme=scheme, reauthorise_consent=consent)
    ledger, banks = life.world.ledger, life.banks.values()
    due = parse(tariff()).simple.minor(Quantities(energy, 0, 0)) if energy else 0
    assert sum(bank.captures for bank in banks) <= 1
    assert ledger.captured_minor == sum(bank.captured for bank in banks) <= due
    assert all(bank.open == 0 for bank in banks), "somebody's money stays frozen"
    if ledger.phase == "closed":
        settled = ledger.captured_minor + ledger.arrears_minor + ledger.forgiven_minor
        assert ledger.priced_minor == settled
    else:
        told = life.world.session.published.differences.values()
        assert any(one.open for one in told), "open, and nobody is told"
    if not (consent and policy is PATIENT):
        assert len(life.acquirers) == 1 or trouble
