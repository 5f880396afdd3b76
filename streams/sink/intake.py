"""Reading and writing in step: buffer, persist the ranges, insert, commit."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata

from connectors.clickhouse.rows import Source
from streams.sink.batch import Batch, Partition, pending, pending_last
from streams.sink.settings import SinkSettings

log = structlog.get_logger(__name__)
_POLL_MS = 200
_POLL_RECORDS = 5_000
# Writing small blocks costs 10 ms of a core each, one a partition and table. On a busy machine
# they come less often: writing takes a tenth of the time at most, unless the buffers are full.
# One slow write (a restart's first, a ClickHouse that was away) must not rest for minutes.
_REST = 9
_REST_MOST_S = 5.0

Committed = dict[TopicPartition, OffsetAndMetadata]


class Intake(ConsumerRebalanceListener):  # type: ignore[misc] # untyped
    """The sink's partitions. `insert` blocks and is called in a thread, one batch at a time.

    Everything that touches a partition holds one lock, which a rebalance waits for: so a batch is
    finished under the generation that it was persisted under.
    """

    def __init__(
        self,
        settings: SinkSettings,
        consumer: AIOKafkaConsumer,
        committed: Callable[[list[TopicPartition]], Awaitable[Committed]],
        insert: Callable[[Batch], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._committed = committed
        self._insert = insert
        self._lock = asyncio.Lock()
        self._partitions: dict[TopicPartition, Partition] = {}
        self._bytes = 0
        self._next_at = time.monotonic() + settings.flush_every_s

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            found = await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=_POLL_RECORDS)
            async with self._lock:
                await self._step(found)
        async with self._lock:
            await self._step({}, last=True)

    async def _step(
        self, found: dict[TopicPartition, list[ConsumerRecord]], *, last: bool = False
    ) -> None:
        try:
            await self._take(found)
            if last or self._is_due():
                await self._flush()
        except (IllegalStateError, CommitFailedError) as error:
            # The partitions changed hands under ours. What was persisted is found again by its
            # next owner, what was not has not been inserted: begin where the offsets say.
            log.info("assignment over", why=repr(error))
            self._forget()

    async def positions(self) -> dict[str, dict[int, int]]:
        """By topic and partition: every record below this offset is in ClickHouse."""
        async with self._lock:
            found: dict[str, dict[int, int]] = {}
            for where, partition in self._partitions.items():
                found.setdefault(where.topic, {})[where.partition] = partition.inserted_to
            return found

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        # Between the two calls the old assignment still shows and may have been opened again.
        async with self._lock:
            self._forget()
        log.info("assigned", partitions=len(list(assigned)))

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        async with self._lock:
            self._forget()
        log.info("revoked", partitions=len(list(revoked)))

    def _forget(self) -> None:
        self._partitions.clear()
        self._bytes = 0

    async def _take(self, found: dict[TopicPartition, list[ConsumerRecord]]) -> None:
        opened = await self._open_new()
        for where, records in found.items():
            # In hand since before the assignment, or before the seek: they will be read again.
            if where in opened or where not in self._partitions:
                continue
            taken = self._partitions[where].add([source_of(record) for record in records])
            self._bytes += _size(taken)
        for where, partition in self._partitions.items():
            partition.read_to = await self._consumer.position(where)

    async def _open_new(self) -> set[TopicPartition]:
        """Begin the newly assigned ones exactly where their offsets say, pending range included."""
        fresh: set[TopicPartition] = self._consumer.assignment() - self._partitions.keys()
        if not fresh:
            return set()
        committed = await self._committed(list(fresh))
        begins = await self._consumer.beginning_offsets(list(fresh))
        for where in fresh:
            known = committed.get(where, OffsetAndMetadata(begins[where], ""))
            last = pending_last(known.metadata or "")
            self._partitions[where] = Partition(where.topic, where.partition, known.offset, last)
            # Below the log's start there is nothing left to read.
            self._consumer.seek(where, max(known.offset, begins[where]))
            if last is not None:
                log.info("replaying", topic=where.topic, partition=where.partition,
                         first=known.offset, last=last)  # fmt: skip
        return fresh

    def _is_due(self) -> bool:
        waiting = sum(partition.waiting for partition in self._partitions.values())
        if waiting >= self._settings.flush_rows or self._bytes >= self._settings.flush_bytes:
            return True
        return time.monotonic() >= self._next_at

    async def _flush(self) -> None:
        """Persist the ranges, insert, commit.

        Raises what the environment raises: whoever starts next does all of it again.
        """
        begun = time.monotonic()
        taken = [(one, one.take()) for one in self._partitions.values()]
        batches = [(one, batch) for one, batch in taken if batch is not None]
        await self._commit(
            (batch, batch.first, pending(batch.last)) for _, batch in batches if not batch.persisted
        )
        for _, batch in batches:
            await self._insert(batch)
        await self._commit((batch, batch.last + 1, "") for _, batch in batches)
        for partition, batch in batches:
            partition.written(batch)
            self._bytes -= _size(batch.records)
        now = time.monotonic()
        rest_s = min(_REST * (now - begun), _REST_MOST_S)
        self._next_at = now + max(self._settings.flush_every_s, rest_s)

    async def _commit(self, wanted: Iterable[tuple[Batch, int, str]]) -> None:
        offsets = {
            TopicPartition(batch.topic, batch.partition): OffsetAndMetadata(offset, metadata)
            for batch, offset, metadata in wanted
        }
        if offsets:
            await self._consumer.commit(offsets)


def _size(records: list[Source]) -> int:
    return sum(len(one.value or b"") for one in records)


def source_of(record: ConsumerRecord) -> Source:
    headers = tuple((name, value or b"") for name, value in record.headers)
    return Source(
        record.topic, record.partition, record.offset, max(record.timestamp, 0),
        record.key, record.value, headers,
    )  # fmt: skip
