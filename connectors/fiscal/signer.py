"""One receipt, signed: sent until the service has said what became of it, and never twice.

A chain is in order, so there is nothing to do but this receipt: whoever waits behind it waits. What
may have been sent is asked after first; what was not there in time is signed late and says so.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec
import structlog

from connectors.acquirers.acquirer import HttpRequest, HttpResponse
from connectors.acquirers.exchange import Exchange
from connectors.fiscal import messages as words
from connectors.fiscal.settings import FiscalAccount
from connectors.fiscal.translate import (
    Absent,
    Outcome,
    Unknown,
    look_up_request,
    outcome,
    sign_request,
    zero_request,
)
from schemas.fiscal import ReceiptAnswered, RequestReceipt, SignReceipt

log = structlog.get_logger(__name__)


class Line(msgspec.Struct, frozen=True):
    """One chain's account and the connections to it."""

    account: FiscalAccount
    exchange: Exchange


class NoAccount(Exception):
    """Nobody signs for this chain here."""


class Signer:
    """`pause(attempt)` waits before the next attempt; it raises what ends the program."""

    def __init__(
        self,
        lines: Mapping[str, Line],
        pause: Callable[[int], Awaitable[None]],
        *,
        virtual_time: bool,
        reached: Callable[[str], None] = lambda _point: None,
    ) -> None:
        self._lines = lines
        self._pause = pause
        self._virtual_time = virtual_time
        self._reached = reached

    async def signed(
        self, sign: SignReceipt, asked: RequestReceipt, *, may_be_sent: bool
    ) -> ReceiptAnswered:
        """The definite answer, however long it takes. Raises NoAccount, and what `pause` raises."""
        line = self._lines.get(sign.chain)
        if line is None:
            raise NoAccount(sign.chain)
        attempt, late = 0, False
        while True:
            said = await self._once(line, sign, asked, look_first=may_be_sent, late=late)
            if isinstance(said, ReceiptAnswered):
                return said
            assert isinstance(said, Unknown), "what is absent was sent"
            attempt += 1
            log.warning("receipt not signed yet", receipt=sign.command_id, why=said.reason)
            may_be_sent, late = True, True
            await self._pause(attempt)

    async def _once(
        self,
        line: Line,
        sign: SignReceipt,
        asked: RequestReceipt,
        *,
        look_first: bool,
        late: bool,
    ) -> Outcome:
        if look_first:
            body = look_up_request(line.account, sign, asked)
            said, _ = await self._sent(line, sign, body, looked_up=True, late=False)
            if not isinstance(said, Absent):
                return said
        body = sign_request(line.account, sign, asked, late=late)
        said, state = await self._sent(line, sign, body, looked_up=False, late=late)
        if isinstance(said, ReceiptAnswered) and state & words.LATE_MODE:
            await self._ended_late_mode(line, sign, asked.country)
        return said

    async def _ended_late_mode(self, line: Line, sign: SignReceipt, country: str) -> None:
        """Asked for with the next receipt again, where it fails: nothing waits for it."""
        body = zero_request(line.account, sign, country)
        result = await line.exchange.send(
            _request(f"{sign.operation_key}-zero", line.account, body), sign.moment_at
        )
        done = isinstance(result, HttpResponse) and result.status == 200  # noqa: PLR2004
        log.info("zero receipt", chain=sign.chain, done=done)

    async def _sent(
        self, line: Line, sign: SignReceipt, body: bytes, *, looked_up: bool, late: bool
    ) -> tuple[Outcome, int]:
        suffix = "-look" if looked_up else "-late" if late else ""
        request = _request(sign.operation_key + suffix, line.account, body)
        self._reached("before_call")
        result = await line.exchange.send(request, sign.moment_at)
        self._reached("after_call")
        if not isinstance(result, HttpResponse):
            return Unknown(result.why), 0
        at = sign.moment_at if self._virtual_time else result.at
        return outcome(sign, result.status, result.body, at, looked_up=looked_up, late=late)


def _request(operation: str, account: FiscalAccount, body: bytes) -> HttpRequest:
    headers = {
        "content-type": "application/json",
        "x-cashbox-id": account.cashbox_id,
        "x-possystem-id": account.pos_system_id,
        words.OPERATION_ID: operation,
    }
    return HttpRequest(method="POST", path="/sign", headers=headers, body=body)


def authorisation(account: FiscalAccount) -> dict[str, str]:
    """The header that carries the token; it goes to the connection and to nothing that prints."""
    if account.access_token is None:
        return {}
    return {"x-cashbox-accesstoken": account.access_token.get_secret_value()}


async def pause_or_stop(stop: asyncio.Event, attempt: int, first_s: float, most_s: float) -> None:
    """Twice as long each time, up to `most_s`. Raises Stopped as soon as `stop` is set."""
    try:
        async with asyncio.timeout(min(first_s * 2 ** min(attempt - 1, 20), most_s)):
            await stop.wait()
    except TimeoutError:
        return
    raise Stopped


class Stopped(Exception):
    """The program was told to stop while a service was away; the receipt is asked after later."""
