"""The feed stage without Kafka: where things are found, what is set aside, what is counted."""

import io
import json

import fastavro
import pytest
from feedworld import OCPP, T0, Pure, conversation, frame, iso, record
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from connectors.registry.avro import fingerprint_of
from schemas import codec, topics
from schemas.facts import ChargingEnded, ChargingStarted, MeterReading
from streams.agents.feed_sources import CHARGER
from streams.engine.state import StateStore, WorkingCopy

BEAT = frame(2, "1", "Heartbeat", {})


def reasons(parked):
    return [one[3]["reason"].decode() for one in parked]


def detail(parked):
    ((_, _, _, headers),) = parked
    return headers["detail"].decode()


def test_a_charging_comes_through_and_is_keyed_anew():
    pure = Pure()
    said = []
    for way, parts in conversation(7, 3):
        said += pure.take(record(frame(*parts), headers={"way": way}))
    facts = [codec.decode(one[2]) for one in said]
    assert [type(one) for one in facts] == [ChargingStarted, *[MeterReading] * 3, ChargingEnded]
    assert {one[1] for one in said} == {b"t/volt/7"}
    assert [one[0] for one in said[:2]] == [topics.TRANSACTIONS, topics.READINGS]
    assert facts[-2].energy_wh - facts[0].energy_wh == 300


@pytest.mark.parametrize(
    ("where", "sent"),
    [
        ({"charger": {"path": "cp.id"}}, {"cp": {"id": "7"}, "msg": [2, "1", "Heartbeat", {}]}),
        ({"charger": {"path": "cps[1]"}}, {"cps": ["x", 7], "msg": [2, "1", "Heartbeat", {}]}),
        ({"charger": "7"}, {"msg": '[2, "1", "Heartbeat", {}]'}),
        (
            {"charger": "7", "action": {"path": "do"}, "message_id": {"path": "id"}},
            {"do": "Heartbeat", "id": "1", "msg": {}},
        ),
    ],
)
def test_messages_are_found_where_the_mapping_says(where, sent):
    pure = Pure(OCPP, where={"network": "volt", "payload": {"path": "msg"}, **where})
    (fact,) = pure.facts(json.dumps(sent).encode())
    assert fact.charger_id == "7"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"key": b"xx-7"}, "charger (key): 'xx-7' does not fit"),
        ({"key": b""}, "charger (key): not there"),
        ({"key": b"cp-\xff"}, "charger (key): not text"),
        ({"headers": {"way": "sideways"}}, "direction: 'sideways' is none of"),
    ],
)
def test_what_is_not_where_the_mapping_says_is_named(changes, says):
    parked = Pure().parked(BEAT, **changes)
    assert reasons(parked) == ["not-located"]
    assert says in detail(parked)


def test_times_of_the_envelope_are_of_many_kinds():
    pure = Pure(where={**OCPP["where"], "time": {"header": "at"}})
    for text in ("1790000001", "1790000001000", "1790000001.000", iso(T0 + 1000)):
        (fact,) = pure.facts(BEAT, headers={"at": text})
        assert fact.seen_at == T0 + 1000
    parked = pure.parked(BEAT, headers={"at": "2026-09-21T13:33:21"})
    assert "time: '2026-09-21T13:33:21' is no instant with a zone" in detail(parked)


def test_refused_bytes_are_untouched_and_say_where_they_were():
    value = b'[2,"1","Heartbeat",{"x": NaN}] '
    ((topic, key, parked, headers),) = Pure().parked(value, offset=12, partition=3)
    assert (topic, key, parked) == (topics.PARKED, b"cp-7", value)
    assert (headers["topic"], headers["partition"], headers["offset"]) == (b"theirs", b"3", b"12")
    assert headers["reason"]
    assert "masked" not in headers


def test_a_card_number_is_not_parked():
    value = b'[2,"1","Authorize",{"idTag":"4111111111111111","more":NaN}]'
    ((_, _, parked, headers),) = Pure().parked(value)
    assert b"4111111111111111" not in parked + b"".join(headers.values())
    assert headers["masked"] == b"1"


def test_a_tombstone_is_nothing():
    assert Pure().take(record(b"", nulls=2)) == []


def test_too_many_bytes_are_refused_before_they_are_read():
    parked = Pure(max_bytes=1_000).parked(b"[" * 1_001)
    assert reasons(parked) == ["too-large"]


