"""A CDR priced anew, and every difference with what it states."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from schemas.money import exponent_of
from streams.core.pricing.breakdown import Breakdown, Line
from streams.core.pricing.cdr import HOUR_MS, Cdr, Stated
from streams.core.pricing.course import Course, Number
from streams.core.pricing.model import Dimension, Tariff
from streams.core.pricing.pricing import price_switched
from streams.core.pricing.rounding import rounded
from streams.core.pricing.unpriceable import Unpriceable

_KINDS: dict[str, tuple[Dimension, ...]] = {
    "total_energy_cost": ("ENERGY",),
    "total_time_cost": ("TIME", "SESSION_TIME"),
    "total_parking_cost": ("PARKING_TIME",),
    "total_fixed_cost": ("FLAT",),
}
# Times and energies of CDRs are themselves rounded: what a second and a Wh come to is equal.
_HOURS_TOLERANCE = Fraction(1, 2_000)
_KWH_TOLERANCE = Fraction(1, 1_000)


class Difference(NamedTuple):
    """`field` of the CDR, as JSON names it: the CDR's figure and ours, exact."""

    field: str
    stated: Fraction
    computed: Fraction


class Repriced(NamedTuple):
    """Costs by the names of the CDR's fields, in major units; quantities in kWh and hours."""

    breakdown: Breakdown
    costs: dict[str, Stated]
    total_energy: Fraction
    total_time: Fraction
    total_parking_time: Fraction
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]


def reprice(cdr: Cdr, tariffs: Sequence[Tariff]) -> Repriced:
    """By these tariffs. Raises Unpriceable; without any: `no-tariff`.

    One prices all. Of several each period has its own by `tariff_id`, or else the first that is in
    force when the session begins. A period that should have ended at a change of price, and did not
    (OCPI 2.2.1 mod_cdrs, ChargingPeriod), is spread over it; or priced by its begin as other
    engines do, where the CDR states just that: nothing in it tells when its energy flowed.
    """
    if not tariffs:
        raise Unpriceable("no-tariff", "tariffs: none")
    if any(one.currency != cdr.currency for one in tariffs):
        raise Unpriceable("currencies", f"currency: {cdr.currency}, and of the tariff another")
    notes = list(cdr.notes)
    course = _assigned(cdr, tariffs, notes)
    if not course.zone and any(one.needs_zone for one in tariffs):
        course = course._replace(zone="UTC")
        notes.append("no-zone-utc-taken")
    breakdown = price_switched(tariffs, course)
    notes += breakdown.notes
    if breakdown.gross is None:
        notes.append("taxes-not-known")
    found = _compared(cdr, course, breakdown)
    by_begin = _compared(cdr, course, price_switched(tariffs, course._replace(whole=True)))
    if by_begin.costs["total_cost"] != found.costs["total_cost"]:
        notes.append("period-spans-change")
        if _as_stated(cdr, by_begin) and not _as_stated(cdr, found):
            notes.append("periods-by-their-begin")
            found = by_begin
    return found._replace(notes=tuple(notes))


def _as_stated(cdr: Cdr, found: Repriced) -> bool:
    named = any(one.field.startswith("total_cost") for one in found.differences)
    return "total_cost" in cdr.costs and not named


def _compared(cdr: Cdr, course: Course, breakdown: Breakdown) -> Repriced:
    segments = course.segments
    total_ms: Number = max(one.until_at for one in segments) - segments[0].from_at
    told = [one.amounts for one in segments]
    parking_ms = sum((Fraction(one.parking_ms) for one in told), Fraction(0))
    if not total_ms:  # no end was told: the times that the periods tell
        each = [Fraction(one.charging_ms + one.parking_ms + one.reserved_ms) for one in told]
        total_ms = sum(each, Fraction(0))
    found = Repriced(
        breakdown=breakdown,
        costs=_costs(breakdown),
        total_energy=sum((Fraction(one.energy_wh) for one in told), Fraction(0)) / 1_000,
        total_time=Fraction(total_ms) / HOUR_MS,
        total_parking_time=parking_ms / HOUR_MS,
        differences=(),
        notes=(),
    )
    return found._replace(differences=tuple(_differences(cdr, found)))


