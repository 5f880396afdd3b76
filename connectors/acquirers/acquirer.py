"""What an acquirer is to the executor: two pure functions around somebody else's HTTP call.

An adapter never touches the network (sans-I/O). It says what to send and what an answer means, and
in case of doubt it means `unknown`: only an explicit yes is a yes, only an explicit no is a no
(design.md, section 1, idea 4; payments.md, 2.3).
"""

from typing import Literal, Protocol

import msgspec
from msgspec.structs import replace

from schemas.commands import (
    CaptureHold,
    InquireCommand,
    LowerHold,
    PlaceHold,
    RaiseHold,
    RefundCapture,
    ReleaseHold,
)
from schemas.facts import (
    AcquirerAnswered,
    AcquirerNotified,
    CommandKind,
    NoticeUnbound,
    Outcome,
)
from schemas.ids import idempotency_key

Operation = PlaceHold | RaiseHold | LowerHold | CaptureHold | ReleaseHold | RefundCapture
Asked = Operation | InquireCommand

_KINDS: dict[type[Operation], CommandKind] = {
    PlaceHold: "hold",
    RaiseHold: "raise",
    LowerHold: "lower",
    CaptureHold: "capture",
    ReleaseHold: "release",
    RefundCapture: "refund",
}


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be sent. The same command makes the same bytes, today and after a crash."""

    method: Literal["GET", "POST"]
    path: str
    headers: dict[str, str]
    body: bytes = b""


class HttpResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What came back: header names in lower case, `at` the instant the shell saw it."""

    status: int
    headers: dict[str, str]
    body: bytes
    at: int


class NoResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing came back. `not_sent`: proven, the connection never stood; otherwise who knows."""

    why: Literal["timeout", "connection_lost", "not_sent"]
    at: int


HttpResult = HttpResponse | NoResponse


class CannotAsk(Exception):
    """The command lacks what this acquirer needs, so nothing is sent: a definite no."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Acquirer(Protocol):
    """One merchant account at one acquirer."""

    def request(self, command: Asked) -> HttpRequest:
        """What to send. Raises CannotAsk."""
        ...

    def outcome(self, command: Asked, result: HttpResult) -> AcquirerAnswered:
        """What came of it. Never raises: what cannot be read is `unknown`."""
        ...


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What an adapter reads out of an answer; the command brings the identities.

    `raw_code` of a decline: as in `AcquirerAnswered`, behind the name of its list.
    """

    outcome: Outcome
    amount_minor: int = 0
    reason: str = ""
    raw_code: str = ""
    psp_reference: str = ""
    expires_at: int = 0
    advice_code: str = ""


def unknown(reason: str, raw_code: str = "") -> Verdict:
    return Verdict(outcome="unknown", reason=reason, raw_code=raw_code)


def answered(command: Asked, verdict: Verdict, at: int) -> AcquirerAnswered:
    """The fact. An amount, instant or text outside the contract's bounds makes it `unknown`."""
    fact = _answered(command, verdict, at)
    try:
        return msgspec.convert(msgspec.to_builtins(fact), AcquirerAnswered)
    except msgspec.ValidationError:
        return _answered(command, unknown("odd_answer"), command.issued_at)


def _answered(command: Asked, verdict: Verdict, at: int) -> AcquirerAnswered:
    inquiry = command if isinstance(command, InquireCommand) else None
    return AcquirerAnswered(
        tenant=command.tenant,
        session_id=command.session_id,
        command_id=command.command_id,
        resolves="" if inquiry is None else inquiry.of_command_id,
        kind=kind_of(command),
        hold_id=command.hold_id,
        acquirer_id=command.acquirer_id,
        outcome=verdict.outcome,
        amount_minor=verdict.amount_minor,
        currency=command.currency,
        reason=verdict.reason,
        raw_code=verdict.raw_code,
        psp_reference=verdict.psp_reference,
        expires_at=verdict.expires_at,
        source="executor" if inquiry is None else "inquiry",
        answered_at=at,
        issued_at=command.issued_at,
        advice_code=verdict.advice_code,
    )


def kind_of(command: Asked) -> CommandKind:
    """What the command is about: an inquiry is about what it inquires after."""
    if isinstance(command, InquireCommand):
        return command.of_kind
    return _KINDS[type(command)]


def merchant_reference(command: Asked) -> str:
    """The reference on the acquirer's wire of the operation that the command is about."""
    if isinstance(command, InquireCommand):
        return idempotency_key(command.tenant, command.of_command_id)
    return command.idempotency_key


def look_up(operation: Operation) -> InquireCommand:
    """The inquiry after an operation that may have been sent before; it exists only in here."""
    return InquireCommand(
        tenant=operation.tenant,
        session_id=operation.session_id,
        command_id=operation.command_id,
        idempotency_key=operation.idempotency_key,
        performer=operation.performer,
        acquirer_id=operation.acquirer_id,
        hold_id=operation.hold_id,
        amount_minor=operation.amount_minor,
        currency=operation.currency,
        rule=operation.rule,
        policy_version=operation.policy_version,
        issued_at=operation.issued_at,
        of_command_id=operation.command_id,
        of_kind=kind_of(operation),
        psp_reference="" if isinstance(operation, PlaceHold) else operation.psp_reference,
        attempt=0,
    )


def found(operation: Operation, answer: AcquirerAnswered) -> AcquirerAnswered:
    """What a `look_up` learnt, as the answer to the operation itself."""
    return replace(answer, command_id=operation.command_id, resolves="")


Notice = AcquirerAnswered | AcquirerNotified | NoticeUnbound
"""The last one names no session: link finds it by the notice's alias."""


class Forged(Exception):
    """The signature is missing, wrong, or older than the replay tolerance. Says no more."""


class BadNotice(Exception):
    """Rightly signed, and still not to be understood: `field` is where, `problem` is what.

    `facts`: what its neighbours in the same batch say; they stand on their own.
    """

    def __init__(self, field: str, problem: str, facts: "tuple[Notice, ...]" = ()) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem
        self.facts = facts


class NoticeReader(Protocol):
    """One account's webhooks: from raw bytes to facts."""

    def read(self, headers: dict[str, str], body: bytes) -> tuple[Notice, ...]:
        """The facts, none for an event that is not about money we track.

        Header names are in lower case. Raises Forged before anything in the body is believed,
        BadNotice when the body is not to be understood, or names nothing that it could be about.
        """
        ...
