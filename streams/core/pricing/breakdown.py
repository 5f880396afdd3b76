"""The answer: what a course costs, line by line. Exact until `rounding` makes money of it."""

from fractions import Fraction
from typing import NamedTuple

from schemas.money import exponent_of
from streams.core.pricing.course import Number
from streams.core.pricing.model import Component
from streams.core.pricing.rounding import HALF_UP, Rounding, rounded


class Line(NamedTuple):
    """What one price component came to. Quantities are Wh or ms, 1 of FLAT; prices major units.

    `billed` is `used` and what its step added. `net` or `gross` is None where taxes are not known:
    missing is not zero.
    """

    component: Component
    tariff: int
    from_at: int
    used: Number
    billed: Number
    net: Fraction | None
    gross: Fraction | None

    @property
    def reserved(self) -> bool:
        return self.component.reserved


class Breakdown(NamedTuple):
    """`net` and `gross` of the whole, in major units, exact, after min_price and max_price.

    `due` is what a driver pays: gross; or the tariff's plain word, where taxes are not known.
    `limit` is "min_price" or "max_price" where one of them decided, or "". `notes` tell what had to
    be assumed, a word each.
    """

    currency: str
    lines: tuple[Line, ...]
    net: Fraction | None
    gross: Fraction | None
    due: Fraction
    limit: str
    notes: tuple[str, ...] = ()

    def due_minor(self, rounding: Rounding = HALF_UP) -> int:
        """What is due in minor units of `currency`, rounded once."""
        return rounded(self.due * 10 ** exponent_of(self.currency), rounding)
