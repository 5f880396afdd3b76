"""The fiscal executor: receipts with number and moment in, signatures out, one at a time a chain.

As the acquirers' executor: sent, answered in Kafka, and only then the offset; what is read again is
asked after before it is sent.
"""

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

import structlog
from aiokafka import AIOKafkaProducer, ConsumerRecord

from connectors.acquirers.clients import StoppedWaiting, open_producer
from connectors.acquirers.exchange import Exchange
from connectors.acquirers.intake import NotTakable
from connectors.acquirers.lanes import Lanes
from connectors.acquirers.loop import take_commands
from connectors.acquirers.outlet import Outlet
from connectors.acquirers.progress import Progress
from connectors.fiscal.settings import FiscalSettings
from connectors.fiscal.signer import (
    Line,
    NoAccount,
    Signer,
    Stopped,
    authorisation,
    pause_or_stop,
)
from schemas import ids
from schemas.codec import NotReadable, decode, encode
from schemas.fiscal import RequestReceipt, SignReceipt

log = structlog.get_logger(__name__)


async def run_fiscal_executor(
    settings: FiscalSettings,
    *,
    stop: asyncio.Event | None = None,
    on_ready: Callable[[], None] | None = None,
    reached: Callable[[str], None] = lambda _point: None,
) -> None:
    """Runs until `stop` is set. Raises what the environment raises: it is started anew then.

    `reached` is told of each exchange, before and after: a test may kill there.
    """
    stop = stop or asyncio.Event()
    with contextlib.suppress(StoppedWaiting):
        async with AsyncExitStack() as stack:
            producer = await open_producer(stack, settings, stop)
            pause = partial(
                _pause, stop, first_s=settings.retry_first_s, most_s=settings.retry_most_s
            )
            signer = Signer(
                _lines(stack, settings),
                pause,
                virtual_time=settings.virtual_time,
                reached=reached,
            )
            worker = _Worker(settings, signer, producer)
            ready = on_ready or (lambda: log.info("fiscal executor ready"))
            await take_commands(stack, settings, worker.take, stop, ready)


async def _pause(stop: asyncio.Event, attempt: int, *, first_s: float, most_s: float) -> None:
    await pause_or_stop(stop, attempt, first_s, most_s)


def _lines(stack: AsyncExitStack, settings: FiscalSettings) -> dict[str, Line]:
    lines = {}
    for chain, account in settings.accounts.items():
        exchange = Exchange(
            account.base_url, authorisation(account), settings.http, virtual=settings.virtual_time
        )
        stack.push_async_callback(exchange.close)
        lines[chain] = Line(account, exchange)
    return lines


class _Worker:
    """Each chain on a lane of its own; a record at fault is parked, and its chain goes on."""

    def __init__(
        self, settings: FiscalSettings, signer: Signer, producer: AIOKafkaProducer
    ) -> None:
        self._answers = settings.responses_topic
        self._signer = signer
        self._producer = producer
        self._outlet = Outlet(producer, settings)

    async def take(self, record: ConsumerRecord, progress: Progress, lanes: Lanes) -> None:
        progress.begin(record.offset)
        try:
            sign, asked = _taken(record.value or b"")
        except NotTakable as fault:
            await self._outlet.park(record, fault)
            progress.done(record.offset)
            return
        lane = ids.chain_key(sign.tenant, sign.chain)
        await lanes.put(lane, partial(self._sign, record, sign, asked, progress))

    async def _sign(
        self, record: ConsumerRecord, sign: SignReceipt, asked: RequestReceipt, progress: Progress
    ) -> None:
        if not progress.is_open:
            return
        maybe = record.offset < progress.maybe_sent_below
        try:
            answer = await self._signer.signed(sign, asked, may_be_sent=maybe)
        except Stopped:
            return  # not done: its offset stays, and whoever reads it again asks after it
        except NoAccount as missing:
            await self._outlet.park(record, NotTakable("no-fiscal-account", f"chain: {missing}"))
            progress.done(record.offset)
            return
        key = ids.chain_key(sign.tenant, sign.chain).encode()
        await self._producer.send_and_wait(self._answers, key=key, value=encode(answer))
        log.debug("receipt", receipt=sign.command_id, outcome=answer.outcome, late=answer.late)
        progress.done(record.offset)


def _taken(value: bytes) -> tuple[SignReceipt, RequestReceipt]:
    try:
        sign = decode(value)
        if not isinstance(sign, SignReceipt):
            raise NotTakable("unexpected-record", f"{type(sign).__name__} is no SignReceipt")
        asked = decode(sign.request)
    except NotReadable as error:
        raise NotTakable(error.reason, error.detail) from error
    if not isinstance(asked, RequestReceipt) or asked.command_id != sign.command_id:
        raise NotTakable("unusable-request", "request: not that of the command_id")
    return sign, asked
