"""Versions of one record must read each other; the fixture shows that breaking it is refused."""

import io
import json
from itertools import combinations

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec, compatibility
from schemas.catalogue import RECORDS

EVERY_RECORD = pytest.mark.parametrize("name", RECORDS)
FULL = {
    "PlaceHold",
    "RaiseHold",
    "LowerHold",
    "CaptureHold",
    "ReleaseHold",
    "RefundCapture",
    "InquireCommand",
    "ResendCommand",
    "StartCharging",
    "StopCharging",
    "ShowDeclined",
    "OfferAmount",
    "LimitCharging",
    "AskPinOrRetap",
    "ReceiptReady",
    "SendAdvice",
    "AcquirerAnswered",
    "AcquirerNotified",
    "SessionLedger",
}
PRIMITIVES = {
    "long": st.integers(-(2**63), 2**63 - 1),
    "string": st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
    "boolean": st.booleans(),
    "bytes": st.binary(max_size=20),
}


def data_of(schema):
    """Anything that the schema can write, whether the class would take it or not."""
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind == "record":
        fields = {field["name"]: data_of(field["type"]) for field in schema["fields"]}
        return st.fixed_dictionaries(fields)
    if kind == "array":
        return st.lists(data_of(schema["items"]), max_size=3)
    return PRIMITIVES[kind]


def resolved(writer, reader, value):
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(writer), value)
    stream.seek(0)
    return fastavro.schemaless_reader(
        stream, fastavro.parse_schema(writer), fastavro.parse_schema(reader)
    )


def expected(reader, value):
    """What resolution owes the reader: what was written, and defaults for what was not."""
    return {
        field["name"]: value[field["name"]] if field["name"] in value else field["default"]
        for field in reader["fields"]
    }


def readings(writer, reader, mode):
    pairs = [(writer, reader)]
    return [*pairs, (reader, writer)] if mode == "FULL" else pairs


@EVERY_RECORD
def test_all_versions_of_a_record_are_compatible(name):
    schemas = [version.raw for version in codec.versions()[name]]
    assert compatibility.problems(schemas, compatibility.mode_of(name)) == []


@EVERY_RECORD
@settings(max_examples=30)
@given(data=st.data())
def test_generated_data_of_each_version_resolves(name, data):
    schemas = [version.raw for version in codec.versions()[name]]
    mode = compatibility.mode_of(name)
    # The newest stands twice, so that a record with one version is held to itself.
    for old, new in combinations([*schemas, schemas[-1]], 2):
        for writer, reader in readings(old, new, mode):
            value = data.draw(data_of(writer))
            assert resolved(writer, reader, value) == expected(reader, value)


def test_what_others_read_or_write_is_compatible_both_ways():
    assert {name for name in RECORDS if compatibility.mode_of(name) == "FULL"} == FULL


CHARGER = {"name": "charger_id", "type": "string"}
ENERGY = {"name": "energy_wh", "type": "long"}
UNIT = {"name": "unit", "type": "string", "default": "Wh"}
PHASE = {"name": "phase", "type": "long", "default": 0}
LINE = {"type": "record", "name": "Line", "fields": [ENERGY]}
LINES = {"name": "lines", "type": {"type": "array", "items": LINE}}


def reading(*fields):
    return {"type": "record", "name": "Reading", "namespace": "test", "fields": list(fields)}


V1 = reading(CHARGER, ENERGY, UNIT, LINES)
V2 = reading(CHARGER, ENERGY, UNIT, LINES, PHASE)
V3 = reading(LINES, PHASE, ENERGY, CHARGER)


@pytest.mark.parametrize("mode", ["BACKWARD", "FULL"])
def test_fields_with_defaults_come_and_go_and_order_is_free(mode):
    assert compatibility.problems([V1, V2, V3], mode) == []


@given(data=st.data())
def test_the_fixture_resolves_on_generated_data(data):
    for old, new in combinations((V1, V2, V3), 2):
        for writer, reader in readings(old, new, "FULL"):
            value = data.draw(data_of(writer))
            assert resolved(writer, reader, value) == expected(reader, value)


def changed(schema, name, /, **to):
    copy = json.loads(json.dumps(schema))
    copy["fields"] = [field | to if field["name"] == name else field for field in copy["fields"]]
    return copy


def without(schema, name):
    return schema | {"fields": [field for field in schema["fields"] if field["name"] != name]}


FORBIDDEN = {
    "a field comes without a default": (
        reading(*V2["fields"], {"name": "soc", "type": "long"}),
        "v3 cannot read v1",
        "BACKWARD",
    ),
    "a type changes": (changed(V2, "energy_wh", type="string"), "v3 cannot read v1", "BACKWARD"),
    "text becomes bytes": (changed(V2, "charger_id", type="bytes"), "charger_id", "BACKWARD"),
    "bytes of a flag": (
        changed(V2, "unit", type="boolean", default=False),
        "v3 cannot read v1",
        "BACKWARD",
    ),
    "a field becomes a list": (
        changed(V2, "charger_id", type={"type": "array", "items": "string"}),
        "v3 cannot read v1",
        "BACKWARD",
    ),
    "a line changes": (
        changed(V2, "lines", type={"type": "array", "items": LINE | {"fields": [CHARGER]}}),
        "v3 cannot read v1",
        "BACKWARD",
    ),
    "the record is renamed": (V2 | {"name": "Measure"}, "v3 cannot read v1", "BACKWARD"),
    "a field without a default goes": (without(V2, "energy_wh"), "v1 cannot read v3", "FULL"),
    "a field is renamed": (
        changed(V2, "energy_wh", name="energy_kwh", default=0),
        "v1 cannot read v3",
        "FULL",
    ),
}


@pytest.mark.parametrize(("third", "says", "mode"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_forbidden_change_is_refused(third, says, mode):
    found = compatibility.problems([V1, V2, third], mode)
    assert found
    assert says in found[0]


def test_a_changed_field_of_a_line_is_named_with_its_path():
    def lines(kind):
        line = LINE | {"fields": [{"name": "note", "type": kind}]}
        return reading({"name": "lines", "type": {"type": "array", "items": line}})

    assert compatibility.problems([lines("string"), lines("bytes")], "BACKWARD") == [
        "v2 cannot read v1: lines.note arrives changed"
    ]


@pytest.mark.parametrize("name", ["energy_wh", "charger_id"])
def test_a_reader_of_our_own_may_stop_reading_a_field(name):
    """BACKWARD asks nothing of yesterday's reader: all of ours move on together."""
    assert compatibility.problems([V1, V2, without(V2, name)], "BACKWARD") == []
    assert compatibility.problems([V1, V2, without(V2, name)], "FULL") != []


def test_every_pair_is_tried_and_not_only_neighbours():
    """v2 bridges v1 and v3: each neighbour reads the other, the ends do not."""
    text, number = {"name": "x", "type": "string"}, {"name": "x", "type": "long"}
    first, second = reading(CHARGER, text), reading(CHARGER)
    third = reading(CHARGER, number | {"default": 0})
    assert compatibility.problems([first, second], "BACKWARD") == []
    assert compatibility.problems([second, third], "BACKWARD") == []
    assert compatibility.problems([first, second, third], "BACKWARD")[0].startswith(
        "v3 cannot read v1"
    )
