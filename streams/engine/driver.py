"""The Faust transport `holdfast://`: one event a slice, and no commits of Faust's own.

Registered as an entry point of `faust.transports`. Faust keeps subscription, assignor and
rebalances; fetching, positions and commits are the engine's. The consumer lives on a thread of
its own (Faust's), with its own event loop; what crosses over is marked in each method.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, ClassVar, Protocol, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.tables import TableManager
from faust.topics import Topic
from faust.transport.drivers import aiokafka as base
from faust.types import TP, ConsumerMessage, Message
from mode import Service

from streams.engine.fetching import take_slices, wait_for_fetch
from streams.engine.inbox import Slice

log = logging.getLogger(__name__)

_POLL = 1.0  # seconds without anything fetched after which the drain looks around
_FETCH_BYTES = 4 << 20
_FETCH_WAIT_MS = 100  # a fetch in flight without a partition delays that partition so long
_IDLE_MS = 300_000  # a worker that takes nothing for so long leaves; the watchdog is far quicker
_PREFETCH_BACKOFF = 0.02  # seconds an unread partition may hold up fetches for the others


class Owner(Protocol):
    """What the driver tells of the group: the engine's side of a rebalance."""

    async def revoked(self) -> None:
        """All partitions are given up for a moment; to return within the revoke time-out."""

    def assigned(self, places: frozenset[TopicPartition]) -> None:
        """Partitions owned from now on."""

    def failed(self, error: BaseException) -> None:
        """Fetching cannot go on."""


class SliceTopic(Topic):
    """A Faust topic whose events carry a `Slice`, which no codec can decode."""

    def _compile_decode(self) -> Callable[..., Awaitable[Any]]:
        return cast(Callable[..., Awaitable[Any]], super(Topic, self).decode)


