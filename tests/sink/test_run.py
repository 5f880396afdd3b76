"""The sink on a real broker and a real chDB."""

import asyncio
import json

import httpx
import msgspec
import pytest
from sinkworld import counts, running, until_inserted

from connectors.clickhouse.client import Address, Warehouse
from connectors.clickhouse.guard import QueryRefused
from connectors.clickhouse.rows import SUNK
from connectors.kafka.state_lock import claim
from schemas import topics
from streams.sink.asking import SinkAway, open_analytics
from streams.sink.directory import AnalyticsInUse
from streams.sink.run import ClusterDiffers, bind, run_sink
from streams.sink.settings import PORT_FILE

pytestmark = pytest.mark.broker


async def test_every_record_is_one_row_also_the_bad_ones(feed, settings):
    sent = await feed.sessions(5, also_bad=True)
    async with running(settings) as analytics:
        found = await until_inserted(analytics, sent)
        assert found == {
            "payment_commands": 5 * 8,
            "acquirer_answers": 5,
            "acquirer_notices": 5,
            "unbound_notices": 5,
            "alias_lookups": 5,
            "terminal_requests": 5,
            "reported_holds": 5,
            "card_reads": 5,
            "session_ledger": 5,
            "discrepancies": 5,
            "orphans": 5,
            "card_visits": 5,
            "acquirer_health": 5,
            "feed_seen": 5,
            "ocpi_sessions": 5,
            "ocpi_cdrs": 5,
            "ocpi_invoices": 5,
            "link_decisions": 5 * 2,
            "money_decisions": 5 * 3,
            "parked": 1,
            "unreadable": 3,
        }
        bad = await analytics.query("SELECT reason FROM unreadable ORDER BY reason")
        assert bad.rows == [["empty"], ["undecodable"], ["unexpected-record"]]
        # What comes while it runs comes too, and positions pass the markers behind it.
        sent += await feed.sessions(1)
        await until_inserted(analytics, sent)
        assert set(await analytics.positions()) == set(settings.topics)


async def test_a_restarted_sink_repeats_nothing(feed, settings):
    sent = await feed.sessions(3)
    async with running(settings) as analytics:
        first = await until_inserted(analytics, sent)
    async with running(settings) as analytics:
        await asyncio.sleep(1)
        assert await counts(analytics) == first


async def test_small_batches_are_as_good_as_one(feed, settings):
    sent = await feed.sessions(6)
    small = msgspec.structs.replace(settings, flush_rows=1, flush_every_s=0)
    async with running(small) as analytics:
        assert sum((await until_inserted(analytics, sent)).values()) == sent


def asked_through_its_port(settings):
    with open_analytics(settings.address) as analytics:
        return analytics.positions() is not None


async def test_a_stopped_sink_is_asked_through_its_directory(feed, settings):
    sent = await feed.sessions(2)
    async with running(settings) as analytics:
        await until_inserted(analytics, sent)
        assert await asyncio.to_thread(asked_through_its_port, settings)
    assert not (settings.directory / PORT_FILE).exists()
    with open_analytics(settings.address) as stopped:
        assert stopped.positions() is None
        assert stopped.query("SELECT count() FROM v_session_money").rows == [[2]]
        with pytest.raises(QueryRefused):
            stopped.query("DROP TABLE parked")


async def test_a_port_left_by_a_killed_sink_does_not_mislead(feed, settings):
    sent = await feed.sessions(1)
    async with running(settings) as analytics:
        await until_inserted(analytics, sent)
    (settings.directory / PORT_FILE).write_text("1\n")
    with open_analytics(settings.address) as stopped:
        assert stopped.positions() is None


async def test_a_second_owner_is_refused_by_name(settings):
    with (
        claim(settings.directory, patience_s=0),
        pytest.raises(AnalyticsInUse, match="is in use by process"),
    ):
        await run_sink(settings)


def test_nothing_to_open_is_told(tmp_path):
    with (
        pytest.raises(SinkAway, match="no sink has run here"),
        open_analytics(Address(tmp_path / "analytics")),
    ):
        pass


async def test_another_cluster_is_refused(feed, settings):
    async with running(settings):
        pass
    warehouse = Warehouse(settings.address)
    try:
        with pytest.raises(ClusterDiffers, match="not of another"):
            bind(warehouse, "another")
    finally:
        warehouse.close()


async def test_queries_come_over_loopback_from_programs_only(feed, settings):
    async with running(settings) as analytics:
        base = f"http://127.0.0.1:{(settings.directory / PORT_FILE).read_text().strip()}"
        assert (await analytics.query("SELECT 1 AS one")).rows == [[1]]
        async with httpx.AsyncClient() as client:
            for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
                answer = await client.post(f"{base}/query", content="SELECT 1", headers=headers)
                assert answer.status_code == 403
            refused = await client.post(f"{base}/query", content="DROP TABLE parked")
            assert refused.status_code == 400
            assert "error" in json.loads(refused.text)
            too_long = await client.post(f"{base}/query", content="SELECT 1 --" + "x" * 300_000)
            assert too_long.status_code == 413


async def test_a_query_does_not_hold_up_another(feed, settings):
    async with running(settings) as analytics:
        slow = asyncio.create_task(analytics.query("SELECT sleep(2.9), sleep(2.8), sleep(2.7)"))
        await asyncio.sleep(0.3)
        await analytics.query("SELECT 1")
        assert not slow.done()
        await slow


def test_what_is_sunk_is_in_the_catalogue():
    assert set(SUNK) <= set(topics.BY_NAME)
