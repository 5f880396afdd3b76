"""From a Kafka record to its row: every record becomes exactly one row in exactly one table.

Pure, and the same record twice gives the same row twice: what a retry rests on.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

from connectors.clickhouse import tables
from connectors.clickhouse.columns import PLACE, Column, Table
from schemas import codec, topics
from schemas.commands import (
    CaptureHold,
    InquireCommand,
    LowerHold,
    PlaceHold,
    RaiseHold,
    RefundCapture,
    ReleaseHold,
    ResendCommand,
)
from schemas.decisions import (
    LinkConfirmed,
    LinkRejected,
    RefundDecided,
    ReleaseDecided,
    TakeoverDecided,
)
from schemas.drift import FeedSeen
from schemas.facts import (
    AcquirerAnswered,
    AcquirerHealth,
    AcquirerNotified,
    AliasLookup,
    CardRead,
    CardVisit,
    DiscrepancyChanged,
    Fact,
    HoldReported,
    NoticeUnbound,
    OrphanAged,
    SessionRequested,
)
from schemas.ledger import SessionLedger
from schemas.partners import InvoiceReported
from schemas.roaming import CdrSeen, SessionSeen

Row = tuple[Any, ...]

SUNK = (
    topics.COMMANDS,
    topics.RESPONSES,
    topics.LOOKUPS,
    topics.REQUESTS,
    topics.LEDGER,
    topics.DISCREPANCIES,
    topics.VISITS,
    topics.HEALTH,
    topics.DRIFT,
    topics.OCPI_SESSIONS,
    topics.OCPI_CDRS,
    topics.INVOICES,
    topics.DECISIONS,
    topics.PARKED,
)

_KINDS: dict[type[Fact], str] = {
    PlaceHold: "hold",
    RaiseHold: "raise",
    LowerHold: "lower",
    CaptureHold: "capture",
    ReleaseHold: "release",
    RefundCapture: "refund",
    InquireCommand: "inquire",
    ResendCommand: "resend",
}
_TABLES: dict[type[Fact], Table] = {
    **dict.fromkeys(_KINDS, tables.PAYMENT_COMMANDS),
    AcquirerAnswered: tables.ACQUIRER_ANSWERS,
    AcquirerNotified: tables.ACQUIRER_NOTICES,
    NoticeUnbound: tables.UNBOUND_NOTICES,
    AliasLookup: tables.ALIAS_LOOKUPS,
    SessionRequested: tables.TERMINAL_REQUESTS,
    HoldReported: tables.REPORTED_HOLDS,
    CardRead: tables.CARD_READS,
    SessionLedger: tables.SESSION_LEDGER,
    DiscrepancyChanged: tables.DISCREPANCIES,
    OrphanAged: tables.ORPHANS,
    CardVisit: tables.CARD_VISITS,
    AcquirerHealth: tables.ACQUIRER_HEALTH,
    FeedSeen: tables.FEED_SEEN,
    SessionSeen: tables.OCPI_SESSIONS,
    CdrSeen: tables.OCPI_CDRS,
    InvoiceReported: tables.OCPI_INVOICES,
    LinkConfirmed: tables.LINK_DECISIONS,
    LinkRejected: tables.LINK_DECISIONS,
    RefundDecided: tables.MONEY_DECISIONS,
    ReleaseDecided: tables.MONEY_DECISIONS,
    TakeoverDecided: tables.MONEY_DECISIONS,
}
_WORDS: dict[type[Fact], str] = {
    **_KINDS,
    LinkConfirmed: "confirmed",
    LinkRejected: "rejected",
    RefundDecided: "refund",
    ReleaseDecided: "release",
    TakeoverDecided: "takeover",
}


def tables_of(topic: str) -> list[str]:
    """Which tables a topic's records can be in."""
    if topic == topics.PARKED:
        return [tables.PARKED.name]
    records = topics.BY_NAME[topic].records
    found = {table.name for one, table in _TABLES.items() if one.__name__ in records}
    return sorted({tables.UNREADABLE.name, *found})


class Source(NamedTuple):
    """A record as Kafka has it; `written_at` is the timestamp that Kafka keeps with it."""

    topic: str
    partition: int
    offset: int
    written_at: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def row_of(source: Source, catalogue_name: str) -> tuple[str, Row]:
    """Table and row. Never raises: what cannot be read is a row of `unreadable`.

    `catalogue_name`: the topic as `schemas.topics` names it, which says what may be on it.
    """
    place = place_of(source)
    if catalogue_name == topics.PARKED:
        return tables.PARKED.name, place + _parked(source)
    try:
        record = codec.decode(source.value or b"")
    except codec.NotReadable as unreadable:
        reason = unreadable.reason if source.value else "empty"
        return tables.UNREADABLE.name, (*place, reason, _size(source))
    if type(record).__name__ not in topics.BY_NAME[catalogue_name].records:
        return tables.UNREADABLE.name, (*place, "unexpected-record", _size(source))
    table = _TABLES[type(record)]
    return table.name, place + _fields(record, table.columns[len(PLACE) :])


def place_of(source: Source) -> Row:
    """Where the record is, and SHA-256 over the lengths and bytes of its key and value."""
    digest = hashlib.sha256()
    for part in (source.key, source.value):
        digest.update(b"-" if part is None else b"%d:%b" % (len(part), part))
    where = (source.topic, source.partition, source.offset)
    return (*where, digest.hexdigest(), source.written_at)


def by_table(rows: Iterable[tuple[str, Row]]) -> dict[str, list[Row]]:
    """Rows of each table, in the order that they came in."""
    found: dict[str, list[Row]] = {}
    for table, row in rows:
        found.setdefault(table, []).append(row)
    return found


def _fields(record: Fact, columns: tuple[Column, ...]) -> Row:
    return tuple(_value(record, column) for column in columns)


def _value(record: Fact, column: Column) -> Any:
    if column.name == "kind" and type(record) in _WORDS:
        return _WORDS[type(record)]
    group, _, field = column.name.rpartition(".")
    if group:
        return [getattr(line, field) for line in getattr(record, group)]
    return getattr(record, column.name, column.empty)


def _parked(source: Source) -> Row:
    headers = dict(source.headers)
    size = headers.get("value-bytes")
    return (
        headers.get("reason", b"").decode(errors="replace"),
        headers.get("topic", b"").decode(errors="replace"),
        _integer(headers.get("partition"), -1),
        _integer(headers.get("offset"), -1),
        _integer(size, _size(source)),
    )


def _integer(text: bytes | None, otherwise: int) -> int:
    """Headers are other people's bytes: what is no number of 64 bits is `otherwise`."""
    if text is None or not text.isdigit() or int(text) >= 2**63:
        return otherwise
    return int(text)


def _size(source: Source) -> int:
    return len(source.value or b"")
