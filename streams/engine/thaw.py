"""Reading cold state back from its places in the state topic."""

import asyncio
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

_NEAR = 1_000  # records: reading on over so many costs less than asking the broker anew
_WITHIN = 20.0  # seconds; a turn may take 30


class PlaceLost(RuntimeError):
    """A record is not where it was committed: this worker's places are wrong and it must go."""


async def read_back(
    bootstrap: str, topic: str, partition: int, places: Mapping[bytes, int]
) -> dict[bytes, bytes]:
    """The values of these keys; `places` has their offsets. Raises PlaceLost, TimeoutError.

    `read_committed`, so a place whose transaction's end is not yet written is waited for.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="none",  # past the end or before the begin is no place to go on from
        max_partition_fetch_bytes=256 << 10,
        fetch_max_wait_ms=100,
    )
    async with asyncio.timeout(_WITHIN):
        await consumer.start()
        try:
            place = TopicPartition(topic, partition)
            consumer.assign([place])
            return await _read(consumer, place, places)
        finally:
            await consumer.stop()


async def _read(
    consumer: AIOKafkaConsumer, place: TopicPartition, places: Mapping[bytes, int]
) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    seen: dict[int, ConsumerRecord] = {}
    at = -_NEAR
    for key, offset in sorted(places.items(), key=lambda one: one[1]):
        if not at <= offset < at + _NEAR:
            consumer.seek(place, offset)
            seen.clear()
            at = offset
        while at <= offset:
            for record in (await consumer.getmany(timeout_ms=100)).get(place, ()):
                seen[record.offset] = record
            at = await consumer.position(place)
        record = seen.get(offset)
        if record is None or record.key != key or record.value is None:
            raise PlaceLost(f"{place.topic}/{place.partition}: {key!r} is not at {offset}")
        found[key] = record.value
    return found
