"""One of an operator's records, and what its mapping finds in it: bytes in, words out. Pure.

What is not where the mapping says raises `NotLocated`, which is a refusal by name.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from connectors.feeding import Refused
from connectors.registry import avro
from connectors.registry.avro import Schema, Unreadable
from connectors.registry.known import KnownSchemas
from streams.agents.feed_mapping import Feed, Where
from streams.engine.stage import NeedLookup, Record

_VALUE_IS_NULL = 2
_MILLISECONDS = re.compile(r"\d{12,14}")
_SECONDS = re.compile(r"(\d{9,11})(?:\.(\d{1,9}))?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_objects = msgspec.json.Decoder(dict[str, msgspec.Raw])
_lists = msgspec.json.Decoder(list[msgspec.Raw])
_texts = msgspec.json.Decoder(str)

Steps = tuple[str | int, ...]
Missing = object()


class NotLocated(Exception):
    """The record is not as the mapping says; `refused` has the place and what is wrong."""

    def __init__(self, reason: str, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.refused = Refused(reason, field, problem)


class Document(Protocol):
    """A record's value, in which paths are followed. None: it is not there, or null."""

    def text(self, steps: Steps) -> str | None: ...

    def body(self, steps: Steps) -> bytes | None:
        """Raw JSON: as it stands, or as it is kept in a text or in bytes."""
        ...


class JsonDocument:
    """JSON, looked into level by level: what is not on a path is never built."""

    __slots__ = ("_levels", "_raw")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._levels: dict[Steps, Any] = {}

    def text(self, steps: Steps) -> str | None:
        raw = self._at(steps)
        if raw is None:
            return None
        if raw[:1] == b'"':
            return self._read(_texts, raw, steps)
        if raw[:1] in (b"{", b"["):
            raise NotLocated("not-located", spelt(steps), "is no text, but has parts itself")
        return raw.decode()

    def body(self, steps: Steps) -> bytes | None:
        raw = self._raw if not steps else self._at(steps)
        if raw is None or raw[:1] != b'"':
            return raw
        return str(self._read(_texts, raw, steps)).encode()

    def _at(self, steps: Steps) -> bytes | None:
        found = self._raw
        for depth, step in enumerate(steps):
            before = steps[:depth]
            if before not in self._levels:
                self._levels[before] = self._level(found, before, step)
            level = self._levels[before]
            try:
                found = bytes(level[step])
            except (KeyError, IndexError, TypeError):
                return None
        return None if found == b"null" else found

    def _level(self, raw: bytes, steps: Steps, step: str | int) -> Any:
        wanted: Any = _lists if isinstance(step, int) else _objects
        return self._read(wanted, raw, steps)

    def _read(self, decoder: Any, raw: bytes, steps: Steps) -> Any:
        try:
            return decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise NotLocated("not-located", spelt(steps), str(error)) from None
        except RecursionError:
            raise NotLocated("nested-too-deep", spelt(steps), "nested too deep") from None


class AvroDocument:
    """A decoded Avro record."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def text(self, steps: Steps) -> str | None:
        found = self._at(steps)
        if isinstance(found, bytes):
            found = _utf8(found, steps)
        if found is None or isinstance(found, str):
            return found
        if isinstance(found, dict | list):
            raise NotLocated("not-located", spelt(steps), "is no text, but has parts itself")
        return found.isoformat() if isinstance(found, datetime) else str(found)

    def body(self, steps: Steps) -> bytes | None:
        found = self._at(steps)
        if found is None or isinstance(found, bytes):
            return found
        if isinstance(found, str):
            return found.encode()
        try:
            return avro.to_json(found)
        except Unreadable as error:
            raise NotLocated(error.reason, spelt(steps), error.problem) from error

    def _at(self, steps: Steps) -> Any:
        found = self._value
        for step in steps:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                return None
        return found


def _utf8(data: bytes, steps: Steps) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise NotLocated("not-located", spelt(steps), "not text in UTF-8") from None


def spelt(steps: Steps) -> str:
    """A path as the mapping spells it; `value`: the whole of it."""
    return (
        "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in steps)[1:] or "value"
    )


class Opener:
    """Takes values out of the feed's framing."""

    def __init__(self, feed: Feed, known: KnownSchemas | None) -> None:
        framing = feed.mapping.framing.kind
        self._schemas = feed.schemas
        self._known = known
        self._max_bytes = feed.mapping.max_bytes
        self._opened: Callable[[bytes], Document] = {
            "json": JsonDocument,
            "avro-confluent": self._confluent,
            "avro-single-object": self._single_object,
        }[framing]

    def open(self, record: Record) -> Document | None:
        """The value; None: the record is a tombstone. Raises NotLocated, NeedLookup."""
        if record.nulls & _VALUE_IS_NULL:
            return None
        if len(record.value) > self._max_bytes:
            problem = f"{len(record.value)} bytes; {self._max_bytes} are the most"
            raise NotLocated("too-large", "value", problem)
        try:
            return self._opened(record.value)
        except Unreadable as error:
            raise NotLocated(error.reason, "value", error.problem) from error

    def _confluent(self, value: bytes) -> Document:
        known = self._known
        number = avro.confluent_id(value)
        if known is None:
            raise Unreadable("no-registry", "no registry is named to ask for its schema")
        schema = known.at_hand(number)
        if schema is None:
            raise NeedLookup(f"schema {number}", lambda: known.look_up(number))
        if not isinstance(schema, Schema):
            raise Unreadable("unknown-schema", schema)
        return AvroDocument(avro.confluent_value(value, schema))

    def _single_object(self, value: bytes) -> Document:
        return AvroDocument(avro.single_object_value(value, self._schemas))


