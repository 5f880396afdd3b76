"""A tariff's JSON, of OCPI 2.1.1, 2.2.1 or 2.3.0, as a Tariff. What is not understood is refused.

Which version it is follows from what stands in it, never from a label: `/2.2.1/` serves bodies of
2.3.0 in the field. Unknown fields are passed over, as OCPI asks, and told by `tariff lint`; but an
unknown restriction may rule a price out, and an unknown type of component has no meaning: both are
refused by name. GIREVE's roundings and its SESSION_TIME are known.
"""

import functools
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any, get_args

import msgspec

from schemas.money import UnknownCurrency, exponent_of
from streams.core.pricing.agreed import agreed_price, agreed_steps
from streams.core.pricing.instants import instant
from streams.core.pricing.matching import Table
from streams.core.pricing.model import (
    COVERS,
    Component,
    Dimension,
    Element,
    Limit,
    Restrictions,
    Tariff,
    Version,
)
from streams.core.pricing.numbers import exact, not_negative, whole
from streams.core.pricing.restricting import restrictions_of, words
from streams.core.pricing.simple import Prices, Rates
from streams.core.pricing.unpriceable import Unpriceable

_ANY = msgspec.json.Decoder(float_hook=Decimal)
_DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
_VAT_DIGITS = 3
_MARKS_2_2_1 = ("country_code", "party_id", "type", "min_price", "max_price", "start_date_time")
_INSIDE_2_2_1 = frozenset({"min_current", "max_current", "reservation", "vat"})
# GIREVE sends 2.1.1 with country_code and party_id beside them.
_INSIDE_GIREVE = frozenset({"price_round", "step_round", "exact_price_component"})
_ELEMENTS_MAX = 2_000  # an hourly price for a quarter of a year; more is no tariff


@functools.lru_cache(maxsize=4096)
def parse(body: str, unmarked: Version | None = None) -> Tariff:
    """The tariff in this JSON. Raises Unpriceable naming what cannot be priced.

    `unmarked` is the version of a body that does not show it: its CDR's, say. 2.1.1 and 2.2.1 tell
    net prices; without `vat` 2.2.1 means that none applies, 2.1.1 cannot tell it, and 2.3.0 means
    what its `tax_included` says.
    """
    try:
        found = _ANY.decode(body)
    except msgspec.DecodeError as error:
        raise Unpriceable("not-json", str(error)) from error
    return tariff_of(found, unmarked)


def tariff_of(found: object, unmarked: Version | None = None) -> Tariff:
    """The same of a decoded body. Raises Unpriceable."""
    if not isinstance(found, dict):
        raise Unpriceable("not-a-tariff", "no JSON object")
    given: dict[str, Any] = {key: one for key, one in found.items() if one is not None}
    version = version_of(given, unmarked)
    currency = given.get("currency")
    if not isinstance(currency, str):
        raise Unpriceable("not-a-tariff", f"currency: {currency!r}")
    try:
        exponent_of(currency)
    except UnknownCurrency as error:
        raise Unpriceable("unknown-currency", str(error)) from error
    elements = _elements(given, version)
    tariff = Tariff(
        id=str(given.get("id", "")),
        version=version,
        currency=currency,
        elements=elements,
        table=Table(elements),
        least=_limit(given, "min_price"),
        most=_limit(given, "max_price"),
        starts_at=_instant(given, "start_date_time"),
        ends_at=_instant(given, "end_date_time"),
    )
    return tariff._replace(simple=_simple(tariff))


def version_of(given: dict[str, Any], unmarked: Version | None = None) -> Version:
    """By the marks that only one version makes (protocols.md 11); a bare sketch is a 2.2.1."""
    limits = [given.get(name) for name in ("min_price", "max_price")]
    if "tax_included" in given or any(
        isinstance(one, dict) and "before_taxes" in one for one in limits
    ):
        return "2.3.0"
    inside = set(_inside(given))
    if inside & _INSIDE_2_2_1:
        return "2.2.1"
    if inside & _INSIDE_GIREVE:
        return "2.1.1"
    if any(name in given for name in _MARKS_2_2_1):
        return "2.2.1"
    if unmarked is not None:
        return unmarked
    return "2.1.1" if {"id", "last_updated"} <= given.keys() else "2.2.1"


def _inside(given: dict[str, Any]) -> Iterator[str]:
    """The names of all fields of its restrictions and, where they tell something, components."""
    elements = given.get("elements")
    for element in elements if isinstance(elements, list) else []:
        if not isinstance(element, dict):
            continue
        restrictions = element.get("restrictions")
        if isinstance(restrictions, dict):
            yield from restrictions
        components = element.get("price_components")
        for one in components if isinstance(components, list) else []:
            if isinstance(one, dict):
                yield from (name for name in one if one[name] is not None)


def _instant(given: dict[str, Any], field: str) -> int | None:
    return None if field not in given else instant(given[field], field)


# --- elements ---------------------------------------------------------------------------------


def _elements(given: dict[str, Any], version: Version) -> tuple[Element, ...]:
    listed = given.get("elements")
    if not isinstance(listed, list) or len(listed) > _ELEMENTS_MAX:
        raise Unpriceable("not-a-tariff", "elements: no list of at most 2000")
    taxes = _taxes(given, version)
    elements = tuple(_element(one, number, taxes) for number, one in enumerate(listed))
    if not any(one.components for one in elements):
        raise Unpriceable("no-price", "elements: no price component in any of them")
    return elements


