"""Whether ClickHouse holds what a topic shows: row by row, by place and content.

Offsets have gaps (markers, aborted records), so it is not offsets that are counted but what a
`read_committed` reader is shown up to an offset; of a compacted topic the newest of each key.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Literal, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer

from connectors.clickhouse.contents import MODULUS, content, content_sql
from connectors.clickhouse.rows import Row, Source, row_of
from connectors.clickhouse.tables import NEWEST_ONLY, TABLES
from schemas import topics
from streams.reading import records_of
from streams.sink.asking import Analytics
from streams.sink.intake import source_of

_WINDOW = 20_000  # records compared at a time
_PAGE = 50_000  # rows asked for at a time

Contents = dict[tuple[str, int], int]  # (table, offset) -> content
Newest = dict[tuple[str, ...], tuple[int, int]]  # (table, *key) -> (offset, content)


class Span(NamedTuple):
    """A partition from its first kept offset up to `end`, exclusive."""

    topic: str
    partition: int
    begin: int
    end: int


class RowDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One row: `missing` in ClickHouse, `extra` there, `changed` there, or there twice."""

    kind: Literal["missing", "extra", "changed", "repeated"]
    table: str
    topic: str
    partition: int
    offset: int


class Proof(msgspec.Struct, kw_only=True):
    """What was compared of one partition; digests are sums of contents, hexadecimal."""

    topic: str
    partition: int
    up_to: int
    records: int = 0
    rows: int = 0
    topic_digest: str = ""
    table_digest: str = ""
    differences: list[RowDifference] = []


async def prove(
    consumer: AIOKafkaConsumer, analytics: Analytics, span: Span, catalogue_name: str
) -> Proof:
    """Compare one partition. Raises QueryRefused, SinkAway."""
    tables = tables_of(catalogue_name)
    appended = [table for table in tables if table not in NEWEST_ONLY]
    tally = _Tally(span)
    begin = span.begin
    newest: Newest = {}
    async for window, end in _windows(consumer, span):
        expected: Contents = {}
        for source in window:
            table, row = row_of(source, catalogue_name)
            number = content(TABLES[table], row)
            if table in NEWEST_ONLY:
                newest[(table, *key_of(table, row))] = (source.offset, number)
            else:
                expected[(table, source.offset)] = number
        part = span._replace(begin=begin, end=end)
        await asyncio.to_thread(tally.compare, analytics, appended, part, expected)
        begin = end
    for table in tables:
        if table in NEWEST_ONLY:
            await asyncio.to_thread(tally.compare_newest, analytics, table, newest)
    return tally.proof()


def tables_of(catalogue_name: str) -> list[str]:
    """Which tables a topic's records can be in."""
    if catalogue_name == topics.PARKED:
        return ["parked"]
    return sorted({*_OF_TOPIC[catalogue_name], "unreadable"})


_OF_TOPIC = {
    topics.COMMANDS: ("payment_commands",),
    topics.RESPONSES: ("acquirer_answers", "acquirer_notices"),
    topics.REQUESTS: ("terminal_requests", "reported_holds", "card_reads"),
    topics.LEDGER: ("session_ledger",),
    topics.DISCREPANCIES: ("discrepancies", "orphans"),
    topics.VISITS: ("card_visits",),
    topics.HEALTH: ("acquirer_health",),
    topics.DRIFT: ("feed_seen",),
    topics.OCPI_SESSIONS: ("ocpi_sessions",),
    topics.OCPI_CDRS: ("ocpi_cdrs",),
    topics.DECISIONS: ("link_decisions", "money_decisions"),
}