class NoTables(TableManager):
    """Faust's table manager for an app without tables: it starts without a pause of a second."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class ConsumerThread(base.AIOKafkaConsumerThread):
    """Owns the aiokafka consumer; `ready` and `full` are read here and written by both sides."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.ready: dict[TopicPartition, int] = {}  # partition to epoch, once sought
        self.full: set[TopicPartition] = set()
        self._woken: asyncio.Event | None = None

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        conf = self.app.conf
        self._assignor = self.app.assignor
        return AIOKafkaConsumer(
            bootstrap_servers=base.server_list(transport.url, transport.default_port),
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            partition_assignment_strategy=[self._assignor],
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            max_poll_interval_ms=_IDLE_MS,
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
        )

    async def on_start(self) -> None:
        await super().on_start()
        self._woken = asyncio.Event()
        self._ensure_consumer()._fetcher._prefetch_backoff = _PREFETCH_BACKOFF  # noqa: SLF001 - no setting

    def across(self, coroutine: Any) -> "asyncio.Future[Any]":
        """Run `coroutine` on the consumer's loop; to be called from the main one."""
        return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self.thread_loop))

    def wake(self) -> None:
        """From the main loop: look again at what is `ready` and not `full`."""
        if self._woken is not None:
            self.thread_loop.call_soon_threadsafe(self._woken.set)

    async def take(self, max_records: int) -> list[Slice]:
        """On the consumer's loop: wait for slices at most `_POLL` seconds."""
        consumer = self._ensure_consumer()
        assert self._woken is not None, "the thread has started"
        with consumer._subscription.fetch_context():  # noqa: SLF001 - else it seems to idle
            slices = take_slices(consumer, self._wanted(), max_records)
            if not slices:
                await wait_for_fetch(consumer, self._woken, _POLL)
                slices = take_slices(consumer, self._wanted(), max_records)
        return slices

    async def seek_to(self, positions: Mapping[TopicPartition, int], epoch: int) -> None:
        """On the consumer's loop: from now on fetch from `positions`, marked with `epoch`."""
        consumer = self._ensure_consumer()
        buffered = consumer._fetcher._records  # noqa: SLF001 - also holds "no offset" errors
        for place, offset in positions.items():
            consumer.seek(place, offset)
            buffered.pop(place, None)
            self.ready[place] = epoch
        assert self._woken is not None, "the thread has started"
        self._woken.set()

    async def ends(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        """On the consumer's loop: `read_committed` ends."""
        return dict(await self._ensure_consumer().end_offsets(places))

    async def alive(self) -> bool:
        """On the consumer's loop: whether the membership in the group is being kept up."""
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001 - no public way
        return not coordinator._coordination_task.done()  # noqa: SLF001 - same

    def _wanted(self) -> Mapping[TopicPartition, int]:
        full = self.full
        if not full:
            return self.ready
        return {place: epoch for place, epoch in self.ready.items() if place not in full}


class Consumer(base.Consumer):
    """Faust's consumer with fetching by slice and every commit path reduced to bookkeeping."""

    _thread: ConsumerThread
    owner: Owner  # set by the worker before the app starts
    reached: Callable[[str], None]  # same
    max_records = 16_000
    consumer_stopped_errors: ClassVar[Any] = base.Consumer.consumer_stopped_errors

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # -- what a partition task asks for (main loop) --

    async def end_offsets(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return cast(
            dict[TopicPartition, int], await self._thread.across(self._thread.ends(list(places)))
        )

    def set_full(self, place: TopicPartition, *, full: bool) -> None:
        known = self._thread.full
        if full:
            known.add(place)
        elif place in known:
            known.discard(place)
            self._thread.wake()

    async def seek_to(self, positions: Mapping[TopicPartition, int], epoch: int) -> None:
        await self._thread.across(self._thread.seek_to(positions, epoch))

    async def alive(self) -> bool:
        return bool(await self._thread.across(self._thread.alive()))

    # -- rebalances (main loop, awaited by the coordinator on its own) --

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self._thread.ready.clear()
        self._thread.full.clear()
        await super().on_partitions_revoked(revoked)
        await self.owner.revoked()

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        await super().on_partitions_assigned(assigned, generation_id)
        self.owner.assigned(frozenset(TopicPartition(tp.topic, tp.partition) for tp in assigned))

    async def perform_seek(self) -> None:
        """Nothing: each partition is sought to its own positions when it is restored."""

    # -- fetching --

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self.should_stop or fetcher.should_stop):
                if self.flow_active:
                    await self._drain_once()
                else:
                    await self.wait(self.can_resume_flow)
        except Exception as error:  # noqa: BLE001 - told to the engine, which ends the worker
            if not self.should_stop:
                self.owner.failed(error)

    async def _drain_once(self) -> None:
        thread = self._thread
        for part in await thread.across(thread.take(self.max_records)):
            self.reached("poll")
            # A take begun before a rebalance may return slices of the new assignment before
            # Faust lets messages flow again. Dropping them would leave a gap.
            while not self.flow_active and not self.should_stop:
                await self.wait(self.can_resume_flow)
            await self.callback(self._to_event_message(part))

    def _to_event_message(self, part: Slice) -> Message:
        return ConsumerMessage(
            topic=part.topic,
            partition=part.partition,
            offset=part.end,
            timestamp=None,
            timestamp_type=0,
            headers=(),
            key=b"",
            value=part,
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            tp=TP(part.topic, part.partition),
            generation_id=self.app.consumer_generation_id,
        )

    # -- commits: the positions are in the state topic, nothing here may move the group --

    def ack(self, message: Message) -> bool:
        first = not message.acked
        message.acked = True
        self._unacked_messages.discard(message)
        return first

    async def commit(self, *_: Any, **__: Any) -> bool:
        return False

    async def force_commit(self, *_: Any, **__: Any) -> bool:
        return False

    async def _commit_offsets(self, *_: Any, **__: Any) -> bool:
        return False

    async def _commit(self, *_: Any, **__: Any) -> bool:
        return False

    async def commit_and_end_transactions(self) -> None:
        return None

    async def wait_empty(self) -> None:
        return None

    @Service.task
    async def _commit_handler(self) -> None:
        return None

    @Service.task
    async def _commit_livelock_detector(self) -> None:
        return None

    async def on_stop(self) -> None:
        """Nothing: Faust would commit here."""


class Transport(base.Transport):
    """`holdfast://host:port`."""

    Consumer: ClassVar[type[Consumer]] = Consumer
