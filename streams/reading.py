"""Topics read from the outside: whole partitions up to their present end, or single records."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.partitioner import murmur2


def partition_of(key: bytes, partitions: int) -> int:
    """Where every producer of ours puts this key (murmur2, as Kafka's own clients)."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


@asynccontextmanager
async def reader(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer without a group that sees committed records only."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    await asyncio.sleep(0)  # aiokafka's own tasks begin now: stopped before that, stop() raises
    try:
        yield consumer
    finally:
        await consumer.stop()


async def records_of(
    consumer: AIOKafkaConsumer, topic: str, partitions: Iterable[int]
) -> AsyncIterator[ConsumerRecord]:
    """Every record of these partitions up to the ends seen now, each partition in order."""
    parts = [TopicPartition(topic, number) for number in partitions]
    consumer.assign(parts)
    await consumer.seek_to_beginning(*parts)
    ends = await consumer.end_offsets(parts)
    behind = {part for part in parts if await consumer.position(part) < ends[part]}
    while behind:
        for part, records in (await consumer.getmany(timeout_ms=100)).items():
            for record in records:
                if record.offset < ends[part]:
                    yield record
        behind = {part for part in behind if await consumer.position(part) < ends[part]}


async def record_at(
    consumer: AIOKafkaConsumer, topic: str, partition: int, offset: int
) -> ConsumerRecord | None:
    """The record at exactly this place; None where retention or a transaction removed it."""
    part = TopicPartition(topic, partition)
    consumer.assign([part])
    consumer.seek(part, offset)
    end = (await consumer.end_offsets([part]))[part]
    while offset < end and await consumer.position(part) <= offset:
        for records in (await consumer.getmany(timeout_ms=100, max_records=1)).values():
            for record in records:
                return record if record.offset == offset else None
    return None
