"""Time below zero where it can be put right: two clocks that differ, a credit CDR that negates all.

What is left below zero is refused (`periods.tally`, `cdrs._hours`).
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from connectors.ocpi.periods import BILLED, Periods, Usual
from connectors.ocpi.reading import Reader

TIMES = BILLED - {"ENERGY"}
_CLOCKS_DIFFER = Decimal("0.01")  # hours: 36 s
_HOURS = ("total_time", "total_parking_time")
_FIGURES = (*_HOURS, "total_energy")


def in_step(periods: Periods, reader: Reader) -> Periods:
    """Time below zero by no more than two clocks differ is none (citrineos-ocpi #77)."""
    if isinstance(periods, Usual) or not any(map(_is_behind, _dimensions(periods))):
        return periods
    reader.note("time-below-zero")
    return _with_volumes(periods, lambda one: 0 if _is_behind(one) else one["volume"])


def _is_behind(one: dict[str, Any]) -> bool:
    return one["type"] in TIMES and -_CLOCKS_DIFFER < one["volume"] < 0


def un_negated(told: dict[str, Any], reader: Reader) -> dict[str, Any]:
    """A credit CDR with time and energy as the CDR had them that it credits.

    By the standard its costs alone are below zero. Where all time in it is, too, its sender negated
    everything. Energy alone below zero may be what flowed to the grid.
    """
    listed = told.get("charging_periods", [])
    if isinstance(listed, Usual):
        listed = []  # none of it is below zero
    hours = [told[name] for name in _HOURS if name in told]
    hours += [one["volume"] for one in _dimensions(listed) if one["type"] in TIMES]
    if not any(one < 0 for one in hours) or any(one > 0 for one in hours):
        return told
    reader.note("credit-negates-all")
    turned = {name: abs(told[name]) for name in _FIGURES if name in told}
    periods = _with_volumes(listed, _turned)
    return {**told, **turned, **({"charging_periods": periods} if periods else {})}


def _turned(one: dict[str, Any]) -> Any:
    return abs(one["volume"]) if one["type"] in BILLED else one["volume"]


def _dimensions(periods: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (one for period in periods for one in period.get("dimensions", ()))


def _with_volumes(
    periods: list[dict[str, Any]], volume: Callable[[dict[str, Any]], Any]
) -> list[dict[str, Any]]:
    return [
        {**period, "dimensions": [{**one, "volume": volume(one)} for one in period["dimensions"]]}
        if "dimensions" in period
        else period
        for period in periods
    ]
