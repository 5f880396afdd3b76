"""The second phase: the same readings once more, as fast as link takes them, for the rate alone.

They go to a network that nobody claims, so that no session is disturbed: decode, state and
transaction cost what they always cost. A tick behind them tells when link has applied them all.
"""

import time
from collections.abc import Iterable, Iterator

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.partitioner import murmur2

from schemas import codec, ids, topics
from schemas.facts import ClockApplied, MeterReading, Tick
from streams.replay.fleet import Fleet

NETWORK = "open-loop"
_BATCH_BYTES = 512 * 1024


def readings_of(fleet: Fleet) -> Iterator[MeterReading]:
    """Every reading that the chargings of this run came to, in order of time over all of them."""
    told = [
        one for driver in fleet.drivers.values() for one in driver.charger.all_readings(NETWORK)
    ]
    return iter(sorted(told, key=lambda one: one.read_at))


def _by_partition(
    readings: Iterable[MeterReading], partitions: int
) -> dict[int, list[tuple[bytes, bytes]]]:
    placed: dict[int, list[tuple[bytes, bytes]]] = {number: [] for number in range(partitions)}
    for one in readings:
        key = ids.charger_key(one.tenant, one.network, one.charger_id).encode()
        placed[(murmur2(key) & 0x7FFFFFFF) % partitions].append((key, codec.encode(one)))
    return placed


async def readings_per_second(bootstrap: str, partitions: int, fleet: Fleet, now_at: int) -> int:
    """Send all readings, then a tick; whole readings a second until the tick is applied."""
    placed = _by_partition(readings_of(fleet), partitions)
    count = sum(len(records) for records in placed.values())
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", enable_auto_commit=False
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", max_batch_size=_BATCH_BYTES, linger_ms=5
    )
    await consumer.start()
    await producer.start()
    try:
        parts = [TopicPartition(topics.APPLIED, number) for number in range(partitions)]
        consumer.assign(parts)
        await consumer.seek_to_end(*parts)
        for part in parts:
            await consumer.position(part)
        began = time.perf_counter()
        await _send(producer, placed, now_at)
        await _applied(consumer, partitions, now_at)
        return int(count / (time.perf_counter() - began))
    finally:
        await producer.stop()
        await consumer.stop()


async def _send(
    producer: AIOKafkaProducer, placed: dict[int, list[tuple[bytes, bytes]]], now_at: int
) -> None:
    futures = []
    for partition, records in placed.items():
        batch = producer.create_batch()
        for key, value in records:
            if batch.append(key=key, value=value, timestamp=None) is None:
                futures.append(
                    await producer.send_batch(batch, topics.READINGS, partition=partition)
                )
                batch = producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
        futures.append(await producer.send_batch(batch, topics.READINGS, partition=partition))
    for future in futures:
        await future
    for partition in placed:
        tick = codec.encode(Tick(partition=partition, at=now_at))
        await producer.send_and_wait(topics.TICKS, tick, str(partition).encode(), partition)


async def _applied(consumer: AIOKafkaConsumer, partitions: int, now_at: int) -> None:
    done: set[int] = set()
    while len(done) < partitions:
        for records in (await consumer.getmany(timeout_ms=50)).values():
            for record in records:
                applied = codec.decode(record.value)
                if isinstance(applied, ClockApplied) and applied.at >= now_at:
                    done.add(applied.partition)
