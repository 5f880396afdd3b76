"""One form of a tariff's JSON, and its hash: what a session pins."""

import hashlib
from decimal import Decimal
from typing import Any

import msgspec

from streams.core.pricing.numbers import bounded
from streams.core.pricing.unpriceable import Unpriceable

_ANY = msgspec.json.Decoder(float_hook=Decimal)
_CANONICAL = msgspec.json.Encoder(decimal_format="number", order="sorted")


def canonical(body: str) -> str:
    """The same JSON in one form: keys sorted, no blanks, 0.250 as 0.25. Raises Unpriceable."""
    try:
        return _CANONICAL.encode(_one_form(_ANY.decode(body))).decode()
    except msgspec.DecodeError as error:
        raise Unpriceable("not-json", str(error)) from error


def _one_form(value: Any) -> Any:
    match value:
        case dict():
            return {key: _one_form(of) for key, of in value.items()}
        case list():
            return [_one_form(of) for of in value]
        case Decimal():
            bounded(value, "number")
            return int(value) if value == int(value) else Decimal(f"{value.normalize():f}")
        case _:
            return value


def content_hash(body: str) -> str:
    """SHA-256 of the canonical form, hexadecimal."""
    return hashlib.sha256(canonical(body).encode()).hexdigest()
