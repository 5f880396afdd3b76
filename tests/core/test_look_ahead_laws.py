"""The look-ahead under adversarial power: what flows is covered at the instant at which it flows.

A car draws what it likes up to what the EVSE can; readings come with gaps up to the policy's; the
acquirer answers within the look-ahead's latency; a stop takes up to its latency. Gate and session
are the real ones, and time is only what events say.
"""

import heapq
import random
from itertools import count, cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessionworld import (
    EVSE,
    POLICY,
    POLICY_FILE,
    T0,
    World,
    answered,
    linked,
    request,
    started,
    tariff,
    tick,
)

from schemas import codec
from schemas.commands import RaiseHold, StopCharging
from schemas.facts import MeterReading
from streams.core import gate
from streams.core.gate import Kept
from streams.core.pricing import Course, Quantities, charging, parse, price
from streams.core.strategy_policy import parse_policy

AHEAD = POLICY.look_ahead
ANSWER_MS = AHEAD.acquirer_latency_ms + AHEAD.retries_ms
BEGIN_AT = T0 + 5_000
DEFAULT = POLICY_FILE.read_text()
HOURS = 3_600_000
FUNDS = "insufficient_funds"


class Street:
    """One charging on its way through gate and session, event by event."""

    def __init__(
        self, body, power_max_w, curve, *, answers=(), limit=10**9, policy=POLICY, **asked
    ):
        self.reason = asked.pop("refused_for", "")
        self.tariff, self.points = parse(body), [(BEGIN_AT, 0)]
        self.zone = asked.get("time_zone", "")
        self.curve = [(ms, min(power_w, power_max_w)) for ms, power_w in curve]
        self.answers = list(answers) or [ANSWER_MS]
        self.limit = limit
        self.world = World(body, policy)
        self.gate = gate.Charging()
        self.events, self.order = [], count()
        self.stop_at, self.now_at, self.seq = None, T0, 0
        self.heard = []
        self.apply(request(power_max_w=power_max_w, **asked))
        self.apply(answered("hold/1", "done", self.world.commands[0].amount_minor, T0))
        self.now_at = BEGIN_AT
        begin = started(0, BEGIN_AT)
        fact = codec.decode(begin.fact)
        gate.take_transaction(self.gate, fact, self.kept(fact))
        self.apply(begin)

    def kept(self, fact):
        self.seq += 1
        return Kept("t", 0, self.seq, codec.encode(fact))

    # --- what flows ---

    def watt_ms(self, at):
        at = at if self.stop_at is None else min(at, self.stop_at)
        left, total = max(at - BEGIN_AT, 0), 0
        for ms, power_w in self.curve:
            total += min(ms, left) * power_w
            left = max(left - ms, 0)
        return total

    def due(self, at):
        """What is due for what has truly flowed, and for the time it took."""
        at = max(at if self.stop_at is None else min(at, self.stop_at), BEGIN_AT)
        wh = self.watt_ms(at) // HOURS
        if self.tariff.simple is not None:
            return self.tariff.simple.minor(Quantities(wh, at - BEGIN_AT, 0))
        known = [point for point in self.points if point[0] < at]
        pieces = zip(known, [*known[1:], (at, wh)], strict=True) if wh else ()
        segments = [charging(since, to, high - low) for (since, low), (to, high) in pieces]
        return price(self.tariff, Course(tuple(segments), self.zone)).due_minor() if wh else 0

    @property
    def open_minor(self):
        return self.world.ledger.open_minor

    @property
    def over(self):
        return self.stop_at is not None and self.now_at >= self.stop_at

    # --- what is said ---

    def apply(self, fact):
        self.heard.append(fact)
        step = self.world.apply(fact, self.now_at)
        for command in step.commands:
            self.perform(command)
        for watch in step.watches:
            self.forward(gate.take_watch(self.gate, watch))
        if self.world.session.deadline is not None:
            self.plan(self.world.session.deadline, lambda: self.apply(tick(self.now_at)))
        return step

    def perform(self, command):
        if isinstance(command, RaiseHold):
            raises = sum(isinstance(one, RaiseHold) for one in self.world.commands)
            outcome = "done" if command.amount_minor <= self.limit else "declined"
            reason = "" if outcome == "done" else self.reason
            amount = command.amount_minor if outcome == "done" else 0
            at = self.now_at + self.answers[raises % len(self.answers)]
            fact = answered(f"hold/1/raise/{raises}", outcome, amount, at, reason=reason)
            self.plan(at, lambda: self.apply(fact))
        elif isinstance(command, StopCharging) and self.stop_at is None:
            self.stop_at = self.now_at + AHEAD.stop_latency_ms

    def forward(self, forwards):
        for one in forwards:
            fact = codec.decode(one.fact.value)
            if isinstance(fact, MeterReading):
                self.apply(linked(fact, gap_ms=one.gap_ms))

    def plan(self, at, act):
        heapq.heappush(self.events, (at, next(self.order), act))

    def read(self):
        fact = MeterReading(
            **EVSE,
            transaction_id="tx1",
            seq=self.seq,
            energy_wh=self.watt_ms(self.now_at) // HOURS,
            power_w=-1,
            read_at=self.now_at,
        )
        self.points.append((fact.read_at, fact.energy_wh))
        self.forward(gate.take_reading(self.gate, fact, self.kept(fact)))

    def run(self, waits, until_ms=2 * HOURS, after=None):
        """Events in order of time; right before each what has flowed is covered."""
        at = BEGIN_AT
        for wait in cycle(waits):
            at += wait
            if at > BEGIN_AT + until_ms:
                break
            self.plan(at, self.read)
        while self.events:
            at, _, act = heapq.heappop(self.events)
            if at < self.now_at or at > BEGIN_AT + until_ms:
                continue
            assert self.due(at) <= self.open_minor, (at - BEGIN_AT, self.due(at), self.open_minor)
            self.now_at = at
            act()
            if after is not None:
                after(self)
            if self.over:
                return


