"""Queries and positions over HTTP on the loopback interface, for the page and the command line."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

import msgspec
from aiohttp import web

from connectors.clickhouse.client import ask
from connectors.clickhouse.guard import QueryRefused
from streams.sink.settings import PORT_FILE, SinkSettings

HOST = "127.0.0.1"
_AT_ONCE = 2
_SQL_BYTES = 256 * 1024
_LOOPBACK = frozenset({HOST, "localhost"})

Positions = Callable[[], Awaitable[dict[str, dict[int, int]]]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def serve_queries(stack: AsyncExitStack, settings: SinkSettings, positions: Positions) -> int:
    """POST /query with SQL as text, GET /positions. The port, also written to `query.port`."""
    threads = stack.enter_context(ThreadPoolExecutor(_AT_ONCE, "query"))
    app = web.Application(middlewares=[_only_from_here], client_max_size=_SQL_BYTES)

    async def query(request: web.Request) -> web.Response:
        sql = await request.text()
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(
                threads, ask, settings.address, sql, settings.limits
            )
        except QueryRefused as refused:
            return _json({"error": str(refused)}, status=400)
        return _json(answer._asdict())

    async def where(_: web.Request) -> web.Response:
        return _json({"positions": await positions()})

    app.router.add_post("/query", query)
    app.router.add_get("/positions", where)
    return await _listen(stack, app, settings)


async def _listen(stack: AsyncExitStack, app: web.Application, settings: SinkSettings) -> int:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, HOST, settings.query_port).start()
    port: int = runner.addresses[0][1]
    file = settings.directory / PORT_FILE
    file.write_text(f"{port}\n")
    stack.callback(file.unlink, missing_ok=True)
    return port


@web.middleware
async def _only_from_here(request: web.Request, handler: Handler) -> web.StreamResponse:
    """No web page may ask: neither across origins nor by a name that resolves to us."""
    host = request.host.rpartition(":")[0] or request.host
    if host not in _LOOPBACK or "Origin" in request.headers:
        return _json({"error": "only programs of this machine may ask"}, status=403)
    return await handler(request)


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value), status=status, content_type="application/json"
    )
