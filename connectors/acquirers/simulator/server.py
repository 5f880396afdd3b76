"""The acquirer over HTTP: reads forms, waits or hangs as told, answers. Binds 127.0.0.1 only."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
from aiohttp import web

from connectors.acquirers.simulator import forms, reports
from connectors.acquirers.simulator.acquirer import Acquirer, Call, Reply
from connectors.acquirers.simulator.config import Config
from connectors.acquirers.simulator.forms import BadForm
from connectors.acquirers.simulator.messages import (
    IDEMPOTENCY_KEY,
    REPLAYED,
    TRANSIENT_ERROR,
    VIRTUAL_ANSWERED_AT,
    VIRTUAL_AT,
    ClockRequest,
    Problem,
    ProblemCode,
    Simulated,
)
from connectors.acquirers.simulator.store import Store
from connectors.acquirers.simulator.webhooks import Sender, secret_from_env

_HOST = "127.0.0.1"
_LAPSE_EVERY_S = 0.2
_PAGE = 500
_LARGEST_PAGE = 5_000
_SIMULATED_TIMEOUT = msgspec.json.encode(Simulated())
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """One acquirer with all its accounts. `start` returns the port; `stop` ends what hangs."""

    def __init__(self, config: Config, database: Path) -> None:
        self._config = config
        self._store = Store(database)
        self._acquirer = Acquirer(config, self._store, _wall)
        self._api_keys = {
            name: secret_from_env(account.api_key_env)
            for name, account in config.accounts.items()
            if account.api_key_env
        }
        self._in_flight: set[tuple[str, str]] = set()
        self._senders: list[Sender] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._stack = AsyncExitStack()

    async def start(self, port: int) -> int:
        self._stack.callback(self._store.close)
        application = web.Application(middlewares=[_problems])
        application.add_routes(self._routes())
        # cancelling handlers ends those that hang as soon as the caller has gone
        runner = web.AppRunner(
            application, handler_cancellation=True, access_log=None, shutdown_timeout=0.2
        )
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, _HOST, port)
        await site.start()
        for name, account in self._config.accounts.items():
            if account.webhooks is not None:
                sender = Sender(self._store, name, account.webhooks, self._clock_of(name))
                self._senders.append(sender)
                self._tasks.add(asyncio.create_task(sender.run()))
        self._tasks.add(asyncio.create_task(self._let_time_pass()))
        return int(runner.addresses[0][1])

    async def run_until(self, stop: asyncio.Event) -> None:
        """Until `stop`; an error in what runs beside the requests is raised here, not swallowed."""
        stopped = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait({stopped, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        for task in done:
            task.result()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()

    def _routes(self) -> list[web.RouteDef]:
        hold = "/v1/{account}/holds/{payment_reference}"
        return [
            web.post("/v1/{account}/{form:holds}", self._perform),
            web.post(hold + "/{form:raises|lowers|captures|reversals|refunds}", self._perform),
            web.get("/v1/{account}/operations/{merchant_reference}", self._inquire),
            web.get(hold, self._show_hold),
            web.post("/clock", self._move_clock),
            web.get("/ledger", self._ledger),
            web.get("/ledger/summary", self._summary),
            web.get("/operations", self._operations),
            web.get("/health", _health),
        ]

    def _clock_of(self, name: str) -> Callable[[], int]:
        return lambda: self._acquirer.clockwork.now(name)

    async def _let_time_pass(self) -> None:
        """Holds lapse without anybody asking."""
        while True:
            await asyncio.sleep(_LAPSE_EVERY_S)
            if self._acquirer.move_clock("", None).lapsed:
                self._wake_senders()

    def _wake_senders(self) -> None:
        for sender in self._senders:
            sender.wake()

    # --- operations -----------------------------------------------------------------------------

    async def _perform(self, request: web.Request) -> web.StreamResponse:
        name = self._account(request)
        raw = await request.read()
        call = Call(
            account=name,
            request=forms.read(raw, forms.REQUESTS[request.match_info["form"]]),
            key=forms.read_key(request.headers.get(IDEMPOTENCY_KEY)),
            body_hash=hashlib.sha256(request.path.encode() + b"\0" + raw).digest(),
            payment_reference=request.match_info.get("payment_reference", ""),
            virtual_at=forms.read_instant(request.headers.get(VIRTUAL_AT)),
        )
        flight = (name, call.key)
        if flight in self._in_flight:
            return _problem(409, "in_progress", "a request with this key is being worked on")
        reply = self._acquirer.perform(call)
        self._wake_senders()
        if not reply.is_answered:
            return await self._say_nothing(request, name, call.virtual_at)
        if call.virtual_at is not None or not reply.delay_ms:
            return _say(reply, call.virtual_at)
        self._in_flight.add(flight)
        try:
            await asyncio.sleep(reply.delay_ms / 1000)
        finally:
            self._in_flight.discard(flight)
        return _say(reply, None)

    async def _inquire(self, request: web.Request) -> web.StreamResponse:
        name = self._account(request)
        at = forms.read_instant(request.headers.get(VIRTUAL_AT))
        reference = request.match_info["merchant_reference"]
        return await self._read(request, name, self._acquirer.inquire(name, reference, at))

    async def _show_hold(self, request: web.Request) -> web.StreamResponse:
        name = self._account(request)
        at = forms.read_instant(request.headers.get(VIRTUAL_AT))
        reference = request.match_info["payment_reference"]
        return await self._read(request, name, self._acquirer.show_hold(name, reference, at))

    async def _read(self, request: web.Request, name: str, reply: Reply) -> web.StreamResponse:
        at = forms.read_instant(request.headers.get(VIRTUAL_AT))
        if not reply.is_answered:
            return await self._say_nothing(request, name, at)
        if at is None and reply.delay_ms:
            await asyncio.sleep(reply.delay_ms / 1000)
        return _say(reply, at)

    async def _say_nothing(
        self, request: web.Request, name: str, at: int | None
    ) -> web.StreamResponse:
        """In virtual time say so at once; else hang, then drop the connection without a word."""
        account = self._config.accounts[name]
        if at is not None:
            headers = {VIRTUAL_ANSWERED_AT: str(at + account.timeout_ms)}
            return _json(_SIMULATED_TIMEOUT, 504, headers)
        await asyncio.sleep(account.hang_ms / 1000)
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    def _account(self, request: web.Request) -> str:
        name = request.match_info["account"]
        if name not in self._config.accounts:
            raise _Refusal(404, "unknown_account", "there is no such account")
        wanted = self._api_keys.get(name)
        given = request.headers.get("Authorization", "")
        if wanted is not None and not hmac.compare_digest(
            given.encode(), f"Bearer {wanted}".encode()
        ):
            raise _Refusal(401, "unauthorised", "a bearer key is required")
        return name

    # --- the oracle -----------------------------------------------------------------------------

    async def _move_clock(self, request: web.Request) -> web.StreamResponse:
        order = forms.read(await request.read(), ClockRequest)
        if order.account and order.account not in self._config.accounts:
            raise _Refusal(404, "unknown_account", "there is no such account")
        clock = self._acquirer.move_clock(order.account, order.at)
        self._wake_senders()
        return _json(msgspec.json.encode(clock))

    async def _ledger(self, request: web.Request) -> web.StreamResponse:
        after, limit = _paging(request)
        account = request.query.get("account", "")
        page = reports.page_of_holds(self._store, account, after, limit)
        return _json(msgspec.json.encode(page))

    async def _summary(self, request: web.Request) -> web.StreamResponse:
        summary = reports.summarise(self._store, request.query.get("account", ""))
        return _json(msgspec.json.encode(summary))

    async def _operations(self, request: web.Request) -> web.StreamResponse:
        after, limit = _paging(request)
        names = reports.Filter.__struct_fields__
        wanted = reports.Filter(**{name: request.query.get(name, "") for name in names})
        page = reports.page_of_operations(self._store, wanted, after, limit)
        return _json(msgspec.json.encode(page))


class _Refusal(Exception):
    def __init__(self, status: int, code: ProblemCode, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code: ProblemCode = code


@web.middleware
async def _problems(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except BadForm as bad:
        return _problem(400, bad.code, str(bad))
    except _Refusal as refusal:
        return _problem(refusal.status, refusal.code, str(refusal))


async def _health(_: web.Request) -> web.StreamResponse:
    return _json(b'{"status":"ok"}')


def _say(reply: Reply, virtual_at: int | None) -> web.Response:
    headers = {}
    if virtual_at is not None:
        headers[VIRTUAL_ANSWERED_AT] = str(virtual_at + reply.delay_ms)
    if reply.is_replayed:
        headers[REPLAYED] = "true"
    if reply.is_transient:
        headers[TRANSIENT_ERROR] = "true"
    return _json(reply.body, reply.status, headers)


def _json(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def _problem(status: int, code: ProblemCode, message: str) -> web.Response:
    return _json(msgspec.json.encode(Problem(code=code, message=message)), status)


def _paging(request: web.Request) -> tuple[int, int]:
    after, limit = request.query.get("after", "0"), request.query.get("limit", str(_PAGE))
    if not (after.isdecimal() and limit.isdecimal() and 0 < int(limit) <= _LARGEST_PAGE):
        raise BadForm("invalid_request", f"after and limit (1 to {_LARGEST_PAGE}) are integers")
    return int(after), int(limit)


def _wall() -> int:
    return time.time_ns() // 1_000_000
