"""Tariffs of the simulation, and what they come to: reckoned here in fractions, by one formula.

Nothing of the core's pricing is used: the checker compares what was captured with this.
"""

from fractions import Fraction
from typing import NamedTuple

_HOUR_MS = 3_600_000


class Prices(NamedTuple):
    """Net, in major units as an OCPI tariff writes them: a kWh, a flat fee, an hour of parking.

    `exponent` of the currency; `vat` in per cent, `parking_vat` of the parking where it is another
    one. Empty: there is none.
    """

    name: str
    currency: str
    exponent: int
    energy: str
    flat: str = ""
    parking: str = ""
    vat: str = ""
    parking_vat: str = ""


TARIFFS = (
    Prices("plain", "CHF", 2, "0.55", vat="8.1"),
    Prices("flat", "EUR", 2, "0.4925", flat="0.35", vat="19"),
    Prices("parking", "EUR", 2, "0.79", parking="6.00", vat="10", parking_vat="20"),
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
    return half_up(sum(gross_by_rate(prices, used).values(), Fraction(0)))


def gross_by_rate(prices: Prices, used: Used) -> dict[str, Fraction]:
    """What each rate of VAT has of the price, exactly, in minor units."""
    net = Fraction(prices.energy) * used.energy_wh / 1000 + Fraction(prices.flat or 0)
    parking = Fraction(prices.parking or 0) * used.parking_ms / _HOUR_MS
    found: dict[str, Fraction] = {}
    for rate, amount in ((prices.vat, net), (prices.parking_vat or prices.vat, parking)):
        gross = amount * (1 + Fraction(rate or 0) / 100) * 10**prices.exponent
        found[rate] = found.get(rate, Fraction(0)) + gross
    return found


def half_up(exact: Fraction) -> int:
    return int(exact + Fraction(1, 2))


def body_of(prices: Prices) -> str:
    """The same as the text of an OCPI tariff."""
    parts = (
        ("ENERGY", prices.energy, prices.vat),
        ("FLAT", prices.flat, prices.vat),
        ("PARKING_TIME", prices.parking, prices.parking_vat or prices.vat),
    )
    components = ", ".join(
        f'{{"type": "{kind}", "price": {price}, "step_size": 1'
        + (f', "vat": {vat}}}' if vat else "}")
        for kind, price, vat in parts
        if price
    )
    elements = f'[{{"price_components": [{components}]}}]'
    return f'{{"id": "{prices.name}", "currency": "{prices.currency}", "elements": {elements}}}'
