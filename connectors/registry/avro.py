"""Avro records of other people: out of their framing, decoded within bounds. Pure.

Framings: Confluent's wire format (00, the schema's id in four bytes, big endian, the body) and
Avro single-object encoding (C3 01, CRC-64-AVRO of the schema in little endian, the body; Avro 1.12
specification). What comes out are plain values, and `to_json` makes JSON of them.
"""

import io
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import fastavro
import msgspec
from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

_SINGLE_MARKER = b"\xc3\x01"
_SINGLE_HEADER = 10
_CONFLUENT_MARKER = b"\x00"
_CONFLUENT_HEADER = 5
_FLOATS = frozenset({"float", "double"})
_EMPTY = frozenset({"null"})
_RECORDS = frozenset({"record", "error"})

_json = msgspec.json.Encoder(decimal_format="number")


class Unreadable(ValueError):
    """These bytes cannot be read: `reason` is a slug, `problem` says what is wrong."""

    def __init__(self, reason: str, problem: str) -> None:
        super().__init__(f"{reason}: {problem}")
        self.reason = reason
        self.problem = problem


class SchemaRefused(ValueError):
    """A schema that cannot be used; the message says why."""


class Schema(NamedTuple):
    """A writer's schema, ready for reading. `floats`: a value may be NaN or infinite."""

    parsed: Any
    floats: bool


def schema_of(text: str, named: Iterable[str] = (), kind: str = "AVRO") -> Schema:
    """The schema in this JSON; `named` are those it refers to, in order of their references.

    `kind` is what its registry calls it.

    Raises SchemaRefused: no Avro, or one whose records have no bound. A record that holds itself
    makes fastavro overflow the C stack (the process dies) at a few thousand levels, and an array of
    items that take no byte may claim any length.
    """
    if kind != "AVRO":
        raise SchemaRefused(f"is {kind}, not Avro")
    names: dict[str, Any] = {}
    try:
        for one in named:
            parse_schema(json.loads(one), named_schemas=names)
        parsed = parse_schema(json.loads(text), named_schemas=names)
        kinds = _Kinds(names).of(parsed)
    except SchemaRefused:
        raise
    except Exception as error:  # fastavro raises what its parts raise
        raise SchemaRefused(f"no Avro schema: {error!r}"[:500]) from error
    return Schema(parsed, bool(kinds & _FLOATS))


class _Kinds:
    """The types that values of a schema may hold, names included and looked into once."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names
        self._found: dict[str, frozenset[str]] = {}
        self._within: list[str] = []

    def of(self, schema: Any) -> frozenset[str]:
        """Raises SchemaRefused, see `schema_of`."""
        if isinstance(schema, list):
            return frozenset().union(*map(self.of, schema))
        if isinstance(schema, str):
            return self._named(schema)
        kind = schema["type"]
        if kind in _RECORDS:
            return self._record(schema)
        if kind == "map":
            return self.of(schema["values"])
        if kind != "array":
            return frozenset({str(kind)})
        if (items := self.of(schema["items"])) <= _EMPTY:
            raise SchemaRefused("an array of items that take no byte has no bound")
        return items

    def _named(self, name: str) -> frozenset[str]:
        if name in self._found or name not in self._names:
            return self._found.get(name, frozenset({name}))
        if name in self._within:
            raise SchemaRefused(f"{name} holds itself: such records have no bound")
        return self.of(self._names[name])

    def _record(self, schema: Any) -> frozenset[str]:
        self._within.append(schema["name"])
        found = frozenset({"null"}).union(*(self.of(one["type"]) for one in schema["fields"]))
        self._within.pop()
        self._found[schema["name"]] = found
        return found


def fingerprint_of(text: str) -> bytes:
    """The eight bytes that name this schema in single-object encoding. Raises SchemaRefused."""
    try:
        return bytes.fromhex(
            fingerprint(to_parsing_canonical_form(json.loads(text)), "CRC-64-AVRO")
        )
    except Exception as error:  # as above
        raise SchemaRefused(f"no Avro schema: {error!r}"[:500]) from error


def confluent_id(data: bytes) -> int:
    """The schema id in front of a body. Raises Unreadable."""
    if len(data) < _CONFLUENT_HEADER or data[:1] != _CONFLUENT_MARKER:
        seen = data[:2].hex()
        raise Unreadable("wrong-framing", f"no Confluent wire format: begins {seen!r}")
    return int.from_bytes(data[1:_CONFLUENT_HEADER], "big")


def confluent_value(data: bytes, schema: Schema) -> Any:
    """The record behind the id. Raises Unreadable."""
    return _value(data, _CONFLUENT_HEADER, schema)


def single_object_value(data: bytes, schemas: Mapping[bytes, Schema]) -> Any:
    """The record, its schema found by fingerprint. Raises Unreadable."""
    if data[:2] != _SINGLE_MARKER:
        seen = data[:2].hex()
        raise Unreadable("wrong-framing", f"no Avro single-object encoding: begins {seen!r}")
    schema = schemas.get(data[2:_SINGLE_HEADER])
    if schema is None:
        mark = data[2:_SINGLE_HEADER].hex()
        raise Unreadable("unknown-schema", f"no schema has the fingerprint {mark!r}")
    return _value(data, _SINGLE_HEADER, schema)


def _value(data: bytes, start: int, schema: Schema) -> Any:
    stream = io.BytesIO(data)
    stream.seek(start)
    try:
        value: Any = fastavro.schemaless_reader(stream, schema.parsed, None)
    except Exception as error:  # fastavro raises what its parts raise: EOF, index, unicode
        raise Unreadable("undecodable", f"no record of that schema: {error!r}"[:500]) from error
    if left := len(data) - stream.tell():
        raise Unreadable("undecodable", f"{left} bytes after the record")
    if schema.floats and (field := _not_finite(value, "")) is not None:
        raise Unreadable(
            "not-a-number", f"{field.lstrip('.')}: neither NaN nor infinity is a value"
        )
    return value


def _not_finite(value: Any, path: str) -> str | None:
    """Where a number is none: JSON would make null of it, which says something else."""
    if isinstance(value, float):
        return None if math.isfinite(value) else path
    if isinstance(value, dict):
        inner = ((f"{path}.{name}", one) for name, one in value.items())
    elif isinstance(value, list):
        inner = ((f"{path}[{index}]", one) for index, one in enumerate(value))
    else:
        return None
    return next((at for where, one in inner if (at := _not_finite(one, where)) is not None), None)


def to_json(value: Any) -> bytes:
    """A decoded record as JSON: bytes as base64, decimals as numbers, instants as ISO 8601.

    Raises Unreadable.
    """
    try:
        return _json.encode(value)
    except (TypeError, ValueError, RecursionError, UnicodeError) as error:
        raise Unreadable("undecodable", f"not to be told in JSON: {error}") from error
