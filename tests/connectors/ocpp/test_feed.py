"""The door: any bytes return, nothing is changed behind, no card number comes out of it."""

import itertools
import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from talk import OURS, PAN, Talk2, Talk16, figure, ms, sample, stamp, values

from connectors.ocpp.feed import ChargerState, Place, Plausibility, translate
from connectors.ocpp.memory import MOST_TRANSACTIONS
from connectors.ocpp.sampled import MOST_INSTANTS
from schemas import codec
from schemas.facts import ChargingEnded, ChargingStarted

RULES = Plausibility()
PLACE = Place(tenant="t", network="n", charger_id="c", received_at=ms("10:00:00"))


def one(state, payload, **place):
    where = msgspec.structs.replace(PLACE, **place)
    return translate(state, payload, where, RULES)


def frames_16():
    """A conversation of 1.6: (frame, direction)."""
    start = {"connectorId": 1, "idTag": OURS, "meterStart": 1000, "timestamp": stamp("08:00:00")}
    meter = {
        "connectorId": 1,
        "transactionId": 7,
        "meterValue": [values("08:10:00", sample(2000), sample("7", "Power.Active.Import"))],
    }
    stop = {
        "transactionId": 7,
        "meterStop": 9000,
        "timestamp": stamp("09:00:00"),
        "transactionData": [values("08:30:00", sample("4.5", unit="kWh", phase="L1"))],
    }
    return [
        [2, "a", "StartTransaction", start],
        [3, "a", {"transactionId": 7, "idTagInfo": {"status": "Accepted"}}],
        [2, "b", "MeterValues", meter],
        [2, "c", "StopTransaction", stop],
        [2, "d", "Heartbeat", {}],
    ]


def frames_2x():
    token = {"idToken": OURS, "type": "Central", "additionalInfo": [
        {"additionalIdToken": "x", "type": "PspRef"}]}  # fmt: skip
    info = {"transactionId": "tx-1", "chargingState": "Charging", "remoteStartId": 4}
    event = {
        "eventType": "Started",
        "timestamp": stamp("08:00:00"),
        "triggerReason": "Authorized",
        "seqNo": 0,
        "transactionInfo": info,
        "idToken": token,
        "evse": {"id": 1, "connectorId": 1},
        "meterValue": [{"timestamp": stamp("08:00:00"), "sampledValue": [figure(1000)]}],
    }
    update = event | {
        "eventType": "Updated",
        "seqNo": 1,
        "timestamp": stamp("08:10:00"),
        "meterValue": [
            {
                "timestamp": stamp("08:10:00"),
                "sampledValue": [figure(2.5, unit={"unit": "kWh", "multiplier": 0})],
            }
        ],
    }
    end = event | {
        "eventType": "Ended",
        "seqNo": 2,
        "timestamp": stamp("09:00:00"),
        "meterValue": [{"timestamp": stamp("09:00:00"), "sampledValue": [figure(9000)]}],
    }
    return [[2, f"{at}", "TransactionEvent", said] for at, said in enumerate((event, update, end))]


ALL = [*frames_16(), *frames_2x()]


def whole(frames):
    state, facts = None, []
    for frame in frames:
        done = one(state, json.dumps(frame).encode())
        state = done.state
        facts += done.facts
    return facts


# --- total ----------------------------------------------------------------------------------------


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_return(payload):
    done = one(None, payload)
    assert done.facts == ()
    assert done.refused or done.notes


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"[2]",
        b"{}",
        b"[9,1,2,3]",
        b"\xff\xfe",
        b'[2,"a","Nonsense",{}]',
        b'[2,"a","MeterValues",NaN]',
        b'[2,"a","MeterValues",' + b"[" * 5000 + b"]" * 5000 + b"]",
    ],
)
def test_what_is_no_message_is_refused_by_name(payload):
    (refused,) = one(None, payload).refused
    assert refused.reason
    assert refused.problem


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([-1, 0, 1, 10**12, 2**31, 2**63]),
    st.sampled_from(["", "x", PAN, "-1", "1e400", "2026-03-01T08:00:00", stamp("00:00:00")]),
    st.text(max_size=8),
    st.just([]),
    st.just({}),
)


def places(value, at=()):
    """Every place in a JSON value."""
    yield at
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, inside in items:
        yield from places(inside, (*at, key))


def mutated(frame, path, value, *, drop):
    changed = deepcopy(frame)
    if not path:
        return value
    inside = changed
    for key in path[:-1]:
        inside = inside[key]
    if drop and isinstance(inside, dict):
        del inside[path[-1]]
    else:
        inside[path[-1]] = value
    return changed


