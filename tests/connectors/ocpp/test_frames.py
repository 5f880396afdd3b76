"""Frames are told apart, and what is none is refused by its place."""

import json
import tracemalloc
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ocpp.frames import (
    MOST_BYTES,
    MOST_VALUES,
    Call,
    CallError,
    CallResult,
    CallResultError,
    NotValid,
    Send,
    frame_of,
    lenient_frame,
    version_named,
)
from connectors.ocpp.validation import request_of

HEARTBEAT = b'[2,"1","Heartbeat",{}]'
METER_VALUES = (
    b'{"connectorId":1,"meterValue":[{"timestamp":"2026-01-01T00:00:00Z","sampledValue":%s}]}'
)


def bounded(work, most):
    """What `work` raises, and that it built no more than `most` bytes to find out."""
    tracemalloc.start()
    try:
        with pytest.raises(NotValid) as caught:
            work()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < most
    return caught.value.refused


@pytest.mark.parametrize(
    ("data", "frame"),
    [
        (HEARTBEAT, Call),
        (HEARTBEAT.decode(), Call),
        (b"\xef\xbb\xbf " + HEARTBEAT + b"\r\n", Call),
        (b'[3,"1",{"currentTime":"x"}]', CallResult),
        (b'[4,"1","GenericError","",{}]', CallError),
        (b'[4,"1","GenericError"]', CallError),
        (b'[5,"1","FormatViolation","",{"a":[1]}]', CallResultError),
        (b'[6,"1","NotifyPeriodicEventStream",{}]', Send),
    ],
)
def test_the_kinds_of_frames(data, frame):
    read = frame_of(data)
    assert type(read) is frame
    assert read.unique_id == "1"


def test_the_payload_is_kept_as_it_came():
    payload = b'{ "b":1.10, "a" : [null] }'
    assert bytes(frame_of(b'[2, "1", "A", ' + payload + b"]").payload) == payload


@pytest.mark.parametrize(
    ("data", "reason", "said"),
    [
        (b"", "not-json", "message: no JSON: Input data was truncated"),
        (b"[2,", "not-json", "message: no JSON: Input data was truncated"),
        (b'[2,"1","A",{"a":NaN}]', "not-json", "message: no JSON: JSON is malformed"),
        (b'[2,"\xff","A",{}]', "not-json", "message: no JSON"),
        ('[2,"1","\ud800",{}]', "not-json", "message: no JSON"),
        (b"{}", "not-a-frame", "frame: Expected `array`, got `object`"),
        (b"[]", "not-a-frame", "frame: Expected `array` of at least length 1, got 0"),
        (b'[7,"1"]', "not-a-frame", "frame[0]: Invalid value 7"),
        (b'["2","1","A",{}]', "not-a-frame", "frame[0]: Expected `int`"),
        (b'[2,"1","A"]', "not-a-frame", "frame: Expected `array` of at least length 4, got 3"),
        (b'[2,"1","A",{},0]', "not-a-frame", "frame: more elements than its kind has"),
        (b'[2,1,"A",{}]', "not-a-frame", "frame[1]: Expected `str`, got `int`"),
        (b'[2,"1",null,{}]', "not-a-frame", "frame[2]: Expected `str`, got `null`"),
        (b'[2,"' + b"1" * 256 + b'","A",{}]', "not-a-frame", "frame[1]: a message id of 256"),
    ],
)
def test_what_is_no_frame_is_refused_by_its_place(data, reason, said):
    with pytest.raises(NotValid) as caught:
        frame_of(data)
    assert caught.value.refused.reason == reason
    assert str(caught.value).startswith(said)


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_whatever_the_bytes_are_it_is_a_frame_or_refused(data):
    try:
        frame_of(data)
    except NotValid as error:
        refused = error.refused
    else:
        return
    assert refused.field
    assert refused.problem


@pytest.mark.parametrize(
    ("named", "version"),
    [
        ("1.6", "1.6"),
        ("ocpp1.6", "1.6"),
        ("OCPP 1.6-J", "1.6"),
        ("v16", "1.6"),
        ("ocpp2.0.1", "2.0.1"),
        ("OCPP_2_0_1", "2.0.1"),
        ("ocpp2.1", "2.1"),
    ],
)
def test_versions_as_headers_name_them(named, version):
    assert version_named(named) == version


