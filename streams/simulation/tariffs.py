"""Tariffs of the simulation, and what they come to: reckoned here in fractions, by one formula.

Nothing of the core's pricing is used: the checker compares what was captured with this.
"""

from fractions import Fraction
from typing import NamedTuple

_HOUR_MS = 3_600_000


class Prices(NamedTuple):
    """Net, in major units as an OCPI tariff writes them: a kWh, a flat fee, an hour of parking.

    `exponent` of the currency; `vat` in per cent. Empty: there is none.
    """

    name: str
    currency: str
    exponent: int
    energy: str
    flat: str = ""
    parking: str = ""
    vat: str = ""


TARIFFS = (
    Prices("plain", "CHF", 2, "0.55", vat="8.1"),
    Prices("flat", "EUR", 2, "0.4925", flat="0.35", vat="19"),
    Prices("parking", "EUR", 2, "0.79", parking="6.00"),
    Prices("whole", "JPY", 0, "61.5", flat="50"),
)


class Used(NamedTuple):
    """What one session used, in all: Wh, and milliseconds connected without charging."""

    energy_wh: int
    parking_ms: int


def price_minor(prices: Prices, used: Used) -> int:
    """Gross, rounded half up once. Nothing delivered is nothing due."""
    if used.energy_wh <= 0:
        return 0
    net = Fraction(prices.energy) * used.energy_wh / 1000 + Fraction(prices.flat or 0)
    net += Fraction(prices.parking or 0) * used.parking_ms / _HOUR_MS
    gross = net * (1 + Fraction(prices.vat or 0) / 100) * 10**prices.exponent
    return int(gross + Fraction(1, 2))


def body_of(prices: Prices) -> str:
    """The same as the text of an OCPI tariff."""
    vat = f', "vat": {prices.vat}' if prices.vat else ""
    parts = (("ENERGY", prices.energy), ("FLAT", prices.flat), ("PARKING_TIME", prices.parking))
    components = ", ".join(
        f'{{"type": "{kind}", "price": {price}, "step_size": 1{vat}}}'
        for kind, price in parts
        if price
    )
    elements = f'[{{"price_components": [{components}]}}]'
    return f'{{"id": "{prices.name}", "currency": "{prices.currency}", "elements": {elements}}}'
