"""What link and core make of a feed's facts: proven in any order, never where it is doubtful."""

import itertools
from pathlib import Path

import pytest
from talk import Talk2, Talk16, figure

from schemas import codec
from schemas.facts import (
    ChargerSeen,
    ChargingEnded,
    ChargingStarted,
    ChargingUpdated,
    LinkedFact,
    MeterReading,
    Watch,
)
from streams.core import charging, gate
from streams.core.learn_charging import merged
from streams.core.proof_charger import NO_TIMES, by_charger
from streams.core.strategy_policy import parse_policy

POLICY = parse_policy((Path(__file__).parents[2] / "policies" / "matrix.toml").read_text())


def proven(known):
    """What the charging proves by itself as soon as it has ended; None: nothing."""
    shown = by_charger(known, NO_TIMES, POLICY, 0)
    return charging.quantities(shown.charging) if shown.rung else None


def sessions_view(facts):
    """The charging as its session knows it: all facts through the gate, then merged."""
    at_gate, known = gate.Charging(), None
    watch = Watch(
        tenant="t",
        network="n",
        charger_id="c",
        transaction_id="tx-1",
        session_id="s",
        version=1,
        wake_energy_wh=10**12,
        wake_read_at=0,
        closing=False,
    )
    gate.take_watch(at_gate, watch)
    for offset, fact in enumerate(facts):
        kept = gate.Kept("topic", 0, offset, codec.encode(fact))
        match fact:
            case MeterReading():
                forwards = gate.take_reading(at_gate, fact, kept)
            case ChargingStarted() | ChargingUpdated() | ChargingEnded():
                forwards = gate.take_transaction(at_gate, fact, kept)
            case ChargerSeen():
                forwards = []
        for forward in forwards:
            linked = LinkedFact(
                tenant="t",
                session_id="s",
                charging_id="c",
                source_topic="topic",
                source_partition=0,
                source_offset=forward.fact.offset,
                crossing=forward.crossing,
                sequence_complete=forward.sequence_complete,
                fact=forward.fact.value,
            )
            known = merged(known, linked, codec.decode(forward.fact.value), traced=False)
    return known


def begin(talk):
    talk.begin(seq=3)


def begin_waiting(talk):
    talk.begin(seq=3, wh=None)


def suspended(talk):
    changed = {"info": {"chargingState": "SuspendedEV"}, "trigger": "ChargingStateChanged"}
    talk.event("Updated", "08:30:00", 5, **changed)


def first(talk):
    talk.event("Updated", "08:10:00", 4, figure(2000))


def first_begins(talk):
    talk.event("Updated", "08:01:00", 4, figure(1000, context="Transaction.Begin"))


def end(talk):
    talk.event("Ended", "09:00:00", 6, 9000)


def end_untold(talk):
    talk.event("Ended", "09:00:00", 6)


def quantities(events):
    talk = Talk2()
    for event in events:
        event(talk)
    found = proven(sessions_view(talk.facts))
    return None if found is None else (found.energy_wh, found.charging_ms, found.parking_ms)


@pytest.mark.parametrize(
    "events", [(begin, first, suspended, end), (begin_waiting, first_begins, suspended, end)]
)
def test_events_in_any_order_prove_the_same(events):
    for order in itertools.permutations(events):
        assert quantities(order) == (8000, 30 * 60_000, 30 * 60_000), order


@pytest.mark.parametrize(
    "events",
    [
        (begin, first, suspended, end_untold),  # the last reading is no end
        (begin_waiting, first, suspended, end),  # nobody told the begin
        (begin, suspended, end),  # a number is missing
    ],
)
def test_what_is_doubtful_proves_nothing(events):
    assert quantities(events) is None


def test_a_charging_of_16_waits_for_another_proof():
    """It has no numbers: rung 2 asks for a quiet period, which is not the feed's to judge."""
    talk = Talk16()
    talk.begin()
    talk.stop()
    assert proven(sessions_view(talk.facts)) is None
