"""Two sinks of one group (a server takes several): partitions change hands, each record once."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer

from connectors.clickhouse.rows import SUNK
from streams.sink.cluster import committed_of, open_consumer
from streams.sink.intake import Intake

pytestmark = pytest.mark.broker


class Tables:
    """What all sinks inserted; like the engine, a token that is there already changes nothing."""

    def __init__(self):
        self.blocks = {}
        self.repeated = 0

    async def insert(self, batch):
        await asyncio.sleep(0.02)
        offsets = [one.offset for one in batch.records]
        if batch.token in self.blocks:
            self.repeated += 1
            assert self.blocks[batch.token] == offsets, "another batch under the same token"
        self.blocks[batch.token] = offsets

    def places(self):
        return Counter(
            (token.rpartition(":")[0], offset)
            for token, offsets in self.blocks.items()
            for offset in offsets
        )


async def intake_of(stack, settings, number, tables):
    own = msgspec.structs.replace(settings, instance_id=f"{settings.group_id}-{number}")
    consumer = await open_consumer(stack, own)
    intake = Intake(own, consumer, lambda parts: committed_of(own, parts), tables.insert)
    consumer.subscribe(own.topics, listener=intake)
    return intake


async def all_of(settings):
    """Every record that a reader is shown, by place."""
    consumer = AIOKafkaConsumer(
        *settings.topics, bootstrap_servers=settings.bootstrap, auto_offset_reset="earliest",
        isolation_level="read_committed",
    )  # fmt: skip
    await consumer.start()
    try:
        found = []
        while records := await consumer.getmany(timeout_ms=2000):
            found += [
                (f"{part.topic}:{part.partition}", record.offset)
                for part, several in records.items()
                for record in several
            ]
        return found
    finally:
        await consumer.stop()


async def test_records_are_inserted_once_while_partitions_change_hands(feed, settings):
    tables, stops = Tables(), [asyncio.Event(), asyncio.Event()]
    async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
        feeding = group.create_task(feed.sessions(40))
        first = await intake_of(stack, settings, 0, tables)
        running = [group.create_task(first.run(stops[0]))]
        await until(lambda: len(tables.blocks) > 5)
        second = await intake_of(stack, settings, 1, tables)
        running.append(group.create_task(second.run(stops[1])))
        await until_shared(first, second)
        await feeding
        await feed.sessions(2)
        await until(lambda: len(tables.places()) >= feed.sent)
        for stop in stops:
            stop.set()
        await asyncio.gather(*running)
    places = tables.places()
    assert set(places.values()) == {1}
    assert sorted(places) == sorted(await all_of(settings))
    assert len(places) == feed.sent


async def until(is_so, within_s=120):
    async with asyncio.timeout(within_s):
        while not is_so():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)


async def until_shared(first, second):
    async with asyncio.timeout(60):
        while True:
            one, other = await first.positions(), await second.positions()
            counts = [sum(len(of) for of in each.values()) for each in (one, other)]
            if all(counts) and sum(counts) == 2 * len(SUNK):
                return
            await asyncio.sleep(0.1)