def test_a_message_that_breaks_its_translator_is_set_aside_and_the_feed_goes_on(monkeypatch):
    pure = Pure()
    assert pure.facts(BEAT)
    with monkeypatch.context() as broken:
        broken.setattr("connectors.ocpp.feed.translate", lambda *_: 1 // 0)
        assert reasons(pure.parked(BEAT)) == ["untranslatable"]
    assert pure.facts(BEAT)


def count(name, **labels):
    return REGISTRY.get_sample_value(f"holdfast_feed_{name}_total", {"feed": "counted", **labels})


def test_what_is_committed_is_counted_once():
    pure = Pure(name="counted")
    pure.take(record(BEAT))
    (reason,) = reasons(pure.parked(b"nonsense"))
    logic = pure.logics[0]
    logic.step(record(BEAT), WorkingCopy(StateStore(pure.stage.kinds)))
    logic.aborted()
    logic.committed({})
    assert count("accepted", partner="volt") == 1
    assert count("refused", partner="volt", reason=reason) == 1


def test_a_charger_on_two_partitions_is_told(caplog):
    pure = Pure(name="split")
    start = frame(*next(conversation(7, 1))[1])
    pure.take(record(start))
    pure.take(record(start, partition=1))
    assert "comes on partition 0 and on 1" in caplog.text


def test_a_charger_on_two_partitions_is_told_by_who_takes_over_the_other(caplog):
    pure, start = Pure(name="taken-over"), frame(*next(conversation(7, 1))[1])
    pure.take(record(start))
    assert caplog.text == ""
    pure.stage.open(1, None).restored(iter([(CHARGER + b"t/volt/7", None)]))
    assert "comes on partition 0 and on 1" in caplog.text


def test_a_charger_without_a_key_or_under_several_is_told_on_each_partition():
    pure = Pure(name="keys", where={"charger": {"header": "cp"}, "network": "volt"})
    of_7, of_8 = {"cp": "7"}, {"cp": "8"}
    pure.take(record(BEAT, key=b"one", headers=of_7))
    pure.take(record(BEAT, key=b"one", headers=of_8))
    assert count("notes", partner="volt", feed="keys", kind="under-several-keys") is None
    pure.take(record(BEAT, key=b"two", headers=of_7))
    assert count("notes", partner="volt", feed="keys", kind="under-several-keys") == 1
    pure.take(record(BEAT, key=b"", nulls=1, headers=of_7))
    assert count("notes", partner="volt", feed="keys", kind="without-a-key") == 1
    assert {mark.detail for one in pure.told for mark in one.marks} >= {
        "under-several-keys",
        "without-a-key",
    }


RECORD = {
    "type": "record",
    "name": "Envelope",
    "fields": [
        {"name": "cp", "type": "string"},
        {"name": "load", "type": ["null", "double"]},
        {"name": "msg", "type": "string"},
    ],
}


def framed(**fields):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(RECORD), fields)
    return b"\xc3\x01" + fingerprint_of(json.dumps(RECORD)) + out.getvalue()


@pytest.fixture
def avro(tmp_path):
    (tmp_path / "envelope.avsc").write_text(json.dumps(RECORD))
    where = {"network": "volt", "charger": {"path": "cp"}, "payload": {"path": "msg"}}
    framing = {"kind": "avro-single-object", "schemas": ["envelope.avsc"]}
    return Pure(OCPP, folder=tmp_path, where=where, framing=framing)


def test_single_object_avro_is_opened(avro):
    (fact,) = avro.facts(framed(cp="7", load=None, msg=BEAT.decode()))
    assert fact.charger_id == "7"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (BEAT, "wrong-framing"),
        (b"\xc3\x01" + b"\0" * 9, "unknown-schema"),
        (framed(cp="7", load=1.0, msg="x")[:-1], "undecodable"),
        (framed(cp="7", load=1.0, msg="x") + b"\0", "undecodable"),
        (framed(cp="7", load=float("nan"), msg=BEAT.decode()), "not-a-number"),
    ],
)
def test_avro_that_cannot_be_read_is_named(avro, value, reason):
    assert reasons(avro.parked(value)) == [reason]


@given(st.binary(max_size=200), st.binary(max_size=20))
def test_no_bytes_stop_a_feed(value, key):
    pure = Pure(where={**OCPP["where"], "payload": {"path": "a[0].b"}})
    assert reasons(pure.parked(value, key=key))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
        ),
    )
)
def test_no_json_stops_a_feed(value):
    pure = Pure(where={**OCPP["where"], "payload": {"path": "a[0].b"}})
    pure.take(record(json.dumps(value).encode()))
