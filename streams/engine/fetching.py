"""Taking fetched runs out of an aiokafka consumer, with the position before and after each.

aiokafka's own `getmany` says nothing of markers and aborted records at the end of a log, and
builds a dataclass a record, which costs more than decoding it. This reads the same buffers.
Everything here runs on the consumer's event loop.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import FetchResult

from streams.engine.inbox import Slice
from streams.engine.stage import Record

_KEY_IS_NULL = 1
_VALUE_IS_NULL = 2


def take_slices(
    consumer: AIOKafkaConsumer, ready: Mapping[TopicPartition, int], max_records: int
) -> list[Slice]:
    """What was fetched for the partitions in `ready` (partition to epoch), without waiting.

    At most `max_records` a partition. Raises Kafka's errors found while fetching.
    """
    fetcher = consumer._fetcher  # noqa: SLF001 - there is no public way to the positions
    slices = []
    for place in list(fetcher._records):  # noqa: SLF001 - same
        epoch = ready.get(place)
        if epoch is None:
            continue
        found = fetcher._records[place]  # noqa: SLF001 - same
        if isinstance(found, FetchResult):
            part = _take(found, place, epoch, max_records)
            if part is not None:
                slices.append(part)
            if found.has_more():
                continue
        del fetcher._records[place]  # noqa: SLF001 - same
        fetcher._notify(fetcher._wait_consume_future)  # noqa: SLF001 - same
        if not isinstance(found, FetchResult):
            found.check_raise()
    return slices


async def wait_for_fetch(consumer: AIOKafkaConsumer, woken: asyncio.Event, seconds: float) -> None:
    """Return when more may have been fetched, `woken` is set, or after so many `seconds`."""
    fetched = consumer._fetcher._create_fetch_waiter()  # noqa: SLF001 - as above
    fetched.add_done_callback(lambda done: None if done.cancelled() else woken.set())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await woken.wait()
    woken.clear()
    if fetched.done():
        fetched.result()  # aiokafka hands authorization and coordination errors to the waiters
    else:
        fetched.cancel()


def _take(found: Any, place: TopicPartition, epoch: int, max_records: int) -> Slice | None:
    state = found._assignment.state_value(place)  # noqa: SLF001 - as above
    if not found._assignment.active or not state.has_valid_position:  # noqa: SLF001 - as above
        return None
    start = state.position
    if found._partition_records is not None:  # noqa: SLF001 - as above
        found._partition_records._consumer_record = _to_record  # noqa: SLF001 - as above
    records = found.getall(max_records)
    end = state.position
    if end == start and not records:
        return None
    return Slice(place.topic, place.partition, epoch, start, end, records)


def _to_record(place: TopicPartition, raw: Any) -> Record:
    key, value = raw.key, raw.value
    if key is None or value is None:
        return _record_with_nulls(place, raw)
    headers = raw.headers
    return Record(
        place.topic,
        place.partition,
        raw.offset,
        key,
        value,
        tuple(headers) if headers else (),
        raw.timestamp,
    )


def _record_with_nulls(place: TopicPartition, raw: Any) -> Record:
    nulls = (raw.key is None) * _KEY_IS_NULL + (raw.value is None) * _VALUE_IS_NULL
    headers = tuple(raw.headers)
    key, value = raw.key or b"", raw.value or b""
    topic, partition = place
    return Record(topic, partition, raw.offset, key, value, headers, raw.timestamp, nulls)


async def read_to_end(
    consumer: AIOKafkaConsumer,
    ends: Mapping[TopicPartition, int],
    sink: Callable[[Record], None],
    tell: Callable[[int], None],
) -> None:
    """Feed every record of the assigned partitions up to `ends` to `sink`, in order a partition.

    `tell` is called at least every second with the number of records still to read at most.
    """
    ready = dict.fromkeys(ends, 0)
    woken = asyncio.Event()
    reached = {place: await consumer.position(place) for place in ends}
    while left := sum(max(0, end - reached[place]) for place, end in ends.items()):
        slices = take_slices(consumer, ready, 5_000)
        for part in slices:
            reached[TopicPartition(part.topic, part.partition)] = part.end
            for record in part.records:
                sink(record)
        tell(left)
        if slices:
            await asyncio.sleep(0)
        else:
            await wait_for_fetch(consumer, woken, 1.0)
