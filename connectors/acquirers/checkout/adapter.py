"""Our commands in Checkout.com's words, and its answers in ours. Pure.

Holds and raises are answered at once; captures, voids and refunds are accepted (202) and decided
later: by webhook, or by an inquiry, which reads the payment's actions. Raises carry the difference.
A hold cannot be lowered (`lowers_not_supported`).
"""

from urllib.parse import quote, urlencode

import msgspec

from connectors.acquirers.acquirer import (
    Asked,
    CannotAsk,
    HttpRequest,
    HttpResponse,
    HttpResult,
    Operation,
    answered,
    merchant_reference,
    unknown,
)
from connectors.acquirers.checkout import answers
from connectors.acquirers.checkout.amounts import AMOUNTS
from connectors.acquirers.origins import metadata_of
from connectors.acquirers.reading import psp_reference_needed
from connectors.acquirers.settings import AccountSettings
from connectors.acquirers.wire_amounts import NotCountable
from schemas.commands import (
    CaptureHold,
    InquireCommand,
    LowerHold,
    PlaceHold,
    RaiseHold,
    RefundCapture,
)
from schemas.facts import AcquirerAnswered

KEY_GUARDS_MS = 24 * 60 * 60 * 1000
"""How long a key is kept (checkout.com/docs, "Retry a payment")."""


class CheckoutAdapter:
    """One processing channel, `account.account` (`pc_...`)."""

    def __init__(self, account: AccountSettings) -> None:
        self._account = account

    def request(self, command: Asked) -> HttpRequest:
        headers = {"Accept": "application/json"}
        if isinstance(command, InquireCommand):
            return HttpRequest(method="GET", path=_inquiry(command), headers=headers)
        path, body = self._body(command)
        return HttpRequest(
            method="POST",
            path=path,
            headers={
                **headers,
                "Content-Type": "application/json",
                "Cko-Idempotency-Key": command.idempotency_key,
            },
            body=msgspec.json.encode(body),
        )

    def outcome(self, command: Asked, result: HttpResult) -> AcquirerAnswered:
        if not isinstance(result, HttpResponse):
            return answered(command, unknown(result.why), result.at)
        try:
            if isinstance(command, InquireCommand):
                verdict = answers.inquired(command, result)
            else:
                verdict = answers.done(command, result)
        except NotCountable:
            verdict = unknown("odd_answer")
        return answered(command, verdict, result.at)

    def _body(self, command: Operation) -> tuple[str, dict[str, object]]:
        common: dict[str, object] = {
            "reference": command.idempotency_key,
            "metadata": metadata_of(command),
        }
        if isinstance(command, PlaceHold):
            return "/payments", common | self._payment(command)
        payment = f"/payments/{quote(psp_reference_needed(command.psp_reference), safe='')}"
        if isinstance(command, RaiseHold):
            delta = AMOUNTS.to_wire(command.delta_minor, command.currency)
            return f"{payment}/authorizations", common | {"amount": delta}
        if isinstance(command, LowerHold):
            raise CannotAsk("lowers_not_supported")
        amount = {"amount": AMOUNTS.to_wire(command.amount_minor, command.currency)}
        if isinstance(command, CaptureHold):
            return f"{payment}/captures", common | amount | {"capture_type": "Final"}
        if isinstance(command, RefundCapture):
            return f"{payment}/refunds", common | amount
        return f"{payment}/voids", common

    def _payment(self, command: PlaceHold) -> dict[str, object]:
        if not command.card_token:
            raise CannotAsk("no_card_token")
        return {
            "source": {"type": "id", "id": command.card_token},
            "amount": AMOUNTS.to_wire(command.amount_minor, command.currency),
            "currency": command.currency,
            "capture": False,
            "authorization_type": "Estimated",
            "payment_type": "Unscheduled",
            "merchant_initiated": True,
            "partial_authorization": {"enabled": self._account.allow_partial},
            "processing_channel_id": self._account.account,
        }


def _inquiry(command: InquireCommand) -> str:
    if command.of_kind == "lower":
        raise CannotAsk("lowers_not_supported")
    if command.psp_reference:
        return f"/payments/{quote(command.psp_reference, safe='')}/actions"
    if command.of_kind != "hold":
        raise CannotAsk("no_psp_reference")
    return f"/payments?{urlencode({'reference': merchant_reference(command), 'limit': 2})}"
