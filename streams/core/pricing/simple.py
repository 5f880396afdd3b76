"""The fast way: a tariff whose price follows from quantities alone, as integer rates.

Everything is exact: a price is a quotient of integers until it becomes money, once, in `minor`.
"""

import math
from fractions import Fraction

import msgspec

from schemas.money import exponent_of

_WH_PER_KWH = 1_000
_MS_PER_HOUR = 3_600_000


class Quantities(msgspec.Struct, frozen=True):
    """What a session has had so far: energy, time charging, time connected and not charging.

    OCPI 2.2.1 counts the first time as TIME and the second as PARKING_TIME. All at least 0.
    """

    energy_wh: int
    charging_ms: int
    parking_ms: int


NOTHING = Quantities(0, 0, 0)


class Prices(msgspec.Struct, frozen=True):
    """Gross, in major units: a kWh, an hour charging, an hour parked, once."""

    energy: Fraction = Fraction(0)
    time: Fraction = Fraction(0)
    parking: Fraction = Fraction(0)
    flat: Fraction = Fraction(0)


class Rates(msgspec.Struct, frozen=True):
    """Tenths of a minor unit = (sum of quantity * rate, plus `flat_rate`) / `denominator`.

    Tenths, because the floor of the tenths rounds half up to the same minor unit as the exact
    quotient does.
    """

    currency: str
    energy_rate: int
    charging_rate: int
    parking_rate: int
    flat_rate: int
    denominator: int

    @classmethod
    def of(cls, currency: str, prices: Prices) -> "Rates":
        """Raises schemas.money.UnknownCurrency."""
        tenths = 10 ** (exponent_of(currency) + 1)
        rates = (
            prices.energy * tenths / _WH_PER_KWH,
            prices.time * tenths / _MS_PER_HOUR,
            prices.parking * tenths / _MS_PER_HOUR,
            prices.flat * tenths,
        )
        denominator = math.lcm(*(rate.denominator for rate in rates))
        per_wh, per_charging_ms, per_parking_ms, once = (int(rate * denominator) for rate in rates)
        return cls(currency, per_wh, per_charging_ms, per_parking_ms, once, denominator)

    def cost(self, quantities: Quantities) -> int:
        """The exact price: an integer in units of 1/(10 * denominator) of a minor unit."""
        return (
            quantities.energy_wh * self.energy_rate
            + quantities.charging_ms * self.charging_rate
            + quantities.parking_ms * self.parking_rate
            + self.flat_rate
        )

    def minor(self, quantities: Quantities) -> int:
        """The gross price in minor units, rounded half up. FLAT counts from the first moment."""
        return (self.cost(quantities) // self.denominator + 5) // 10

    def greatest_cost(self, ceiling_minor: int) -> int:
        """The greatest exact price that still rounds to at most `ceiling_minor`."""
        return (10 * ceiling_minor + 5) * self.denominator - 1

    # --- the inverse --------------------------------------------------------------------------

    def energy_limit(self, at: Quantities, ceiling_minor: int) -> int | None:
        """The greatest Wh that, with the times of `at`, are priced at most `ceiling_minor`.

        -1: above the ceiling without any. None: not priced, so it cannot pass the ceiling.
        """
        rest = self.cost(at) - at.energy_wh * self.energy_rate
        return _limit(self.greatest_cost(ceiling_minor) - rest, self.energy_rate)

    def charging_time_limit(self, at: Quantities, ceiling_minor: int) -> int | None:
        """The greatest charging time in ms, all else as in `at`; -1 and None as for energy."""
        rest = self.cost(at) - at.charging_ms * self.charging_rate
        return _limit(self.greatest_cost(ceiling_minor) - rest, self.charging_rate)

    def parking_time_limit(self, at: Quantities, ceiling_minor: int) -> int | None:
        """The greatest parking time in ms, all else as in `at`; -1 and None as for energy."""
        rest = self.cost(at) - at.parking_ms * self.parking_rate
        return _limit(self.greatest_cost(ceiling_minor) - rest, self.parking_rate)


def _limit(left: int, rate: int) -> int | None:
    if left < 0:
        return -1
    return left // rate if rate else None
