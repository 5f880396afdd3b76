"""Reading money commands: partitions as they come, sessions side by side, offsets by hand."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from aiokafka import AIOKafkaConsumer, ConsumerRecord

from connectors.acquirers.clients import open_consumer
from connectors.acquirers.lanes import Lanes
from connectors.acquirers.partitions import Partitions
from connectors.acquirers.progress import Progress
from connectors.acquirers.settings import ConsumerSettings

_POLL_MS = 200
_POLL_RECORDS = 500
Take = Callable[[ConsumerRecord, Progress, Lanes], Awaitable[None]]


async def take_commands(
    stack: AsyncExitStack,
    settings: ConsumerSettings,
    take: Take,
    stop: asyncio.Event,
    on_ready: Callable[[], None],
) -> None:
    """Gives every record to `take` until `stop` is set, then lets what is under way finish.

    `on_ready` is called once, when the group has told us which partitions are ours. Whatever
    `take` or its jobs raise ends it. Raises StoppedWaiting when no broker was there by then.
    """
    consumer = await open_consumer(stack, settings, stop)
    async with asyncio.TaskGroup() as group:
        lanes = Lanes(group, settings.sessions_at_once, settings.commands_waiting_max)
        partitions = Partitions(consumer, lanes, settings.drain_s)
        consumer.subscribe([settings.commands_topic], listener=partitions)
        beside = [
            group.create_task(_announce(partitions, on_ready)),
            group.create_task(_commit_for_ever(partitions, settings.commit_interval_s)),
        ]
        await _poll(consumer, partitions, take, lanes, stop)
        for task in beside:
            task.cancel()
        partitions.close_all()
        await lanes.idle(settings.http.total_s)
        await partitions.commit()


async def _poll(
    consumer: AIOKafkaConsumer,
    partitions: Partitions,
    take: Take,
    lanes: Lanes,
    stop: asyncio.Event,
) -> None:
    while not stop.is_set():
        batches = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_POLL_RECORDS)
        assignment = partitions.assignment
        for where, records in batches.items():
            progress = await partitions.progress(where, assignment)
            for record in records:
                if progress is None or not progress.is_open:
                    break  # its next owner reads them again
                await take(record, progress, lanes)


async def _announce(partitions: Partitions, on_ready: Callable[[], None]) -> None:
    await partitions.joined.wait()
    on_ready()


async def _commit_for_ever(partitions: Partitions, interval_s: float) -> None:
    while True:
        await asyncio.sleep(interval_s)
        await partitions.commit()
