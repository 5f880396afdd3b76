"""The restrictions of one element, read and told in words."""

import re
from datetime import date
from typing import Any

from streams.core.pricing.course import Number
from streams.core.pricing.model import DAY_MINUTES, Reserved, Restrictions
from streams.core.pricing.numbers import not_negative, whole
from streams.core.pricing.unpriceable import Unpriceable

_DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
# By its name no restriction, but what somebody keeps beside them.
EXTENSION = ("x_", "x-")
FIELDS = (
    "start_time", "end_time", "start_date", "end_date", "day_of_week", "min_kwh", "max_kwh",
    "min_power", "max_power", "min_current", "max_current", "min_duration", "max_duration",
    "reservation",
)  # fmt: skip


def restrictions_of(found: dict[str, Any], where: str) -> Restrictions:
    """Raises Unpriceable for a restriction that is not known, since it may rule a price out."""
    given = _given(found)
    unknown = sorted(name for name in given.keys() - set(FIELDS) if not name.startswith(EXTENSION))
    if unknown:
        raise Unpriceable("unknown-restriction", f"{where}: {', '.join(unknown)}")
    return Restrictions(
        minutes=_minutes(given, where),
        from_day=_day(given, "start_date", where),
        to_day=_day(given, "end_date", where),
        days=_days(given.get("day_of_week", []), where),
        from_wh=_scaled(given, "min_kwh", where),
        to_wh=_scaled(given, "max_kwh", where),
        from_w=_scaled(given, "min_power", where),
        to_w=_scaled(given, "max_power", where),
        from_ma=_scaled(given, "min_current", where),
        to_ma=_scaled(given, "max_current", where),
        from_ms=_seconds(given, "min_duration", where),
        to_ms=_seconds(given, "max_duration", where),
        reserved=_reserved(given.get("reservation"), where),
    )


def words(found: dict[str, Any]) -> str:
    """As the tariff writes them: "start_time 17:00, end_time 20:00"; none: ""."""
    given = _given(found)
    return ", ".join(f"{name} {_word(given[name])}" for name in FIELDS if name in given)


def _given(found: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in found.items() if one is not None and one != []}


def _word(value: object) -> str:
    return " ".join(str(one) for one in value) if isinstance(value, list) else str(value)


def _minutes(given: dict[str, Any], where: str) -> tuple[int, int] | None:
    if "start_time" not in given and "end_time" not in given:
        return None
    start = _minute(given.get("start_time", "00:00"), f"{where}.start_time")
    end = _minute(given.get("end_time", "00:00"), f"{where}.end_time")
    return start, end or DAY_MINUTES  # 00:00 as an end is the end of the day


def _minute(value: object, where: str) -> int:
    found = _TIME.fullmatch(value[:5]) if isinstance(value, str) else None
    if found is None or value not in {found.group(), f"{found.group()}:00"}:
        raise Unpriceable("restriction", f"{where}: {value!r}"[:200])
    return int(found.group(1)) * 60 + int(found.group(2))


def _day(given: dict[str, Any], field: str, where: str) -> int | None:
    if field not in given:
        return None
    try:
        return date.fromisoformat(given[field]).toordinal()
    except (TypeError, ValueError) as error:
        raise Unpriceable("restriction", f"{where}.{field}: {given[field]!r}"[:200]) from error


def _days(value: object, where: str) -> frozenset[int]:
    names = value if isinstance(value, list) else [value]
    if unknown := [one for one in names if one not in _DAYS]:
        raise Unpriceable("restriction", f"{where}.day_of_week: {unknown!r}"[:200])
    return frozenset(_DAYS.index(one) for one in names)


def _scaled(given: dict[str, Any], field: str, where: str) -> Number | None:
    """From kWh, kW or A to Wh, W or mA."""
    if field not in given:
        return None
    scaled = not_negative(given[field], f"{where}.{field}") * 1_000
    return int(scaled) if scaled.denominator == 1 else scaled


def _seconds(given: dict[str, Any], field: str, where: str) -> int | None:
    return None if field not in given else whole(given[field], f"{where}.{field}") * 1_000


def _reserved(value: object, where: str) -> Reserved:
    match value:
        case None:
            return ""
        case "RESERVATION":
            return "RESERVATION"
        case "RESERVATION_EXPIRES":
            return "RESERVATION_EXPIRES"
        case _:
            raise Unpriceable("restriction", f"{where}.reservation: {value!r}"[:200])
