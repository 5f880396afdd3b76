"""Acquirers' webhooks, over HTTP on loopback (a proxy in front ends TLS). Facts, never effects.

2xx only after Kafka has the fact: until then the acquirer must think it undelivered and repeat.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack

import structlog
from aiohttp import web
from aiokafka.errors import KafkaError

from connectors.acquirers import metrics
from connectors.acquirers.acquirer import BadNotice, Forged, Notice, NoticeReader
from connectors.acquirers.outlet import Outlet
from connectors.acquirers.settings import WebhookSettings

log = structlog.get_logger(__name__)


async def serve_webhooks(
    stack: AsyncExitStack,
    settings: WebhookSettings | None,
    readers: Mapping[str, NoticeReader],
    outlet: Outlet,
) -> int:
    """Serves `POST /webhooks/{acquirer_id}` until the stack closes. The port; 0: not wanted."""
    if settings is None:
        return 0
    receiver = Receiver(readers, outlet, settings.kafka_timeout_s)
    application = web.Application(client_max_size=settings.body_bytes_max)
    application.add_routes([web.post("/webhooks/{acquirer_id}", receiver.receive)])
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=settings.kafka_timeout_s)
    stack.push_async_callback(runner.cleanup)
    await runner.setup()
    await web.TCPSite(runner, settings.host, settings.port).start()
    return int(runner.addresses[0][1])


class Receiver:
    """One request, one fact."""

    def __init__(
        self, readers: Mapping[str, NoticeReader], outlet: Outlet, kafka_timeout_s: float
    ) -> None:
        self._readers = readers
        self._outlet = outlet
        self._kafka_timeout_s = kafka_timeout_s

    async def receive(self, request: web.Request) -> web.Response:
        acquirer_id = request.match_info["acquirer_id"]
        reader = self._readers.get(acquirer_id)
        if reader is None:
            return web.Response(status=404)
        body = await request.read()  # raw: a signature is over bytes, not over what they mean
        headers = {name.lower(): value for name, value in request.headers.items()}
        response, result = await self._answer(reader, headers, body)
        metrics.WEBHOOKS.labels(acquirer_id, result).inc()
        if result not in ("taken", "ignored"):
            log.warning("webhook refused", acquirer=acquirer_id, result=result)
        return response

    async def _answer(
        self, reader: NoticeReader, headers: dict[str, str], body: bytes
    ) -> tuple[web.Response, str]:
        try:
            notices = reader.read(headers, body)
        except Forged:
            return web.Response(status=401), "forged"
        except BadNotice as bad:
            if not await self._written(bad.facts):
                return web.Response(status=503), "not_written"
            told = {"field": bad.field, "problem": bad.problem}
            return web.json_response(told, status=400), "bad"
        if not notices:
            return web.Response(status=202), "ignored"
        if not await self._written(notices):
            return web.Response(status=503), "not_written"
        return web.Response(status=204), "taken"

    async def _written(self, notices: tuple[Notice, ...]) -> bool:
        try:
            async with asyncio.timeout(self._kafka_timeout_s):
                for notice in notices:
                    await self._outlet.answer(notice)
        except (KafkaError, TimeoutError):
            return False
        return True
