"""Our commands in Adyen's words (Checkout API v72), and its answers in ours. Pure.

Adyen says yes to a modification (capture, cancel, refund, an asynchronous adjustment) by webhook
only; its answer says no more than "received". It has no call that tells what became of a payment,
so there is no inquiry: a command is sent again under its key, or its webhook is waited for.
"""

from urllib.parse import quote

import msgspec

from connectors.acquirers.acquirer import (
    Asked,
    CannotAsk,
    HttpRequest,
    HttpResponse,
    HttpResult,
    Operation,
    Verdict,
    answered,
    unknown,
)
from connectors.acquirers.adyen import messages as wire
from connectors.acquirers.adyen.amounts import AMOUNTS
from connectors.acquirers.adyen.refusals import declined
from connectors.acquirers.origins import is_about, metadata_of
from connectors.acquirers.reading import by_status, code_of, decoded, psp_reference_needed
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

KEY_GUARDS_MS = 7 * 24 * 60 * 60 * 1000
"""How long a key is kept at least (docs.adyen.com, "API idempotency")."""

_IN_PROGRESS = "704"
_REFUSED_FORMS = frozenset({"validation"})  # the one errorType that says: not processed, ever


class AdyenAdapter:
    """One merchant account."""

    def __init__(self, account: AccountSettings) -> None:
        self._account = account
        # The live host has its API one level deeper than the test host.
        live = account.base_url.endswith("-live.adyenpayments.com")
        self._base = "/checkout/v72" if live else "/v72"

    def request(self, command: Asked) -> HttpRequest:
        if isinstance(command, InquireCommand):
            raise CannotAsk("no_inquiry")
        path, body = self._body(command)
        return HttpRequest(
            method="POST",
            path=self._base + path,
            headers={
                "Accept": "application/json",
                "Content-Type": "application/json",
                "Idempotency-Key": command.idempotency_key,
            },
            body=msgspec.json.encode(body),
        )

    def outcome(self, command: Asked, result: HttpResult) -> AcquirerAnswered:
        if not isinstance(result, HttpResponse):
            return answered(command, unknown(result.why), result.at)
        if isinstance(command, InquireCommand):
            return answered(command, unknown("no_inquiry"), result.at)
        try:
            verdict = _verdict(command, result)
        except NotCountable:
            verdict = unknown("odd_answer")
        return answered(command, verdict, result.at)

    def _body(self, command: Operation) -> tuple[str, dict[str, object]]:
        common: dict[str, object] = {
            "merchantAccount": self._account.account,
            "reference": command.idempotency_key,
        }
        if isinstance(command, PlaceHold):
            return "/payments", common | _payment(command, partial=self._account.allow_partial)
        payment = f"/payments/{quote(psp_reference_needed(command.psp_reference), safe='')}"
        if isinstance(command, RaiseHold | LowerHold):
            usage = {"industryUsage": "delayedCharge"}
            return f"{payment}/amountUpdates", common | _amount(command) | usage
        if isinstance(command, CaptureHold):
            return f"{payment}/captures", common | _amount(command)
        if isinstance(command, RefundCapture):
            return f"{payment}/refunds", common | _amount(command)
        return f"{payment}/cancels", common


def _amount(command: Operation) -> dict[str, object]:
    """Adyen takes totals, for raises and lowers too."""
    value = AMOUNTS.to_wire(command.amount_minor, command.currency)
    return {"amount": {"value": value, "currency": command.currency}}


def _payment(command: PlaceHold, *, partial: bool) -> dict[str, object]:
    shopper, _, token = command.card_token.partition("/")
    if not shopper or not token:
        raise CannotAsk("no_card_token")  # a stored payment method belongs to its shopper
    return {
        **_amount(command),
        "paymentMethod": {"type": "scheme", "storedPaymentMethodId": token},
        "shopperReference": shopper,
        "shopperInteraction": "ContAuth",
        "recurringProcessingModel": "UnscheduledCardOnFile",
        "additionalData": {
            "authorisationType": "PreAuth",
            "allowPartialAuth": "true" if partial else "false",
        },
        "metadata": metadata_of(command),
    }


def _verdict(command: Operation, response: HttpResponse) -> Verdict:
    if isinstance(command, PlaceHold):
        payment = decoded(response.body, wire.Payment)
        if payment is not None and response.status == 200:  # noqa: PLR2004 - its one status
            return _of_payment(command, payment)
        return _no_operation(response)
    modification = decoded(response.body, wire.Modification)
    if modification is not None and response.status in (200, 201):
        return _of_modification(command, modification)
    return _no_operation(response)


def _of_payment(command: PlaceHold, payment: wire.Payment) -> Verdict:
    if not is_about(command, payment.merchantReference) or not payment.pspReference:
        return unknown("odd_answer", code_of(payment.resultCode))
    match payment.resultCode:
        case "Authorised" | "PartiallyAuthorised":
            return _authorised(command, payment)
        case "Refused":
            code = code_of(payment.refusalReasonCode)
            return declined(code, payment.additionalData, payment.pspReference)
        case "Cancelled":
            return Verdict(outcome="failed", reason="refused", raw_code="Cancelled")
        case _:  # Error too: what the issuer holds is not told; the webhook tells
            return unknown("pending", code_of(payment.resultCode))


def _authorised(command: PlaceHold, payment: wire.Payment) -> Verdict:
    held = payment.amount
    if payment.resultCode == "PartiallyAuthorised":
        told = payment.additionalData
        value = told.get("authorisedAmountValue")
        if not isinstance(value, str) or not value.isascii() or not value.isdigit():
            return unknown("odd_answer", "PartiallyAuthorised")
        held = wire.Amount(str(told.get("authorisedAmountCurrency")), int(value[:20]))
    if held is None or held.currency != command.currency:
        return unknown("odd_answer", payment.resultCode)
    return Verdict(
        outcome="done",
        amount_minor=AMOUNTS.from_wire(held.value, held.currency),
        psp_reference=payment.pspReference,
    )


def _of_modification(command: Operation, told: wire.Modification) -> Verdict:
    about_ours = is_about(command, told.reference) and not isinstance(command, PlaceHold)
    if not about_ours or told.paymentPspReference != getattr(command, "psp_reference", ""):
        return unknown("odd_answer", code_of(told.status))
    if told.status == "authorised" and isinstance(command, RaiseHold | LowerHold):
        if told.amount is None or told.amount.currency != command.currency:
            return unknown("odd_answer", "authorised")
        return Verdict(
            outcome="done",
            amount_minor=AMOUNTS.from_wire(told.amount.value, told.amount.currency),
            psp_reference=told.paymentPspReference,
        )
    if told.status == "refused" and isinstance(command, RaiseHold | LowerHold):
        return declined(code_of(told.refusalReasonCode), {}, told.paymentPspReference)
    return unknown("pending" if told.status == "received" else "odd_answer", code_of(told.status))


def _no_operation(response: HttpResponse) -> Verdict:
    problem = decoded(response.body, wire.Problem)
    code = "" if problem is None else code_of(problem.errorCode)
    if response.headers.get("transient-error", "").lower() == "true":
        return unknown("transient_error", code)
    if code == _IN_PROGRESS:
        return unknown("in_progress", code)
    if problem is not None and response.status in (400, 422):
        told_alike = problem.status == response.status
        if told_alike and problem.errorType in _REFUSED_FORMS:
            return Verdict(outcome="failed", reason="invalid_request", raw_code=code)
    return by_status(response.status, code)