class _Tally:
    """Counts, sums and differences of one partition, window after window."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._records = self._rows = self._topic_sum = self._table_sum = 0
        self._differences: list[RowDifference] = []

    def compare(
        self, analytics: Analytics, tables: Iterable[str], span: Span, expected: Contents
    ) -> None:
        found: Contents = {}
        for table in tables:
            for offset, number in rows_between(analytics, table, span):
                if (table, offset) in found:
                    self._tell("repeated", table, offset)
                found[(table, offset)] = number
                self._rows += 1
        self._settle(expected, found)

    def compare_newest(self, analytics: Analytics, table: str, newest: Newest) -> None:
        """What has changed beyond the span is left out on both sides."""
        later = set(_changed_beyond(analytics, table, self._span))
        expected = {
            (table, offset): number
            for (of, *key), (offset, number) in newest.items()
            if of == table and tuple(key) not in later
        }
        found = {
            (table, offset): number
            for offset, number in rows_between(analytics, table, self._span._replace(begin=0))
        }
        self._rows += len(found)
        self._settle(expected, found)

    def _settle(self, expected: Contents, found: Contents) -> None:
        self._records += len(expected)
        self._topic_sum += sum(expected.values())
        self._table_sum += sum(found.values())
        for table, offset in sorted(expected.keys() | found.keys()):
            ours, theirs = expected.get((table, offset)), found.get((table, offset))
            if theirs is None:
                self._tell("missing", table, offset)
            elif ours is None:
                self._tell("extra", table, offset)
            elif ours != theirs:
                self._tell("changed", table, offset)

    def _tell(
        self, kind: Literal["missing", "extra", "changed", "repeated"], table: str, offset: int
    ) -> None:
        span = self._span
        self._differences.append(
            RowDifference(
                kind=kind, table=table, topic=span.topic, partition=span.partition, offset=offset
            )
        )

    def proof(self) -> Proof:
        return Proof(
            topic=self._span.topic,
            partition=self._span.partition,
            up_to=self._span.end,
            records=self._records,
            rows=self._rows,
            topic_digest=f"{self._topic_sum % MODULUS:016x}",
            table_digest=f"{self._table_sum % MODULUS:016x}",
            differences=self._differences,
        )


async def _windows(
    consumer: AIOKafkaConsumer, span: Span
) -> AsyncIterator[tuple[list[Source], int]]:
    """Records of the span, some at a time, each with the offset that the next ones begin at."""
    window: list[Source] = []
    if span.begin < span.end:
        async for record in records_of(consumer, span.topic, [span.partition]):
            if record.offset >= span.end:
                continue
            window.append(source_of(record))
            if len(window) == _WINDOW:
                yield window, record.offset + 1
                window = []
    yield window, span.end


def rows_between(analytics: Analytics, table: str, span: Span) -> Iterable[tuple[int, int]]:
    """Offset and content of every row of a table that came from this span, ascending."""
    begin = span.begin
    while True:
        answer = analytics.query(
            f"SELECT kafka_offset, {content_sql(TABLES[table])} FROM {table} FINAL"  # noqa: S608 - names of ours
            f" WHERE {_place(span)} AND kafka_offset >= {begin} AND kafka_offset < {span.end}"
            f" ORDER BY kafka_offset LIMIT {_PAGE}"
        )
        yield from ((offset, number) for offset, number in answer.rows)
        if len(answer.rows) < _PAGE:
            return
        begin = answer.rows[-1][0] + 1


def key_of(table: str, row: Row) -> tuple[str, ...]:
    """What the newest row of a table counts for."""
    names = TABLES[table].names
    return tuple(row[names.index(name)] for name in NEWEST_ONLY[table])


def _changed_beyond(analytics: Analytics, table: str, span: Span) -> Iterable[tuple[str, ...]]:
    answer = analytics.query(
        f"SELECT {', '.join(NEWEST_ONLY[table])} FROM {table} FINAL"  # noqa: S608 - names of ours
        f" WHERE {_place(span)} AND kafka_offset >= {span.end}"
    )
    return (tuple(row) for row in answer.rows)


def _place(span: Span) -> str:
    # A topic's name is letters, digits and ._- (Kafka refuses others): nothing to quote.
    return f"kafka_topic = '{span.topic}' AND kafka_partition = {span.partition}"
