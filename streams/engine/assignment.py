"""Which partitions this worker owns, from the group's word to a running task and back."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Protocol

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError

from streams.engine.inbox import Slice
from streams.engine.restore import restore
from streams.engine.state import StateStore
from streams.engine.task import PartitionTask, Worker
from streams.engine.ticker import TickProducer
from streams.engine.transactions import Transactions

log = logging.getLogger(__name__)


class Seeker(Protocol):
    async def seek_to(self, positions: Mapping[TopicPartition, int], epoch: int) -> None: ...


class Assignment:
    """The tasks of one process, and the order in which they come and go.

    A partition not held before: start its producer, which fences the last owner; read its state
    topic to the end; seek; run. A partition kept: seek and run on. One given up: its turn is
    finished or given up at once, its producer stopped when the group says where it went.
    """

    def __init__(self, worker: Worker, seeker: Seeker, ticks: TickProducer | None) -> None:
        self._worker = worker
        self._seeker = seeker
        self._ticks = ticks
        self._epoch = 0
        self._tasks: dict[int, PartitionTask] = {}
        self._opening: dict[int, asyncio.Task[None]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self.owned: frozenset[int] = frozenset()

    def owns(self, task: PartitionTask) -> bool:
        """Whether the group says that `task`'s partition is ours, as far as is known here."""
        return task.partition in self.owned and self._tasks.get(task.partition) is task

    def stuck(self, now: float, longer_than: float) -> PartitionTask | None:
        """A task whose turn has taken longer than so many seconds."""
        for task in self._tasks.values():
            if task.turn_began and now - task.turn_began > longer_than:
                return task
        return None

    async def revoked(self) -> None:
        """Stop every turn; the group is about to say anew who owns what."""
        self._epoch += 1
        self.owned = frozenset()
        await self._cancel_openings()
        within = self._worker.settings.revoke_within_ms / 1000
        if self._ticks is not None:
            self._ticks.stop_all()
        await asyncio.gather(*(task.pause(within) for task in self._tasks.values()))
        for partition, task in list(self._tasks.items()):
            if task.spoilt:
                self._close(partition)

    def assigned(self, places: Iterable[TopicPartition]) -> None:
        """Open, keep and close; `places` is the whole new assignment."""
        self._epoch += 1
        complete = self._complete(places)
        self.owned = complete
        for partition in list(self._tasks):
            if partition not in complete:
                self._close(partition)
        log.info("assigned partitions %s", sorted(complete))
        for partition in sorted(complete):
            opening = asyncio.create_task(self._open(partition, self._epoch))
            self._opening[partition] = opening
            opening.add_done_callback(partial(self._opened, partition))

    def deliver(self, part: Slice, event: "Acked") -> None:
        task = self._tasks.get(part.partition)
        if task is not None:
            task.deliver(part, event.ack)

    async def stop(self) -> None:
        """End every turn and stop every producer."""
        await self.revoked()
        for partition in list(self._tasks):
            self._close(partition)
        if self._closing:
            await asyncio.wait(self._closing)

    def _complete(self, places: Iterable[TopicPartition]) -> frozenset[int]:
        inputs = set(self._worker.stage.inputs)
        held: dict[int, set[str]] = {}
        for place in places:
            if place.topic in inputs:
                held.setdefault(place.partition, set()).add(place.topic)
        for partition, topics in held.items():
            if missing := inputs - topics:
                log.warning("partition %d waits: %s not assigned here", partition, sorted(missing))
        return frozenset(p for p, topics in held.items() if topics == inputs)

    async def _open(self, partition: int, epoch: int) -> None:
        task = self._tasks.get(partition)
        if task is None:
            self._worker.settings.reached("assignment")
            task = await self._restored(partition)
            self._tasks[partition] = task
        task.start(epoch)
        positions = {TopicPartition(t, partition): at for t, at in task.positions.items()}
        await self._seeker.seek_to(positions, epoch)
        if self._ticks is not None:
            self._ticks.start(partition)

    async def _restored(self, partition: int) -> PartitionTask:
        stage, settings = self._worker.stage, self._worker.settings
        transactions = Transactions(
            settings.bootstrap,
            f"{settings.app_id}-{stage.name}-{partition}",
            settings.transaction_timeout_ms,
            settings.reached,
        )
        try:
            await transactions.start()
            store = StateStore(stage.kinds)
            positions = await restore(stage, settings.bootstrap, partition, store)
            settings.reached("restore")
            task = PartitionTask(self._worker, partition, transactions, store)
            task.open(stage.open(partition, self._worker.references), positions)
        except BaseException:
            await asyncio.shield(transactions.stop())
            raise
        return task

    def _opened(self, partition: int, done: asyncio.Task[None]) -> None:
        if self._opening.get(partition) is done:
            del self._opening[partition]
        if done.cancelled():
            return
        error = done.exception()
        if isinstance(error, IllegalStateError) and partition not in self.owned:
            return  # the partition went to another worker between restore and seek
        if error is not None:
            self._worker.fatal(self._tasks.get(partition), error)

    async def _cancel_openings(self) -> None:
        openings = list(self._opening.values())
        for opening in openings:
            opening.cancel()
        if openings:
            within = self._worker.settings.revoke_within_ms / 1000
            await asyncio.wait(openings, timeout=within)
        self._opening.clear()

    def _close(self, partition: int) -> None:
        task = self._tasks.pop(partition)
        self._worker.pacer.forget(partition)
        closing = asyncio.create_task(task.transactions.stop())
        self._closing.add(closing)
        closing.add_done_callback(self._closed)

    def _closed(self, done: asyncio.Task[None]) -> None:
        self._closing.discard(done)
        if not done.cancelled() and (error := done.exception()) is not None:
            log.info("stopping the producer of a partition given up: %r", error)


class Acked(Protocol):
    def ack(self) -> object: ...
