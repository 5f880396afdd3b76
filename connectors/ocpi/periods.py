"""Charging periods: nine tenths of a CDR, so what is as it should be is read without detours.

protocols.md section 4. ENERGY is what flowed in the period, kWh, and may be negative (to the grid);
time is not. A dimension whose name is not known is kept and counted.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from connectors.ocpi.reading import (
    PLAIN_ID,
    TEXT_MAX,
    Reader,
    Unreadable,
    identifier,
    instant,
    number,
    usual_instant,
)
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
PERIOD = Shape(
    "ChargingPeriod",
    {"start_date_time": instant, "dimensions": many(_DIMENSION), "tariff_id": identifier},
    required=("dimensions",),
    must=("start_date_time",),
)
_EVERY = many(PERIOD)
_BOUND = 10**9


def periods(value: Any, reader: Reader) -> Any:
    """The list in its form: nearly as it came, where all of it is usual; else by its table."""
    if type(value) is not list or len(value) > ITEMS_MAX:
        return _EVERY(value, reader)
    out: list[dict[str, Any]] = []
    for period in value:
        form = _in_form(period)
        if form is None:
            return _EVERY(value, reader)
        out.append(form)
    return out


def _in_form(period: Any) -> dict[str, Any] | None:
    """None: it is not usual."""
    if type(period) is not dict:
        return None
    start, dimensions = period.get("start_date_time"), period.get("dimensions")
    if type(start) is not str or type(dimensions) is not list:
        return None
    if len(period) != 2:  # noqa: PLR2004 - start and dimensions
        tariff_id = period.get("tariff_id")
        named = type(tariff_id) is str and len(tariff_id) <= TEXT_MAX and PLAIN_ID(tariff_id)
        if len(period) != 3 or not named:  # noqa: PLR2004 - and tariff_id
            return None
    form = usual_instant(start)
    if not form or not all(map(_is_plain_dimension, dimensions)):
        return None
    return period if form == start else {**period, "start_date_time": form}


def _is_plain_dimension(one: Any) -> bool:
    if type(one) is not dict or len(one) != 2:  # noqa: PLR2004 - type and volume
        return False
    kind, volume = one.get("type"), one.get("volume")
    if type(kind) is not str or kind not in DIMENSIONS:
        return False
    return type(volume) is Decimal or (type(volume) is int and 0 <= volume < _BOUND)


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
