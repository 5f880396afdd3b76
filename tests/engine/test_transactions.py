"""The transactions of a partition on a real broker: whole or not at all, and fenced."""

from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError, ProducerFenced
from aiokafka.producer import sender

from streams.engine.transactions import (
    CONCURRENT_TRANSACTIONS_BACKOFF,
    Send,
    StateRecords,
    Transactions,
    murmur2_partition,
    offsets_of,
)

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]


@asynccontextmanager
async def started(kafka, name: str):
    transactions = Transactions(kafka.bootstrap, name, 6_000)
    await transactions.start()
    try:
        yield transactions
    finally:
        await transactions.stop()


async def visible(kafka, topic: str, partitions: int = 1) -> dict[bytes, list[bytes]]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    found: dict[bytes, list[bytes]] = {}
    async with consumer:
        places = [TopicPartition(topic, partition) for partition in range(partitions)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        await consumer.seek_to_beginning(*places)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=100)).values():
                for record in records:
                    found.setdefault(record.key, []).append(record.value)
    return found


async def test_state_and_outputs_become_visible_together(kafka, unique, make_topic):
    state, out = await make_topic("state"), await make_topic("out", partitions=3)
    sends = [Send(out, None, b"k%d" % i, b"v", []) for i in range(20)]
    async with started(kafka, unique) as transactions:
        await transactions.commit(StateRecords(state, 0, {b"s": b"1"}), sends, {}, unique)
    assert await visible(kafka, state) == {b"s": [b"1"]}
    assert len(await visible(kafka, out, 3)) == 20


async def test_keyed_outputs_go_where_the_java_client_puts_them(kafka, unique, make_topic):
    state, out = await make_topic("state"), await make_topic("out", partitions=3)
    keys = [b"k%d" % i for i in range(20)]
    async with started(kafka, unique) as transactions:
        sends = [Send(out, None, key, b"v", []) for key in keys]
        await transactions.commit(StateRecords(state, 0, {}), sends, {}, unique)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
    )
    async with consumer:
        consumer.assign([TopicPartition(out, partition) for partition in range(3)])
        await consumer.seek_to_beginning()
        found = {}
        while len(found) < len(keys):
            for place, records in (await consumer.getmany(timeout_ms=500)).items():
                found |= {record.key: place.partition for record in records}
    assert found == {key: murmur2_partition(key, 3) for key in keys}


async def test_much_state_takes_several_batches(kafka, unique, make_topic):
    state = await make_topic("state")
    records = {b"%d" % i: b"x" * 100_000 for i in range(30)}
    async with started(kafka, unique) as transactions:
        await transactions.commit(StateRecords(state, 0, records), [], {}, unique)
    assert await visible(kafka, state) == {key: [value] for key, value in records.items()}


async def test_a_refused_send_undoes_all_the_others(kafka, unique, make_topic):
    state = await make_topic("state")
    small = await make_topic("small", max_message_bytes=1_000)
    async with started(kafka, unique) as transactions:
        with pytest.raises(MessageSizeTooLargeError):
            await transactions.commit(
                StateRecords(state, 0, {b"s": b"1"}),
                [Send(small, 0, b"k", b"x" * 5_000, [])],
                {},
                unique,
            )
    assert await visible(kafka, state) == {}


async def test_a_later_owner_fences_the_earlier_one(kafka, unique, make_topic):
    state = await make_topic("state")
    async with started(kafka, unique) as first:
        await first.commit(StateRecords(state, 0, {b"s": b"first"}), [], {}, unique)
        async with started(kafka, unique) as second:
            for _ in range(2):  # also when aiokafka itself would only say AssertionError
                with pytest.raises(ProducerFenced):
                    await first.commit(StateRecords(state, 0, {b"s": b"late"}), [], {}, unique)
            await second.commit(StateRecords(state, 0, {b"s": b"second"}), [], {}, unique)
    assert await visible(kafka, state) == {b"s": [b"first", b"second"]}


def test_the_pause_between_transactions_is_ours():
    assert sender.BACKOFF_OVERRIDE == CONCURRENT_TRANSACTIONS_BACKOFF == 0.002


def test_a_batch_whose_place_was_not_told_places_none_of_its_records():
    assert list(offsets_of(7, 3)) == [7, 8, 9]
    assert list(offsets_of(-1, 3)) == [-1, -1, -1]
    assert list(offsets_of(-1, 0)) == []