@settings(max_examples=400)
@given(st.data())
def test_a_mutation_of_any_message_is_taken_or_refused_by_name(data):
    number = data.draw(st.integers(0, len(ALL) - 1))
    path = data.draw(st.sampled_from(list(places(ALL[number]))))
    changed = mutated(ALL[number], path, data.draw(VALUES), drop=data.draw(st.booleans()))
    frames = [*ALL[:number], changed, *ALL[number + 1 :]]
    state = None
    for frame in frames:
        done = one(state, json.dumps(frame).encode())
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(done.state), type=ChargerState)
        assert state == done.state
        for fact in done.facts:
            assert codec.decode(codec.encode(fact)) == fact
        for refused in done.refused:
            assert refused.reason
            assert refused.field
            assert refused.problem
        told = str((done.facts, done.notes, done.refused, done.state))
        assert PAN not in told


# --- pure -----------------------------------------------------------------------------------------


def test_the_state_that_was_handed_in_stays_as_it_was():
    state = None
    for frame in [*ALL, *ALL]:
        before = msgspec.msgpack.encode(state)
        payload = json.dumps(frame).encode()
        done = one(state, payload)
        assert msgspec.msgpack.encode(state) == before
        assert one(state, payload) == done
        state = done.state


def test_what_leaves_nothing_to_remember_leaves_the_very_same_state():
    heartbeat = json.dumps(frames_16()[4]).encode()
    assert one(None, heartbeat).state == ChargerState()
    state = one(None, json.dumps(frames_16()[0]).encode()).state
    assert one(state, heartbeat).state is state
    assert one(state, b"nonsense").state is state


def test_the_same_feed_twice_gives_the_same_facts():
    once = whole(ALL)
    assert whole(ALL) == once
    assert set(map(str, whole([*ALL, *ALL]))) == set(map(str, once))


def test_what_is_remembered_is_bounded():
    talk = Talk16()
    for hour in range(2, 20):
        for minute in range(0, 60, 10):
            talk.begin(f"{hour:02}:{minute:02}:00", 1000, number=hour * 100 + minute)
    assert len(talk.state.transactions) == MOST_TRANSACTIONS
    assert "transaction-forgotten" in talk.kinds
    assert len(talk.started) == 18 * 6


def test_retries_without_end_leave_a_small_state():
    talk = Talk2()
    talk.begin()
    for _ in range(200):
        talk.event("Updated", "08:10:00", 1, 2000)
    for seq in range(2, 300):
        talk.event("Updated", "08:10:00", seq, 2000)
    assert len(msgspec.msgpack.encode(talk.state)) < 1000


# --- order ----------------------------------------------------------------------------------------


def test_results_and_calls_in_any_order_between_the_two_directions():
    """1.6 keeps the order of each direction; a log of both may mix them as it likes."""
    calls, result = [frames_16()[at] for at in (0, 2, 3)], frames_16()[1]
    usual = {str(one) for one in whole([calls[0], result, *calls[1:]])}
    for place in range(len(calls) + 1):
        mixed = [*calls[:place], result, *calls[place:]]
        # Where the result comes late, the number is assumed until then: and it is the same one.
        told = [
            msgspec.structs.replace(one, flags=0) if not isinstance(one, ChargingStarted) else one
            for one in whole(mixed)
        ]
        wanted = [
            msgspec.structs.replace(one, flags=0) if not isinstance(one, ChargingStarted) else one
            for one in whole([calls[0], result, *calls[1:]])
        ]
        assert told == wanted, place
    assert len(usual) == 4


def test_events_of_2x_in_any_order_end_alike():
    ends = {
        next(one.energy_wh for one in whole(order) if isinstance(one, ChargingEnded))
        for order in itertools.permutations(frames_2x())
    }
    assert ends == {9000}


# --- what the feed tells beside the bytes ---------------------------------------------------------


def test_the_version_is_decided_from_the_message_where_none_is_told():
    assert [type(one).__name__ for one in whole(ALL)] == [
        "ChargingStarted",
        "MeterReading",
        "MeterReading",
        "ChargingEnded",
        "ChargerSeen",
        "ChargingStarted",
        "MeterReading",
        "ChargingUpdated",
        "ChargingEnded",
    ]


@pytest.mark.parametrize("version", ["1.6", "ocpp1.6", "OCPP16"])
def test_versions_by_their_names(version):
    done = one(None, json.dumps(frames_16()[4]).encode(), version=version)
    assert len(done.facts) == 1


