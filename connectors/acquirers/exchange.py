"""One HTTP exchange with an acquirer: bytes out, bytes or silence back. No retry of what was sent.

Only a connection that never stood is tried again: httpx opens it before it writes the request, so
`ConnectError` and `ConnectTimeout` prove that the acquirer saw nothing.
"""

import asyncio
import time

import httpx
import stamina

from connectors.acquirers import metrics
from connectors.acquirers.acquirer import HttpRequest, HttpResponse, HttpResult, NoResponse
from connectors.acquirers.settings import HttpSettings

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout)


class Exchange:
    """The connections to one base URL. `virtual`: silence is timed from the command's instant.

    Each exchange under way has a transport of its own, with one connection: httpcore's pool looks
    at every connection on every request, which at 64 of them cost more than the request did. The
    last one used is the first one taken, so that as many stay warm as are needed.
    """

    def __init__(
        self, base_url: str, authorisation: dict[str, str], settings: HttpSettings, *, virtual: bool
    ) -> None:
        self._base_url = base_url
        self._authorisation = authorisation
        self._settings = settings
        self._virtual = virtual
        self._timeouts = httpx.Timeout(
            settings.read_timeout_s, connect=settings.connect_timeout_s
        ).as_dict()
        # No certificates from the environment: whom money goes to is a setting.
        self._certificates = httpx.create_ssl_context(trust_env=False)
        self._idle: list[httpx.AsyncHTTPTransport] = []

    async def close(self) -> None:
        """To be called when no exchange is under way."""
        for transport in self._idle:
            await transport.aclose()

    async def send(self, request: HttpRequest, issued_at: int) -> HttpResult:
        """What came of it. Raises nothing but cancellation: silence is a result."""
        with metrics.SECONDS.time():
            try:
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
            wait_jitter=0.1,
        )
        async for attempt in attempts:
            with attempt:
                async with asyncio.timeout(self._settings.total_s):
                    return await self._once(request, issued_at)
        raise AssertionError("stamina ends with a result or an exception")

    async def _once(self, request: HttpRequest, issued_at: int) -> HttpResult:
        transport = self._idle.pop() if self._idle else self._transport()
        try:
            response = await transport.handle_async_request(self._on_the_wire(request))
            try:
                body = await self._read(response)
            finally:
                await response.aclose()
        finally:
            self._idle.append(transport)
        return HttpResponse(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=body,
            at=self._now_at(issued_at),
        )

    async def _read(self, response: httpx.Response) -> bytes:
        """Cut short when too long: then it cannot be read as an answer, and is worth no more."""
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            if len(body) > self._settings.answer_bytes_max:
                break
        return bytes(body)

    def _on_the_wire(self, request: HttpRequest) -> httpx.Request:
        return httpx.Request(
            request.method,
            self._base_url + request.path,
            headers=request.headers | self._authorisation,
            content=request.body,
            extensions={"timeout": self._timeouts},
        )

    def _transport(self) -> httpx.AsyncHTTPTransport:
        """A transport and no client: neither cookies nor redirects nor proxies have a part here."""
        return httpx.AsyncHTTPTransport(
            verify=self._certificates,
            trust_env=False,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
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
