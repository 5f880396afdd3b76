"""Energy as told, in kWh: Wh where kWh are meant, and more than any plug gives.

OCPI's own session examples tell ENERGY in Wh beside `kwh` (ocpi/ocpi 465): seen by the total being
a thousandth of the periods', or the other way round, and put right. Where total and periods agree
and both are beyond what a plug can deliver, nothing says which of two wrongs it is: refused, until
the partner's profile says `energy_in_wh`.
"""

from decimal import Decimal
from typing import Any, NamedTuple

from connectors.ocpi.periods import tally
from connectors.ocpi.quirks import Quirks
from connectors.ocpi.reading import Reader, Unreadable, exact

Number = int | Decimal
MOST_KW = 4_500  # above the largest plug there is (MCS: 1250 V, 3000 A = 3750 kW)
_HOUR_MS = 3_600_000
_KILO = 1_000
_LOW, _HIGH = 990, 1_010  # a thousandfold, give or take what rounding leaves


class Energy(NamedTuple):
    """`kwh` in all; `periods` as they are to be kept; some may have flowed back to the grid."""

    kwh: Number
    periods: list[dict[str, Any]]
    flows_back: bool


def put_right(
    kwh: Number,
    periods: list[dict[str, Any]],
    took_ms: int,
    where: tuple[Quirks, Reader],
    *,
    final: bool = True,
) -> Energy:
    """The energy in kWh, total and periods; `took_ms` 0: not told. Raises Unreadable.

    Before the end (`final` no) total and periods are told at different times and may differ.
    """
    quirks, reader = where
    tallied = tally(periods)
    if tallied.flows_back:
        reader.note("energy-to-the-grid")
    summed, back = tallied.energy, tallied.flows_back or kwh < 0
    if quirks.energy_in_wh:
        reader.note("energy-in-wh")
        return _checked(Energy(_thousandth(kwh), _thousandths(periods), back), took_ms)
    if kwh > 0 and _LOW * kwh <= summed <= _HIGH * kwh:
        reader.note("period-energy-in-wh")
        return _checked(Energy(kwh, _thousandths(periods), back), took_ms)
    if summed > 0 and _LOW * summed <= kwh <= _HIGH * summed and _too_much(kwh, took_ms):
        reader.note("total-energy-in-wh")
        return _checked(Energy(_thousandth(kwh), periods, back), took_ms)
    if (
        final
        and summed
        and abs(Decimal(summed) - Decimal(kwh)) > max(Decimal(1), abs(Decimal(kwh)) / 50)
    ):
        reader.note("periods-tell-another-energy")
    return _checked(Energy(kwh, periods, back), took_ms)


def watt_hours(kwh: Number) -> int:
    """Cut off towards zero: never more than was told."""
    return int(Decimal(kwh).scaleb(3))


def _checked(found: Energy, took_ms: int) -> Energy:
    if _too_much(found.kwh, took_ms):
        hours = Decimal(took_ms) / _HOUR_MS
        raise Unreadable(
            "impossible-energy",
            f"{found.kwh} kWh in {hours:.2f} h: more than {MOST_KW} kW; if these are Wh, the"
            " partner's profile says energy_in_wh",
        )
    return found


def _too_much(kwh: Number, took_ms: int) -> bool:
    """Clocks that jump make sessions short: none counts as shorter than an hour."""
    return abs(Decimal(kwh)) * _HOUR_MS > MOST_KW * max(took_ms, _HOUR_MS)


def _thousandths(periods: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            **period,
            "dimensions": [
                {**one, "volume": _thousandth(one["volume"])} if one["type"] == "ENERGY" else one
                for one in period.get("dimensions", ())
            ],
        }
        for period in periods
    ]


def _thousandth(number: Number) -> Number:
    return exact(Decimal(number) / _KILO)
