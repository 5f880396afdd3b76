"""Our commands in the simulator's words, and its answers in ours. Pure; see `acquirer.py`."""

from typing import TypeVar
from urllib.parse import quote

import msgspec

from connectors.acquirers import reasons
from connectors.acquirers.acquirer import (
    Asked,
    CannotAsk,
    HttpRequest,
    HttpResponse,
    HttpResult,
    Operation,
    Verdict,
    answered,
    kind_of,
    merchant_reference,
    unknown,
)
from connectors.acquirers.settings import AccountSettings
from connectors.acquirers.simulator import messages as wire
from schemas.commands import (
    CaptureHold,
    InquireCommand,
    LowerHold,
    PlaceHold,
    RaiseHold,
    RefundCapture,
)
from schemas.facts import AcquirerAnswered, CommandKind, Outcome

_T = TypeVar("_T")

OPERATIONS: dict[CommandKind, wire.Operation] = {
    "hold": "authorise",
    "raise": "raise",
    "lower": "lower",
    "capture": "capture",
    "release": "reverse",
    "refund": "refund",
}

FAILURES: dict[str, str] = {
    "amount_not_positive": "wrong_amount",
    "currency_mismatch": "wrong_amount",
    "unknown_reference": "unknown_reference",
    "convention_mismatch": "wrong_amount",
    "raise_not_above_held": "not_above_held",
    "raise_on_closed_hold": "hold_closed",
    "raise_on_lapsed_hold": "hold_lapsed",
    "raise_attempts_exhausted": "raise_attempts_exhausted",
    "raises_not_supported": "raises_not_supported",
    "lower_not_below_held": "not_below_held",
    "lower_on_closed_hold": "hold_closed",
    "lower_on_lapsed_hold": "hold_lapsed",
    "capture_above_held": "above_held",
    "already_captured": "already_captured",
    "nothing_left_to_capture": "hold_closed",
    "capture_after_release": "already_released",
    "capture_after_lapse": "hold_lapsed",
    "capture_must_equal_held": "partial_capture_not_supported",
    "partial_capture_not_allowed": "partial_capture_not_supported",
    "already_released": "already_released",
    "nothing_left_to_release": "hold_closed",
    "reverse_after_lapse": "hold_lapsed",
    "remainder_lapses_only": "release_not_supported",
    "refund_not_captured": "not_captured",
    "refund_above_captured": "above_captured",
}

# What the acquirer documents as "not processed as an operation" and cannot become true by waiting.
# A wrong API key or account name is ours to mend: the command itself is not refused for ever.
_DEFINITE_PROBLEMS = frozenset({"invalid_request", "looks_like_a_pan"})
_PROBLEMS = {
    "unauthorised": "unauthorised",
    "unknown_account": "unknown_account",
    "idempotency_conflict": "idempotency_conflict",
    "in_progress": "in_progress",
    "internal_error": "server_error",
}
_OUTCOMES: dict[wire.Outcome, Outcome] = {
    "done": "done",
    "declined": "declined",
    "refused": "failed",
}
_STATUS_OF: dict[wire.Outcome, frozenset[int]] = {
    "done": frozenset({201}),
    "declined": frozenset({402}),
    "refused": frozenset({404, 422}),
}


class SimulatorAdapter:
    """One account of the simulator. `virtual`: instants travel in headers, nobody waits."""

    def __init__(self, account: AccountSettings, *, virtual: bool) -> None:
        self._account = account
        self._virtual = virtual

    def request(self, command: Asked) -> HttpRequest:
        headers = self._headers(command)
        base = f"/v1/{self._account.account}"
        if isinstance(command, InquireCommand):
            path = f"{base}/operations/{quote(merchant_reference(command), safe='')}"
            return HttpRequest(method="GET", path=path, headers=headers)
        tail, body = self._body(command)
        return HttpRequest(
            method="POST",
            path=base + tail,
            headers={
                **headers,
                "Content-Type": "application/json",
                wire.IDEMPOTENCY_KEY: command.idempotency_key,
            },
            body=msgspec.json.encode(body),
        )

    def outcome(self, command: Asked, result: HttpResult) -> AcquirerAnswered:
        if not isinstance(result, HttpResponse):
            return answered(command, unknown(result.why), result.at)
        if isinstance(command, InquireCommand):
            verdict = _inquired(command, result)
        else:
            verdict = _verdict(command, result)
        return answered(command, verdict, self._answered_at(command, result))

    def _headers(self, command: Asked) -> dict[str, str]:
        headers = {"Accept": "application/json"}
        if self._virtual:
            headers[wire.VIRTUAL_AT] = str(command.issued_at)
        return headers

    def _answered_at(self, command: Asked, response: HttpResponse) -> int:
        if not self._virtual:
            return response.at
        told = response.headers.get(wire.VIRTUAL_ANSWERED_AT.lower(), "")
        # Time does not run backwards: an answer before its request is no instant to rely on.
        return (
            max(int(told), command.issued_at)
            if told.isascii() and told.isdigit()
            else (response.at)
        )

    def _body(self, command: Operation) -> tuple[str, wire.Request]:
        if isinstance(command, PlaceHold):
            return "/holds", _authorise(command, allow_partial=self._account.allow_partial)
        if not command.psp_reference:
            raise CannotAsk("no_psp_reference")
        hold = f"/holds/{quote(command.psp_reference, safe='')}"
        if isinstance(command, RaiseHold):
            return f"{hold}/raises", self._raise(command)
        if isinstance(command, LowerHold):
            return f"{hold}/lowers", self._lower(command)
        if isinstance(command, CaptureHold):
            return f"{hold}/captures", _capture(command)
        if isinstance(command, RefundCapture):
            return f"{hold}/refunds", wire.RefundRequest(
                merchant_reference=command.idempotency_key,
                amount_minor=command.amount_minor,
                currency=command.currency,
                metadata=_metadata(command),
            )
        return f"{hold}/reversals", wire.ReverseRequest(
            merchant_reference=command.idempotency_key, metadata=_metadata(command)
        )

    def _amount(self, command: RaiseHold | LowerHold) -> int:
        total = self._account.convention == "TOTAL"
        return command.amount_minor if total else command.delta_minor

    def _raise(self, command: RaiseHold) -> wire.RaiseRequest:
        return wire.RaiseRequest(
            merchant_reference=command.idempotency_key,
            amount_minor=self._amount(command),
            currency=command.currency,
            metadata=_metadata(command),
            convention=self._account.convention,
        )

    def _lower(self, command: LowerHold) -> wire.LowerRequest:
        return wire.LowerRequest(
            merchant_reference=command.idempotency_key,
            amount_minor=self._amount(command),
            currency=command.currency,
            metadata=_metadata(command),
            convention=self._account.convention,
        )


