"""The simulator's words on the wire: JSON over HTTP, amounts in integer minor units.

Used by the server and by its callers alike. Nothing of Holdfast's own vocabulary is translated
here; that is the caller's business. Paths, headers and codes are tabled in this folder's README.
"""

from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

# --- headers ------------------------------------------------------------------------------------

IDEMPOTENCY_KEY = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
TRANSIENT_ERROR = "Transient-Error"
VIRTUAL_AT = "Holdfast-Virtual-At"
VIRTUAL_ANSWERED_AT = "Holdfast-Virtual-Answered-At"

# --- words --------------------------------------------------------------------------------------

Operation = Literal["authorise", "raise", "lower", "capture", "reverse", "refund"]
LedgerOperation = Literal[
    "authorise",
    "raise",
    "lower",
    "capture",
    "reverse",
    "refund",
    "lapse",
    "capture_failure",
    "refund_failure",
]
Outcome = Literal["done", "declined", "refused"]
Convention = Literal["TOTAL", "DELTA"]
Remainder = Literal[
    "AUTO_AT_CAPTURE", "LOWER_BEFORE_CAPTURE", "REVERSE_AFTER_CAPTURE", "LAPSE_ONLY"
]
HoldStatus = Literal["open", "captured", "released", "lapsed"]
Funding = Literal["credit", "debit", "prepaid", "unknown"]

RefusalCode = Literal[
    "amount_not_positive",
    "currency_mismatch",
    "unknown_reference",
    "convention_mismatch",
    "raise_not_above_held",
    "raise_on_closed_hold",
    "raise_on_lapsed_hold",
    "raise_attempts_exhausted",
    "raises_not_supported",
    "lower_not_below_held",
    "lower_on_closed_hold",
    "lower_on_lapsed_hold",
    "capture_above_held",
    "already_captured",
    "nothing_left_to_capture",
    "capture_after_release",
    "capture_after_lapse",
    "capture_must_equal_held",
    "partial_capture_not_allowed",
    "already_released",
    "nothing_left_to_release",
    "reverse_after_lapse",
    "remainder_lapses_only",
    "refund_not_captured",
    "refund_above_captured",
]
REFUSAL_CODES: tuple[str, ...] = get_args(RefusalCode)

ProblemCode = Literal[
    "invalid_request",
    "looks_like_a_pan",
    "unauthorised",
    "unknown_account",
    "unknown_reference",
    "idempotency_conflict",
    "in_progress",
    "internal_error",
]

EventType = Literal[
    "hold.approved",
    "hold.declined",
    "hold.raised",
    "hold.raise_declined",
    "hold.lowered",
    "hold.released",
    "hold.lapsed",
    "capture.succeeded",
    "capture.failed",
    "refund.succeeded",
    "refund.failed",
]

MerchantReference = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,36}$")]
CurrencyCode = Annotated[str, Meta(pattern="^[A-Z]{3}$")]
ShortText = Annotated[str, Meta(max_length=255)]
Metadata = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=64)], ShortText], Meta(max_length=32)
]