def _element(found: object, number: int, taxes: str) -> Element:
    where = f"elements[{number}]"
    if not isinstance(found, dict) or not isinstance(found.get("price_components"), list):
        raise Unpriceable("not-a-tariff", f"{where}.price_components: missing")
    restricted = found.get("restrictions")
    if restricted and not isinstance(restricted, dict):
        raise Unpriceable("not-a-tariff", f"{where}.restrictions: {restricted!r}"[:200])
    restrictions = restrictions_of(restricted or {}, f"{where}.restrictions")
    because = words(restricted or {})
    components: list[Component] = []
    for one in found["price_components"]:
        component = _component(one, number, (taxes, because, restrictions))
        covered = {kind for other in components for kind in COVERS[other.dimension]}
        if covered.intersection(COVERS[component.dimension]):
            raise Unpriceable("ambiguous", f"{where}: {component.dimension} twice in one element")
        components.append(component)
    return Element(restrictions, tuple(components))


def _component(found: object, number: int, context: tuple[str, str, Restrictions]) -> Component:
    taxes, because, restrictions = context
    where = f"elements[{number}].price_components"
    if not isinstance(found, dict):
        raise Unpriceable("not-a-tariff", f"{where}: {found!r}"[:200])
    given = {key: one for key, one in found.items() if one is not None}
    kind = given.get("type")
    if kind not in _DIMENSIONS:
        raise Unpriceable("unknown-component", f"{where}: type {kind!r}")
    where = f"{where} {kind}"
    if restrictions.reserved and kind not in {"FLAT", "TIME"}:
        raise Unpriceable("reservation", f"{where}: a reservation has FLAT and TIME only")
    price = not_negative(given.get("price"), f"{where}: price")
    vat = None
    if "vat" in given:
        vat = not_negative(given["vat"], f"{where}: vat", _VAT_DIGITS)
    net, gross = _sides(price, vat, taxes)
    return Component(
        element=number,
        dimension=kind,
        vat=vat,
        step=0 if kind == "FLAT" else whole(given.get("step_size", 1), f"{where}: step_size"),
        net_rate=net,
        gross_rate=gross,
        due_rate=price if gross is None else gross,
        reserved=bool(restrictions.reserved),
        because=because,
        included=taxes == "included",
        price_round=agreed_price(given.get("price_round"), where),
        step_round=agreed_steps(given.get("step_round"), where),
    )


# --- taxes ------------------------------------------------------------------------------------


def _taxes(given: dict[str, Any], version: Version) -> str:
    """included, excluded, none: by what stands there; unknown: when no `vat` tells it either."""
    if version != "2.3.0" or "tax_included" not in given:
        return "none" if version == "2.2.1" else "excluded"
    match given["tax_included"]:
        case "YES":
            return "included"
        case "NO":
            return "excluded"
        case "N/A":
            return "none"
        case other:
            raise Unpriceable("tax-included", f"tax_included: {other!r}"[:200])


def _sides(
    price: Fraction, vat: Fraction | None, taxes: str
) -> tuple[Fraction | None, Fraction | None]:
    """Net and gross. Missing is not zero: without a rate only one of them is known."""
    if vat is None:
        if taxes == "none" or not price:
            return price, price
        return (None, price) if taxes == "included" else (price, None)
    factor = 1 + vat / 100
    return (price / factor, price) if taxes == "included" else (price, price * factor)


def _limit(given: dict[str, Any], field: str) -> Limit:
    found = given.get(field)
    if found is None:
        return Limit()
    if isinstance(found, int | Decimal | str):  # as a bare number it is net, like a 2.1.1 cost
        return Limit(net=not_negative(found, field))
    if not isinstance(found, dict):
        raise Unpriceable("price", f"{field}: {found!r}"[:200])
    sides: list[Fraction | None] = []
    for names in (("before_taxes", "excl_vat"), ("after_taxes", "incl_vat")):
        told = [name for name in names if found.get(name) is not None]
        sides.append(not_negative(found[told[0]], f"{field}.{told[0]}") if told else None)
    net, gross = sides
    if net is None and gross is None:
        raise Unpriceable("price", f"{field}: neither excl_vat nor before_taxes")
    if gross is None and isinstance(found.get("taxes"), list):
        told_taxes = [one for one in found["taxes"] if isinstance(one, dict)]
        amounts = [exact(one.get("amount"), f"{field}.taxes") for one in told_taxes]
        gross = net + sum(amounts) if amounts and net is not None else None
    return Limit(net, gross)


# --- the fast way -----------------------------------------------------------------------------


def _simple(tariff: Tariff) -> Rates | None:
    """Integer rates, when nothing but quantities decides: no restriction, no step, no limit."""
    if (tariff.least, tariff.most) != (Limit(), Limit()) or tariff.needs_course:
        return None
    first: dict[Dimension, Component] = {}
    for component in reversed(tariff.components):
        if not component.reserved:
            first |= dict.fromkeys(COVERS[component.dimension], component)
    # Registers count whole Wh; a step of one second is none.
    if any(one.step > 1 or one.agreed for one in first.values()):
        return None
    due = {kind: one.due_rate for kind, one in first.items()}
    none = Fraction(0)
    prices = Prices(
        energy=due.get("ENERGY", none),
        time=due.get("TIME", none),
        parking=due.get("PARKING_TIME", none),
        flat=due.get("FLAT", none),
    )
    return Rates.of(tariff.currency, prices)