class Locator:
    """One place of a mapping, ready to be looked up. `default` where the mapping has none."""

    __slots__ = (
        "_constant",
        "_default",
        "_found",
        "_header",
        "_match",
        "_name",
        "_steps",
        "_words",
    )

    def __init__(self, name: str, where: Where | None, default: str = "") -> None:
        self._name = name
        self._default = default
        self._steps = () if where is None else where.steps
        self._header = None if where is None else where.header
        self._match = re.compile(where.match) if where is not None and where.match else None
        self._words = {} if where is None else where.words
        self._constant = default if where is None else where.value
        self._found: dict[bytes, str] = {}  # keys and headers recur

    def of(self, record: Record, document: Document) -> str:
        """Raises NotLocated: it is not there, or not as the mapping says."""
        if self._constant is not None:
            return self._constant
        if self._steps:
            found = document.text(self._steps)
            return self._wanted(found)
        raw = record.key if self._header is None else self._in_headers(record)
        known = self._found.get(raw)
        if known is None:
            if len(self._found) > _KNOWN_MAX:
                self._found.clear()
            known = self._found[raw] = self._wanted(self._decoded(raw))
        return known

    def _in_headers(self, record: Record) -> bytes:
        for name, value in record.headers:
            if name == self._header:
                return value or b""
        return b""

    def _decoded(self, raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise self._refused("not text in UTF-8") from None

    def _wanted(self, text: str | None) -> str:
        if text is None or text == "":
            raise self._refused("not there")
        if self._match is not None:
            fitted = self._match.fullmatch(text)
            if fitted is None or not fitted[1]:
                raise self._refused(f"{text[:100]!r} does not fit the mapping's match")
            text = fitted[1]
        return self._words.get(text, text)

    def _refused(self, problem: str) -> NotLocated:
        at = f"header {self._header}" if self._header is not None else spelt(self._steps)
        if self._header is None and not self._steps:
            at = "key"
        return NotLocated("not-located", f"{self._name} ({at})", problem)


_KNOWN_MAX = 200_000


class OptionalLocator(Locator):
    """Of a place that a record need not have: then it is the default."""

    def of(self, record: Record, document: Document) -> str:
        return super().of(record, document) if self._is_there(record, document) else self._default

    def _is_there(self, record: Record, document: Document) -> bool:
        if self._constant is not None:
            return True
        if self._steps:
            return bool(document.text(self._steps))
        return bool(record.key if self._header is None else self._in_headers(record))


def instant_of(name: str, text: str) -> int:
    """Epoch ms: of ISO 8601 with a zone, of seconds, or of milliseconds. Raises NotLocated."""
    if _MILLISECONDS.fullmatch(text):
        return int(text)
    if (seconds := _SECONDS.fullmatch(text)) is not None:
        return int(seconds[1]) * 1000 + int((seconds[2] or "").ljust(3, "0")[:3])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise NotLocated("not-located", name, f"{text[:40]!r} is no instant with a zone")
    since = moment.astimezone(UTC) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000
