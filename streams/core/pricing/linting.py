"""What is wrong in a tariff: contradictory, unreachable, outside AFIR's rules, or unpriceable.

And what stands in it that no version of OCPI and no agreement knows, and that no price asks for.
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from streams.core.pricing.course import Number
from streams.core.pricing.covering import cover_together
from streams.core.pricing.model import (
    COVERS,
    DAY_MINUTES,
    Component,
    Element,
    Restrictions,
    Tariff,
)
from streams.core.pricing.parsing import tariff_of
from streams.core.pricing.restricting import FIELDS
from streams.core.pricing.unpriceable import Unpriceable

FindingKind = Literal["unpriceable", "contradictory", "unreachable", "afir", "unknown-field"]

# (EU) 2023/1804 Art. 5(4): from 50 kW on, inclusive, the ad hoc price is per kWh; beside it there
# may only be an occupancy fee per minute (payments.md 1.8).
AFIR_KW = 50
_MINUTE_S = 60
_OTHERS = frozenset({"REGULAR", "PROFILE_CHEAP", "PROFILE_FAST", "PROFILE_GREEN"})
# Of all three versions, and of GIREVE: `restriction` says when its tariff may be chosen.
_TARIFF = frozenset(
    "country_code party_id id currency type tariff_alt_text tariff_alt_url min_price max_price"
    " preauthorize_amount elements tax_included start_date_time end_date_time energy_mix"
    " last_updated restriction".split()
)
_COMPONENT = frozenset(
    "type price vat step_size price_round step_round exact_price_component".split()
)
_BOUNDS = (
    ("kwh", "from_wh", "to_wh"),
    ("power", "from_w", "to_w"),
    ("current", "from_ma", "to_ma"),
    ("duration", "from_ms", "to_ms"),
    ("date", "from_day", "to_day"),
)


class Finding(NamedTuple):
    """`where` is a path into the body: elements[1], min_price."""

    kind: FindingKind
    where: str
    detail: str


def lint(found: object, power_kw: int | None = None) -> tuple[Finding, ...]:
    """Of a decoded tariff. `power_kw` is the connector's; None: it may be 50 or more."""
    try:
        tariff = tariff_of(found)
    except Unpriceable as wrong:
        return (Finding("unpriceable", wrong.reason, wrong.detail),)
    assert isinstance(found, dict)  # else it had been no tariff
    findings = [*_contradictions(tariff), *_unreachable(tariff), *_unknown(found)]
    kind = found.get("type")
    if kind not in _OTHERS and (power_kw is None or power_kw >= AFIR_KW):
        findings += _afir(tariff)
    return tuple(findings)


# --- contradictory ----------------------------------------------------------------------------


def _contradictions(tariff: Tariff) -> Iterator[Finding]:
    for number, element in enumerate(tariff.elements):
        for detail in _impossible(element.restrictions):
            yield Finding("contradictory", f"elements[{number}]", detail)
    for side in ("net", "gross"):
        if _crossed(getattr(tariff.least, side), getattr(tariff.most, side)):
            yield Finding("contradictory", "min_price", f"{side}: above max_price")
    for field, limit in (("min_price", tariff.least), ("max_price", tariff.most)):
        if _crossed(limit.net, limit.gross):
            yield Finding("contradictory", field, "less with taxes than without")
    if tariff.starts_at is not None and _crossed(tariff.starts_at + 1, tariff.ends_at):
        yield Finding("contradictory", "end_date_time", "not after start_date_time")


def _crossed(low: Number | None, high: Number | None) -> bool:
    return low is not None and high is not None and low > high


def _impossible(rules: Restrictions) -> Iterator[str]:
    for name, low, high in _BOUNDS:
        least: Number | None = getattr(rules, low)
        most: Number | None = getattr(rules, high)
        if most is not None and (most <= 0 or (least is not None and least >= most)):
            yield f"{name}: no value is in between"
    if rules.minutes is not None and rules.minutes[0] == rules.minutes[1]:
        yield "start_time is end_time: no time is in between"


# --- unreachable ------------------------------------------------------------------------------


