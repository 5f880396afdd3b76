"""aiokafka's transactions: what they do not do by themselves, and what our use of them adds."""

import asyncio
import gc
import subprocess
import sys
import time
from contextlib import asynccontextmanager, suppress

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerFenced
from aiokafka.producer import sender

from streams.engine.transactions import (
    CONCURRENT_TRANSACTIONS_BACKOFF,
    Send,
    StateRecords,
    Transactions,
)

pytestmark = pytest.mark.broker


@pytest.fixture(autouse=True)
def collected():
    """aiokafka leaves a future nobody asks when a producer is fenced; asyncio logs that when it is
    collected. In the middle of a later parse, that log crashes the parser (CPython 3.11).
    """
    yield
    gc.collect()


class Ours:
    """The engine's transactions, each with a record of state as in real life."""

    def __init__(self, transactions, state_topic):
        self._transactions = transactions
        self._state_topic = state_topic

    async def commit(self, sends, offsets=None, group=""):
        state = StateRecords(self._state_topic, 0, {b"positions": b"1"})
        await self._transactions.commit(state, sends, offsets or {}, group)


@asynccontextmanager
async def ours(wire, transactional_id, timeout_ms=6000):
    state_topic = await wire.topic(wire.name("state"), cleanup_policy="compact")
    transactions = Transactions(wire.bootstrap, transactional_id, timeout_ms)
    await transactions.start()
    try:
        yield Ours(transactions, state_topic)
    finally:
        await transactions.stop()


def send(topic, value):
    return Send(topic, 0, b"k", value, [])


class TestFailedSend:
    """A send that the broker refuses must take the whole transaction with it."""

    async def test_naive_the_transaction_commits_without_the_record(self, wire):
        topic = await wire.topic(wire.name("narrow"), max_message_bytes=1000)
        group = wire.name("group")
        async with wire.producer(wire.name("tid")) as producer:
            async with producer.transaction():
                await producer.send(topic, b"fits")
                await producer.flush()
                lost = await producer.send(topic, b"x" * 5000)
                await producer.send_offsets_to_transaction({TopicPartition(topic, 0): 5}, group)
            with pytest.raises(MessageSizeTooLargeError):
                await lost
        assert await wire.values(topic) == [b"fits"]
        assert await wire.group_reaches(group, topic, 5)

    async def test_ours_the_error_is_raised_and_nothing_is_visible(self, wire):
        topic = await wire.topic(wire.name("narrow"), max_message_bytes=1000)
        wide = await wire.topic(wire.name("wide"))
        group = wire.name("group")
        async with ours(wire, wire.name("tid")) as transactions:
            with pytest.raises(MessageSizeTooLargeError):
                await transactions.commit(
                    [send(wide, b"fits"), send(topic, b"x" * 5000)],
                    {TopicPartition(topic, 0): 5},
                    group,
                )
        assert await wire.values(topic) == []
        assert await wire.values(wide) == []
        assert await wire.committed(group, topic) is None


class TestBackoff:
    """aiokafka sleeps when the markers of the transaction before are still being written."""

    def test_naive_the_constant_is_as_measured(self):
        """In a process of its own: importing our engine has changed it in this one."""
        program = "from aiokafka.producer import sender; print(sender.BACKOFF_OVERRIDE)"
        output = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
        assert float(output.stdout) == 0.02

    @pytest.mark.parametrize("backoff", [0.02, CONCURRENT_TRANSACTIONS_BACKOFF])
    async def test_the_constant_is_what_is_slept(self, wire, monkeypatch, backoff):
        """Not by the clock: this machine may be busy. Ours is 2 ms, naive are the 20."""
        if backoff != CONCURRENT_TRANSACTIONS_BACKOFF:
            monkeypatch.setattr(sender, "BACKOFF_OVERRIDE", backoff)
        slept = []
        original = sender.AddPartitionsToTxnHandler.handle_response

        def handle_response(handler, response):
            backoff = original(handler, response)
            if backoff is not None:
                slept.append(backoff)
            return backoff

        monkeypatch.setattr(sender.AddPartitionsToTxnHandler, "handle_response", handle_response)
        topic = await wire.topic(wire.name("turns"))
        async with ours(wire, wire.name("tid")) as transactions:
            for _ in range(300):
                await transactions.commit([send(topic, b"v")])
                if len(slept) >= 3:
                    break
        assert set(slept) == {backoff}


class TestFence:
    """aiokafka's offset commits name the group alone, so only the transactional id can fence."""

    async def test_naive_a_zombie_with_an_id_of_its_own_commits_over_its_successor(self, wire):
        topic, group = await wire.topic(wire.name("zombie")), wire.name("group")
        place = TopicPartition(topic, 0)
        async with wire.producer(wire.name("a")) as zombie, wire.producer(wire.name("b")) as next_:
            async with next_.transaction():
                await next_.send(topic, b"by the successor")
                await next_.send_offsets_to_transaction({place: 10}, group)
            async with zombie.transaction():
                await zombie.send(topic, b"by the zombie")
                await zombie.send_offsets_to_transaction({place: 3}, group)
        assert await wire.values(topic) == [b"by the successor", b"by the zombie"]
        assert await wire.group_reaches(group, topic, 3)

    async def test_ours_a_zombie_with_the_id_of_its_partition_is_fenced(self, wire):
        topic, group = await wire.topic(wire.name("zombie")), wire.name("group")
        place, static = TopicPartition(topic, 0), wire.name("app-stage-0")
        async with ours(wire, static) as zombie:
            await zombie.commit([send(topic, b"while it was alive")], {place: 3}, group)
            async with ours(wire, static) as successor:
                with pytest.raises(ProducerFenced):
                    await zombie.commit([send(topic, b"by the zombie")], {place: 4}, group)
                await successor.commit([send(topic, b"by the successor")], {place: 10}, group)
        assert await wire.values(topic) == [b"while it was alive", b"by the successor"]
        assert await wire.group_reaches(group, topic, 10)


