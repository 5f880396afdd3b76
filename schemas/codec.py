"""Bytes to records and back: the only place that knows Avro.

Avro single-object encoding (Avro 1.12 specification): C3 01, the CRC-64-AVRO fingerprint of the
writer's schema in little endian, the body; or, once `use_registry` said which ids a schema registry
gave our schemas, Confluent's wire format: 00, the id in four bytes, big endian, the same body. The
first byte tells which, and both are read. Every version ever published stays readable: a record is
decoded with its writer's schema and then takes the class's defaults for fields that came later.
"""

import hashlib
import importlib.resources
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

import fastavro
import msgspec
from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

from schemas.catalogue import RECORDS
from schemas.facts import Fact, MeterReading
from schemas.metering import Quick, Readings, T, Writer, is_readable
from schemas.money import UnknownCurrency, exponent_of
from schemas.writing import Table, table_of

_MARKER = b"\xc3\x01"
_HEADER = 10
_CONFLUENT_MARKER = b"\x00"
_CONFLUENT_HEADER = 5
_FILE = re.compile(r"^(?P<name>[A-Za-z]+)\.v(?P<version>[1-9]\d*)\.avsc$")


class NotReadable(ValueError):
    """These bytes are no record of ours: `reason` is a slug, `detail` names field and problem."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class NotWritable(ValueError):
    """A record of ours holds a value that no reader would take: always a bug of the writer."""


class Version(NamedTuple):
    """One published version of one record."""

    name: str
    number: int
    raw: dict[str, Any]
    parsed: Any
    header: bytes


class _Reader(NamedTuple):
    parsed: Any
    record: type[Fact]
    priced: bool  # has a currency to look up
    start: int  # bytes before the body


class _Writer(NamedTuple):
    name: str
    header: bytes
    parsed: Any
    table: Table | None  # of every schema that our classes make


def _load(folder: Traversable) -> Iterator[Version]:
    for file in folder.iterdir():
        match = _FILE.match(file.name)
        if match is None:
            continue
        raw = json.loads(file.read_text())
        mark = fingerprint(to_parsing_canonical_form(raw), "CRC-64-AVRO")
        # fastavro prints the fingerprint as it travels: in little endian.
        header = _MARKER + bytes.fromhex(mark)
        yield Version(match["name"], int(match["version"]), raw, parse_schema(raw), header)


class Codec:
    """The schemas of one folder and the classes that their records become.

    Several versions of a record become the same class; the newest one is written.
    """

    def __init__(self, folder: Traversable, records: Mapping[str, type[Fact]]) -> None:
        found: dict[str, list[Version]] = {}
        for version in sorted(_load(folder), key=lambda version: version.number):
            found.setdefault(version.name, []).append(version)
        self.versions: dict[str, tuple[Version, ...]] = {
            name: tuple(of) for name, of in found.items()
        }
        self._records = records
        self._usual_headers: list[bytes] = []
        self._usual = self._usual_readings()
        self._quick_writer = Writer(self._encode) if self._has_usual_readings() else None
        self.use_single_object()

    def use_single_object(self) -> None:
        """Write and read no other framing than that which needs no registry."""
        self._frame({})

    def use_registry(self, ids: Mapping[tuple[str, int], int]) -> None:
        """Write Confluent's wire format, read both; `ids` by record and number of its version.

        To be called before anything is written: each process of an installation alike. Raises
        KeyError where the newest version of a record has no id.
        """
        for name, of in self.versions.items():
            if name in self._records:
                _ = ids[name, of[-1].number]
        self._frame(ids)

    def _frame(self, ids: Mapping[tuple[str, int], int]) -> None:
        if self._quick_writer is not None:
            self._quick_writer.forget()
        self._writers: dict[type[Fact], _Writer] = {}
        self._readers: dict[bytes, _Reader] = {}
        for name, of in self.versions.items():
            if name not in self._records:
                continue
            for version in of:
                number = ids.get((name, version.number))
                self._add(version, None if number is None else _confluent(number))

    def _add(self, version: Version, confluent: bytes | None) -> None:
        """Versions come oldest first, so that the newest one is left as the writer."""
        record = self._records[version.name]
        reader = _Reader(
            version.parsed, record, "currency" in record.__struct_fields__, len(version.header)
        )
        headers = [version.header]
        self._readers[version.header] = reader
        if confluent is not None:
            self._readers[confluent] = reader._replace(start=len(confluent))
            headers.append(confluent)
        table = table_of(version.raw)
        self._writers[record] = _Writer(version.name, headers[-1], version.parsed, table)
        if record is MeterReading:
            self._usual_headers[:] = headers

    def encode(self, record: Fact) -> bytes:
        """The record in its newest version. Raises NotWritable naming the field that is wrong."""
        if type(record) is MeterReading and self._quick_writer is not None:
            return self._quick_writer.write(record)
        return self._encode(record)

    def encode_checked(self, record: Fact) -> bytes:
        """As `encode`, of a record that `msgspec.convert` made: fields are not checked again."""
        return self._encode(record, checked=True)

    def _encode(self, record: Fact, *, checked: bool = False) -> bytes:
        writer = self._writers[type(record)]
        fields = msgspec.to_builtins(record, builtin_types=(bytes,))
        try:
            # Building a record checks nothing; a wrong one is refused here, not by its readers.
            if not checked:
                msgspec.convert(fields, type(record))
            if fields.get("currency"):
                exponent_of(fields["currency"])
            if writer.table is not None:
                return writer.header + writer.table[fields]
            out = io.BytesIO()
            out.write(writer.header)
            fastavro.schemaless_writer(out, writer.parsed, fields)
        except (msgspec.ValidationError, UnknownCurrency, UnicodeEncodeError) as error:
            raise NotWritable(f"{writer.name}: {error}") from error
        return out.getvalue()

    def decode(self, data: bytes) -> Fact:
        """The record in these bytes, checked. Raises NotReadable naming the field that is wrong."""
        reader = self._readers.get(data[: _header_of(data)])
        if reader is None:
            raise _unknown(data)
        if reader.record is MeterReading:
            usual = self._usual(data)
            if usual is not None:
                return usual
        return _read(data, reader)

    def quick_readings(
        self, place: Callable[[str, str, str, str, str], T]
    ) -> Callable[[bytes], tuple[T, int, int, int, int, int] | None]:
        """As `quick_readings` of the module; knows the framings that are set later, too."""
        if not self._has_usual_readings():
            return lambda _: None
        return Quick(self._usual_headers, place).read

    def _usual_readings(self) -> Callable[[bytes], Fact | None]:
        """The quick way to the newest MeterReading, where these are the records it knows."""
        if not self._has_usual_readings():
            return lambda _: None
        return Readings(self._usual_headers).read

    def _has_usual_readings(self) -> bool:
        newest = self.versions.get(MeterReading.__name__, ())[-1:]
        return any(
            self._records.get(version.name) is MeterReading and is_readable(version.raw)
            for version in newest
        )

    def record_name(self, data: bytes) -> str:
        """Which record these bytes claim to be, '' when none of ours. Looks at the header only."""
        reader = self._readers.get(data[: _header_of(data)])
        return "" if reader is None else reader.record.__name__


def _confluent(number: int) -> bytes:
    return _CONFLUENT_MARKER + number.to_bytes(4, "big")


def _header_of(data: bytes) -> int:
    return _CONFLUENT_HEADER if data[:1] == _CONFLUENT_MARKER else _HEADER


def _read(data: bytes, reader: _Reader) -> Fact:
    """A record of any kind, checked. Raises NotReadable."""
    parsed, record, priced, start = reader
    stream = io.BytesIO(data)
    stream.seek(start)
    try:
        fields: Any = fastavro.schemaless_reader(stream, parsed, None)
    except Exception as error:  # fastavro raises what its parts raise: EOF, index, unicode
        raise NotReadable("undecodable", f"{record.__name__}: {error!r}") from error
    if left := stream.read():
        raise NotReadable("undecodable", f"{record.__name__}: {len(left)} bytes too many")
    try:
        if priced and fields["currency"]:
            exponent_of(fields["currency"])
        return msgspec.convert(fields, record)
    except UnknownCurrency as error:
        raise NotReadable("unknown-currency", f"{record.__name__}: {error}") from error
    except msgspec.ValidationError as error:
        raise NotReadable("impossible-field", f"{record.__name__}: {error}") from error


def _unknown(data: bytes) -> NotReadable:
    if data[:1] == _CONFLUENT_MARKER and len(data) >= _CONFLUENT_HEADER:
        number = int.from_bytes(data[1:_CONFLUENT_HEADER], "big")
        return NotReadable("unknown-record", f"no record is known by the schema id {number}")
    if data[:2] != _MARKER:
        return NotReadable("undecodable", f"no single-object marker: begins {data[:2].hex()!r}")
    return NotReadable("unknown-record", f"no record has the fingerprint {data[2:10].hex()!r}")


FOLDER = importlib.resources.files("schemas").joinpath("avro")
_ours = Codec(FOLDER, RECORDS)
encode = _ours.encode
encode_checked = _ours.encode_checked
decode = _ours.decode
record_name = _ours.record_name
use_registry = _ours.use_registry
use_single_object = _ours.use_single_object


def versions() -> dict[str, tuple[Version, ...]]:
    """All versions of every record, oldest first."""
    return _ours.versions


def quick_readings(
    place: Callable[[str, str, str, str, str], T],
) -> Callable[[bytes], tuple[T, int, int, int, int, int] | None]:
    """The newest MeterReading as numbers, for whoever reads millions: see `metering.Quick.read`.

    None is no verdict: `decode` says what these bytes are.
    """
    return _ours.quick_readings(place)


def body_hash(record: Fact) -> str:
    """SHA-256 over all fields but `body_hash`: same id with another hash is a conflict."""
    fields = msgspec.to_builtins(record, builtin_types=(bytes,))
    fields.pop("body_hash", None)
    canonical = msgspec.json.encode({"record": type(record).__name__, **fields}, order="sorted")
    return hashlib.sha256(canonical).hexdigest()