@pytest.mark.parametrize("named", ["", "1.5", "2.0", "ocpp", "3", "1.6.1" * 100])
def test_another_version_is_refused(named):
    with pytest.raises(NotValid, match=r"version: .*") as caught:
        version_named(named)
    assert len(caught.value.refused.problem) <= 200


# Bad input that costs: a topic's max.message.bytes is 10 MB here.


def test_a_message_of_ten_megabytes_is_refused_before_it_is_read():
    message = b'[2,"1","MeterValues",{"a":"' + b"x" * 10_000_000 + b'"}]'
    refused = bounded(lambda: frame_of(message), 1 << 20)
    assert refused.reason == "too-large"
    assert refused.problem == f"{len(message)} bytes, of {MOST_BYTES} at most"
    bounded(lambda: request_of("1.6", "MeterValues", message), 12 << 20)  # a copy, no more


def test_a_million_entries_are_refused_before_one_is_built():
    message = b'[2,"1","MeterValues",' + METER_VALUES % (b"[" + b"{}," * 1_000_000 + b"{}]") + b"]"
    refused = bounded(lambda: frame_of(message), 1 << 20)
    assert refused.problem == f"1000006 values, of {MOST_VALUES} at most"


@pytest.mark.parametrize("entry", [b'{"value":"1"}', b'{"value":null}', b"[]", b'{"a":{}}'])
def test_the_most_entries_that_are_read_are_within_bounds(entry):
    count = min(MOST_VALUES - 10, (MOST_BYTES - 200) // (len(entry) + 1))
    payload = METER_VALUES % (b"[" + b",".join([entry] * count) + b"]")
    if entry == b'{"value":"1"}':
        assert len(request_of("1.6", "MeterValues", payload).message.meter_value) == 1
        return
    bounded(lambda: request_of("1.6", "MeterValues", payload), 100 << 20)


@pytest.mark.parametrize("deep", [b"[", b'{"a":', b'{"meterValue":[', b'{"customData":{"a":'])
def test_deep_nesting_is_refused(deep):
    payload = deep * 300_000
    for work in (
        lambda: frame_of(b'[2,"1","MeterValues",' + payload),
        lambda: request_of("2.1", "MeterValues", payload),
    ):
        assert bounded(work, 20 << 20).reason in {"too-large", "not-json", "not-by-schema"}


@pytest.mark.parametrize("number", [b"1" + b"0" * 1_000_000, b"1e999999999", b"0." + b"3" * 10**6])
def test_a_number_of_a_million_digits_costs_nothing(number):
    payload = b'{"transactionId":"A","totalCost":' + number + b"}"
    refused = bounded(lambda: request_of("2.1", "CostUpdated", payload), 8 << 20)
    assert refused.field == "totalCost"


@pytest.mark.parametrize("word", [b"NaN", b"Infinity", b"-Infinity", b'"NaN"', b'"1e5000"'])
def test_what_is_no_number_is_none(word):
    with pytest.raises(NotValid):
        request_of("2.1", "CostUpdated", b'{"transactionId":"A","totalCost":' + word + b"}")


def test_a_number_is_what_was_written():
    exact = "0.1000000000000000055511151231257827"
    payload = json.dumps({"transactionId": "A"})[:-1] + f',"totalCost":{exact}}}'
    cost = request_of("2.1", "CostUpdated", payload.encode()).message.total_cost
    assert cost == Decimal(exact)
    assert str(cost) == exact


@pytest.mark.parametrize(
    ("data", "frame", "noted"),
    [
        ('[2,7,"Heartbeat",{}]', ("7", "Heartbeat"), True),
        ('[ 2 , -70 , "Heartbeat",{}]', ("-70", "Heartbeat"), True),
        ('[2,"7","Heartbeat",{}]', ("7", "Heartbeat"), False),
    ],
)
def test_a_message_id_may_be_a_number(data, frame, noted):
    read, note = lenient_frame(data)
    assert (read.unique_id, read.action) == frame
    assert (note is not None) == noted


@pytest.mark.parametrize(
    "data", ["[2,7.5,0,{}]", "[2,null,0,{}]", "[2,7,0,{}]", "[3,{},{}]", "[2,7"]
)
def test_a_message_id_that_is_neither(data):
    with pytest.raises(NotValid):
        lenient_frame(data)
