"""What Stripe's answers mean. Only states that cannot be anything else are a yes or a no."""

from msgspec.structs import replace

from connectors.acquirers.acquirer import (
    HttpResponse,
    Operation,
    Verdict,
    unknown,
)
from connectors.acquirers.origins import is_about
from connectors.acquirers.reading import by_status, code_of, decoded
from connectors.acquirers.stripe import messages as wire
from connectors.acquirers.stripe.amounts import AMOUNTS
from connectors.acquirers.stripe.declines import declined
from schemas.commands import CaptureHold, InquireCommand, PlaceHold, RaiseHold, RefundCapture
from schemas.ids import idempotency_key

_INDEXED_AFTER_MS = 24 * 60 * 60 * 1000  # search lags: a minute as a rule, hours on a bad day
_FAILURES = {
    "amount_too_large": "wrong_amount",
    "amount_too_small": "wrong_amount",
    "charge_already_captured": "already_captured",
    "charge_already_refunded": "above_captured",
    "charge_expired_for_capture": "hold_lapsed",
    "parameter_invalid_integer": "wrong_amount",
    "payment_intent_unexpected_state": "hold_closed",
    "resource_missing": "unknown_reference",
}


def done(command: Operation, response: HttpResponse) -> Verdict:
    if isinstance(command, RefundCapture):
        refund = decoded(response.body, wire.Refund)
        return unknown("odd_answer") if refund is None else _refunded(command, refund)
    intent = decoded(response.body, wire.Intent)
    if intent is None or not _is_of(command, intent):
        return unknown("odd_answer")
    if isinstance(command, PlaceHold):
        return _held(intent) if is_about(command, _told(intent, "reference")) else _odd(intent)
    if isinstance(command, RaiseHold):
        return _held(intent) if is_about(command, _told(intent, "raise")) else _odd(intent)
    if isinstance(command, CaptureHold):
        return _captured(intent) if is_about(command, _told(intent, "capture")) else _odd(intent)
    return _released(intent)


def inquired(command: InquireCommand, response: HttpResponse) -> Verdict:
    if command.of_kind == "refund":
        return _inquired_refund(command, response)
    intent = decoded(response.body, wire.Intent)
    if not command.psp_reference:
        found = decoded(response.body, wire.Intents)
        if found is None or found.object != "search_result" or found.has_more:
            return unknown("odd_answer")
        if not found.data:
            late = response.at - command.issued_at > _INDEXED_AFTER_MS
            return Verdict(outcome="not_found") if late else unknown("not_indexed")
        intent = found.data[0] if len(found.data) == 1 else None
    if intent is None or not _is_of(command, intent):
        return unknown("odd_answer")
    return _inquired_intent(command, intent)


def refused(response: HttpResponse) -> Verdict:
    """An error: a no when its type and status say so alike, else nobody knows."""
    problem = decoded(response.body, wire.Problem)
    error = wire.Declined("") if problem is None else problem.error
    code = code_of(error.decline_code) or code_of(error.code)
    match response.status, error.type:
        case 402, "card_error":
            return declined(error)
        case 409, _:
            return unknown("in_progress", code)
        case _, "idempotency_error":
            return unknown("idempotency_conflict", code)
        case ((400 | 404), "invalid_request_error"):
            reason = _FAILURES.get(error.code, "invalid_request")
            return Verdict(outcome="failed", reason=reason, raw_code=code)
        case _:
            return by_status(response.status, code)


def _told(intent: wire.Intent, name: str) -> str:
    return intent.metadata.get(name, "")


def _is_of(command: Operation | InquireCommand, intent: wire.Intent) -> bool:
    """The intent of this command's hold, in its currency, and no other object.

    One that a terminal placed has no reference of ours; its id is enough then.
    """
    told = _told(intent, "reference")
    of_hold = told == idempotency_key(command.tenant, command.hold_id)
    placed_by_us = isinstance(command, PlaceHold) or not command.psp_reference
    return (
        intent.object == "payment_intent"
        and intent.currency.upper() == command.currency
        and (of_hold if placed_by_us else told == "" or of_hold)
        and (isinstance(command, PlaceHold) or command.psp_reference in ("", intent.id))
    )


