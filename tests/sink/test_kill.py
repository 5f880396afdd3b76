"""kill -9 at the two places that matter: nothing is lost and nothing is there twice."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from sinkworld import APPENDED, counts, running, until_inserted

from connectors.clickhouse.rows import SUNK
from streams.sink.batch import pending_last
from streams.sink.cluster import committed_of

pytestmark = [pytest.mark.broker, pytest.mark.kill]


async def crash(settings, point, number):
    told = {
        "bootstrap": settings.bootstrap,
        "directory": str(settings.directory),
        "group_id": settings.group_id,
        "instance_id": settings.instance_id,
        "topic_prefix": settings.topic_prefix,
        "flush_every_s": settings.flush_every_s,
    }
    script = Path(__file__).with_name("crashing_sink.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, script, json.dumps(told), point, str(number),
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    async with asyncio.timeout(120):
        assert await process.wait() == -signal.SIGKILL


async def pending_ranges(settings):
    parts = [TopicPartition(topic, number) for topic in settings.topics for number in range(2)]
    committed = await committed_of(settings, parts)
    return [one for one in committed.values() if pending_last(one.metadata) is not None]


@pytest.mark.parametrize(("point", "number"), [("before", 1), ("after", 1), ("after", 4)])
async def test_a_killed_sink_goes_on_where_it_was(feed, settings, point, number):
    sent = await feed.sessions(6, also_bad=True)
    await crash(settings, point, number)
    assert await pending_ranges(settings), "it was killed elsewhere than meant"
    # More records: without the persisted range, the next batch would be another one.
    sent += await feed.sessions(3)
    async with running(settings) as analytics:
        await until_inserted(analytics, sent)
        await asyncio.sleep(1)  # what is there twice would come now
        found = await counts(analytics)
        merged = await counts(analytics, "FINAL")
    assert sum(found.values()) == sent
    assert {name: found[name] for name in APPENDED} == {name: merged[name] for name in APPENDED}
    assert not await pending_ranges(settings)


async def test_killed_again_while_it_replays(feed, settings):
    sent = await feed.sessions(4)
    for point, number in (("before", 2), ("after", 1), ("before", 1), ("after", 3)):
        await crash(settings, point, number)
    async with running(settings) as analytics:
        found = await until_inserted(analytics, sent)
    assert sum(found.values()) == sent


def test_every_topic_of_the_sink_is_in_these_tests():
    assert len(SUNK) == 14