class Wire(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what travels: unknown fields of answers are ignored, so that answers may grow.

    Requests forbid unknown fields. msgspec hands `frozen` down but not `kw_only`, and type checkers
    hand down neither: hence both on every class.
    """


# --- requests -----------------------------------------------------------------------------------


class Card(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be known of a card: facts and the acquirer's token, never a number."""

    card_token: Annotated[str, Meta(min_length=1, max_length=255)]
    scheme: ShortText
    funding: Funding = "unknown"
    entry_mode: ShortText = ""
    bin_country: Annotated[str, Meta(pattern="^([A-Z]{2})?$")] = ""


class AmountRequest(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`amount_minor` is a plain integer: one that is not positive is refused by code, not form."""

    merchant_reference: MerchantReference
    amount_minor: int
    currency: CurrencyCode
    metadata: Metadata = {}


class AuthoriseRequest(AmountRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/{account}/holds. `allow_partial`: less than asked is welcome."""

    card: Card
    allow_partial: bool = False
    merchant_country: Annotated[str, Meta(pattern="^([A-Z]{2})?$")] = ""
    terminal_id: ShortText = ""


class RaiseRequest(AmountRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST .../raises. The account's convention says if the amount is the new total or the delta.

    `convention`, when given, must be the account's: a caller of the other mind is refused.
    """

    convention: Convention | None = None


class LowerRequest(AmountRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST .../lowers. New total under TOTAL, part given back under DELTA."""

    convention: Convention | None = None


class CaptureRequest(AmountRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST .../captures. `final` closes the hold to further captures."""

    final: bool = True


class ReverseRequest(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST .../reversals. Gives back everything that is still open."""

    merchant_reference: MerchantReference
    metadata: Metadata = {}


class RefundRequest(AmountRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST .../refunds. Returns money that was captured."""


class ClockRequest(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /clock. Moves one account's virtual time, or that of all (empty)."""

    at: Annotated[int, Meta(ge=0)]
    account: str = ""


Request = (
    AuthoriseRequest | RaiseRequest | LowerRequest | CaptureRequest | ReverseRequest | RefundRequest
)

# --- answers ------------------------------------------------------------------------------------


class HoldView(Wire, frozen=True, kw_only=True):
    """One hold. Always approved = captured + released + lapsed + open; held = captured + open."""

    payment_reference: str
    merchant_reference: str
    status: HoldStatus
    currency: str
    approved_minor: int
    captured_minor: int
    released_minor: int
    lapsed_minor: int
    open_minor: int
    refunded_minor: int
    held_minor: int
    raise_attempts: int
    placed_at: int
    expires_at: int
    session_id: str


class Answer(Wire, frozen=True, kw_only=True):
    """What became of one operation: the answer itself, a ledger line, a webhook's data.

    `amount_minor`: for authorise, raise and lower the total now held, else what was moved; 0 when
    nothing was done. `moved_minor`: what this operation moved. `currency`: as in the request, of
    the hold when the request names none, "" when there is no hold either. `code`: "" when done, an
    ISO 8583 response code when declined, a refusal code when refused.
    """

    operation_id: str
    operation: LedgerOperation
    outcome: Outcome
    merchant_reference: str
    payment_reference: str
    requested_minor: int
    amount_minor: int
    moved_minor: int
    currency: str
    occurred_at: int
    code: str = ""
    reason: str = ""
    partial: bool = False
    metadata: dict[str, str] = {}
    hold: HoldView | None = None


class Inquiry(Wire, frozen=True, kw_only=True):
    """What became of a merchant reference. Always HTTP 200, with `not_found` as an outcome.

    `times_done` above 1 means that a repeated request really acted again (its key was forgotten).
    `times_failed_later`: how many of those captures or refunds came to nothing after all.
    `answer` is the first that was done, else the newest.
    """

    merchant_reference: str
    outcome: Literal["done", "declined", "refused", "not_found"]
    times_done: int = 0
    times_failed_later: int = 0
    answer: Answer | None = None


class Problem(Wire, frozen=True, kw_only=True):
    """The request was not processed as an operation: 400, 401, 404, 409; or a 500."""

    code: ProblemCode
    message: str = ""


class Simulated(Wire, frozen=True, kw_only=True):
    """Virtual time only, HTTP 504: stands for no answer at all until the instant in the header."""

    simulated: Literal["timeout"] = "timeout"


class Event(Wire, frozen=True, kw_only=True):
    """The body of a webhook. The `webhook-id` header equals `id` and repeats on redelivery."""

    id: str
    type: EventType
    account: str
    occurred_at: int
    data: Answer


class Sums(Wire, frozen=True, kw_only=True):
    """Totals of one currency, in its minor units, over all holds."""

    holds: int = 0
    approved_minor: int = 0
    captured_minor: int = 0
    released_minor: int = 0
    lapsed_minor: int = 0
    open_minor: int = 0
    refunded_minor: int = 0


class Summary(Wire, frozen=True, kw_only=True):
    """GET /ledger/summary. Everything here is summed from the ledger's lines, not from the holds.

    `unbalanced_holds`: holds whose own sums differ from their lines or do not add up (must be 0).
    `duplicate_captures`: captures beyond the first that stand (did not fail later), per hold;
    `duplicate_captures_by_session` the same per `metadata.session_id`, over all holds.
    """

    sums: dict[str, Sums]
    operations: dict[str, dict[str, int]]
    codes: dict[str, int]
    duplicate_captures: int
    duplicate_captures_by_session: int
    captures_above_hold: int
    unbalanced_holds: int


class LedgerPage(Wire, frozen=True, kw_only=True):
    """GET /ledger. `next_after` goes into ?after= for the next page; 0: there is none."""

    holds: list[HoldView]
    next_after: int


class OperationsPage(Wire, frozen=True, kw_only=True):
    """GET /operations: ledger lines, oldest first."""

    operations: list[Answer]
    next_after: int


class Clock(Wire, frozen=True, kw_only=True):
    """POST /clock. `at` is the least instant of the accounts moved; `lapsed` how many holds did."""

    at: int
    lapsed: int