def test_an_unknown_version_is_refused():
    (refused,) = one(None, b'[2,"a","Heartbeat",{}]', version="3.0").refused
    assert refused.field == "version"


def test_a_message_that_goes_the_wrong_way_is_noted():
    done = one(None, json.dumps(frames_16()[0]).encode(), direction="to_charger")
    assert [note.kind for note in done.notes] == ["wrong-direction"]
    assert done.facts == ()


def test_errors_are_noted():
    done = one(None, b'[4,"a","InternalError","",{}]')
    assert [(note.kind, note.detail) for note in done.notes] == [("call-error", "InternalError")]


def test_what_chargers_say_otherwise_than_the_schemas_is_noted_by_name():
    frame = frames_16()[2]
    frame[3]["meterValue"][0]["sampledValue"][0]["vendorField"] = "x"
    state = one(one(None, json.dumps(frames_16()[0]).encode()).state, b"").state
    done = one(state, json.dumps(frame).encode())
    assert "unknown-field" in [note.kind for note in done.notes]
    assert any(fact.energy_wh == 2000 for fact in done.facts)


def test_a_refusal_with_a_card_number_in_the_value_does_not_tell_it():
    frame = frames_16()[2]
    frame[3]["meterValue"][0]["sampledValue"][0]["value"] = f"x {PAN}"
    done = one(None, json.dumps(frame).encode())
    assert done.refused
    assert PAN not in str(done)


def meter_values(values):
    said = {"connectorId": 1, "transactionId": 7, "meterValue": values}
    return json.dumps([2, "x", "MeterValues", said], separators=(",", ":")).encode()


def test_a_message_full_of_bad_values_is_refused_in_few_words():
    done = one(None, meter_values([values("08:00:00", *[sample("?", phase="L1")] * 5000)]))
    assert 0 < len(done.refused) < 200
    done = one(None, meter_values([{"timestamp": "x", "sampledValue": [sample("1")]}] * 5000))
    assert 0 < len(done.refused) < 200
    assert done.facts == ()


def test_a_message_of_more_instants_than_a_fortnight_has_is_refused():
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    stamps = [(begin + timedelta(minutes=at)).isoformat() for at in range(MOST_INSTANTS + 1)]
    done = one(
        None, meter_values([{"timestamp": at, "sampledValue": [sample(1)]} for at in stamps])
    )
    assert [refused.reason for refused in done.refused] == ["too-many"]


def test_exact_decimals_all_the_way():
    """0.1 + 0.2 kWh by phases are 300 Wh, which binary fractions would not give."""
    talk = Talk2()
    talk.begin(wh=None, seq=0)
    begin = figure(0, context="Transaction.Begin")
    talk.event("Updated", "08:00:10", 1, begin)
    phases = [
        figure(value, phase=name, unit={"unit": "kWh"})
        for value, name in ((0.1, "L1"), (0.2, "L2"), (0.7, "L3"))
    ]
    talk.event("Updated", "08:10:00", 2, *phases)
    assert talk.readings[-1].energy_wh == int(Decimal("0.1") * 1000 + Decimal("0.2") * 1000 + 700)


# --- who sent it ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "body", "version", "make"),
    [
        (
            "BootNotification",
            {"chargePointVendor": "ABB", "chargePointModel": "T54", "firmwareVersion": "1.8"},
            "1.6",
            "ABB/T54/1.8",
        ),
        (
            "BootNotification",
            {"reason": "PowerUp", "chargingStation": {"model": "T54", "vendorName": "ABB"}},
            "2.0.1",
            "ABB/T54/",
        ),
        ("Heartbeat", {}, "", ""),
        ("MeterValues", {"connectorId": 1, "meterValue": []}, "1.6", ""),
        ("NewThing", {}, "", ""),
    ],
)
def test_a_version_is_told_where_it_is_sure_and_a_boot_tells_the_make(action, body, version, make):
    done = one(None, json.dumps([2, "1", action, body]).encode())
    assert (done.version, done.state.make) == (version, make)


def test_a_version_that_the_csms_tells_is_sure():
    beat = json.dumps([2, "1", "Heartbeat", {}]).encode()
    assert one(None, beat, version="ocpp2.0.1").version == "2.0.1"


def test_a_card_number_for_a_firmware_is_not_kept():
    body = {"chargePointVendor": "ABB", "chargePointModel": "T", "firmwareVersion": PAN}
    done = one(None, json.dumps([2, "1", "BootNotification", body]).encode())
    assert PAN not in done.state.make
