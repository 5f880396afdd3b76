"""The reference consumer of `payment.commands.v1`: each command settled once, its outcome told.

begun in the book -> done -> settled in the book -> answered in Kafka -> the offset. Whatever is cut
short is read again, and the book says how far it came.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

import structlog
from aiokafka import ConsumerRecord

from connectors.acquirers.clients import StoppedWaiting, open_producer
from connectors.acquirers.exchange import wall_at
from connectors.acquirers.intake import NotTakable, Taken, take
from connectors.acquirers.lanes import Lanes
from connectors.acquirers.loop import take_commands
from connectors.acquirers.outlet import Outlet
from connectors.acquirers.progress import Progress
from connectors.settlement.handler import Handler
from connectors.settlement.settings import SettlementSettings
from connectors.settlement.settler import Settler, Shell
from connectors.settlement.sql_book import open_book

log = structlog.get_logger(__name__)


async def run_consumer(
    settings: SettlementSettings,
    handler: Handler,
    *,
    stop: asyncio.Event | None = None,
    on_ready: Callable[[], None] | None = None,
) -> None:
    """Runs until `stop` is set, then finishes what is under way and leaves.

    Raises what the environment raises (Kafka refusing a write, the book's database gone): whoever
    runs it starts it anew, and what was under way is looked up.
    """
    stop = stop or asyncio.Event()
    with contextlib.suppress(StoppedWaiting):
        async with AsyncExitStack() as stack:
            book = await asyncio.to_thread(open_book, settings.book.get_secret_value())
            stack.callback(book.close)
            outlet = Outlet(await open_producer(stack, settings, stop), settings)
            # A restart is somebody else: whether its predecessor is gone nobody knows.
            owner = f"{settings.instance_id}/{os.getpid()}/{wall_at()}"
            shell = Shell(wall_at, _sleep_ms)
            settler = Settler(book, handler, owner, round(settings.lease_s * 1000), shell)
            consumer = _Consumer(settings, settler, outlet)
            await take_commands(stack, settings, consumer.take, stop, on_ready or _nothing)


def _nothing() -> None:
    """Nobody waits for it."""


async def _sleep_ms(for_ms: int) -> None:
    await asyncio.sleep(for_ms / 1000)


class _Consumer:
    """Records to settled commands, on their session's lane."""

    def __init__(self, settings: SettlementSettings, settler: Settler, outlet: Outlet) -> None:
        self._own = settings.performer
        self._settler = settler
        self._outlet = outlet

    async def take(self, record: ConsumerRecord, progress: Progress, lanes: Lanes) -> None:
        progress.begin(record.offset)
        try:
            taken = take(record.value, self._own)
        except NotTakable as fault:
            await self._outlet.park(record, fault)
            progress.done(record.offset)
            return
        if taken is None:
            progress.done(record.offset)
            return
        await lanes.put(taken.command.session_id, partial(self._settle, record, taken, progress))

    async def _settle(self, record: ConsumerRecord, taken: Taken, progress: Progress) -> None:
        if not progress.is_open:
            return  # somebody else's by now; not begun, so there is nothing to finish
        try:
            answer = await self._settler.settle(taken)
        except NotTakable as conflict:
            await self._outlet.park(record, conflict)
        else:
            await self._outlet.answer(answer)
            log.debug("settled", command=answer.command_id, outcome=answer.outcome)
        progress.done(record.offset)
