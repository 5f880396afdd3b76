"""Reading requests: JSON to structs, and keeping card numbers out. Pure."""

import re
from typing import Any, TypeVar

import msgspec

from connectors.acquirers.simulator.messages import (
    AuthoriseRequest,
    CaptureRequest,
    LowerRequest,
    ProblemCode,
    RaiseRequest,
    RefundRequest,
    Request,
    ReverseRequest,
)

REQUESTS: dict[str, type[Request]] = {
    "holds": AuthoriseRequest,
    "raises": RaiseRequest,
    "lowers": LowerRequest,
    "captures": CaptureRequest,
    "reversals": ReverseRequest,
    "refunds": RefundRequest,
}
_LONGEST_KEY = 64
_SEPARATORS = re.compile(r"[ -]")
_PAN_DIGITS = re.compile(r"[0-9]{12,19}")
_Form = TypeVar("_Form")


class BadForm(ValueError):
    """The request cannot be processed as it stands: HTTP 400."""

    def __init__(self, code: ProblemCode, message: str) -> None:
        super().__init__(message)
        self.code: ProblemCode = code


def read(raw: bytes, form: type[_Form]) -> _Form:
    """The body as `form`. Raises BadForm, for anything that looks like a card number first."""
    try:
        plain = msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise BadForm("invalid_request", str(error)) from None
    if _holds_a_pan(plain):
        # the value is not repeated in the message: it would end up in logs
        raise BadForm("looks_like_a_pan", "a field looks like a card number; send a card token")
    try:
        return msgspec.json.decode(raw, type=form)
    except msgspec.ValidationError as error:
        raise BadForm("invalid_request", str(error)) from None


def read_key(text: str | None) -> str:
    if not text or len(text) > _LONGEST_KEY:
        raise BadForm("invalid_request", f"Idempotency-Key of 1 to {_LONGEST_KEY} is required")
    return text


def read_instant(text: str | None) -> int | None:
    """Epoch milliseconds from a header, None when it is absent."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise BadForm("invalid_request", "Holdfast-Virtual-At: epoch milliseconds are required")
    return int(text)


def _holds_a_pan(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_a_pan(one) for pair in value.items() for one in pair)
    if isinstance(value, list):
        return any(_holds_a_pan(one) for one in value)
    return isinstance(value, str) and looks_like_a_pan(value)


def looks_like_a_pan(text: str) -> bool:
    """12 to 19 digits, spaces and hyphens aside, whose last is their Luhn digit (ISO/IEC 7812)."""
    digits = _SEPARATORS.sub("", text)
    if not _PAN_DIGITS.fullmatch(digits):
        return False
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    total = sum(int(digit) for digit in digits[-1::-2]) + sum(n // 10 + n % 10 for n in doubled)
    return total % 10 == 0
