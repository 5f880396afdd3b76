"""Reading cold state back from its places in the state topic."""

import asyncio
import time
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

_NEAR = 100  # records: reading on over so many costs less than asking the broker anew
_STOP_AFTER = 3.0  # seconds; what is not read by then is asked for again
_WITHIN = 20.0  # seconds; a turn may take 30


class PlaceLost(RuntimeError):
    """A record is not where it was committed: this worker's places are wrong and it must go."""


async def read_back(
    bootstrap: str, topic: str, partition: int, places: Mapping[bytes, int]
) -> dict[bytes, bytes]:
    """The values of these keys; `places` has their offsets. Raises PlaceLost, TimeoutError.

    Those at the lowest offsets, at least one, where reading all would take too long.
    `read_committed`, so a place whose transaction's end is not yet written is waited for.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="none",  # past the end or before the begin is no place to go on from
        max_partition_fetch_bytes=256 << 10,
        fetch_max_wait_ms=20,  # a seek waits for the fetch before it
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
    at, began = -_NEAR, time.monotonic()
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
        if time.monotonic() - began > _STOP_AFTER:
            break
    return found