class TestAbandonedTransaction:
    """A killed owner leaves a transaction open, and `read_committed` readers wait behind it."""

    TIMEOUT_MS = 2000

    @pytest.fixture
    async def abandoned(self, wire):
        topic, static = await wire.topic(wire.name("abandoned")), wire.name("app-stage-0")
        await asyncio.to_thread(self._be_killed, wire, topic, static)
        await wire.put(topic, b"behind it")
        return topic, static

    def _be_killed(self, wire, topic, static):
        script = wire.naive("abandon.py")
        command = [sys.executable, script, wire.bootstrap, topic, static, str(self.TIMEOUT_MS)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as owner:
            assert owner.stdout.readline() == b"open\n"
            owner.kill()

    async def test_naive_readers_wait_for_the_time_out_and_the_clean_up(self, wire, abandoned):
        topic, _ = abandoned
        began = time.monotonic()
        assert await wire.values(topic) == []
        assert await wire.values(topic, "read_uncommitted") == [b"abandoned", b"behind it"]
        interval_s = await self._clean_up_interval_s(wire)
        while await wire.values(topic) != [b"behind it"]:
            assert time.monotonic() - began < self.TIMEOUT_MS / 1000 + interval_s + 3
        assert time.monotonic() - began > self.TIMEOUT_MS / 1000 - 1

    async def test_ours_the_next_owner_of_the_id_frees_them_at_once(self, wire, abandoned):
        topic, static = abandoned
        began = time.monotonic()
        async with ours(wire, static):
            while await wire.values(topic) != [b"behind it"]:
                assert time.monotonic() - began < 1
        assert time.monotonic() - began < self.TIMEOUT_MS / 1000

    async def _clean_up_interval_s(self, wire):
        name = "transaction.abort.timed.out.transaction.cleanup.interval.ms"
        return int(await wire.broker_config(name)) / 1000


class TestOffsetsOfTransactions:
    async def test_naive_reading_the_group_does_not_wait_for_an_open_transaction(self, wire):
        """No `require_stable` in aiokafka: the answer is already out of date when it is given."""
        topic, group = await wire.topic(wire.name("pending")), wire.name("group")
        async with wire.producer(wire.name("tid")) as producer, producer.transaction():
            await producer.send(topic, b"v")
            await producer.send_offsets_to_transaction({TopicPartition(topic, 0): 7}, group)
            await producer.flush()
            assert await wire.committed(group, topic) is None
        assert await wire.committed(group, topic) == 7

    async def test_ends_count_markers_and_aborted_records(self, wire):
        """So neither `end - 1 was seen` nor `end == count` tells that a topic was read whole."""
        topic = await wire.topic(wire.name("gaps"))
        place = TopicPartition(topic, 0)
        async with wire.producer(wire.name("tid")) as producer:
            async with producer.transaction():
                await producer.send(topic, b"one")
            with suppress(KafkaError, ZeroDivisionError):
                async with producer.transaction():
                    await producer.send_and_wait(topic, b"aborted")
                    raise ZeroDivisionError
            async with producer.transaction():
                await producer.send(topic, b"two")
        records = await wire.read(topic)
        async with wire.consumer() as consumer:
            end = (await consumer.end_offsets([place]))[place]
        assert [(record.offset, record.value) for record in records] == [(0, b"one"), (4, b"two")]
        assert end == 6

    async def test_ours_the_position_reaches_the_end_over_markers(self, wire):
        """What a restore relies on; `wire.read` ends by position too, and would hang otherwise."""
        topic = await wire.topic(wire.name("gaps"))
        place = TopicPartition(topic, 0)
        async with ours(wire, wire.name("tid")) as transactions:
            await transactions.commit([send(topic, b"v")])
        async with wire.consumer(isolation_level="read_committed") as consumer:
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            await consumer.getmany(timeout_ms=500)
            assert await consumer.position(place) == 2

    async def test_end_offsets_stop_at_an_open_transaction_only_for_read_committed(self, wire):
        topic = await wire.topic(wire.name("open"))
        place = TopicPartition(topic, 0)
        async with wire.producer(wire.name("tid")) as producer, producer.transaction():
            await producer.send_and_wait(topic, b"v")
            ends = {}
            for level in ("read_committed", "read_uncommitted"):
                async with wire.consumer(isolation_level=level) as consumer:
                    ends[level] = (await consumer.end_offsets([place]))[place]
        assert ends == {"read_committed": 0, "read_uncommitted": 1}
