"""Reference topics: compacted, read whole by each worker, followed while it runs."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.engine.fetching import take_slices, wait_for_fetch
from streams.engine.stage import NeedReference, Record

log = logging.getLogger(__name__)

_VALUE_IS_NULL = 2
_ASKED_FOR = 1.0  # seconds in which a key read for and not found is not read for again


class ReferenceReader:
    """The `References` of a process. Records change only between turns, never within a step."""

    def __init__(self, bootstrap: str, topics: Iterable[str]) -> None:
        self._bootstrap = bootstrap
        self._tables: dict[str, dict[bytes, bytes]] = {topic: {} for topic in topics}
        self._asked: dict[tuple[str, bytes], float] = {}
        self._reached: dict[TopicPartition, int] = {}
        self._moved = asyncio.Condition()
        self._consumer: AIOKafkaConsumer | None = None
        self._following: asyncio.Task[None] | None = None

    def get(self, topic: str, key: bytes) -> bytes | None:
        return self._tables[topic].get(key)

    def require(self, topic: str, key: bytes) -> bytes | None:
        """Raises `NeedReference` at the first miss of a key."""
        found = self._tables[topic].get(key)
        if found is None and time.monotonic() >= self._asked.get((topic, key), 0.0):
            raise NeedReference(topic, key)
        return found

    def items(self, topic: str) -> Mapping[bytes, bytes]:
        return MappingProxyType(self._tables[topic])

    @property
    def failed(self) -> bool:
        return self._following is not None and self._following.done()

    async def start(self) -> None:
        """Read every topic to its present end, then follow."""
        if not self._tables:
            return
        consumer = self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=100,
        )
        await consumer.start()
        places = await _places(consumer, self._tables)
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        for place in places:
            self._reached[place] = await consumer.position(place)
        self._following = asyncio.create_task(self._follow(consumer), name="references")
        for topic in self._tables:
            await self._to_end(topic)
        sizes = {topic: len(table) for topic, table in self._tables.items()}
        log.info("references read: %s", sizes)

    async def stop(self) -> None:
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following
        if self._consumer is not None:
            await self._consumer.stop()

    async def refresh(self, topic: str, key: bytes) -> None:
        """Read `topic` to its present end, for the sake of `key`."""
        if topic not in self._tables:
            raise KeyError(f"{topic} is not one of the stage's references")
        await self._to_end(topic)
        now = time.monotonic()
        self._asked = {asked: until for asked, until in self._asked.items() if until > now}
        self._asked[topic, key] = now + _ASKED_FOR

    async def _to_end(self, topic: str) -> None:
        assert self._consumer is not None, "the reader is started before the partitions"
        places = [place for place in self._reached if place.topic == topic]
        ends = await self._consumer.end_offsets(places)
        async with self._moved:
            await self._moved.wait_for(
                lambda: self.failed or all(self._reached[p] >= end for p, end in ends.items())
            )
        if self.failed and self._following is not None:
            self._following.result()

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        ready = dict.fromkeys(self._reached, 0)
        woken = asyncio.Event()
        try:
            while True:
                slices = take_slices(consumer, ready, 5_000)
                for part in slices:
                    for record in part.records:
                        self._set(record)
                    self._reached[TopicPartition(part.topic, part.partition)] = part.end
                if slices:
                    async with self._moved:
                        self._moved.notify_all()
                    await asyncio.sleep(0)
                else:
                    await wait_for_fetch(consumer, woken, 1.0)
        finally:
            async with self._moved:
                self._moved.notify_all()

    def _set(self, record: Record) -> None:
        table = self._tables[record.topic]
        if record.nulls & _VALUE_IS_NULL:
            table.pop(record.key, None)
        else:
            table[record.key] = record.value


async def _places(consumer: AIOKafkaConsumer, topics: Iterable[str]) -> list[TopicPartition]:
    places: list[TopicPartition] = []
    for topic in topics:
        partitions = await consumer._client._wait_on_metadata(topic)  # noqa: SLF001 - as producers do
        places.extend(TopicPartition(topic, partition) for partition in sorted(partitions))
    return places
