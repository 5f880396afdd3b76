"""What a recorded session must have cost: a second, independent reading of the tariff.

Shares no code with `streams.core`: fractions instead of decimals, components straight from the
JSON, one rounding at the end. If both are wrong in the same way, that is at least a coincidence.
"""

from fractions import Fraction

import msgspec

from schemas.money import exponent_of
from streams.replay.chargers import Delivered

_HOUR_MS = 3_600_000


def cost_minor(tariff_body: str, delivered: Delivered) -> int:
    """Gross cost in minor units; nothing delivered costs nothing."""
    if delivered.energy_wh == 0:
        return 0
    tariff = msgspec.json.decode(tariff_body)
    charging = Fraction(delivered.charging_end_at - delivered.started_at, _HOUR_MS)
    parking = Fraction(delivered.ended_at - delivered.charging_end_at, _HOUR_MS)
    amounts = {
        "ENERGY": Fraction(delivered.energy_wh, 1000),
        "TIME": charging,
        "PARKING_TIME": parking,
        "FLAT": Fraction(1),
    }
    total = Fraction(0)
    for component in tariff["elements"][0]["price_components"]:
        rate = Fraction(str(component["price"])) * (100 + Fraction(str(component.get("vat") or 0)))
        total += amounts[component["type"]] * rate / 100
    scaled = total * 10 ** exponent_of(tariff["currency"])
    return int(scaled + Fraction(1, 2))  # half up: no total is negative
