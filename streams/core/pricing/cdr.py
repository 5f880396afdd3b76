"""A CDR of OCPI 2.1.1, 2.2.1 or 2.3.0, read for pricing: its course, and the totals it states.

Live with what the field sends (protocols.md 4 and 18): explicit nulls, numbers as strings, offsets,
periods out of order, Wh where kWh are meant, 1970 for "unknown". Whatever was made of such a thing
is in `notes`; what cannot be read is refused by the name of its field.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import msgspec

from streams.core.pricing.countries import zone_of_country
from streams.core.pricing.course import Amounts, Course, Flow, Number, Segment
from streams.core.pricing.instants import instant
from streams.core.pricing.model import Version
from streams.core.pricing.numbers import exact
from streams.core.pricing.unpriceable import Unpriceable

_ANY = msgspec.json.Decoder(float_hook=Decimal)
HOUR_MS = 3_600_000
_AMOUNTS = {
    "ENERGY": ("energy_wh", 1_000),
    "TIME": ("charging_ms", HOUR_MS),
    "PARKING_TIME": ("parking_ms", HOUR_MS),
    "RESERVATION_TIME": ("reserved_ms", HOUR_MS),
}
_FLOWS = {
    "MIN_POWER": ("min_w",),
    "MAX_POWER": ("max_w",),
    "POWER": ("min_w", "max_w"),
    "MIN_CURRENT": ("min_ma",),
    "MAX_CURRENT": ("max_ma",),
    "CURRENT": ("min_ma", "max_ma"),
}
# GIREVE's: time charging or not. What TIME and PARKING_TIME leave of it is the one not told.
_SESSION = "SESSION_TIME"
# Of no concern to a price; FLAT is 2.1.1's and has no volume that means anything.
_IGNORED = {"FLAT", "ENERGY_IMPORT", "ENERGY_EXPORT", "STATE_OF_CHARGE"}
_KILO = 1_000
_THOUSANDFOLD = (Fraction(990), Fraction(1010))

COSTS = (
    "total_cost",
    "total_energy_cost",
    "total_time_cost",
    "total_parking_cost",
    "total_fixed_cost",
    "total_reservation_cost",
)


class Stated(NamedTuple):
    """A cost as the CDR tells it; None: that side is not told."""

    net: Fraction | None
    gross: Fraction | None


class Period(NamedTuple):
    """One of `charging_periods`, without the end that the next one gives it."""

    from_at: int
    amounts: Amounts
    flow: Flow
    tariff_id: str


class Cdr(NamedTuple):
    """`tariff_ids` has one entry a segment; `hours` are total_time and total_parking_time as told.

    None: not told.
    """

    version: Version
    currency: str
    course: Course
    tariff_ids: tuple[str, ...]
    tariffs: tuple[dict[str, Any], ...]
    credit: bool
    costs: dict[str, Stated]
    energy_kwh: Fraction | None
    hours: dict[str, Fraction | None]
    notes: tuple[str, ...]


def decode(body: str | bytes) -> object:
    """JSON with exact numbers. Raises Unpriceable."""
    try:
        return _ANY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unpriceable("not-json", str(error)) from error


def read_cdr(found: object, zone: str = "") -> Cdr:
    """`zone` stands for the location's own. Raises Unpriceable naming the field."""
    given = _object(found, "cdr")
    version = _version(given)
    currency = given.get("currency")
    if not isinstance(currency, str):
        raise Unpriceable("not-a-cdr", f"currency: {currency!r}")
    notes: list[str] = []
    energy_kwh = _number(given, "total_energy")
    periods = _metered(_periods(given), energy_kwh, notes)
    segments = _segments(periods, _end(given))
    segments = _with_energy(segments, energy_kwh, notes)
    tariffs = given.get("tariffs", [])
    if not isinstance(tariffs, list):
        raise Unpriceable("not-a-cdr", "tariffs: no list")
    return Cdr(
        version=version,
        currency=currency,
        course=Course(segments, zone or _zone(given), _expired(segments)),
        tariff_ids=tuple(one.tariff_id for one in periods),
        tariffs=tuple(_object(one, f"tariffs[{n}]") for n, one in enumerate(tariffs)),
        credit=given.get("credit") is True,
        costs={name: _stated(given[name], name) for name in COSTS if name in given},
        energy_kwh=energy_kwh,
        hours={name: _number(given, name) for name in ("total_time", "total_parking_time")},
        notes=tuple(notes),
    )


