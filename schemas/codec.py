"""Bytes to records and back: the only place that knows Avro.

Avro single-object encoding (Avro 1.12 specification): C3 01, the CRC-64-AVRO fingerprint of the
writer's schema in little endian, the body. Every version ever published stays readable: a record is
decoded with its writer's schema and then takes the class's defaults for fields that came later.
"""

import functools
import hashlib
import importlib.resources
import io
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import fastavro
import msgspec
from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

from schemas.catalogue import RECORDS
from schemas.facts import Fact
from schemas.money import UnknownCurrency, exponent_of

_MARKER = b"\xc3\x01"
_HEADER = 10
_FILE = re.compile(r"^(?P<name>[A-Za-z]+)\.v(?P<version>\d+)\.avsc$")


class NotReadable(ValueError):
    """These bytes are no record of ours: `reason` is a slug, `detail` names field and problem."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Version(NamedTuple):
    """One published version of one record."""

    name: str
    number: int
    raw: dict[str, Any]
    parsed: Any
    header: bytes


def _load() -> Iterator[Version]:
    for file in importlib.resources.files("schemas").joinpath("avro").iterdir():
        match = _FILE.match(file.name)
        if match is None:
            continue
        raw = json.loads(file.read_text())
        mark = fingerprint(to_parsing_canonical_form(raw), "CRC-64-AVRO")
        # fastavro prints the fingerprint big endian; single-object encoding wants little endian.
        header = _MARKER + bytes.fromhex(mark)[::-1]
        yield Version(match["name"], int(match["version"]), raw, parse_schema(raw), header)


@functools.cache
def versions() -> dict[str, tuple[Version, ...]]:
    """All versions of every record, oldest first."""
    found: dict[str, list[Version]] = {}
    for version in _load():
        found.setdefault(version.name, []).append(version)
    return {
        name: tuple(sorted(of, key=lambda version: version.number)) for name, of in found.items()
    }


@functools.cache
def _writers() -> dict[type[Fact], Version]:
    return {RECORDS[name]: of[-1] for name, of in versions().items() if name in RECORDS}


@functools.cache
def _readers() -> dict[bytes, tuple[Any, type[Fact]]]:
    return {
        version.header: (version.parsed, RECORDS[name])
        for name, of in versions().items()
        if name in RECORDS
        for version in of
    }


def encode(record: Fact) -> bytes:
    """The record in its newest version."""
    writer = _writers()[type(record)]
    out = io.BytesIO()
    out.write(writer.header)
    fastavro.schemaless_writer(
        out, writer.parsed, msgspec.to_builtins(record, builtin_types=(bytes,))
    )
    return out.getvalue()


def decode(data: bytes) -> Fact:
    """The record in these bytes, checked. Raises NotReadable naming the field that is wrong."""
    reader = _readers().get(data[:_HEADER])
    if reader is None:
        raise _unknown(data)
    parsed, record = reader
    stream = io.BytesIO(data)
    stream.seek(_HEADER)
    try:
        fields = fastavro.schemaless_reader(stream, parsed, None)
    except Exception as error:  # fastavro raises what its parts raise: EOF, index, value, unicode
        raise NotReadable("undecodable", f"{record.__name__}: {error!r}") from error
    if stream.tell() != len(data):
        left = len(data) - stream.tell()
        raise NotReadable("undecodable", f"{record.__name__}: {left} bytes too many")
    return _checked(fields, record)


def _checked(fields: Any, record: type[Fact]) -> Fact:
    try:
        if fields.get("currency"):
            exponent_of(fields["currency"])
        return msgspec.convert(fields, record, builtin_types=(bytes,))
    except UnknownCurrency as error:
        raise NotReadable("unknown-currency", f"{record.__name__}: {error}") from error
    except msgspec.ValidationError as error:
        raise NotReadable("impossible-field", f"{record.__name__}: {error}") from error


def _unknown(data: bytes) -> NotReadable:
    if data[:2] != _MARKER:
        return NotReadable("undecodable", f"no single-object marker: begins {data[:2].hex()}")
    return NotReadable("unknown-record", f"no record has the fingerprint {data[2:10].hex()}")


def record_name(data: bytes) -> str:
    """Which record these bytes claim to be, '' when none of ours. Looks at the header only."""
    reader = _readers().get(data[:_HEADER])
    return "" if reader is None else reader[1].__name__


def body_hash(record: Fact) -> str:
    """SHA-256 over all fields but `body_hash`: same id with another hash is a conflict."""
    fields = msgspec.to_builtins(record, builtin_types=(bytes,))
    fields.pop("body_hash", None)
    canonical = msgspec.json.encode({"record": type(record).__name__, **fields}, order="sorted")
    return hashlib.sha256(canonical).hexdigest()
