"""Webhook delivery: signed after Standard Webhooks, at least once, in order per hold.

Whoever receives them must expect repetitions and disorder all the same: that is what the faults
are for. A receiver that fails is tried again by the wall clock, in virtual time too.
"""

import asyncio
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import groupby

import httpx
import stamina
import structlog
from standardwebhooks import Webhook

from connectors.acquirers.simulator import outbox
from connectors.acquirers.simulator.config import Webhooks
from connectors.acquirers.simulator.outbox import Pending
from connectors.acquirers.simulator.store import Store

_LANES_AT_ONCE = 8
_LOOK_AGAIN_S = 0.2

log = structlog.get_logger()


class MissingSecret(RuntimeError):
    """The environment variable named in the settings is not set."""


def secret_from_env(name: str) -> str:
    """Raises MissingSecret."""
    secret = os.environ.get(name, "")
    if not secret:
        raise MissingSecret(f"{name} is not set")
    return secret


class Sender:
    """Delivers one account's webhooks until cancelled. `now` is the account's own time."""

    def __init__(
        self, store: Store, account: str, settings: Webhooks, now: Callable[[], int]
    ) -> None:
        self._store = store
        self._account = account
        self._settings = settings
        self._now = now
        self._signer = Webhook(secret_from_env(settings.secret_env))
        self._wake = asyncio.Event()
        self._resting: dict[int, float] = {}

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        timeout = self._settings.answer_within_ms / 1000
        async with httpx.AsyncClient(timeout=timeout, trust_env=False) as client:
            while True:
                self._wake.clear()
                if not await self._round(client):
                    await self._rest()

    async def _rest(self) -> None:
        # time passes without a request too: delayed webhooks and retries fall due
        try:
            async with asyncio.timeout(_LOOK_AGAIN_S):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _round(self, client: httpx.AsyncClient) -> bool:
        monotonic = time.monotonic()
        self._resting = {row: until for row, until in self._resting.items() if until > monotonic}
        pending = outbox.due(self._store, self._account, self._now(), tuple(self._resting))
        by_lane = sorted(pending, key=lambda one: one.lane)  # stable: order within a lane stays
        lanes = [list(lane) for _, lane in groupby(by_lane, key=lambda one: one.lane)]
        gate = asyncio.Semaphore(_LANES_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for lane in lanes:
                group.create_task(self._deliver_lane(client, gate, lane))
        return bool(pending)

    async def _deliver_lane(
        self, client: httpx.AsyncClient, gate: asyncio.Semaphore, lane: list[Pending]
    ) -> None:
        async with gate:
            for pending in lane:
                await self._deliver(client, pending)

    async def _deliver(self, client: httpx.AsyncClient, pending: Pending) -> None:
        attempts = stamina.retry_context(
            on=httpx.HTTPError,
            attempts=self._settings.attempts,
            timeout=None,
            wait_initial=0.05,
            wait_jitter=0.05,
        )
        try:
            async for attempt in attempts:
                with attempt:
                    response = await client.post(
                        self._settings.url, content=pending.body, headers=self._headers(pending)
                    )
                    response.raise_for_status()
        except httpx.HTTPError as error:
            self._resting[pending.row] = time.monotonic() + self._settings.retry_after_ms / 1000
            outbox.undelivered(self._store, pending, self._settings.rounds)
            log.warning("webhook not delivered", webhook_id=pending.event_id, error=repr(error))
        else:
            outbox.delivered(self._store, pending)

    def _headers(self, pending: Pending) -> dict[str, str]:
        signed_at = datetime.fromtimestamp(int(time.time()), tz=UTC)
        body = pending.body.decode()
        return {
            "content-type": "application/json",
            "webhook-id": pending.event_id,
            "webhook-timestamp": str(int(signed_at.timestamp())),
            "webhook-signature": self._signer.sign(pending.event_id, signed_at, body),
        }
