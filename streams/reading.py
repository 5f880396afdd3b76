"""Topics read from the outside: whole partitions up to their present end, or single records."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.partitioner import murmur2

_NEAR = 2_000  # records: reading on over so many costs less than asking the broker anew


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
    try:
        await consumer.start()
        await asyncio.sleep(0)  # aiokafka's own tasks begin now: stopped before that, stop() raises
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
    return (await records_at(consumer, topic, partition, [offset])).get(offset)


async def records_at(
    consumer: AIOKafkaConsumer, topic: str, partition: int, offsets: Iterable[int]
) -> dict[int, ConsumerRecord]:
    """The records at these places of one partition, without what retention or abort removed."""
    part = TopicPartition(topic, partition)
    consumer.assign([part])
    end = (await consumer.end_offsets([part]))[part]
    wanted = sorted(offset for offset in set(offsets) if offset < end)
    found: dict[int, ConsumerRecord] = {}
    at = -_NEAR
    for offset in wanted:
        if not at <= offset < at + _NEAR:
            consumer.seek(part, offset)
            at = offset
        while at <= offset:
            for record in (await consumer.getmany(timeout_ms=100)).get(part, ()):
                found[record.offset] = record
            at = await consumer.position(part)
    return {offset: found[offset] for offset in wanted if offset in found}
