"""What was told of a charging, said again as OCPP 2.0.1, is told the same.

A charging that 1.6 told, too: but for its numbers, which 1.6 does not have, and the name of its
transaction. So nothing that money rests on hangs on the version that a charger speaks.
"""

import json
from datetime import UTC, datetime

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from talk import POWER, REGISTER, Talk

from schemas.facts import ChargingEnded, ChargingStarted, MeterReading

BEGAN = 1_772_352_000_000  # 2026-03-01T08:00:00Z
STEP = 60_000
REASONS = ["EVDisconnected", "Local", "Remote", "PowerLoss", "Reboot"]


def stamp(at):
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def figures(wh, power_w, context="Sample.Periodic"):
    """A register, and a power where one was told, as both versions call them."""
    said = [(wh, REGISTER, "Wh")]
    if power_w >= 0:
        said.append((power_w, POWER, "W"))
    return said, context


def rendered(facts):
    """The events of 2.0.1 that say what the facts say."""
    begun = next(one for one in facts if isinstance(one, ChargingStarted))
    number = begun.seq
    for fact in facts:
        kind, at, power, context = {
            ChargingStarted: ("Started", "started_at", False, "Transaction.Begin"),
            MeterReading: ("Updated", "read_at", True, "Sample.Periodic"),
            ChargingEnded: ("Ended", "ended_at", False, "Transaction.End"),
        }[type(fact)]
        seq = fact.seq if fact.seq >= 0 else max(number, 0)
        number = seq + 1
        when = getattr(fact, at)
        said, context = figures(fact.energy_wh, fact.power_w if power else -1, context)
        values = [
            {
                "value": value,
                "measurand": measurand,
                "context": context,
                "unitOfMeasure": {"unit": u},
            }
            for value, measurand, u in said
        ]
        body = {
            "eventType": kind,
            "timestamp": stamp(when),
            "triggerReason": "MeterValuePeriodic",
            "seqNo": seq,
            "transactionInfo": {"transactionId": fact.transaction_id},
            "evse": {"id": int(fact.evse_uid), "connectorId": 1},
            "meterValue": [{"timestamp": stamp(when), "sampledValue": values}],
        }
        if kind == "Ended":
            body["transactionInfo"]["stoppedReason"] = fact.reason
        yield body, when


def retold(facts):
    talk = Talk(version="2.0.1")
    for body, when in rendered(facts):
        talk.raw(
            json.dumps([2, str(body["seqNo"]), "TransactionEvent", body]).encode(),
            received_at=when + 1_000,
        )
    assert talk.refused == []
    return talk


def of_charging(talk):
    """Its facts, without what is told of a begin or end as a reading once more."""
    (begun,), (end,) = talk.started, talk.ended
    between = [one for one in talk.readings if begun.started_at < one.read_at < end.ended_at]
    return [begun, *between, end]


def told_2x(steps, first, reason):
    talk = Talk(version="2.0.1")
    wh = steps[0][0]
    facts = []
    for turn, (more, power) in enumerate(steps):
        wh += more if turn else 0
        kind = "Started" if turn == 0 else "Updated"
        facts.append((kind, turn, wh, power))
    facts.append(("Ended", len(steps), wh, -1))
    for kind, turn, register, power in facts:
        at = BEGAN + STEP * turn
        context = {"Started": "Transaction.Begin", "Ended": "Transaction.End"}.get(
            kind, "Sample.Periodic"
        )
        values = [{"value": register, "measurand": REGISTER, "context": context}]
        if power >= 0 and kind == "Updated":
            values.append({"value": power, "measurand": POWER, "unitOfMeasure": {"unit": "W"}})
        body = {
            "eventType": kind,
            "timestamp": stamp(at),
            "triggerReason": "MeterValuePeriodic",
            "seqNo": first + turn,
            "transactionInfo": {"transactionId": "tx-1"},
            "evse": {"id": 1, "connectorId": 1},
            "meterValue": [{"timestamp": stamp(at), "sampledValue": values}],
        }
        if kind == "Ended":
            body["transactionInfo"]["stoppedReason"] = reason
        frame = json.dumps([2, str(turn), "TransactionEvent", body]).encode()
        talk.raw(frame, received_at=at + 1_000)
    return talk


def told_16(steps, reason):
    talk = Talk()
    wh = steps[0][0]
    start = {"connectorId": 1, "idTag": "T", "meterStart": wh, "timestamp": stamp(BEGAN)}
    talk.call("StartTransaction", start, received_at=BEGAN + 1_000)
    result = {"transactionId": 7, "idTagInfo": {"status": "Accepted"}}
    talk.result(result, received_at=BEGAN + 1_000)
    for turn, (more, power) in enumerate(steps[1:], start=1):
        wh += more
        said, context = figures(wh, power)
        at = BEGAN + STEP * turn
        values = [
            {"value": str(value), "measurand": measurand, "context": context, "unit": unit}
            for value, measurand, unit in said
        ]
        metered = {"timestamp": stamp(at), "sampledValue": values}
        body = {"connectorId": 1, "transactionId": 7, "meterValue": [metered]}
        talk.call("MeterValues", body, received_at=at + 1_000)
    at = BEGAN + STEP * len(steps)
    stop = {"transactionId": 7, "meterStop": wh, "timestamp": stamp(at), "reason": reason}
    talk.call("StopTransaction", stop, received_at=at + 1_000)
    return talk


# Not above what a plug gives in a minute.
STEPS = st.lists(st.tuples(st.integers(0, 2_000), st.integers(-1, 150_000)), min_size=1, max_size=8)


@settings(max_examples=60)
@given(STEPS, st.integers(0, 100), st.sampled_from(REASONS))
def test_what_2_0_1_told_is_told_the_same_again(steps, first, reason):
    facts = of_charging(told_2x(steps, first, reason))
    assert len(facts) == len(steps) + 1
    assert of_charging(retold(facts)) == facts


@settings(max_examples=60)
@given(STEPS, st.sampled_from(REASONS))
def test_what_1_6_told_is_told_the_same_by_2_0_1(steps, reason):
    facts = of_charging(told_16(steps, reason))
    assert len(facts) == len(steps) + 1
    again = of_charging(retold(facts))
    assert [without_numbers(one) for one in again] == [without_numbers(one) for one in facts]


def without_numbers(fact):
    return msgspec.structs.replace(fact, seq=-1)