gaps = st.lists(st.integers(5_000, AHEAD.meter_interval_ms), min_size=1, max_size=20)
curves = st.lists(
    st.tuples(st.integers(1_000, 600_000), st.sampled_from([0, 1_000, 50_000, 150_000, 400_000])),
    min_size=1,
    max_size=12,
)
answers = st.lists(st.integers(0, ANSWER_MS), min_size=1, max_size=4)
powers = st.sampled_from([22_000, 50_000, 150_000, 350_000])
tariffs = st.builds(
    tariff, st.sampled_from(["0.39", "0.79"]), st.sampled_from([None, "6.00"]), st.none()
)


@settings(max_examples=60, deadline=None)
@given(tariffs, powers, curves, gaps, answers)
def test_what_flows_is_covered_when_it_flows(body, power_max_w, curve, waits, delays):
    """Whatever the gaps up to the policy's; at the ceiling the next law speaks."""
    street = Street(body, power_max_w, curve, answers=delays)
    street.run(waits)
    check_raises(street)


@settings(max_examples=60, deadline=None)
@given(
    tariffs,
    powers,
    curves,
    st.integers(5_000, AHEAD.meter_interval_ms),
    answers,
    st.sampled_from([0, 4_500, 10**9]),
)
def test_a_refused_raise_is_absorbed_by_the_hold(body, power_max_w, curve, gap, delays, limit):
    """Readings at an even pace: then a stop is in time as well, whatever the car draws."""
    street = Street(body, power_max_w, curve, answers=delays, limit=limit)
    street.run([gap])
    check_raises(street)


def chained(after):
    listed = ", ".join(f'"{one}"' for one in after)
    text = DEFAULT.replace('funds = ["smaller_step", "finish_inside"]', f"funds = [{listed}]")
    assert f"funds = [{listed}]" in text
    return parse_policy(text.replace("backoff_ms = 20_000", "backoff_ms = 1_000"))


