"""The executor: commands in, one effect each at the acquirer, answers out. README: "Promises".

A plain consumer, not a stage: its effects are outside Kafka, so no transaction covers them. What
carries exactly-once here is the order of things: remembered, sent, answered in Kafka, and only
then the offset; and whoever reads a command again asks the acquirer first.
"""

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

import structlog
from aiokafka import ConsumerRecord

from connectors.acquirers.accounts import notice_readers, open_accounts
from connectors.acquirers.clients import StoppedWaiting, open_producer
from connectors.acquirers.exchange import wall_at
from connectors.acquirers.intake import NotTakable, Taken, hash_of
from connectors.acquirers.lanes import Lanes
from connectors.acquirers.loop import take_commands, taken_or_parked
from connectors.acquirers.memory import Memory
from connectors.acquirers.outlet import Outlet
from connectors.acquirers.performer import Performer
from connectors.acquirers.progress import Progress
from connectors.acquirers.settings import ExecutorSettings
from connectors.acquirers.webhooks import serve_webhooks
from schemas.facts import AcquirerAnswered

log = structlog.get_logger(__name__)


async def run_executor(
    settings: ExecutorSettings,
    *,
    stop: asyncio.Event | None = None,
    on_ready: Callable[[int], None] | None = None,
    reached: Callable[[str], None] = lambda _point: None,
) -> None:
    """Runs until `stop` is set, then finishes what is under way and leaves.

    `on_ready` is called once with the webhooks' port (0: none), when the group has told us which
    partitions are ours: a command given after that was sent by nobody before. `reached` is told of
    each exchange, before and after: a test may kill there.

    Raises what the environment raises (Kafka refusing a write, a full disk): the supervisor starts
    it anew, and what was under way is asked after.
    """
    stop = stop or asyncio.Event()
    with contextlib.suppress(StoppedWaiting):
        await _run(settings, stop, on_ready, reached)


async def _run(
    settings: ExecutorSettings,
    stop: asyncio.Event,
    on_ready: Callable[[int], None] | None,
    reached: Callable[[str], None],
) -> None:
    async with AsyncExitStack() as stack:
        outlet = Outlet(await open_producer(stack, settings, stop), settings)
        memory = Memory(settings.memory, settings.memory_days, wall_at())
        stack.callback(memory.close)
        performer = Performer(open_accounts(stack, settings), reached)
        port = await serve_webhooks(stack, settings.webhooks, notice_readers(settings), outlet)
        worker = _Worker(settings, performer, memory, outlet)
        await take_commands(stack, settings, worker.take, stop, partial(_announce, port, on_ready))


class _Worker:
    """Takes records in the order of their partition and puts each on its session's lane."""

    def __init__(
        self, settings: ExecutorSettings, performer: Performer, memory: Memory, outlet: Outlet
    ) -> None:
        self._own = settings.performer
        self._performer = performer
        self._memory = memory
        self._outlet = outlet

    async def take(self, record: ConsumerRecord, progress: Progress, lanes: Lanes) -> None:
        """Waits when too much waits already. A record at fault is parked here and now."""
        taken = await taken_or_parked(record, self._own, progress, self._outlet)
        if taken is None:
            return
        await lanes.put(taken.command.session_id, partial(self._perform, record, taken, progress))

    async def _perform(self, record: ConsumerRecord, taken: Taken, progress: Progress) -> None:
        if not progress.is_open:
            return  # somebody else's by now; not begun, so there is nothing to finish
        try:
            begun = self._begin(taken)
        except NotTakable as conflict:
            await self._outlet.park(record, conflict)
        else:
            may_be_sent = begun or record.offset < progress.maybe_sent_below
            answer = await self._performer.perform(taken, may_be_sent=may_be_sent)
            await self._outlet.answer(answer)
            _tell(answer)
        progress.done(record.offset)

    def _begin(self, taken: Taken) -> bool:
        """Whether this was begun before. Raises NotTakable when it was, with another body."""
        command, operation = taken
        begun = False
        for one in (command,) if operation in (None, command) else (command, operation):
            known = self._memory.begin(one.tenant, one.command_id, hash_of(one), wall_at())
            if known == "conflict":
                raise NotTakable("conflict", f"{one.command_id}: begun before with another body")
            begun = begun or known == "begun"
        return begun


def _tell(answer: AcquirerAnswered) -> None:
    tell = log.warning if answer.outcome == "unknown" else log.debug
    tell(
        "answered", command=answer.command_id, outcome=answer.outcome, reason=answer.reason,
        resolves=answer.resolves, amount_minor=answer.amount_minor,
    )  # fmt: skip


def _announce(port: int, on_ready: Callable[[int], None] | None) -> None:
    log.info("executor ready", webhooks_port=port)
    if on_ready is not None:
        on_ready(port)