def _unreachable(tariff: Tariff) -> Iterator[Finding]:
    """A component that an earlier element prices whenever this one could."""
    for number, element in enumerate(tariff.elements):
        if any(_impossible(element.restrictions)):
            continue  # that is told already
        for component in element.components:
            earlier = _covering(tariff, number, component)
            if earlier is not None:
                detail = f"{component.dimension}: elements[{earlier}] always comes first"
                yield Finding("unreachable", f"elements[{number}]", detail)
            elif cover_together(_before(tariff, number, component), element.restrictions):
                detail = f"{component.dimension}: one of the elements before it always holds"
                yield Finding("unreachable", f"elements[{number}]", detail)


def _covering(tariff: Tariff, number: int, component: Component) -> int | None:
    rules = tariff.elements[number].restrictions
    for place, other in enumerate(tariff.elements[:number]):
        if _prices(other, component) and _covers(other.restrictions, rules):
            return place
    return None


def _before(tariff: Tariff, number: int, component: Component) -> list[Restrictions]:
    found = [one for one in tariff.elements[:number] if _prices(one, component)]
    return [one.restrictions for one in found]


def _prices(element: Element, component: Component) -> bool:
    """Whether the element prices all that the component does."""
    kinds = {kind for one in element.components for kind in COVERS[one.dimension]}
    return kinds.issuperset(COVERS[component.dimension])


def _covers(wide: Restrictions, narrow: Restrictions) -> bool:
    """Whether `wide` holds wherever `narrow` does."""
    if wide.reserved != narrow.reserved:
        return False
    if wide.days and not (narrow.days and narrow.days <= wide.days):
        return False
    if not _minutes(narrow) <= _minutes(wide):
        return False
    return all(
        _above(getattr(wide, low), getattr(narrow, low))
        and _below(getattr(wide, high), getattr(narrow, high))
        for _, low, high in _BOUNDS
    )


def _minutes(rules: Restrictions) -> set[int]:
    if rules.minutes is None:
        return set(range(DAY_MINUTES))
    start, end = rules.minutes
    if start <= end:
        return set(range(start, end))
    return {*range(start, DAY_MINUTES), *range(end)}


def _above(wide: Number | None, narrow: Number | None) -> bool:
    return not wide or (narrow is not None and narrow >= wide)


def _below(wide: Number | None, narrow: Number | None) -> bool:
    return wide is None or (narrow is not None and narrow <= wide)


# --- unknown fields ---------------------------------------------------------------------------


def _unknown(found: dict[str, Any]) -> Iterator[Finding]:
    """Passed over when pricing: a misspelt `vat` is one of them."""
    yield from _beyond(found, _TARIFF, "tariff")
    for number, element in enumerate(found["elements"]):
        where = f"elements[{number}]"
        yield from _beyond(element, frozenset({"price_components", "restrictions"}), where)
        yield from _beyond(element.get("restrictions") or {}, frozenset(FIELDS), where)
        for component in element["price_components"]:
            yield from _beyond(component, _COMPONENT, where)


def _beyond(found: dict[str, Any], known: frozenset[str], where: str) -> Iterator[Finding]:
    for name in sorted(found.keys() - known):
        if found[name] is not None:
            yield Finding("unknown-field", where, name)


# --- AFIR -------------------------------------------------------------------------------------


def _afir(tariff: Tariff) -> Iterator[Finding]:
    usual = [one for one in tariff.components if not one.reserved]
    free = not any(one.due_rate for one in usual)
    if not free and not any(one.dimension == "ENERGY" for one in usual):
        yield Finding("afir", "elements", "no price per kWh")
    for one in usual:
        where = f"elements[{one.element}]"
        if "TIME" in COVERS[one.dimension] and one.due_rate:
            yield Finding("afir", where, f"{one.dimension}: time charging has a price")
        if one.dimension == "FLAT" and one.due_rate:
            yield Finding("afir", where, "FLAT: a fee per session")
        if one.dimension == "PARKING_TIME" and one.due_rate and one.step > _MINUTE_S:
            yield Finding("afir", where, f"PARKING_TIME: by {one.step} s and not by the minute")
