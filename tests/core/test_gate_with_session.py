"""Gate and session together: what the gate keeps back would have changed nothing."""

from hypothesis import given, settings
from hypothesis import strategies as st
from sessionworld import EVSE, T0, World, answered, linked, request, started, tariff

from schemas import codec
from schemas.facts import ChargingEnded, MeterReading
from streams.core import gate
from streams.core.gate import Charging, Kept

BEGIN_WH = 5_000
STEP_MS = 30_000


def story(steps):
    """Readings every 30 s, each `steps[i]` Wh above the one before, and the end."""
    register, facts = BEGIN_WH, []
    for number, step in enumerate(steps, 1):
        register += step
        at = T0 + number * STEP_MS
        facts.append(
            MeterReading(
                **EVSE, transaction_id="tx1", seq=number, energy_wh=register, power_w=-1, read_at=at
            )
        )
    at = T0 + (len(steps) + 1) * STEP_MS
    facts.append(
        ChargingEnded(
            **EVSE,
            transaction_id="tx1",
            seq=len(steps) + 1,
            energy_wh=register,
            reason="Local",
            offline=False,
            ended_at=at,
        )
    )
    return facts


class Road:
    """The way of a charging's facts to its session, with the gate on it or without."""

    def __init__(self, body, *, gated, limit, **asked):
        self.world = World(body)
        self.gate = Charging() if gated else None
        self.limit = limit
        self.given = 0
        self.passed = 0
        self.apply(request(**asked), T0)
        self.apply(answered("hold/1", "done", 2_000), T0)
        self.offset = 0
        if self.gate is not None:
            begin = codec.decode(started(BEGIN_WH, T0).fact)
            gate.take_transaction(self.gate, begin, self.kept(begin))
        self.apply(started(BEGIN_WH, T0), T0)

    def kept(self, fact):
        self.offset += 1
        return Kept("t", 0, self.offset, codec.encode(fact))

    def apply(self, fact, at):
        self.passed += 1
        step = self.world.apply(fact, at)
        for watch in step.watches:
            if self.gate is not None:
                self.forward(gate.take_watch(self.gate, watch), at)
        for command in step.commands:
            if hasattr(command, "delta_minor"):
                self.given += 1
                outcome = "done" if command.amount_minor <= self.limit else "declined"
                path = f"hold/1/raise/{self.given}"
                self.apply(answered(path, outcome, command.amount_minor, at), at)

    def forward(self, forwards, at):
        for forward in forwards:
            fact = codec.decode(forward.fact.value)
            if hasattr(fact, "started_at"):
                continue  # it has told the session already, and repeats
            self.apply(linked(fact, complete=forward.sequence_complete), at)

    def take(self, fact):
        at = getattr(fact, "read_at", 0) or fact.ended_at
        if self.gate is None:
            self.apply(linked(fact, complete=hasattr(fact, "ended_at")), at)
        elif isinstance(fact, MeterReading):
            self.forward(gate.take_reading(self.gate, fact, self.kept(fact)), at)
        else:
            self.forward(gate.take_transaction(self.gate, fact, self.kept(fact)), at)


def said(road):
    return [
        (one.command_id, getattr(one, "amount_minor", None), one.issued_at)
        for one in road.world.commands
    ]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(0, 1_250), min_size=1, max_size=120),
    st.sampled_from([2_000, 6_000, 10**6]),
    st.sampled_from([None, "1.00"]),
)
def test_the_gate_keeps_nothing_back_that_matters(steps, limit, flat):
    body = tariff(flat=flat)
    open_road, gated = Road(body, gated=False, limit=limit), Road(body, gated=True, limit=limit)
    for fact in story(steps):
        open_road.take(fact)
        gated.take(fact)
    assert said(gated) == said(open_road)
    assert gated.world.ledger.priced_minor == open_road.world.ledger.priced_minor
    assert gated.passed <= open_road.passed + 4


def test_few_readings_pass():
    road = Road(tariff(), gated=True, limit=10**6)
    for fact in story([1_000] * 100):
        road.take(fact)
    readings_passed = road.passed - 3  # request, approval, begin
    assert readings_passed < 35
