"""Which partitions are ours, how far each has come, and what to do when that changes.

aiokafka calls the listener between assignments, while records of the old one may still be in
hand. So everything about a partition hangs on its `Progress`, which lives as long as one
assignment: a closed one begins nothing and is not committed.
"""

import asyncio
from collections.abc import Iterable

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from connectors.acquirers.lanes import Lanes
from connectors.acquirers.progress import Progress

log = structlog.get_logger(__name__)


class Partitions(ConsumerRebalanceListener):
    """The partitions assigned to this process."""

    def __init__(self, consumer: AIOKafkaConsumer, lanes: Lanes, drain_s: float) -> None:
        self._consumer = consumer
        self._lanes = lanes
        self._drain_s = drain_s
        self._open: dict[TopicPartition, Progress] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._opening = asyncio.Lock()
        self.joined = asyncio.Event()
        self.assignment = 0  # counts revocations: records in hand belong to the one they came in

    async def progress(self, where: TopicPartition, assignment: int) -> Progress | None:
        """How far a partition is; None when the assignment that it was asked for is over.

        Records may be there before the listener has been called: then the first one opens it.
        Everything up to the present end may have been sent by the owner before us: it had the
        same records, and how far it came beyond its committed offset nobody knows.
        """
        async with self._opening:
            if where not in self._open and assignment == self.assignment:
                ends = await self._consumer.end_offsets([where])
                if assignment == self.assignment:
                    self._open[where] = Progress(ends[where])
                    log.info("assigned", partition=where.partition, may_be_sent_below=ends[where])
            return self._open.get(where) if assignment == self.assignment else None

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        try:
            for where in assigned:
                await self.progress(where, self.assignment)
        finally:  # what failed here is tried again with the partition's first record
            self.joined.set()

    async def on_partitions_revoked(
        self,
        revoked: Iterable[TopicPartition],  # noqa: ARG002 - eager: always all of them
    ) -> None:
        """Begin nothing more, give what is under way a moment, commit what is done."""
        self.assignment += 1
        self.close_all()
        finished = await self._lanes.idle(self._drain_s)
        await self.commit()
        log.info("revoked", partitions=len(self._open), finished=finished)
        self._open.clear()
        self._committed.clear()

    def close_all(self) -> None:
        """Nothing more is begun; what is done may still be committed."""
        for progress in self._open.values():
            progress.close()

    async def commit(self) -> None:
        """Commit what moved. A refusal costs a look-up later, never an effect: it is only told."""
        moved = {
            where: progress.commit_offset
            for where, progress in self._open.items()
            if progress.commit_offset is not None
            and progress.commit_offset != self._committed.get(where)
        }
        if not moved:
            return
        try:
            await self._consumer.commit(moved)
        except (KafkaError, IllegalStateError) as error:
            log.warning("offsets not committed", error=repr(error))
        else:
            self._committed.update(moved)
