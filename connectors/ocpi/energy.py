"""Energy as told, in kWh: Wh where kWh are meant, and more than any plug gives.

OCPI's own session examples tell ENERGY in Wh beside `kwh` (ocpi/ocpi 465): seen by the total being
a thousandth of the periods', or the other way round, and put right. Where total and periods agree
and both are beyond what a plug can deliver, nothing says which of two wrongs it is: refused, until
the partner's profile says `energy_in_wh`.
"""

from decimal import Decimal
from typing import Any, NamedTuple

from connectors.ocpi.below_zero import in_step
from connectors.ocpi.periods import Periods, tally
from connectors.ocpi.quirks import Quirks
from connectors.ocpi.reading import Reader, Unreadable, exact

Number = int | Decimal
_MOST_KW = 1_000  # CCS and NACS: 1000 V and, cooled, 1000 A
_MOST_KW_MCS = 4_500  # 1250 V, 3000 A, and some
_HOUR_MS = 3_600_000
_SHORTEST_MS = _HOUR_MS // 10  # clocks jump: nothing counts as shorter
_UNKNOWN_MS = 4 * _HOUR_MS
_KILO = 1_000
_LOW, _HIGH = 990, 1_010  # a thousandfold, give or take what rounding leaves


class Energy(NamedTuple):
    """`kwh` in all; `periods` as they are to be kept; some may have flowed back to the grid."""

    kwh: Number
    periods: Periods
    flows_back: bool


class Reach(NamedTuple):
    """How much energy there can have been: in so long, by a plug of so much power.

    `field` is where the total stands.
    """

    took_ms: int
    most_kw: int
    field: str

    @classmethod
    def of(cls, field: str, took_ms: int, connector_standard: str, quirks: Quirks) -> "Reach":
        by_plug = _MOST_KW_MCS if connector_standard == "MCS" else _MOST_KW
        took_ms = max(took_ms, _SHORTEST_MS) if took_ms else _UNKNOWN_MS
        return cls(took_ms, quirks.most_kw or by_plug, field)

    def exceeded(self, kwh: Number) -> bool:
        return abs(Decimal(kwh)) * _HOUR_MS > self.most_kw * self.took_ms


def put_right(
    kwh: Number,
    periods: Periods,
    reach: Reach,
    where: tuple[Quirks, Reader],
    *,
    final: bool = True,
) -> Energy:
    """The energy in kWh, total and periods. Raises Unreadable.

    Before the end (`final` no) total and periods are told at different times and may differ.
    """
    quirks, reader = where
    periods = in_step(periods, reader)
    tallied = tally(periods)
    if tallied.flows_back:
        reader.note("energy-to-the-grid")
    summed, back = tallied.energy, tallied.flows_back or kwh < 0
    if quirks.energy_in_wh:
        reader.note("energy-in-wh")
        return _checked(Energy(_thousandth(kwh), _thousandths(periods), back), reach)
    if summed == kwh:
        return _checked(Energy(kwh, periods, back), reach)
    if kwh > 0 and _LOW * kwh <= summed <= _HIGH * kwh:
        reader.note("period-energy-in-wh")
        return _checked(Energy(kwh, _thousandths(periods), back), reach)
    if summed > 0 and _LOW * summed <= kwh <= _HIGH * summed and reach.exceeded(kwh):
        reader.note("total-energy-in-wh")
        return _checked(Energy(_thousandth(kwh), periods, back), reach)
    if (
        final
        and summed
        and abs(Decimal(summed) - Decimal(kwh)) > max(Decimal(1), abs(Decimal(kwh)) / 50)
    ):
        reader.note("periods-tell-another-energy")
    return _checked(Energy(kwh, periods, back), reach)


def watt_hours(kwh: Number) -> int:
    """Cut off towards zero: never more than was told."""
    return int(Decimal(kwh).scaleb(3))


def _checked(found: Energy, reach: Reach) -> Energy:
    if reach.exceeded(found.kwh):
        hours = Decimal(reach.took_ms) / _HOUR_MS
        raise Unreadable(
            "impossible-energy",
            f"{found.kwh} kWh in {hours:.2f} h: more than {reach.most_kw} kW; if these are Wh, the"
            " partner's profile says energy_in_wh, if not, most_kw",
            reach.field,
        )
    return found


def _thousandths(periods: Periods) -> list[dict[str, Any]]:
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