def _version(given: dict[str, Any]) -> Version:
    if any(isinstance(given.get(name), dict) and "before_taxes" in given[name] for name in COSTS):
        return "2.3.0"
    if isinstance(given.get("total_cost"), dict) or "end_date_time" in given:
        return "2.2.1" if not _is_number(given.get("total_cost")) else "2.1.1"
    return "2.1.1"


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal | str)


# --- periods ----------------------------------------------------------------------------------


def _periods(given: dict[str, Any]) -> list[Period]:
    listed = given.get("charging_periods")
    if not isinstance(listed, list) or not listed:
        raise Unpriceable("not-a-cdr", "charging_periods: none")
    periods = [_period(one, f"charging_periods[{n}]") for n, one in enumerate(listed)]
    return sorted(periods, key=lambda one: one.from_at)


def _period(found: object, where: str) -> Period:
    given = _object(found, where)
    dimensions = given.get("dimensions", [])
    if not isinstance(dimensions, list):
        raise Unpriceable("not-a-cdr", f"{where}.dimensions: no list")
    amounts: dict[str, Number] = {}
    flow: dict[str, Number] = {}
    session_ms: Number = 0
    for n, one in enumerate(dimensions):
        here = f"{where}.dimensions[{n}]"
        dimension = _object(one, here)
        kind = str(dimension.get("type"))
        if kind in _AMOUNTS or kind == _SESSION:
            name, unit = _AMOUNTS.get(kind, ("", HOUR_MS))
            volume = _plain(exact(dimension.get("volume"), f"{here}.volume") * unit)
            if volume < 0 and kind != "ENERGY":  # energy flows back, time does not
                raise Unpriceable("negative", f"{here}.volume: {dimension['volume']}")
            if name:
                amounts[name] = amounts.get(name, 0) + volume
            else:
                session_ms += volume
        elif kind in _FLOWS:
            volume = exact(dimension.get("volume"), f"{here}.volume") * _KILO
            flow.update(dict.fromkeys(_FLOWS[kind], volume))
        elif kind not in _IGNORED:
            raise Unpriceable("unknown-dimension", f"{here}.type: {kind!r}"[:200])
    return Period(
        instant(given.get("start_date_time"), f"{where}.start_date_time"),
        _with_session(Amounts(**amounts), session_ms),
        Flow(**flow),
        str(given.get("tariff_id", "")),
    )


def _with_session(amounts: Amounts, session_ms: Number) -> Amounts:
    """Where only time charging is told the rest was parking; else the rest was charging."""
    rest = session_ms - amounts.charging_ms - amounts.parking_ms
    if rest <= 0:
        return amounts
    if amounts.charging_ms and not amounts.parking_ms:
        return amounts._replace(parking_ms=rest)
    return amounts._replace(charging_ms=amounts.charging_ms + rest)


def _metered(periods: list[Period], energy_kwh: Fraction | None, notes: list[str]) -> list[Period]:
    """Wh for kWh, as in OCPI's own session examples (ocpi/ocpi 465): known by the total."""
    told = sum((Fraction(one.amounts.energy_wh) for one in periods), Fraction(0)) / _KILO
    low, high = _THOUSANDFOLD
    if not energy_kwh or not low * energy_kwh <= told <= high * energy_kwh:
        return periods
    notes.append("energy-in-wh")
    return [
        one._replace(
            amounts=one.amounts._replace(energy_wh=one.amounts.energy_wh / Fraction(_KILO))
        )
        for one in periods
    ]


