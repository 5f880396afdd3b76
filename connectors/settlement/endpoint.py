"""A handler that asks the operator's own HTTP endpoint: signed commands out, outcomes in.

`POST /commands` with the command as JSON, `GET /commands/{key}` after what became of it. Both carry
a Standard Webhooks signature, so that the endpoint knows whom it obeys; its id is the key.
"""

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Literal

import msgspec
from pydantic import SecretStr
from standardwebhooks import Webhook

from connectors.acquirers.acquirer import (
    HttpRequest,
    HttpResponse,
    HttpResult,
    Operation,
    Verdict,
    kind_of,
    merchant_reference,
    unknown,
)
from connectors.acquirers.exchange import Exchange, wall_at
from connectors.settlement.consumer import run_consumer
from connectors.settlement.settings import SettlementSettings
from schemas.commands import InquireCommand

_OK = 200
_MISSING = 404


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the endpoint answers, with 200; `not_found`, with 404, only to a GET."""

    outcome: Literal["done", "declined", "failed", "unknown", "not_found"]
    amount_minor: int = 0
    reason: str = ""
    raw_code: str = ""
    psp_reference: str = ""
    expires_at: int = 0


async def run_at(
    settings: SettlementSettings, url: str, secret: SecretStr, stop: asyncio.Event
) -> None:
    """The reference consumer with the endpoint at `url` behind it. Raises as `run_consumer`."""
    exchange = Exchange(url, {}, settings.http, virtual=False)
    try:
        await run_consumer(settings, EndpointHandler(exchange, secret, wall_at), stop=stop)
    finally:
        await exchange.close()


class EndpointHandler:
    """`exchange` to the endpoint; `now_at` in epoch ms, for the signature alone."""

    def __init__(self, exchange: Exchange, secret: SecretStr, now_at: Callable[[], int]) -> None:
        self._exchange = exchange
        self._webhook = Webhook(secret.get_secret_value())
        self._now_at = now_at

    async def perform(self, command: Operation) -> Verdict:
        body = msgspec.json.encode({"kind": kind_of(command), **msgspec.to_builtins(command)})
        key = command.idempotency_key
        request = HttpRequest(
            method="POST",
            path="/commands",
            headers={"content-type": "application/json", "idempotency-key": key}
            | self._signed(key, body),
            body=body,
        )
        return outcome(await self._exchange.send(request, command.issued_at), asked_after=False)

    async def look_up(self, inquiry: InquireCommand) -> Verdict:
        key = merchant_reference(inquiry)
        request = HttpRequest(method="GET", path=f"/commands/{key}", headers=self._signed(key, b""))
        return outcome(await self._exchange.send(request, inquiry.issued_at), asked_after=True)

    def _signed(self, key: str, body: bytes) -> dict[str, str]:
        at = dt.datetime.fromtimestamp(self._now_at() // 1000, dt.UTC)
        return {
            "webhook-id": key,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": self._webhook.sign(key, at, body.decode()),
        }


def outcome(result: HttpResult, *, asked_after: bool) -> Verdict:
    """Only an explicit yes is a yes, an explicit no a no; everything else is unknown."""
    if not isinstance(result, HttpResponse):
        return unknown(result.why)
    if result.status != _OK and not (asked_after and result.status == _MISSING):
        return unknown("server_error", str(result.status))
    try:
        told = msgspec.json.decode(result.body, type=Told)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return unknown("odd_answer", str(result.status))
    missing = result.status == _MISSING
    if missing != (told.outcome == "not_found") or (told.outcome == "done") != bool(
        told.amount_minor
    ):
        return unknown("odd_answer", str(result.status))
    return Verdict(**msgspec.structs.asdict(told))
