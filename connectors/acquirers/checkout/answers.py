"""What Checkout.com's answers mean. Only what cannot be anything else is a yes or a no."""

from connectors.acquirers.acquirer import (
    BadNotice,
    HttpResponse,
    Operation,
    Verdict,
    unknown,
)
from connectors.acquirers.checkout import messages as wire
from connectors.acquirers.checkout.amounts import AMOUNTS
from connectors.acquirers.checkout.declines import declined
from connectors.acquirers.origins import is_about
from connectors.acquirers.reading import by_status, code_of, decoded, instant_of
from schemas.commands import InquireCommand, PlaceHold, RaiseHold
from schemas.facts import CommandKind

_INDEXED_AFTER_MS = 24 * 60 * 60 * 1000  # how soon the list by reference is complete is not told
_APPROVED = "10000"
_APPROVED_IN_PART = "10001"
_TYPES: dict[CommandKind, str] = {
    "hold": "Authorization",
    "raise": "Authorization",
    "capture": "Capture",
    "release": "Void",
    "refund": "Refund",
}
_FAILURES = {
    "amount_exceeds_balance": "above_held",
    "amount_invalid": "wrong_amount",
    "capture_value_greater_than_authorized": "above_held",
    "capture_value_greater_than_remaining_authorized": "above_held",
    "currency_invalid": "wrong_amount",
    "refund_amount_exceeds_balance": "above_captured",
}


def done(command: Operation, response: HttpResponse) -> Verdict:
    """201 is decided; 202 is accepted, and decided later."""
    accepted = response.status == 202  # noqa: PLR2004 - see above
    if isinstance(command, PlaceHold):
        payment = decoded(response.body, wire.Payment)
        if payment is not None and response.status == 201:  # noqa: PLR2004 - see above
            return _of_payment(command, payment)
    elif isinstance(command, RaiseHold):
        increment = decoded(response.body, wire.Increment)
        if increment is not None and response.status == 201:  # noqa: PLR2004 - see above
            return _of_increment(command, increment)
    elif decoded(response.body, wire.Accepted) is not None and accepted:
        return unknown("pending")
    return _no_operation(response)


def inquired(command: InquireCommand, response: HttpResponse) -> Verdict:
    if response.status != 200:  # noqa: PLR2004 - the one status an inquiry has
        problem = _no_operation(response)
        # A refused question says nothing about the operation that was asked after.
        return unknown(
            problem.reason if problem.outcome == "unknown" else "odd_answer", problem.raw_code
        )
    if command.psp_reference:
        actions = decoded(response.body, list[wire.Action])
        return unknown("odd_answer") if actions is None else _of_actions(command, actions)
    found = decoded(response.body, wire.Found)
    if found is None or found.total_count != len(found.data) or found.total_count > 1:
        return unknown("odd_answer")
    if found.data:
        return _of_payment(command, found.data[0])
    late = response.at - command.issued_at > _INDEXED_AFTER_MS
    return Verdict(outcome="not_found") if late else unknown("not_indexed")


def _of_payment(command: PlaceHold | InquireCommand, payment: wire.Payment) -> Verdict:
    code = code_of(payment.response_code)
    ours = is_about(command, payment.reference) and payment.currency == command.currency
    if not ours or not payment.id:
        return unknown("odd_answer", code)
    if payment.approved and payment.status == "Authorized":
        return _held(payment, code)
    if not payment.approved and payment.status == "Declined":
        return _declined(code, payment.processing, payment.id)
    return unknown("pending", code or code_of(payment.status))


def _held(payment: wire.Payment, code: str) -> Verdict:
    amount = payment.amount
    balances = payment.balances
    agree = balances is None or balances.total_authorized == amount
    if code not in (_APPROVED, _APPROVED_IN_PART) or not agree:
        return unknown("odd_answer", code)
    try:
        expires_at = instant_of(payment.expires_on, "expires_on") if payment.expires_on else 0
    except BadNotice:
        expires_at = 0  # the hold stands whatever its date says
    return Verdict(
        outcome="done",
        amount_minor=AMOUNTS.from_wire(amount, payment.currency),
        psp_reference=payment.id,
        expires_at=max(expires_at, 0),
    )


def _of_increment(command: RaiseHold, told: wire.Increment) -> Verdict:
    code = code_of(told.response_code)
    if not is_about(command, told.reference) or told.currency != command.currency:
        return unknown("odd_answer", code)
    if not told.approved:
        return _declined(code, told.processing, command.psp_reference)
    if told.balances is None or code != _APPROVED:
        return unknown("odd_answer", code)
    total = AMOUNTS.from_wire(told.balances.total_authorized, told.currency)
    return Verdict(outcome="done", amount_minor=total, psp_reference=command.psp_reference)


def _declined(code: str, processing: wire.Processing | None, payment_id: str) -> Verdict:
    if code in ("", _APPROVED, _APPROVED_IN_PART):
        return unknown("odd_answer", code)
    return declined(code, processing, payment_id)


def _of_actions(command: InquireCommand, actions: list[wire.Action]) -> Verdict:
    mine = [one for one in actions if is_about(command, one.reference)]
    if not mine:
        # A payment without its authorisation is a list that is not complete.
        whole = any(_TYPES["hold"] in one.type for one in actions)
        return Verdict(outcome="not_found") if whole else unknown("odd_answer")
    one = mine[0]
    code = code_of(one.response_code)
    if len(mine) > 1 or _TYPES[command.of_kind] not in one.type:
        return unknown("odd_answer", code)
    if one.approved is None:
        return unknown("pending", code)
    if one.approved:
        return _approved(command, one, actions, code)
    if command.of_kind in ("hold", "raise"):
        return _declined(code, one.processing, command.psp_reference)
    return Verdict(outcome="failed", reason="refused", raw_code=code)


def _approved(
    command: InquireCommand, one: wire.Action, actions: list[wire.Action], code: str
) -> Verdict:
    value = one.amount
    if command.of_kind == "raise":  # each action carries its difference; a fact the total
        value = sum(it.amount for it in actions if it.approved and _TYPES["raise"] in it.type)
    amount = AMOUNTS.from_wire(value, command.currency)
    if code != _APPROVED and not (command.of_kind == "hold" and code == _APPROVED_IN_PART):
        return unknown("odd_answer", code)
    return Verdict(outcome="done", amount_minor=amount, psp_reference=command.psp_reference)


def _no_operation(response: HttpResponse) -> Verdict:
    problem = decoded(response.body, wire.Problem)
    code = code_of(problem.error_codes[0]) if problem and problem.error_codes else ""
    invalid = problem is not None and problem.error_type == "request_invalid"
    if invalid and response.status == 422:  # noqa: PLR2004 - refused as a form, documented
        reason = _FAILURES.get(code, "invalid_request")
        return Verdict(outcome="failed", reason=reason, raw_code=code)
    if response.status == 409:  # noqa: PLR2004 - the same key, under way
        return unknown("in_progress", code)
    return by_status(response.status, code)
