"""Whatever an issuer refuses, and whatever the policy makes of it: the money comes out right.

Any code to any hold and any raise, at any policy; drivers who agree to less, or walk away; a visits
stage that forbids another attempt. Each hold has a bank of its own.
"""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessionworld import (
    POLICY,
    T0,
    World,
    answered,
    card_read,
    ended,
    path_of,
    reading,
    request,
    started,
    visited,
)
from test_session_laws import (
    LIFE,
    MINUTE,
    REMAINDERS,
    Bank,
    Life,
    check_capture,
    stories,
    unresolved,
)

from connectors.acquirers.reasons import of_iso8583
from schemas.commands import (
    CaptureHold,
    OfferAmount,
    PlaceHold,
    RaiseHold,
    StopCharging,
)
from streams.core.declines import understood
from streams.core.declines_after import Aftermath, bounded, may_try_again
from streams.core.declines_codes import REASON_OF
from streams.core.declines_policy import After, DeclinePolicy, contradictions

# Half of the time what may be tried again, else any code there is.
OFTEN = ["51", "61", "51", "1A", "05", "91", "96", "51"]
CODES = [*sorted(REASON_OF["iso8583"]), "Q7", ""]
CELLS = frozenset(cell.name for cell in POLICY.cell)
# By a seed: drawn one by one the numbers would crowd at the ends, and every card be refused.
chances = st.integers(0, 2**32).map(random.Random)
ENDS = ("finish_inside", "grace", "stop_now")


@st.composite
def policies(draw):
    """Any `[declines]` that can be meant."""
    raising = st.lists(st.sampled_from(["smaller_step", "retry_once"]), max_size=3)
    lists = {
        kind: (*draw(raising), draw(st.sampled_from(ENDS))) for kind in After.__struct_fields__
    }
    declines = DeclinePolicy(
        after=After(**lists),
        backoff_ms=draw(st.sampled_from([1_000, 60_000])),
        smaller_percent=draw(st.sampled_from([1, 50, 99])),
        grace_minor={"CHF": draw(st.sampled_from([0, 500]))},
        stops_max=draw(st.integers(1, 4)),
        offers_max=draw(st.integers(0, 3)),
        retaps_max=draw(st.integers(0, 3)),
    )
    assert contradictions(declines, CELLS) == []
    return msgspec.structs.replace(POLICY, declines=declines)


class Refused(Life):
    """An issuer that refuses by chance, `noes` of its answers, and a driver at the reader."""

    def __init__(self, chance, acquirer_id, policy, noes, trouble):
        super().__init__(chance, acquirer_id, 10**6, trouble)
        self.world = World(policy=policy)
        self.policy, self.noes = policy, noes
        self.banks, self.codes, self.attempts = {}, {}, []

    def apply(self, fact):
        step = self.world.apply(fact, self.now_at)
        self.check(step)
        for command in step.commands:
            self.by_id[command.command_id] = command
            self.perform(command)
        return step

    def perform(self, command):
        if isinstance(command, OfferAmount):
            self.face(command)
        else:
            super().perform(command)

    def face(self, offer):
        """The driver agrees and taps again, another card perhaps; or is gone."""
        if self.chance.random() < 0.3:
            return
        number = int(path_of(offer.command_id).rpartition("/")[2])
        at = self.now_at + self.chance.randrange(1, 60_000)
        taps = len(self.world.session.taps) + 1
        self.waiting.append(card_read(taps, number, offer.ceiling_minor, at))

    def send(self, original, command):
        if self.chance.random() < self.trouble:
            self.answer(command, "unknown", 0)
            return
        self.answer(command, *self.verdict(original))

    def verdict(self, command):
        bank = self.banks.setdefault(command.hold_id, Bank(REMAINDERS[self.acquirer_id], 10**6))
        asks = isinstance(command, PlaceHold | RaiseHold)
        known = command.command_id in bank.verdicts
        if asks and not known and self.chance.random() < self.noes:
            bank.verdicts[command.command_id] = ("declined", 0)
            codes = self.chance.choice([OFTEN, OFTEN, CODES])
            self.codes[command.command_id] = self.chance.choice(codes)
        return bank.act(command)

    def looked_up(self, command_id):
        for bank in self.banks.values():
            if command_id in bank.verdicts:
                return bank.verdicts[command_id]
        return "not_found", 0

    def answer(self, command, outcome, amount):
        target = getattr(command, "of_command_id", command.command_id)
        more = {"hold_id": command.hold_id}
        if outcome == "declined":
            code = self.codes[target]
            more |= {"raw_code": code, "reason": of_iso8583(code) if code else "odd"}
            more |= {"advice_code": self.chance.choice(["", "", "", "", "", "03", "25"])}
        at = self.now_at + self.chance.randrange(1, 20_000)
        expires_at = T0 + LIFE if outcome == "done" else 0
        path = path_of(command.command_id)
        self.waiting.append(answered(path, outcome, amount, at, expires_at=expires_at, **more))

    def run(self, charger_facts):
        """The charger in order, answers in between: raises fall due while it charges."""
        self.apply(request(acquirer_id=self.acquirer_id))
        charger = list(charger_facts)
        for _ in range(400):
            if self.world.session.issued.get(f"{self.world.session.session_id}/start"):
                self.now_at += self.chance.choice([0, 5_000, 60_000])
                if charger and (not self.waiting or self.chance.random() < 0.3):
                    self.apply(charger.pop(0))
                    continue
            if not self.waiting:
                break
            self.one_event()
        self.heal()

    def heal(self):
        super().heal()
        for bank in self.banks.values():
            if self.now_at >= T0 + LIFE:
                bank.lapse()

    # --- what must hold at every step ---

    def check(self, step):
        emitted = [one.command_id for one in self.world.commands]
        assert len(emitted) == len(set(emitted))
        assert not self.world.ledger.conflicts
        asked = [one for one in step.commands if isinstance(one, PlaceHold | RaiseHold)]
        assert len(asked) <= 1, "at most one raise, and one hold, a step"
        for command in asked:
            self.check_attempt(command)
        for command in step.commands:
            if isinstance(command, CaptureHold):
                check_capture(self.world, command)

    def check_attempt(self, command):
        session = self.world.session
        assert not any(unresolved(self.world, one.command_id) for one in self.attempts)
        noes = [
            (one, session.answers[one.command_id])
            for one in self.attempts
            if session.answers[one.command_id].outcome == "declined"
        ]
        if isinstance(command, RaiseHold):
            self.check_raise(command, noes)
        elif noes:
            last = self.meaning(noes[-1][1])
            assert last.retry in ("smaller", "customer"), "only what the driver was asked for"
            if last.retry == "smaller":
                assert command.amount_minor < noes[-1][0].amount_minor
        self.attempts.append(command)

    def check_raise(self, command, noes):
        choice = self.world.session.pinned.choice
        assert command.previous_minor < command.amount_minor <= choice.ceiling_minor
        noes = [(one, no) for one, no in noes if isinstance(one, RaiseHold)]
        if noes:
            assert self.meaning(noes[-1][1]).again, "a no that forbids it"
        for one, no in noes:
            if self.meaning(no).retry == "smaller":
                assert command.amount_minor < one.amount_minor

    @staticmethod
    def meaning(answer):
        return understood(answer.reason, answer.raw_code, answer.advice_code, at=answer.answered_at)


