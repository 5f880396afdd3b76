"""The benchmark's own topics: made, filled, read, and taken away at the end."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from connectors.kafka.admin import TopicSpec, create_topics
from schemas import codec
from schemas.facts import Fact
from streams.reading import partition_of, reader, records_of

_BATCH_BYTES = 512 * 1024


class Ground:
    """Topics under one prefix on one cluster, all with the same number of partitions."""

    def __init__(self, bootstrap: str, prefix: str, partitions: int) -> None:
        self.bootstrap = bootstrap
        self.partitions = partitions
        self._prefix = prefix
        self._made: list[str] = []

    def named(self, name: str) -> str:
        return f"{self._prefix}.{name}"

    async def make(self, names: Iterable[str]) -> None:
        specs = [TopicSpec(name=self.named(one), partitions=self.partitions) for one in names]
        self._made += [one.name for one in specs]
        await create_topics(self.bootstrap, specs)

    async def remove(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            await admin.delete_topics(self._made)
        finally:
            await admin.close()

    async def fill(self, name: str, facts: Iterable[tuple[bytes, Fact]]) -> None:
        """Facts by key, to where every producer puts that key."""
        async with self._filling(name) as filling:
            for key, fact in facts:
                await filling.add(partition_of(key, self.partitions), key, codec.encode(fact))

    async def fill_raw(self, name: str, values: Iterable[tuple[bytes, bytes]]) -> None:
        """Values as they are, by key, placed likewise."""
        async with self._filling(name) as filling:
            for key, value in values:
                await filling.add(partition_of(key, self.partitions), key, value)

    async def copy(self, name: str, to: Sequence[str]) -> None:
        """Every record of topic `name` into each topic of `to`, same partition, same order."""
        async with reader(self.bootstrap) as consumer:
            for target in to:
                async with self._filling(target) as filling:
                    async for one in records_of(consumer, self.named(name), range(self.partitions)):
                        await filling.add(one.partition, one.key, one.value)

    async def newest(self, name: str) -> dict[tuple[int, bytes], bytes | None]:
        """What a compacted topic stands for: by partition and key the newest committed value."""
        async with reader(self.bootstrap) as consumer:
            return {
                (one.partition, one.key): one.value
                async for one in records_of(consumer, self.named(name), range(self.partitions))
            }

    async def ends(self, name: str) -> dict[int, int]:
        """By partition the offset after the last record."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap)
        await consumer.start()
        try:
            places = [TopicPartition(self.named(name), one) for one in range(self.partitions)]
            found = await consumer.end_offsets(places)
            return {place.partition: end for place, end in found.items()}
        finally:
            await consumer.stop()

    @asynccontextmanager
    async def _filling(self, name: str) -> AsyncIterator["_Filling"]:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap, acks="all", max_batch_size=_BATCH_BYTES
        )
        await producer.start()
        try:
            filling = _Filling(producer, self.named(name))
            yield filling
            await filling.finish()
        finally:
            await producer.stop()


class _Filling:
    """Batches built by hand: a send a record would take longer than the benchmark."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic
        self._open: dict[int, object] = {}

    async def add(self, partition: int, key: bytes, value: bytes | None) -> None:
        batch = self._open.get(partition)
        if batch is not None and _append(batch, key, value):
            return
        if batch is not None:
            await self._send(partition, batch)
        batch = self._open[partition] = self._producer.create_batch()
        if not _append(batch, key, value):
            raise ValueError(f"{key!r}: {len(value or b'')} bytes do not fit a batch")

    async def finish(self) -> None:
        for partition, batch in self._open.items():
            await self._send(partition, batch)
        self._open.clear()

    async def _send(self, partition: int, batch: object) -> None:
        await (await self._producer.send_batch(batch, self._topic, partition=partition))


def _append(batch: object, key: bytes, value: bytes | None) -> bool:
    added = batch.append(key=key, value=value, timestamp=None)  # type: ignore[attr-defined] # untyped
    return added is not None