def _assigned(cdr: Cdr, tariffs: Sequence[Tariff], notes: list[str]) -> Course:
    """The course with each segment's tariff."""
    began_at = cdr.course.segments[0].from_at
    if len(tariffs) == 1:
        if not _in_force(tariffs[0], began_at):
            notes.append("tariff-not-in-force")
        return cdr.course
    by_id = {one.id.casefold(): n for n, one in reversed(list(enumerate(tariffs))) if one.id}
    usual = next((n for n, one in enumerate(tariffs) if _in_force(one, began_at)), None)
    segments = []
    for segment, tariff_id in zip(cdr.course.segments, cdr.tariff_ids, strict=True):
        number = by_id.get(tariff_id.casefold(), usual)
        if number is None:
            raise Unpriceable("no-tariff", "tariffs: none is in force when the session begins")
        segments.append(segment._replace(tariff=number))
    return cdr.course._replace(segments=tuple(segments))


def _in_force(tariff: Tariff, at: int) -> bool:
    return (tariff.starts_at is None or tariff.starts_at <= at) and (
        tariff.ends_at is None or at < tariff.ends_at
    )


# --- costs ------------------------------------------------------------------------------------


def _costs(breakdown: Breakdown) -> dict[str, Stated]:
    found = {"total_cost": Stated(breakdown.net, breakdown.gross)}
    for name, kinds in _KINDS.items():
        found[name] = _sum(
            [
                one
                for one in breakdown.lines
                if one.component.dimension in kinds and not one.component.reserved
            ]
        )
    found["total_reservation_cost"] = _sum(
        [one for one in breakdown.lines if one.component.reserved]
    )
    return found


def _sum(lines: list[Line]) -> Stated:
    nets = [one.net for one in lines if one.net is not None]
    grosses = [one.gross for one in lines if one.gross is not None]
    return Stated(
        sum(nets, Fraction(0)) if len(nets) == len(lines) else None,
        sum(grosses, Fraction(0)) if len(grosses) == len(lines) else None,
    )


# --- differences ------------------------------------------------------------------------------


def _differences(cdr: Cdr, found: Repriced) -> list[Difference]:
    """Money to the minor unit; energy to the Wh; times to what four decimals of an hour tell."""
    differences: list[Difference] = []
    scale = 10 ** exponent_of(cdr.currency)
    for name, stated in cdr.costs.items():
        ours = found.costs[name]
        names = _sides(cdr, name)
        for side, told, computed in zip(names, stated, ours, strict=True):
            if told is None or computed is None:
                continue
            plain = abs(told) if cdr.credit else told
            near = abs(plain - computed) * 2 * scale < 1
            if not near and rounded(plain * scale) != rounded(computed * scale):
                differences.append(Difference(side, plain, computed))
    if cdr.energy_kwh is not None:
        told = cdr.energy_kwh
        if abs(told - found.total_energy) > _KWH_TOLERANCE:
            differences.append(Difference("total_energy", told, found.total_energy))
    return differences + _hours(cdr, found)


def _sides(cdr: Cdr, name: str) -> tuple[str, str]:
    if cdr.version == "2.1.1":
        return name, name
    if cdr.version == "2.3.0":
        return f"{name}.before_taxes", f"{name}.taxes"
    return f"{name}.excl_vat", f"{name}.incl_vat"


def _hours(cdr: Cdr, found: Repriced) -> list[Difference]:
    """total_time: by the clock or by the sum of the periods, which real CDRs both mean by it."""
    told = [one.amounts for one in cdr.course.segments]
    periods = Fraction(sum(one.charging_ms + one.parking_ms for one in told)) / HOUR_MS
    ours = {
        "total_time": (found.total_time, periods),
        "total_parking_time": (found.total_parking_time,),
    }
    return [
        Difference(name, stated, ours[name][0])
        for name, stated in cdr.hours.items()
        if stated is not None and all(abs(stated - one) > _HOURS_TOLERANCE for one in ours[name])
    ]