chains = st.lists(st.sampled_from(["smaller_step", "retry_once"]), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(
    tariffs,
    powers,
    curves,
    st.integers(5_000, AHEAD.meter_interval_ms),
    st.tuples(answers, st.sampled_from([0, 2_100, 2_900, 4_500])),
    chains,
)
def test_a_chain_of_refusals_is_absorbed_by_the_hold(body, power_max_w, curve, gap, bank, chain):
    """However many smaller raises the policy asks for: the stop keeps its time."""
    street = Street(
        body,
        power_max_w,
        curve,
        answers=bank[0],
        limit=bank[1],
        policy=chained([*chain, "finish_inside"]),
        refused_for=FUNDS,
    )
    street.run([gap])


@settings(max_examples=60, deadline=None)
@given(tariffs, powers, curves, st.integers(5_000, AHEAD.meter_interval_ms), st.integers(1, 10**6))
def test_a_raise_that_nobody_answers_is_absorbed_by_the_hold(
    body, power_max_w, curve, gap, late_ms
):
    """An answer past its time, or none at all: what flows until the stop is covered, too."""
    street = Street(body, power_max_w, curve, answers=[ANSWER_MS + late_ms])
    street.run([gap])


@settings(max_examples=20, deadline=None)
@given(tariffs, powers, curves, gaps, answers, st.integers(0, 10**6))
def test_repeated_and_late_facts_change_no_raise(body, power_max_w, curve, waits, delays, seed):
    plain = Street(body, power_max_w, curve, answers=delays)
    plain.run(waits, HOURS)
    again = Street(body, power_max_w, curve, answers=delays)
    chance = random.Random(seed)

    def repeat(street):
        for fact in chance.sample(street.heard, min(3, len(street.heard))):
            step = street.world.apply(fact, street.now_at)
            assert step.commands == []

    again.run(waits, HOURS, after=repeat)
    assert said(again) == said(plain)


def said(street):
    return [
        (one.command_id, getattr(one, "amount_minor", None), one.issued_at)
        for one in street.world.commands
    ]


def check_raises(street):
    choice = street.world.session.pinned.choice
    raises = [one for one in street.world.commands if isinstance(one, RaiseHold)]
    totals = [choice.first_minor, *(one.amount_minor for one in raises)]
    assert totals == sorted(set(totals))
    assert totals[-1] <= choice.ceiling_minor
    assert len(raises) <= POLICY.acquirers["sim-total"].attempts_cap


def test_a_raise_leaves_room_for_the_next_look():
    """Steps smaller than the look-ahead: each raise is worth several, or attempts run out."""
    policy = parse_policy(DEFAULT.replace("step_minor = 20_00", "step_minor = 50"))
    world = World(tariff(), policy)
    world.apply(request(), T0)
    world.apply(answered("hold/1", "done", 2_000), T0)
    world.apply(started(0), T0)
    fact = MeterReading(
        **EVSE, transaction_id="tx1", seq=1, energy_wh=22_000, power_w=-1, read_at=T0 + 600_000
    )
    (raise_hold,) = world.apply(linked(fact), T0 + 600_000).commands
    assert raise_hold.amount_minor - 1_738 >= 2 * 297


@pytest.mark.parametrize("percent", [1, 10, 24, 50, 99])
@pytest.mark.parametrize("step", ["50", "5_00", "20_00"])
@pytest.mark.parametrize("limit", [2_000, 3_100])
def test_a_next_step_not_worth_an_attempt_ends_inside_the_hold(percent, step, limit):
    """Whatever share of a refused step is asked for: no raise is waited for that never comes."""
    policy = parse_policy(
        DEFAULT.replace("smaller_percent = 50", f"smaller_percent = {percent}").replace(
            "step_minor = 20_00", f"step_minor = {step}"
        )
    )
    curve = [(3 * HOURS, 150_000)]
    street = Street(tariff(), 150_000, curve, limit=limit, policy=policy, refused_for=FUNDS)
    street.run([AHEAD.meter_interval_ms])
    assert street.over
