"""One Kafka transaction of one partition: every send awaited, then the commit."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import repeat
from struct import unpack_from
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.producer import sender

CONCURRENT_TRANSACTIONS_BACKOFF = 0.002
"""Seconds. aiokafka waits 20 ms for the markers of the transaction before; they take 1 to 3."""

_MAX_BATCH_BYTES = 900_000  # below the broker's default of 1 MiB a batch, headers included

_MURMUR2_SEED = 0x9747B28C

sender.BACKOFF_OVERRIDE = CONCURRENT_TRANSACTIONS_BACKOFF


class Send(NamedTuple):
    """One record of a transaction; a partition of None is placed by the murmur2 of the key."""

    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class StateRecords(NamedTuple):
    """Records for one partition of the state topic; None deletes."""

    topic: str
    partition: int
    records: Mapping[bytes, bytes | None]


_Batch = tuple[Any, str, int]  # aiokafka's batch builder, topic, partition


@lru_cache(maxsize=200_000)
def murmur2_partition(key: bytes, partitions: int) -> int:
    """The partition that Kafka's Java client and aiokafka choose."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """The hash as Kafka's clients seed it, unsigned; aiokafka's own takes five times as long."""
    mixer, low = 0x5BD1E995, 0xFFFFFFFF
    found = (_MURMUR2_SEED ^ len(data)) & low
    words = len(data) >> 2
    for word in unpack_from(f"<{words}I", data):
        mixed = word * mixer & low
        found = (found * mixer ^ (mixed ^ mixed >> 24) * mixer) & low
    if tail := data[words << 2 :]:
        found = (found ^ int.from_bytes(tail, "little")) * mixer & low
    found = (found ^ found >> 13) * mixer & low
    return found ^ found >> 15


def offsets_of(base: int, count: int) -> Iterable[int]:
    """The offsets of a batch's records; a base that was not told says nothing of the others."""
    return range(base, base + count) if base >= 0 else repeat(-1, count)


class Transactions:
    """The transactional producer of one partition of one stage. Its id is the fence.

    `start` makes every earlier producer of the same id fail from then on and ends its open
    transaction. After any error of `commit` the object must be thrown away with `stop`: whether
    the transaction took effect is then known only to the state topic.
    """

    def __init__(
        self,
        bootstrap: str,
        transactional_id: str,
        timeout_ms: int,
        reached: Callable[[str], None] = lambda _point: None,
    ) -> None:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            transactional_id=transactional_id,
            transaction_timeout_ms=timeout_ms,
            max_batch_size=_MAX_BATCH_BYTES,
            linger_ms=0,
            request_timeout_ms=timeout_ms,
        )
        self._counts: dict[str, int] = {}
        self._timeout = timeout_ms / 1000
        self._reached = reached

    async def start(self) -> None:
        await self._producer.start()

    async def commit(
        self,
        state: StateRecords,
        sends: Iterable[Send],
        offsets: Mapping[TopicPartition, int],
        group: str,
    ) -> list[int]:
        """Send and commit; on any error abort as far as that is possible, and raise it.

        Gives the offsets of the state records, in their order; -1 for each of a batch where Kafka
        did not tell, as after a repeated send that it no longer remembers.

        Raises `ProducerFenced` where another producer of this id was started, `TimeoutError`
        where Kafka did not answer within twice the transaction time-out, and Kafka's errors.
        """
        async with asyncio.timeout(2 * self._timeout):
            batches = self._state_batches(state)
            counts = [batch.record_count() for batch, _, _ in batches]
            batches.extend(await self._batches(sends))
            self._check_alive()
            await self._producer.begin_transaction()
            try:
                self._reached("before_send")
                bases = await self._send(batches)
                self._reached("after_send")
                if offsets:
                    await self._producer.send_offsets_to_transaction(dict(offsets), group)
            except BaseException:
                await self._abort()
                raise
            self._check_alive()
            self._reached("before_commit")
            await self._producer.commit_transaction()
            self._reached("after_commit")
            return [at for place in zip(bases, counts, strict=False) for at in offsets_of(*place)]

    async def stop(self) -> None:
        """Close without waiting for what cannot be sent any more."""
        try:
            async with asyncio.timeout(self._timeout / 4):
                await self._producer.stop()
        except TimeoutError:
            await self._producer.client.close()

    def _state_batches(self, state: StateRecords) -> list[_Batch]:
        """The hot path: one partition, no headers, one time stamp, no tuple a record."""
        topic, partition, records = state
        now_at = time.time_ns() // 1_000_000
        batch = self._producer.create_batch()
        append = batch.append
        batches = [(batch, topic, partition)]
        for key, value in records.items():
            if append(timestamp=now_at, key=key, value=value) is None:
                batch = self._producer.create_batch()
                append = batch.append
                append(timestamp=now_at, key=key, value=value)
                batches.append((batch, topic, partition))
        return batches

    async def _batches(self, sends: Iterable[Send]) -> list[_Batch]:
        closed: list[_Batch] = []
        open_batches: dict[tuple[str, int], Any] = {}
        counts = self._counts
        for topic, partition, key, value, headers in sends:
            if partition is None:
                if topic not in counts:
                    counts[topic] = len(await self._producer.partitions_for(topic))
                partition = murmur2_partition(key or b"", counts[topic])  # noqa: PLW2901 - now known
            place = (topic, partition)
            batch = open_batches.get(place)
            if batch is None:
                batch = open_batches[place] = self._producer.create_batch()
            if batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
                closed.append((batch, topic, partition))
                batch = open_batches[place] = self._producer.create_batch()
                batch.append(timestamp=None, key=key, value=value, headers=headers)
        closed.extend((batch, *place) for place, batch in open_batches.items())
        return closed

    async def _send(self, batches: list[_Batch]) -> list[int]:
        """Wait for each send: aiokafka commits a transaction although a send in it failed.

        Gives the offset of each batch's first record.
        """
        futures = []
        try:
            for batch, topic, partition in batches:
                batch.close()
                future = await self._producer.send_batch(batch, topic, partition=partition)
                futures.append(future)
        finally:
            results = await asyncio.gather(*futures, return_exceptions=True)
        bases = []
        for result in results:
            if isinstance(result, BaseException):
                raise result
            bases.append(-1 if result is None else result.offset)  # None: the batch was empty
        return bases

    async def _abort(self) -> None:
        """Within a bound of its own, for the one around it may be what has run out."""
        if not self._manager.is_fatal_error():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._timeout / 2):
                    await self._producer.abort_transaction()

    def _check_alive(self) -> None:
        """Raise why the producer is dead: aiokafka itself says only AssertionError from then on."""
        if self._manager.is_fatal_error():
            self._manager.wait_for_transaction_end().result()

    @property
    def _manager(self) -> Any:
        return self._producer._txn_manager  # noqa: SLF001 - aiokafka has no public way to ask
