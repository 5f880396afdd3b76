"""What an acquirer does with a hold, and what it refuses. Pure: hold in, hold out, or `Refused`.

The order of the checks in each function is the order in which an acquirer would notice; each
check has its own code. README: "Refusal codes".
"""

from msgspec.structs import replace

from connectors.acquirers.simulator.config import Account
from connectors.acquirers.simulator.ledger import Hold
from connectors.acquirers.simulator.messages import (
    AmountRequest,
    AuthoriseRequest,
    CaptureRequest,
    LowerRequest,
    RaiseRequest,
    RefundRequest,
    RefusalCode,
)


class Refused(Exception):
    """The acquirer's own rules say no; `code` says why. Nothing moved."""

    def __init__(self, code: RefusalCode) -> None:
        super().__init__(code)
        self.code: RefusalCode = code


def _refuse_if(condition: bool, code: RefusalCode) -> None:  # noqa: FBT001 - reads as a sentence
    if condition:
        raise Refused(code)


def check_amount(request: AmountRequest) -> None:
    _refuse_if(request.amount_minor <= 0, "amount_not_positive")


def _check_amount_on(hold: Hold, request: AmountRequest) -> None:
    check_amount(request)
    _refuse_if(request.currency != hold.currency, "currency_mismatch")


def _check_convention(account: Account, request: RaiseRequest | LowerRequest) -> None:
    asked = request.convention
    _refuse_if(asked is not None and asked != account.amount_convention, "convention_mismatch")


def _has_lapsed(hold: Hold) -> bool:
    return hold.lapsed > 0 and hold.open == 0


def lifetime_ms(account: Account, scheme: str) -> int:
    return account.hold_lifetime_ms_by_scheme.get(scheme, account.hold_lifetime_ms)


def place(
    account: Account, request: AuthoriseRequest, reference: str, amount: int, at: int
) -> Hold:
    """The hold that an approval of `amount` at `at` creates."""
    return Hold(
        payment_reference=reference,
        merchant_reference=request.merchant_reference,
        session_id=request.metadata.get("session_id", ""),
        card_token=request.card.card_token,
        scheme=request.card.scheme,
        funding=request.card.funding,
        currency=request.currency,
        approved=amount,
        open=amount,
        placed_at=at,
        expires_at=at + lifetime_ms(account, request.card.scheme),
        changed_at=at,
    )


def check_raise(account: Account, hold: Hold, request: RaiseRequest) -> int:
    """How much more is asked for, if the acquirer would ask the issuer at all; or Refused."""
    _check_amount_on(hold, request)
    _check_convention(account, request)
    closed = hold.reversed or hold.finalised
    _refuse_if(not closed and _has_lapsed(hold), "raise_on_lapsed_hold")
    _refuse_if(closed or hold.open == 0, "raise_on_closed_hold")
    excluded = (
        hold.scheme in account.raise_refused_schemes
        or hold.funding in account.raise_refused_fundings
    )
    _refuse_if(excluded, "raises_not_supported")
    _refuse_if(hold.raise_attempts >= account.raise_attempts_cap, "raise_attempts_exhausted")
    if account.amount_convention == "DELTA":
        return request.amount_minor
    _refuse_if(request.amount_minor <= hold.held, "raise_not_above_held")
    return request.amount_minor - hold.held


def count_raise(hold: Hold, at: int) -> Hold:
    """An attempt that reached the issuer counts against the cap, a declined one too."""
    return replace(hold, raise_attempts=hold.raise_attempts + 1, changed_at=at)


def raise_by(account: Account, hold: Hold, delta: int, at: int) -> Hold:
    """The raised hold; its life starts anew only for schemes that say so (Mastercard does)."""
    counted = count_raise(hold, at)
    expires_at = counted.expires_at
    if hold.scheme in account.raise_extends_schemes:
        expires_at = max(expires_at, at + lifetime_ms(account, hold.scheme))
    return replace(
        counted,
        approved=counted.approved + delta,
        open=counted.open + delta,
        expires_at=expires_at,
    )


