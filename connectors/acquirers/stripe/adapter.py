"""Our commands in Stripe's words (PaymentIntents), and its answers in ours. Pure.

What a raise or a capture was is written into the intent's metadata, so that the intent itself
tells later which of them it went through; a cancel takes none. A hold can only be raised
(`lowers_not_supported`): what is not captured goes back with the capture or by a cancel.
"""

from urllib.parse import quote, urlencode

from connectors.acquirers.acquirer import (
    Asked,
    CannotAsk,
    HttpRequest,
    HttpResponse,
    HttpResult,
    Operation,
    Verdict,
    answered,
    merchant_reference,
    unknown,
)
from connectors.acquirers.origins import is_about, metadata_of
from connectors.acquirers.reading import code_of, psp_reference_needed
from connectors.acquirers.settings import AccountSettings
from connectors.acquirers.stripe import answers
from connectors.acquirers.stripe import messages as wire
from connectors.acquirers.stripe.amounts import AMOUNTS
from connectors.acquirers.wire_amounts import NotCountable
from schemas.commands import (
    CaptureHold,
    InquireCommand,
    LowerHold,
    PlaceHold,
    RaiseHold,
    RefundCapture,
    ReleaseHold,
)
from schemas.facts import AcquirerAnswered
from schemas.ids import idempotency_key

KEY_GUARDS_MS = 24 * 60 * 60 * 1000
"""How long a key is kept at least (docs.stripe.com/api/idempotent_requests)."""

_MAY_BE_OURS = frozenset({"already_captured", "hold_closed"})
_FORM = "application/x-www-form-urlencoded"
_BASE = "/v1/payment_intents"


class StripeAdapter:
    """One account. `account.account` is its name (`acct_...`)."""

    def __init__(self, account: AccountSettings) -> None:
        self._account = account

    def request(self, command: Asked) -> HttpRequest:
        headers = {"Accept": "application/json", "Stripe-Version": wire.VERSION}
        if isinstance(command, InquireCommand):
            return HttpRequest(method="GET", path=_inquiry(command), headers=headers)
        path, fields = _operation(command)
        return HttpRequest(
            method="POST",
            path=path,
            headers={
                **headers,
                "Content-Type": _FORM,
                "Idempotency-Key": command.idempotency_key,
            },
            body=urlencode(fields).encode(),
        )

    def outcome(self, command: Asked, result: HttpResult) -> AcquirerAnswered:
        if not isinstance(result, HttpResponse):
            return answered(command, unknown(result.why), result.at)
        try:
            verdict = _verdict(command, result)
        except NotCountable:
            verdict = unknown("odd_answer")
        return answered(command, verdict, result.at)


def _operation(command: Operation) -> tuple[str, dict[str, str]]:
    if isinstance(command, PlaceHold):
        return _BASE, _hold(command)
    intent = psp_reference_needed(command.psp_reference)
    path = f"{_BASE}/{quote(intent, safe='')}"
    value = str(AMOUNTS.to_wire(command.amount_minor, command.currency))
    if isinstance(command, RaiseHold):
        return f"{path}/increment_authorization", {"amount": value, **_step("raise", command)}
    if isinstance(command, LowerHold):
        raise CannotAsk("lowers_not_supported")
    if isinstance(command, CaptureHold):
        final = {"amount_to_capture": value, "final_capture": "true"}
        return f"{path}/capture", {**final, **_step("capture", command)}
    if isinstance(command, RefundCapture):
        fields = {"payment_intent": intent, "amount": value}
        return "/v1/refunds", {**fields, **_metadata(metadata_of(command), command)}
    return f"{path}/cancel", {"cancellation_reason": "abandoned"}


def _hold(command: PlaceHold) -> dict[str, str]:
    """`card_token`: `pm_...`, or `cus_.../pm_...` of a method that belongs to a customer."""
    customer, _, method = command.card_token.rpartition("/")
    if not method:
        raise CannotAsk("no_card_token")
    return {
        "amount": str(AMOUNTS.to_wire(command.amount_minor, command.currency)),
        "currency": command.currency.lower(),
        "capture_method": "manual",
        "confirm": "true",
        "off_session": "true",
        "error_on_requires_action": "true",
        "payment_method": method,
        "payment_method_types[]": "card",
        "payment_method_options[card][request_incremental_authorization]": "if_available",
        **({"customer": customer} if customer else {}),
        **_metadata(metadata_of(command), command),
    }


def _metadata(told: dict[str, str], command: Operation) -> dict[str, str]:
    fields = {**told, "reference": merchant_reference(command)}
    return {f"metadata[{name}]": value for name, value in fields.items()}


def _step(name: str, command: Operation) -> dict[str, str]:
    """The newest raise, or the capture, beside whose hold it is: a terminal's own lacks that."""
    told = metadata_of(command) | {
        "command_id": command.hold_id,
        "reference": idempotency_key(command.tenant, command.hold_id),
        name: merchant_reference(command),
    }
    return {f"metadata[{key}]": value for key, value in told.items()}


def _inquiry(command: InquireCommand) -> str:
    if command.of_kind == "lower":
        raise CannotAsk("lowers_not_supported")
    intent = quote(command.psp_reference, safe="")
    if command.of_kind == "refund":
        psp_reference_needed(command.psp_reference)
        return f"/v1/refunds?{urlencode({'payment_intent': command.psp_reference, 'limit': 100})}"
    if intent:
        return f"{_BASE}/{intent}"
    if command.of_kind != "hold":
        raise CannotAsk("no_psp_reference")
    query = f"metadata['reference']:'{merchant_reference(command)}'"
    return f"{_BASE}/search?{urlencode({'query': query, 'limit': 2})}"


def _verdict(command: Asked, response: HttpResponse) -> Verdict:
    told = response.headers.get("idempotency-key", "")
    if told and not isinstance(command, InquireCommand) and not is_about(command, told):
        return unknown("odd_answer")
    if response.status == 200:  # noqa: PLR2004 - the one status of an object
        if isinstance(command, InquireCommand):
            return answers.inquired(command, response)
        return answers.done(command, response)
    verdict = answers.refused(response)
    if isinstance(command, InquireCommand) and verdict.outcome != "unknown":
        # A refused question says nothing about the operation that was asked after.
        return unknown("odd_answer", code_of(verdict.raw_code))
    if verdict.reason in _MAY_BE_OURS and isinstance(command, CaptureHold | ReleaseHold):
        # An earlier sending of the same command may be what closed it: the intent tells.
        return unknown("odd_answer", verdict.raw_code)
    return verdict
