"""The one place where a price becomes money. OCPI does not say how (ocpi/ocpi 401): a policy."""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Literal

Rounding = Literal["half_up", "half_even", "up", "down"]
HALF_UP: Rounding = "half_up"
_HALF = Fraction(1, 2)
# Costs of a dimension are told as CDRs tell them: four decimals, of which two at least are shown.
COST_DECIMALS = 4
_SHOWN = 2


def rounded(exact: Fraction, rounding: Rounding = HALF_UP) -> int:
    """A whole number; halves of negative ones go up as well, so that x and x + 1 round alike."""
    match rounding:
        case "half_up":
            return math.floor(exact + _HALF)
        case "half_even":
            return round(exact)
        case "up":
            return math.ceil(exact)
        case "down":
            return math.floor(exact)


def decimal(exact: Fraction, digits: int, rounding: Rounding = HALF_UP) -> Decimal:
    """With so many decimals."""
    return Decimal(rounded(exact * 10**digits, rounding)).scaleb(-digits)


def cost_text(exact: Fraction, rounding: Rounding = HALF_UP) -> str:
    """A cost as a decimal string: up to four decimals, at least two: 7.50, 0.3002."""
    whole, _, decimals = f"{decimal(exact, COST_DECIMALS, rounding):f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(_SHOWN, '0')}"