def lower(account: Account, hold: Hold, request: LowerRequest, at: int) -> Hold:
    """Give part back; the hold stays. All of it is a reversal, not a lowering."""
    _check_amount_on(hold, request)
    _check_convention(account, request)
    closed = hold.reversed or hold.finalised
    _refuse_if(not closed and _has_lapsed(hold), "lower_on_lapsed_hold")
    _refuse_if(closed or hold.open == 0, "lower_on_closed_hold")
    _refuse_if(account.remainder == "LAPSE_ONLY", "remainder_lapses_only")
    is_total = account.amount_convention == "TOTAL"
    given_back = hold.held - request.amount_minor if is_total else request.amount_minor
    below = 0 < given_back < hold.held and given_back <= hold.open
    _refuse_if(not below, "lower_not_below_held")
    return _release(hold, given_back, at)


def capture(account: Account, hold: Hold, request: CaptureRequest, at: int) -> Hold:
    """Take money against what is open, and do with the rest what `remainder` says."""
    _check_amount_on(hold, request)
    _refuse_if(hold.reversed, "capture_after_release")
    _refuse_if(hold.finalised, "already_captured")
    _refuse_if(_has_lapsed(hold), "capture_after_lapse")
    _refuse_if(hold.open == 0, "nothing_left_to_capture")
    _refuse_if(request.amount_minor > hold.open, "capture_above_held")
    is_part = request.amount_minor < hold.open
    must_equal = account.remainder == "LOWER_BEFORE_CAPTURE"
    _refuse_if(is_part and must_equal, "capture_must_equal_held")
    _refuse_if(is_part and not account.partial_capture, "partial_capture_not_allowed")
    taken = replace(
        hold,
        captured=hold.captured + request.amount_minor,
        open=hold.open - request.amount_minor,
        finalised=_is_final(account, request),
        changed_at=at,
    )
    if taken.finalised and account.remainder == "AUTO_AT_CAPTURE":
        return _release(taken, taken.open, at)
    return taken


def _is_final(account: Account, request: CaptureRequest) -> bool:
    if account.captures == "by_flag":
        return request.final
    return account.captures == "always_final"


def reverse(account: Account, hold: Hold, at: int) -> Hold:
    """Give back everything that is open."""
    _refuse_if(hold.reversed, "already_released")
    _refuse_if(_has_lapsed(hold), "reverse_after_lapse")
    _refuse_if(hold.open == 0, "nothing_left_to_release")
    lapses_only = account.remainder == "LAPSE_ONLY" and hold.captured > 0
    _refuse_if(lapses_only, "remainder_lapses_only")
    return replace(_release(hold, hold.open, at), reversed=True)


def _release(hold: Hold, amount: int, at: int) -> Hold:
    return replace(hold, released=hold.released + amount, open=hold.open - amount, changed_at=at)


def refund(hold: Hold, request: RefundRequest, at: int) -> Hold:
    """Return captured money; what is merely held is released, never refunded."""
    _check_amount_on(hold, request)
    _refuse_if(hold.captured == 0, "refund_not_captured")
    left = hold.captured - hold.refunded
    _refuse_if(request.amount_minor > left, "refund_above_captured")
    return replace(hold, refunded=hold.refunded + request.amount_minor, changed_at=at)


def lapse(hold: Hold, at: int) -> Hold:
    """The hold's time is over: what is open goes back to the card by itself."""
    return replace(hold, lapsed=hold.lapsed + hold.open, open=0, changed_at=at)


def fail_capture(hold: Hold, amount: int, at: int) -> Hold | None:
    """A capture that succeeded did not clear: its amount is open again, and may be captured again.

    None when part of it was refunded meanwhile: then it did clear.
    """
    if hold.captured - amount < hold.refunded:
        return None
    return replace(
        hold,
        captured=hold.captured - amount,
        open=hold.open + amount,
        finalised=False,
        reversed=False,
        changed_at=at,
    )


def fail_refund(hold: Hold, amount: int, at: int) -> Hold:
    """A refund that succeeded came back: the money is captured and not refunded."""
    return replace(hold, refunded=hold.refunded - amount, changed_at=at)
