"""Topics and groups as the broker keeps them: defaults, and the settings we hold against them."""

import asyncio
import subprocess
import sys
import time

import pytest
from aiokafka import TopicPartition

from schemas import topics
from streams.engine.transactions import murmur2_partition

pytestmark = pytest.mark.broker

DAY_MS = 24 * 60 * 60 * 1000


class TestCompaction:
    """Only closed segments are compacted, and only when enough of a partition is dirty."""

    async def test_naive_defaults_keep_every_version_for_a_week_at_least(self, wire):
        name = await wire.topic(wire.name("default"), cleanup_policy="compact")
        found = await wire.topic_configs(name)
        assert int(found["segment.bytes"]) == 1 << 30
        assert int(found["segment.ms"]) == 7 * DAY_MS
        assert float(found["min.cleanable.dirty.ratio"]) == 0.5
        assert int(found["max.compaction.lag.ms"]) == (1 << 63) - 1

    async def test_ours_as_the_broker_has_them(self, wire):
        (state,) = [topic for topic in topics.TOPICS if topic.name == topics.LINK_STATE]
        name = await wire.topic(wire.name("state"), **state.configs)
        found = await wire.topic_configs(name)
        assert int(found["segment.bytes"]) == 64 << 20
        assert int(found["segment.ms"]) == 10 * 60 * 1000
        assert float(found["min.cleanable.dirty.ratio"]) == 0.1
        assert int(found["max.compaction.lag.ms"]) == 30 * 60 * 1000
        assert int(found["delete.retention.ms"]) == DAY_MS

    async def test_a_closed_segment_is_what_makes_the_difference(self, wire):
        """Ours in fast motion: a segment is closed after 100 ms where ours has ten minutes."""
        cleaner_every_s = int(await wire.broker_config("log.cleaner.backoff.ms")) / 1000
        default = await wire.topic(wire.name("default"), cleanup_policy="compact")
        quick = await wire.topic(
            wire.name("quick"),
            cleanup_policy="compact",
            segment_ms=100,
            min_cleanable_dirty_ratio=0.1,
        )
        for number in range(20):
            for topic in (default, quick):
                await self._put(wire, topic, b"%d" % number)
            if number in (10, 19):
                await asyncio.sleep(0.3)
        await self._put(wire, quick, b"closes the segment before it")

        async def compacted():
            return len(await wire.read(quick)) <= 3

        assert await wire.until(compacted, 2 * cleaner_every_s + 20)
        assert len(await wire.read(default)) == 20

    async def _put(self, wire, topic, value):
        async with wire.producer() as producer:
            await producer.send_and_wait(topic, value, key=b"one key")


class TestMembership:
    """A static member keeps its partitions over a restart, and over its end too."""

    async def members(self, wire, group):
        async with wire.admin() as admin:
            (answer,) = await admin.describe_consumer_groups([group])
        return len(answer.groups[0][5])

    async def join_and_stop(self, wire, group, **settings):
        topic = await wire.topic(wire.name("members"))
        settings |= {"session_timeout_ms": 6000, "heartbeat_interval_ms": 1000}
        async with wire.consumer(topic, group_id=group, **settings) as consumer:
            await consumer.seek_to_beginning()
            assert consumer.assignment() == {TopicPartition(topic, 0)}

    async def test_a_dynamic_member_leaves_when_it_stops(self, wire):
        group = wire.name("dynamic")
        await self.join_and_stop(wire, group)
        assert await self.members(wire, group) == 0

    async def test_a_static_member_stays_until_its_session_times_out(self, wire):
        group = wire.name("static")
        await self.join_and_stop(wire, group, group_instance_id=f"{group}-0")
        began = time.monotonic()
        assert await self.members(wire, group) == 1

        async def gone():
            return await self.members(wire, group) == 0

        assert await wire.until(gone)
        assert time.monotonic() - began > 3

    async def test_a_static_member_that_comes_back_for_more_is_given_what_it_had(self, wire):
        """Naive: the broker does not look at the new subscription. Ours: another member's name."""
        first, second = await wire.topic(wire.name("a")), await wire.topic(wire.name("b"))
        group = wire.name("static")
        static = {"group_id": group, "group_instance_id": f"{group}-0"}
        async with wire.consumer(first, **static) as consumer:
            await consumer.seek_to_beginning()
        async with wire.consumer(first, second, **static) as consumer:
            await asyncio.sleep(1)
            assert consumer.assignment() == {TopicPartition(first, 0)}
        static["group_instance_id"] += "-with-other-inputs"
        async with wire.consumer(first, second, **static) as consumer:

            async def both():
                return consumer.assignment()

            assert TopicPartition(second, 0) in await wire.until(both)


class TestKeys:
    async def test_a_plain_producer_s_keys_land_where_ours_are_looked_for(self, wire):
        topic = await wire.topic(wire.name("keys"), 4)
        keys = [b"21", b"foobar", b"abc", b"tenant/network/charger-1"]
        async with wire.producer() as producer:
            sent = [await producer.send_and_wait(topic, b"v", key=key) for key in keys]
        assert [record.partition for record in sent] == [murmur2_partition(k, 4) for k in keys]


class TestCodecs:
    """The extras of aiokafka that an operator's producer may make necessary."""

    def test_naive_without_cramjam_they_are_refused(self):
        program = (
            "import sys; sys.modules['cramjam'] = None\n"
            "from aiokafka import codec\n"
            "print(codec.has_lz4(), codec.has_zstd(), codec.has_snappy())"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        assert done.stdout == "False False False\n"

    @pytest.mark.parametrize("codec", ["lz4", "zstd", "snappy", "gzip"])
    async def test_ours_reads_them_all(self, wire, codec):
        topic = await wire.topic(wire.name(codec))
        async with wire.producer(compression_type=codec) as producer:
            await producer.send_and_wait(topic, b"reading " * 100)
        assert await wire.values(topic) == [b"reading " * 100]