def _segments(periods: list[Period], end_at: int | None) -> tuple[Segment, ...]:
    """Each ends where the next one starts, the last with the CDR or with its own times.

    The CDR's end does not count where it is not after the last start: it is another clock's.
    """
    ends: list[int | None] = [*(one.from_at for one in periods[1:]), end_at]
    segments = []
    for period, until_at in zip(periods, ends, strict=True):
        amounts = period.amounts
        took = amounts.charging_ms + amounts.parking_ms + amounts.reserved_ms
        is_odd = period is periods[-1] and (until_at or 0) <= period.from_at
        end = period.from_at + round(took) if is_odd or until_at is None else until_at
        segments.append(Segment(period.from_at, end, amounts, period.flow))
    return tuple(segments)


def _with_energy(
    segments: tuple[Segment, ...], energy_kwh: Fraction | None, notes: list[str]
) -> tuple[Segment, ...]:
    """Energy that no period tells is spread over the time charging, or else over all time."""
    if not energy_kwh or any(one.amounts.energy_wh for one in segments):
        return segments
    weights: list[Number] = [one.amounts.charging_ms for one in segments]
    if not any(weights):
        weights = [one.until_at - one.from_at for one in segments]
    whole = sum(weights)
    if not whole:
        weights = [1, *(0 for _ in segments[1:])]
        whole = 1
    notes.append("energy-spread")
    return tuple(
        one._replace(
            amounts=one.amounts._replace(
                energy_wh=_plain(energy_kwh * _KILO * Fraction(weight) / whole)
            )
        )
        for one, weight in zip(segments, weights, strict=True)
    )


def _expired(segments: tuple[Segment, ...]) -> bool:
    """Reserved, and nothing came of it."""
    had = [one.amounts for one in segments]
    return any(one.reserved_ms for one in had) and not any(
        one.energy_wh or one.charging_ms or one.parking_ms for one in had
    )


# --- fields -----------------------------------------------------------------------------------


def _object(found: object, where: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise Unpriceable("not-a-cdr", f"{where}: no JSON object")
    return {key: one for key, one in found.items() if one is not None}


def _plain(number: Fraction) -> Number:
    """As an integer where it is one: most are, and integers are ten times as fast."""
    return int(number) if number.denominator == 1 else number


def _number(given: dict[str, Any], field: str) -> Fraction | None:
    return exact(given[field], field) if field in given else None


def _end(given: dict[str, Any]) -> int | None:
    for field in ("end_date_time", "stop_date_time"):
        if field in given:
            return instant(given[field], field) or None  # 1970: agreed to mean "unknown"
    return None


def _zone(given: dict[str, Any]) -> str:
    for field in ("cdr_location", "location"):
        place = given.get(field)
        if isinstance(place, dict):
            named = place.get("time_zone")
            return str(named) if named else zone_of_country(str(place.get("country") or ""))
    return ""


def _stated(found: object, where: str) -> Stated:
    """A number (2.1.1, net), excl_vat and incl_vat (2.2.1), before_taxes and taxes (2.3.0)."""
    if _is_number(found):
        return Stated(exact(found, where), None)
    given = _object(found, where)
    if "before_taxes" in given:
        net = exact(given["before_taxes"], f"{where}.before_taxes")
        taxes = given.get("taxes") or []
        amounts = [
            exact(_object(one, f"{where}.taxes[{n}]").get("amount"), f"{where}.taxes[{n}].amount")
            for n, one in enumerate(taxes)
        ]
        return Stated(net, net + sum(amounts) if amounts else None)
    sides = [
        exact(given[name], f"{where}.{name}") if name in given else None
        for name in ("excl_vat", "incl_vat")
    ]
    return Stated(*sides)