def _odd(intent: wire.Intent) -> Verdict:
    return unknown("odd_answer", code_of(intent.status))


def _yes(intent: wire.Intent, value: int) -> Verdict:
    return Verdict(
        outcome="done",
        amount_minor=AMOUNTS.from_wire(value, intent.currency.upper()),
        psp_reference=intent.id,
    )


def _held(intent: wire.Intent) -> Verdict:
    if intent.status == "requires_capture":
        return _yes(intent, intent.amount_capturable)
    return unknown("pending", code_of(intent.status))


def _captured(intent: wire.Intent) -> Verdict:
    if intent.status == "succeeded" and intent.amount_received > 0:
        return _yes(intent, intent.amount_received)
    return unknown("pending", code_of(intent.status))


def _released(intent: wire.Intent) -> Verdict:
    if intent.status == "canceled":
        rest = _yes(intent, intent.amount_received).amount_minor
        held = _yes(intent, intent.amount)
        return replace(held, amount_minor=held.amount_minor - rest)
    return unknown("pending", code_of(intent.status))


def _refunded(command: RefundCapture | InquireCommand, refund: wire.Refund) -> Verdict:
    ours = (
        refund.object == "refund"
        and is_about(command, refund.metadata.get("reference", ""))
        and refund.currency.upper() == command.currency
        and refund.payment_intent == command.psp_reference
    )
    if not ours:
        return unknown("odd_answer", code_of(refund.status))
    if refund.status == "succeeded":
        amount = AMOUNTS.from_wire(refund.amount, command.currency)
        return Verdict(outcome="done", amount_minor=amount, psp_reference=command.psp_reference)
    if refund.status in ("failed", "canceled"):
        code = code_of(refund.failure_reason) or refund.status
        return Verdict(outcome="failed", reason="refused", raw_code=code)
    return unknown("pending", code_of(refund.status))


def _inquired_refund(command: InquireCommand, response: HttpResponse) -> Verdict:
    found = decoded(response.body, wire.Refunds)
    if found is None or found.object != "list":
        return unknown("odd_answer")
    for refund in found.data:
        if is_about(command, refund.metadata.get("reference", "")):
            return _refunded(command, refund)
    return unknown("odd_answer") if found.has_more else Verdict(outcome="not_found")


def _inquired_intent(command: InquireCommand, intent: wire.Intent) -> Verdict:
    match command.of_kind:
        case "hold":
            return _inquired_hold(intent)
        case "raise":
            return _inquired_raise(command, intent)
        case "capture":
            if is_about(command, _told(intent, "capture")):
                return _captured(intent)
            still_open = intent.status == "requires_capture"
            return Verdict(outcome="not_found") if still_open else _odd(intent)
        case _:
            still_open = intent.status == "requires_capture"
            return Verdict(outcome="not_found") if still_open else _released(intent)


def _inquired_hold(intent: wire.Intent) -> Verdict:
    """A refused hold waits for another method, with the refusal as its last error."""
    error = intent.last_payment_error
    if intent.status == "requires_payment_method" and error is not None:
        if error.type != "card_error":
            return _odd(intent)
        return declined(error)
    return _held(intent)


def _inquired_raise(command: InquireCommand, intent: wire.Intent) -> Verdict:
    """Metadata and amount together are a yes. A no leaves no trace that could be relied on."""
    if command.amount_minor == 0 or not is_about(command, _told(intent, "raise")):
        return unknown("pending", code_of(intent.status))
    verdict = _held(intent)
    matches = verdict.outcome == "done" and verdict.amount_minor == command.amount_minor
    return verdict if matches else _odd(intent)