def _authorise(command: PlaceHold, *, allow_partial: bool) -> wire.AuthoriseRequest:
    if not command.card_token:
        raise CannotAsk("no_card_token")
    funding = command.funding
    return wire.AuthoriseRequest(
        merchant_reference=command.idempotency_key,
        amount_minor=command.amount_minor,
        currency=command.currency,
        metadata=_metadata(command),
        card=wire.Card(
            card_token=command.card_token,
            scheme=command.scheme,
            funding=msgspec.convert(
                funding if funding in ("credit", "debit", "prepaid") else "unknown", wire.Funding
            ),
            entry_mode=command.entry_mode,
            bin_country=command.bin_country,
        ),
        allow_partial=allow_partial,
        merchant_country=command.merchant_country,
        terminal_id=command.terminal_id,
    )


def _capture(command: CaptureHold) -> wire.CaptureRequest:
    return wire.CaptureRequest(
        merchant_reference=command.idempotency_key,
        amount_minor=command.amount_minor,
        currency=command.currency,
        metadata=_metadata(command),
        final=True,  # one capture a session: what is left over goes back by `remainder`
    )


def _metadata(command: Asked) -> dict[str, str]:
    """What a webhook or a ledger line needs to find its way back to us."""
    return {
        "tenant": command.tenant,
        "session_id": command.session_id,
        "hold_id": command.hold_id,
        "command_id": command.command_id,
    }


def _verdict(command: Asked, response: HttpResponse) -> Verdict:
    answer = _read(response.body, wire.Answer)
    if answer is not None:
        if response.status not in _STATUS_OF[answer.outcome]:
            return unknown("odd_answer", answer.code)
        return verdict_of(command, answer)
    return _no_operation(response)


def _inquired(command: InquireCommand, response: HttpResponse) -> Verdict:
    inquiry = _read(response.body, wire.Inquiry)
    if inquiry is None or response.status != 200:  # noqa: PLR2004 - the one status an inquiry has
        problem = _no_operation(response)
        # A refused form says nothing about the operation that was asked after.
        return unknown(problem.reason or "odd_answer", problem.raw_code)
    if inquiry.merchant_reference != merchant_reference(command):
        return unknown("odd_answer")
    if inquiry.outcome == "not_found":
        return Verdict(outcome="not_found")
    if inquiry.answer is None or inquiry.answer.outcome != inquiry.outcome:
        return unknown("odd_answer")
    return verdict_of(command, inquiry.answer)


def verdict_of(command: Asked, answer: wire.Answer) -> Verdict:
    """An `Answer`, wherever it came from, as long as it speaks of this command's operation.

    A no may name no currency: of a hold that it does not know an acquirer cannot tell one.
    """
    currencies = (command.currency,) if answer.outcome == "done" else (command.currency, "")
    ours = (
        answer.merchant_reference == merchant_reference(command)
        and answer.operation == OPERATIONS[kind_of(command)]
        and answer.currency in currencies
    )
    if not ours:
        return unknown("odd_answer", answer.code)
    return Verdict(
        outcome=_OUTCOMES[answer.outcome],
        amount_minor=answer.amount_minor if answer.outcome == "done" else 0,
        reason=reason_of(answer),
        raw_code=answer.code,
        psp_reference=answer.payment_reference,
        expires_at=0 if answer.hold is None else answer.hold.expires_at,
    )


def reason_of(answer: wire.Answer) -> str:
    if answer.outcome == "declined":
        return reasons.of_iso8583(answer.code)
    if answer.outcome == "refused":
        return FAILURES.get(answer.code, "refused")
    return ""


def _no_operation(response: HttpResponse) -> Verdict:
    """An answer that is none: a problem, a simulated time-out, a proxy's page, nonsense."""
    if response.status == 504 and _read(response.body, wire.Simulated) is not None:  # noqa: PLR2004 - README
        return unknown("timeout")
    problem = _read(response.body, wire.Problem)
    code = "" if problem is None else problem.code
    if response.status == 400 and code in _DEFINITE_PROBLEMS:  # noqa: PLR2004 - README
        return Verdict(outcome="failed", reason="invalid_request", raw_code=code)
    if response.headers.get(wire.TRANSIENT_ERROR.lower()) == "true":
        return unknown("transient_error", code)
    if response.status == 429:  # noqa: PLR2004 - too many requests
        return unknown("rate_limited", code)
    if response.status >= 500:  # noqa: PLR2004 - all of them
        return unknown("server_error", code)
    return unknown(_PROBLEMS.get(code, "odd_answer"), code)


def _read(body: bytes, kind: type[_T]) -> _T | None:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
