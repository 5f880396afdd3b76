"""Verify says nothing where all is well, and names every row and session that is not."""

import asyncio
import sqlite3
from contextlib import closing

import msgspec
import pytest
from sinkworld import example, running, session_record, until_inserted

from connectors.clickhouse.client import Warehouse
from connectors.clickhouse.rows import Source, row_of
from connectors.clickhouse.tables import TABLES
from schemas import codec, topics
from schemas.ledger import SessionLedger
from streams.sink.asking import open_analytics
from streams.verify import Books, Scope, simulator_books, verify

pytestmark = pytest.mark.broker


def scope(settings, within_s=120):
    return Scope(
        bootstrap=settings.bootstrap, topic_prefix=settings.topic_prefix, within_s=within_s
    )


@pytest.fixture
async def filled(feed, settings):
    """Analytics of a sink that has stopped, and how many records it was given."""
    sent = await feed.sessions(6, also_bad=True)
    async with running(settings) as analytics:
        await until_inserted(analytics, sent)
    return sent


def opened(settings):
    return open_analytics(settings.address)


def changed(settings, *statements):
    warehouse = Warehouse(settings.address)
    try:
        for statement in statements:
            warehouse.execute(f"{statement} SETTINGS mutations_sync = 2")
    finally:
        warehouse.close()


async def found(settings, acquirer=None):
    with opened(settings) as analytics:
        return await verify(scope(settings), analytics, acquirer)


async def test_all_is_well_with_a_running_sink_that_is_waited_for(feed, settings):
    async with running(settings) as analytics:
        sent = await feed.sessions(4, also_bad=True)
        told = await verify(scope(settings), analytics.sink, None)
    assert told.in_order, told
    assert (told.records, told.rows, told.sessions) == (sent, sent, 4)
    assert told.sessions_at_acquirer is None
    for proof in told.partitions:
        assert proof.topic_digest == proof.table_digest
        assert proof.records == proof.rows


async def test_a_sink_that_does_not_get_there_is_told(feed, settings):
    await feed.sessions(1)

    class Stuck:
        def __init__(self, sink):
            self.query = sink.query

        def positions(self):
            return {}

    async with running(settings) as analytics:
        told = await verify(scope(settings, within_s=0), Stuck(analytics.sink), None)
    assert not told.in_order
    assert f"{settings.topic_prefix}{topics.LEDGER}/0" in told.waiting


async def test_a_deleted_row_is_missing_and_a_changed_one_changed(filled, settings):
    changed(
        settings,
        "ALTER TABLE acquirer_answers DELETE WHERE 1",
        "ALTER TABLE terminal_requests UPDATE scheme = 'other' WHERE 1",
        "ALTER TABLE unreadable DELETE WHERE reason = 'empty'",
    )
    told = await found(settings)
    rows = [(one.kind, one.place.split()[0]) for one in told.differences]
    assert sorted(set(rows)) == [
        ("changed", "terminal_requests"),
        ("missing", "acquirer_answers"),
        ("missing", "unreadable"),
    ]
    assert (len(rows), told.in_order) == (6 + 6 + 1, False)
    assert all("/" in one.place for one in told.differences)
    assert told.rows == filled - 7


async def test_an_amount_changed_in_the_ledger_is_found(filled, settings):
    changed(settings, "ALTER TABLE session_ledger UPDATE captured_minor = 1 WHERE 1")
    told = await found(settings)
    kinds = {(one.of, one.kind) for one in told.differences}
    assert kinds == {("row", "changed"), ("law", "not_conserved")}


async def test_a_row_that_no_record_made_is_extra_and_one_twice_is_repeated(filled, settings):
    topic = settings.topic_prefix + topics.REQUESTS
    warehouse = Warehouse(settings.address)
    try:
        partition, known = warehouse.select(
            "SELECT kafka_partition, kafka_offset FROM terminal_requests ORDER BY 2 LIMIT 1"
        )[0]
        # A transaction of one record: the offset after it is its marker's.
        for offset in (known, known + 1, 1_000_000):
            value = codec.encode(session_record("SessionRequested", f"made-up-{offset}"))
            source = Source(topic, partition, offset, 0, b"k", value)
            row = row_of(source, topics.REQUESTS)[1]
            warehouse.insert(TABLES["terminal_requests"], [row], f"made-up:{offset}")
    finally:
        warehouse.close()
    told = await found(settings)
    kinds = [one.kind for one in told.differences]
    # Which of the two rows is compared is open. Beyond the topic's end nothing is compared.
    assert sorted(kind for kind in kinds if kind != "changed") == ["extra", "repeated"]
    assert not told.in_order


async def test_books_of_the_acquirer_are_compared_session_by_session(filled, settings):
    ledger = example("SessionLedger")
    assert isinstance(ledger, SessionLedger)
    books = Books(
        currency=ledger.currency,
        approved=ledger.approved_minor,
        captured=ledger.captured_minor,
        released=ledger.released_minor,
        lapsed=ledger.lapsed_minor,
        open=ledger.open_minor,
    )
    with opened(settings) as analytics:
        answer = await asyncio.to_thread(
            analytics.query, "SELECT session_id FROM v_session_money ORDER BY session_id"
        )
    names = [row[0] for row in answer.rows]
    right = dict.fromkeys(names, books)
    assert (await found(settings, right)).in_order
    wrong = {
        **right,
        names[0]: msgspec.structs.replace(books, captured=books.captured - 1, open=1),
        "nobody": books,
    }
    del wrong[names[1]]
    told = await found(settings, wrong)
    assert {(one.of, one.kind, one.place) for one in told.differences} == {
        ("acquirer", "amounts", names[0]),
        ("acquirer", "unknown_to_us", "nobody"),
        ("acquirer", "unknown_to_acquirer", names[1]),
    }


async def test_a_session_under_way_may_differ_from_the_acquirer(filled, settings):
    changed(settings, "ALTER TABLE session_ledger UPDATE phase = 'charging' WHERE 1")
    told = await found(settings, {})
    assert len(told.under_way) == 6
    assert {one.of for one in told.differences} == {"row"}


def test_the_simulators_books_are_summed_by_session(tmp_path):
    file = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(file)) as database:
        database.execute(
            "CREATE TABLE holds (currency TEXT, approved INT, captured INT, released INT,"
            " lapsed INT, open INT, refunded INT, hold BLOB)"
        )
        database.executemany(
            "INSERT INTO holds VALUES ('NOK', ?, ?, ?, ?, ?, 0, ?)",
            [
                (10, 4, 6, 0, 0, b'{"session_id": "a"}'),
                (5, 0, 0, 2, 3, b'{"session_id": "a"}'),
                (7, 7, 0, 0, 0, b'{"session_id": "b"}'),
                (1, 1, 0, 0, 0, b'{"session_id": ""}'),
            ],
        )
        database.commit()
    assert simulator_books(file) == {
        "a": Books(currency="NOK", approved=15, captured=4, released=6, lapsed=2, open=3),
        "b": Books(currency="NOK", approved=7, captured=7, released=0, lapsed=0, open=0),
    }
