"""`holdfast verify`: topics, ClickHouse and other people's books say the same, or where not.

Every row against its record (`sink/proof.py`), the laws of money over every session, the money of
every closed session against the acquirer's own books, and its receipt against the fiscal service's.
"""

import asyncio
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from connectors.clickhouse.rows import SUNK
from connectors.fiscal.simulator.books import Signed
from connectors.kafka.admin import describe_topics
from schemas import topics
from streams.reading import reader
from streams.receipts import against_journal, receipted
from streams.sink.asking import Analytics
from streams.sink.proof import Proof, Span, prove

_PAGE = 20_000
_POLL_S = 0.2


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """One session's money at its acquirer, summed over its holds, minor units of `currency`."""

    currency: str
    approved: int
    captured: int
    released: int
    lapsed: int
    open: int
    refunded: int = 0


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What differs, and where.

    `row`: a row and its record; `law`: money that does not add up; `acquirer`: the books differ;
    `fiscal`: the receipts do. `place` is table, topic, partition and offset, or the session.
    """

    of: Literal["row", "law", "acquirer", "fiscal"]
    kind: str
    place: str
    detail: str = ""


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What was compared and everything that differs.

    `waiting`: partitions that the sink had not reached in time, as topic/partition. `under_way`:
    sessions that are not closed and differ from the acquirer: an answer may be on its way.
    """

    records: int
    rows: int
    partitions: list[Proof]
    sessions: int
    sessions_at_acquirer: int | None
    receipts: int | None
    under_way: list[str]
    waiting: list[str]
    differences: list[Difference]

    @property
    def in_order(self) -> bool:
        return not self.differences and not self.waiting


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What to verify. `within_s`: how long the sink may take to reach the present ends."""

    bootstrap: str
    topics: tuple[str, ...] = SUNK
    topic_prefix: str = ""
    within_s: float = 60


async def verify(
    scope: Scope,
    analytics: Analytics,
    acquirer: Mapping[str, Books] | None,
    journal: Sequence[Signed] | None = None,
) -> Verification:
    """Compare everything up to the ends that the topics have now. Raises QueryRefused, SinkAway.

    `journal`: what the fiscal service has signed; None, as with `acquirer`: nobody can be asked.
    """
    async with reader(scope.bootstrap) as consumer:
        spans = await _spans(consumer, scope)
        waiting = await _sink_at(analytics, spans, scope.within_s)
        proofs = [
            await prove(consumer, analytics, span, span.topic.removeprefix(scope.topic_prefix))
            for span in spans
        ]
        fiscal = [] if journal is None else await _fiscal(consumer, scope, journal)
    sessions = await asyncio.to_thread(_sessions, analytics)
    against, under_way = _against_acquirer(sessions, acquirer or {}, compare=acquirer is not None)
    rows = [
        Difference(
            of="row", kind=one.kind, place=f"{one.table} {one.topic}/{one.partition}/{one.offset}"
        )
        for proof in proofs
        for one in proof.differences
    ]
    return Verification(
        records=sum(proof.records for proof in proofs),
        rows=sum(proof.rows for proof in proofs),
        partitions=proofs,
        sessions=len(sessions),
        sessions_at_acquirer=None if acquirer is None else len(acquirer),
        receipts=None if journal is None else len(journal),
        under_way=under_way,
        waiting=waiting,
        differences=rows + _lawless(sessions) + against + fiscal,
    )


async def _fiscal(
    consumer: AIOKafkaConsumer, scope: Scope, journal: Sequence[Signed]
) -> list[Difference]:
    name = scope.topic_prefix + topics.LEDGER
    found = await describe_topics(scope.bootstrap, [name])
    sessions = await receipted(consumer, name, found[name].partitions) if found else []
    return [
        Difference(of="fiscal", kind=one.kind, place=one.place, detail=one.detail)
        for one in against_journal(sessions, journal)
    ]


async def _spans(consumer: AIOKafkaConsumer, scope: Scope) -> list[Span]:
    names = [scope.topic_prefix + topic for topic in scope.topics]
    found = await describe_topics(scope.bootstrap, names)
    parts = [
        TopicPartition(name, number)
        for name in names
        if name in found
        for number in range(found[name].partitions)
    ]
    begins = await consumer.beginning_offsets(parts)
    ends = await consumer.end_offsets(parts)
    return [Span(part.topic, part.partition, begins[part], ends[part]) for part in parts]


async def _sink_at(analytics: Analytics, spans: list[Span], within_s: float) -> list[str]:
    """Wait for a running sink; the partitions that it has not reached in time."""
    deadline = time.monotonic() + within_s
    while True:
        positions = await asyncio.to_thread(analytics.positions)
        if positions is None:
            return []  # it does not run: what it has not written differs
        behind = [
            f"{span.topic}/{span.partition}"
            for span in spans
            if positions.get(span.topic, {}).get(span.partition, -1) < span.end
        ]
        if not behind or time.monotonic() > deadline:
            return behind
        await asyncio.sleep(_POLL_S)


class _Session(msgspec.Struct, frozen=True, kw_only=True):
    session_id: str
    is_closed: bool
    is_conserved: bool
    books: Books


def _sessions(analytics: Analytics) -> dict[str, _Session]:
    return {one.session_id: one for page in _pages(analytics) for one in page}


def _pages(analytics: Analytics) -> Iterator[list[_Session]]:
    last = ""
    while True:
        answer = analytics.query(
            "SELECT session_id, phase = 'closed', is_conserved, currency, approved_minor,"  # noqa: S608 - quoted
            " captured_minor, released_minor, lapsed_minor, open_minor, refunded_minor"
            " FROM v_session_money"
            f" WHERE session_id > '{last}' ORDER BY session_id LIMIT {_PAGE}"
        )
        yield [_session(row) for row in answer.rows]
        if len(answer.rows) < _PAGE:
            return
        # It comes out of our own table, where it could be anything that was on the topic.
        last = str(answer.rows[-1][0]).replace("\\", "\\\\").replace("'", "\\'")


def _session(row: list[Any]) -> _Session:
    session_id, is_closed, is_conserved, currency, *amounts = row
    approved, captured, released, lapsed, still_open, refunded = amounts
    return _Session(
        session_id=session_id,
        is_closed=bool(is_closed),
        is_conserved=bool(is_conserved),
        books=Books(
            currency=currency,
            approved=approved,
            captured=captured,
            released=released,
            lapsed=lapsed,
            open=still_open,
            refunded=refunded,
        ),
    )


def _lawless(sessions: Mapping[str, _Session]) -> list[Difference]:
    return [
        Difference(of="law", kind="not_conserved", place=one.session_id, detail=str(one.books))
        for one in sessions.values()
        if not one.is_conserved
    ]


def _against_acquirer(
    sessions: Mapping[str, _Session], acquirer: Mapping[str, Books], *, compare: bool
) -> tuple[list[Difference], list[str]]:
    """Differences of settled sessions, and the sessions that differ but are still under way."""
    differences: list[Difference] = []
    under_way: list[str] = []
    for session_id in sorted(sessions.keys() | acquirer.keys()) if compare else []:
        ours, theirs = sessions.get(session_id), acquirer.get(session_id)
        found = _difference(session_id, ours, theirs)
        if found is None:
            continue
        if ours is not None and not ours.is_closed:
            under_way.append(session_id)
        else:
            differences.append(found)
    return differences, under_way


def _difference(session_id: str, ours: _Session | None, theirs: Books | None) -> Difference | None:
    if ours is None:
        kind, detail = "unknown_to_us", str(theirs)
    elif theirs is None:
        if ours.books.approved == 0:
            return None
        kind, detail = "unknown_to_acquirer", str(ours.books)
    elif ours.books != theirs:
        kind, detail = "amounts", f"ours {ours.books}, theirs {theirs}"
    else:
        return None
    return Difference(of="acquirer", kind=kind, place=session_id, detail=detail)


def simulator_books(ledger: Path) -> dict[str, Books]:
    """The simulated acquirer's books, out of its database, which is only read."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT json_extract(hold, '$.session_id') AS session_id, max(currency), sum(approved),"
            " sum(captured), sum(released), sum(lapsed), sum(open), sum(refunded) FROM holds"
            " GROUP BY session_id HAVING session_id <> ''"
        ).fetchall()
    return {
        session_id: Books(
            currency=currency,
            approved=approved,
            captured=captured,
            released=released,
            lapsed=lapsed,
            open=still_open,
            refunded=refunded,
        )
        for session_id, currency, approved, captured, released, lapsed, still_open, refunded in rows
    }
