"""Charging periods: nine tenths of a CDR, so what is as it should be is read without detours.

protocols.md section 4. ENERGY is what flowed in the period, kWh, and may be negative (to the grid);
time is not. A dimension whose name is not known is kept and counted.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from connectors.ocpi.reading import Reader, Unreadable, identifier, instant, number
from connectors.ocpi.shapes import ITEMS_MAX, Shape, many, word

Number = int | Decimal
BILLED = frozenset({"ENERGY", "TIME", "PARKING_TIME", "RESERVATION_TIME"})
DIMENSIONS = BILLED | {
    "CURRENT",
    "ENERGY_EXPORT",
    "ENERGY_IMPORT",
    "FLAT",
    "MAX_CURRENT",
    "MAX_POWER",
    "MIN_CURRENT",
    "MIN_POWER",
    "POWER",
    "STATE_OF_CHARGE",
}
_DIMENSION = Shape(
    "CdrDimension",
    {"type": word(DIMENSIONS, "dimensions.type"), "volume": number},
    must=("type", "volume"),
)
_DIMENSIONS = many(_DIMENSION)


def _dimensions(value: Any, reader: Reader) -> list[dict[str, Any]]:
    """The plain case: two fields, a known word, a number that the decoder put into its form."""
    if type(value) is list and len(value) <= ITEMS_MAX:
        out = []
        for one in value:
            if type(one) is not dict or len(one) != 2:  # noqa: PLR2004 - type and volume
                break
            kind, volume = one.get("type"), one.get("volume")
            exact = type(volume) is Decimal or (type(volume) is int and 0 <= volume < _PLAIN)
            if not exact or type(kind) is not str or kind not in DIMENSIONS:
                break
            out.append(one)
        else:
            return out
    return _DIMENSIONS(value, reader)


_PLAIN = 10**9
PERIOD = Shape(
    "ChargingPeriod",
    {"start_date_time": instant, "dimensions": _dimensions, "tariff_id": identifier},
    required=("dimensions",),
    must=("start_date_time",),
)
periods = many(PERIOD)


class Tally(NamedTuple):
    """Over all periods: the ENERGY in kWh as told, and whether some of it flowed back."""

    energy: Number
    flows_back: bool


def tally(listed: Iterable[dict[str, Any]]) -> Tally:
    """Raises Unreadable where time runs backwards."""
    energy: Number = 0
    flows_back = False
    for number_of, period in enumerate(listed):
        for one in period.get("dimensions", ()):
            volume, kind = one["volume"], one["type"]
            if kind == "ENERGY":
                energy += volume
            if volume < 0:
                if kind != "ENERGY" and kind in BILLED:
                    where = ("dimensions", f"[{number_of}]", "charging_periods")
                    raise Unreadable("negative", f"{kind} {volume}", *where)
                flows_back = flows_back or kind == "ENERGY"
    return Tally(energy, flows_back)
