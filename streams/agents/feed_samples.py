"""A sample file taken apart into messages: bytes untouched, whatever stands in them.

One JSON value (an object, or an array of messages), or one message a line. An OCPP frame is an
array itself and counts as one message. A message may stand in an object of `value` and any of
`key`, `headers`, `timestamp` (epoch ms): the record as Kafka has it.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from streams.agents.feed_mapping import Source
from streams.engine.stage import Record

_FRAME_TYPES = frozenset(b"23456")
_SPACES = b" \t\r\n"
_RECORD = frozenset({"key", "headers", "value", "timestamp"})
_BAD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_INSTANT = re.compile(rb'"(\d{4}-\d\d-\d\dT\d\d:\d\d[0-9:.+Z-]{0,20})"')
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_objects = msgspec.json.Decoder(dict[str, msgspec.Raw])
_lists = msgspec.json.Decoder(list[msgspec.Raw])
_lenient = json.JSONDecoder()  # takes NaN, so that its neighbours are told apart from it

# What a bare OCPP payload must have to be that action's: the field names of the standard.
_ACTIONS = (
    ({"eventType", "transactionInfo"}, "TransactionEvent"),
    ({"meterStart", "idTag"}, "StartTransaction"),
    ({"meterStop", "transactionId"}, "StopTransaction"),
    ({"meterValue"}, "MeterValues"),
    ({"connectorStatus"}, "StatusNotification"),
    ({"errorCode", "status"}, "StatusNotification"),
    ({"chargePointVendor"}, "BootNotification"),
    ({"chargingStation", "reason"}, "BootNotification"),
    ({"settlementTime"}, "NotifySettlement"),
)
_NAMES_SHOWN, _NAME_SHOWN = 8, 40


class Unusable(ValueError):
    """The sample holds nothing that could be a message."""


def messages(sample: bytes, source: Source) -> list[bytes]:
    """The messages in their order. Raises Unusable."""
    text = sample.removeprefix(b"\xef\xbb\xbf").strip(_SPACES)
    if not text:
        raise Unusable("nothing in it")
    if text[:1] not in (b"{", b"["):
        raise Unusable("neither a JSON object nor an array, nor one a line")
    if text[:1] == b"[" and not (source == "ocpp" and text[1:].lstrip(_SPACES)[:1] in _DIGITS):
        return _in_array(text)
    lines = [line.strip(_SPACES) for line in text.splitlines()]
    lines = [line for line in lines if line]
    whole = sum(line[:1] + line[-1:] in (b"{}", b"[]") for line in lines)
    # A line that is none must not make one message of a log of thousands: it is refused alone. Of
    # one object that is written over many lines few are whole.
    return lines if len(lines) > 1 and 2 * whole > len(lines) else [text]


_DIGITS = frozenset(bytes([one]) for one in _FRAME_TYPES)


def _in_array(text: bytes) -> list[bytes]:
    try:
        return [bytes(one) for one in _lists.decode(text)]
    except _BAD:
        return [*_split(text)]


def _split(text: bytes) -> Iterator[bytes]:
    """Of an array with something in it that is no JSON; all of it, where even that cannot be."""
    try:
        told = text.decode()
        found: list[bytes] = []
        at = 1
        while True:
            at = _past(told, at)
            if told[at] == "]" and not found:
                break
            _, end = _lenient.raw_decode(told, at)
            found.append(told[at:end].encode())
            at = _past(told, end)
            if told[at] != ",":
                break
            at += 1
    except (ValueError, IndexError, RecursionError):
        found = [text]
    yield from found


def _past(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def record_of(message: bytes, number: int, now_at: int) -> Record:
    """The message as Kafka would have it. Raises Unusable where its headers are none."""
    value, key, at = message, b"", now_at
    headers: tuple[tuple[str, bytes], ...] = ()
    told = _object(message)
    if told is not None and "value" in told and told.keys() <= _RECORD:
        try:
            value = _bytes(told["value"])
            key = _bytes(told["key"]) if "key" in told else b""
            named = msgspec.json.decode(told.get("headers", b"{}"), type=dict[str, str])
            headers = tuple((name, text.encode()) for name, text in named.items())
            at = msgspec.json.decode(told.get("timestamp", str(now_at).encode()), type=int)
        except _BAD as error:
            raise Unusable(f"message {number}: {error}") from error
    return Record("sample", 0, number, key, value, headers, at)


def dated(records: list[Record], now_at: int) -> list[Record]:
    """Each received when the newest instant in it, or before it, was; else now.

    A sample is older than today, and what comes late is taken for told from memory (offline).
    """
    found = []
    at = 0
    for record in records:
        told = [at, *(_instant(one) for one in _INSTANT.findall(record.value))]
        at = max(one for one in told if one <= now_at)
        found.append(msgspec.structs.replace(record, timestamp_at=at or now_at))
    return found


def _instant(text: bytes) -> int:
    """0 for what only looks like one."""
    try:
        moment = datetime.fromisoformat(text.decode())
    except ValueError:
        return 0
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def as_frame(message: bytes, number: int) -> bytes:
    """A bare OCPP payload as a frame: its action stands beside it, or is told by its fields."""
    told = _object(message)
    if told is None:
        return message
    if told.keys() >= {"action", "payload"}:
        return _frame(bytes(told["action"]), bytes(told["payload"]), number)
    names = told.keys()
    action = next((word for fields, word in _ACTIONS if fields <= names), "")
    if not action and not names:
        action = "Heartbeat"
    return _frame(msgspec.json.encode(action), message, number) if action else message


def names_of(message: bytes) -> list[str]:
    """The first fields of an object, shortened; none: it is no object."""
    return [name[:_NAME_SHOWN] for name in list(_object(message) or ())[:_NAMES_SHOWN]]


def _frame(action: bytes, payload: bytes, number: int) -> bytes:
    return b'[2,"sample-%d",%b,%b]' % (number, action, payload)


def _bytes(raw: msgspec.Raw) -> bytes:
    """Of a text what it says, of anything else how it stands there."""
    data = bytes(raw)
    return msgspec.json.decode(data, type=str).encode() if data[:1] == b'"' else data


def _object(message: bytes) -> dict[str, Any] | None:
    try:
        return _objects.decode(message)
    except _BAD:
        return None
