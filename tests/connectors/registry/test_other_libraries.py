"""Avro as apache/avro's own data has it (share/test/data: schema-tests.txt, messageV1)."""

import json

import pytest

from connectors.registry import avro

FOO = {"fields": [], "type": "record", "name": "foo"}
F1 = {"type": {"type": "boolean"}, "name": "f1"}
CRC_64_AVRO = [  # the schema as it may be written; what names it, a signed long
    ("null", 7195948357588979594),
    ({"type": "null"}, 7195948357588979594),
    ("boolean", -6970731678124411036),
    ({"type": "boolean"}, -6970731678124411036),
    ("int", 8247732601305521295),
    ({"type": "int"}, 8247732601305521295),
    ("long", -3434872931120570953),
    ("float", 5583340709985441680),
    ("double", -8181574048448539266),
    ("bytes", 5746618253357095269),
    ("string", -8142146995180207161),
    ({"type": "string"}, -8142146995180207161),
    ([], -1241056759729112623),
    (["int"], -5232228896498058493),
    (["int", {"type": "boolean"}], 5392556393470105090),
    (FOO, -4824392279771201922),
    (FOO | {"namespace": "x.y"}, 5916914534497305771),
    (FOO | {"namespace": "x.y", "name": "a.b.foo"}, -4616218487480524110),
    (FOO | {"doc": "Useful info"}, -4824392279771201922),
    (FOO | {"aliases": ["foo", "bar"]}, -4824392279771201922),
    (FOO | {"doc": "foo", "aliases": ["foo", "bar"]}, -4824392279771201922),
    (FOO | {"fields": [F1]}, 7843277075252814651),
    (
        FOO
        | {
            "fields": [
                {"type": "boolean", "aliases": [], "name": "f1", "default": True},
                {"order": "descending", "name": "f2", "doc": "Hello", "type": "int"},
            ]
        },
        -4860222112080293046,
    ),
    ({"type": "enum", "name": "foo", "symbols": ["A1"]}, -6342190197741309591),
    (
        {
            "namespace": "x.y.z",
            "type": "enum",
            "name": "foo",
            "doc": "foo bar",
            "symbols": ["A1", "A2"],
        },
        -4448647247586288245,
    ),
    ({"name": "foo", "type": "fixed", "size": 15}, 1756455273707447556),
    (
        {"namespace": "x.y.z", "type": "fixed", "name": "foo", "doc": "foo bar", "size": 32},
        -3064184465700546786,
    ),
    ({"items": {"type": "null"}, "type": "array"}, -589620603366471059),
    ({"values": "string", "type": "map"}, -8732877298790414990),
    (
        {
            "name": "PigValue",
            "type": "record",
            "fields": [{"name": "value", "type": ["null", "int", "long", "PigValue"]}],
        },
        -1759257747318642341,
    ),
]
MESSAGE = {
    "type": "record",
    "namespace": "org.apache.avro",
    "name": "TestMessage",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "name", "type": "string"},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "scores", "type": {"type": "map", "values": "double"}},
    ],
}


@pytest.mark.parametrize(("schema", "named"), CRC_64_AVRO)
def test_a_schema_is_named_as_avro_names_it(schema, named):
    told = avro.fingerprint_of(json.dumps(schema))
    assert told == named.to_bytes(8, "little", signed=True)


def test_a_message_of_avros_by_hand():
    """Bytes written out after the specification's encoding rules, no writer of ours between."""
    text = json.dumps(MESSAGE)
    body = (
        b"\x54"  # 42
        b"\x08Bill"
        b"\x04\x12dog_lover\x12cat_hater\x00"  # a block of two
        b"\x01\x14\x02a" + b"\x00\x00\x00\x00\x00\x00\xf0\x3f" + b"\x00"  # one, its size told
    )
    mark = avro.fingerprint_of(text)
    value = avro.single_object_value(b"\xc3\x01" + mark + body, {mark: avro.schema_of(text)})
    wanted = {"id": 42, "name": "Bill", "tags": ["dog_lover", "cat_hater"], "scores": {"a": 1.0}}
    assert value == wanted
    framed = b"\x00\x00\x00\x01\x00" + body
    assert avro.confluent_id(framed) == 256
    assert avro.confluent_value(framed, avro.schema_of(text)) == wanted
