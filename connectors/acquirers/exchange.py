"""One HTTP exchange with an acquirer: bytes out, bytes or silence back. No retry of what was sent.

Only a connection that never stood is tried again: httpx opens it before it writes the request, so
`ConnectError` and `ConnectTimeout` prove that the acquirer saw nothing.
"""

import asyncio
import time
from contextlib import AsyncExitStack

import httpx
import stamina

from connectors.acquirers import metrics
from connectors.acquirers.acquirer import HttpRequest, HttpResponse, HttpResult, NoResponse
from connectors.acquirers.settings import ExecutorSettings, HttpSettings

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Exchange:
    """The connections to one base URL. `virtual`: silence is timed from the command's instant."""

    def __init__(self, client: httpx.AsyncClient, settings: HttpSettings, *, virtual: bool) -> None:
        self._client = client
        self._settings = settings
        self._virtual = virtual

    async def send(self, request: HttpRequest, issued_at: int) -> HttpResult:
        """What came of it. Raises nothing but cancellation: silence is a result."""
        with metrics.SECONDS.time():
            try:
                async with asyncio.timeout(self._settings.total_s):
                    return await self._connected(request, issued_at)
            except _NOT_SENT:
                return NoResponse(why="not_sent", at=self._now_at(issued_at))
            except (TimeoutError, httpx.TimeoutException):
                return NoResponse(why="timeout", at=self._silent_at(issued_at))
            except httpx.HTTPError:
                return NoResponse(why="connection_lost", at=self._now_at(issued_at))

    async def _connected(self, request: HttpRequest, issued_at: int) -> HttpResult:
        """The exchange, on a connection that may take some tries to open."""
        attempts = stamina.retry_context(
            on=_NOT_SENT,
            attempts=self._settings.connect_attempts,
            timeout=self._settings.total_s,
            wait_initial=0.1,
            wait_max=1,
        )
        async for attempt in attempts:
            with attempt:
                return await self._once(request, issued_at)
        raise AssertionError("stamina ends with a result or an exception")

    async def _once(self, request: HttpRequest, issued_at: int) -> HttpResult:
        async with self._client.stream(
            request.method, request.path, headers=request.headers, content=request.body
        ) as response:
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > self._settings.answer_bytes_max:
                    # Cut short, it cannot be read as an answer; and that is what it is worth.
                    break
            return HttpResponse(
                status=response.status_code,
                headers={name.lower(): value for name, value in response.headers.items()},
                body=bytes(body),
                at=self._now_at(issued_at),
            )

    def _now_at(self, issued_at: int) -> int:
        return issued_at if self._virtual else wall_at()

    def _silent_at(self, issued_at: int) -> int:
        if self._virtual:
            return issued_at + round(self._settings.read_timeout_s * 1000)
        return wall_at()


def wall_at() -> int:
    """The wall clock, epoch milliseconds UTC."""
    return time.time_ns() // 1_000_000


async def open_exchange(
    stack: AsyncExitStack, settings: ExecutorSettings, base_url: str, authorisation: dict[str, str]
) -> Exchange:
    """An exchange with as many connections as there are sessions at once; closed by the stack.

    `authorisation` are the headers that prove who we are: they join the request on the wire only.
    """
    http, width = settings.http, settings.sessions_at_once
    client = httpx.AsyncClient(
        base_url=base_url,
        headers=authorisation,
        timeout=httpx.Timeout(
            http.read_timeout_s, connect=http.connect_timeout_s, pool=http.total_s
        ),
        limits=httpx.Limits(max_connections=width, max_keepalive_connections=width),
        # No proxy, .netrc or certificate from the environment: where money goes is a setting.
        trust_env=False,
    )
    await stack.enter_async_context(client)
    return Exchange(client, http, virtual=settings.virtual_time)