lives = settings(max_examples=200, deadline=None)


@st.composite
def long_stories(draw):
    """A charging that needs several raises, told in small pieces; no other disorder."""
    energy = draw(st.sampled_from([24_000, 47_000, 90_000, 160_000]))
    pieces = draw(st.integers(4, 16))
    facts, at = [started(0, T0)], T0
    for number in range(1, pieces):
        at += MINUTE
        facts.append(reading(energy * number // pieces, at, seq=number))
    facts.append(ended(energy, at + MINUTE))
    return energy, facts


@lives
@given(
    st.one_of(long_stories(), stories()),
    chances,
    st.sampled_from(sorted(REMAINDERS)),
    policies(),
    st.sampled_from([0.1, 0.5, 0.9]),
    st.sampled_from([0, 0.3]),
)
def test_every_way_of_refusal_ends_in_a_capture_within_the_hold_or_a_full_release(
    story, chance, acquirer_id, policy, noes, trouble
):
    energy, facts = story
    life = Refused(chance, acquirer_id, policy, noes, trouble)
    life.run(facts)
    ledger, banks = life.world.ledger, life.banks.values()
    assert ledger.phase == "closed"
    assert all(bank.open == 0 and bank.captured <= bank.approved for bank in banks)
    assert sum(bank.captures for bank in banks) <= 1
    captured = sum(bank.captured for bank in banks)
    assert captured == ledger.captured_minor <= ledger.approved_minor
    assert ledger.priced_minor == captured + ledger.arrears_minor + ledger.forgiven_minor
    if energy == 0 or not life.world.session.chargings:
        assert captured == 0
    per_charging = [one for one in life.world.commands if isinstance(one, StopCharging)]
    assert len(per_charging) <= policy.declines.stops_max + 1  # and one of the remote start
    holds = [one for one in life.world.commands if isinstance(one, PlaceHold)]
    assert len(holds) <= 1 + policy.declines.offers_max + policy.declines.retaps_max


@lives
@given(
    long_stories(),
    chances,
    policies(),
    st.sampled_from([0.5, 1]),
    st.sampled_from([{"attempts_left": 0}, {"barred": True}, {"wait_until_at": T0 + LIFE}]),
)
def test_what_the_scheme_forbids_is_not_tried(story, chance, policy, noes, forbidden):
    _, facts = story
    life = Refused(chance, "sim-total", policy, noes, 0)
    life.apply(request(acquirer_id="sim-total"))
    life.apply(visited(**forbidden))
    life.run(facts)
    refused = [
        one
        for one in life.attempts
        if life.banks[one.hold_id].verdicts[one.command_id][0] != "done"
    ]
    assert refused == [] or refused == [life.attempts[-1]], "nothing follows a no"


@given(
    st.integers(1, 10**6),
    st.integers(1, 10**6),
    st.integers(1, 10**6),
    st.integers(1, 99),
    st.integers(0, 10**5),
)
def test_a_smaller_raise_lies_between_the_hold_and_what_was_refused(held, room, step, percent, up):
    below = held + room
    after = Aftermath(action="smaller_step", below_minor=below)
    total = bounded(after, DeclinePolicy(smaller_percent=percent), held, held + up, step)
    assert total is None or held <= total < below
    if held + up < below:
        assert total == held + up


@pytest.mark.parametrize(
    ("seen", "at", "may"),
    [
        ({}, 0, True),
        ({"attempts_left": 0}, 10, False),
        ({"attempts_left": 0, "again_at": T0 + 10}, 9, False),
        ({"attempts_left": 0, "again_at": T0 + 10}, 10, True),
        ({"attempts_left": 3, "wait_until_at": T0 + 10}, 9, False),
        ({"attempts_left": 3, "wait_until_at": T0 + 10}, 10, True),
        ({"barred": True}, 10, False),
    ],
)
def test_what_the_scheme_allows_is_asked_at_the_instant(seen, at, may):
    world = World()
    world.apply(request(), T0)
    world.apply(visited(1, T0, **seen), T0)
    assert may_try_again(world.session, T0 + at) is may
