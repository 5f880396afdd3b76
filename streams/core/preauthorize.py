"""The amount that a tariff itself wants held: OCPI 2.3.0 `preauthorize_amount`."""

from decimal import ROUND_CEILING, Decimal

import msgspec

from schemas.money import exponent_of

_MOST = Decimal(10**12)


class _Asking(msgspec.Struct):
    preauthorize_amount: Decimal | None = None


def preauthorize_minor(tariff_body: str, currency: str) -> int | None:
    """In minor units, rounded up; None: the tariff asks for nothing that could be held.

    Its tax basis is not specified (protocols.md 1.4): it is taken as what is held, gross.
    """
    try:
        amount = msgspec.json.decode(tariff_body, type=_Asking).preauthorize_amount
    except msgspec.MsgspecError:
        return None  # what else is wrong with the tariff is told by who prices it
    if amount is None or not amount.is_finite() or not 0 < amount <= _MOST:
        return None
    minor = amount.scaleb(exponent_of(currency)).to_integral_value(rounding=ROUND_CEILING)
    return int(minor)
