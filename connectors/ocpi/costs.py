"""What a Session or CDR says it costs: the three shapes of a Price as net and gross, exact.

2.1.1: a number, net. 2.2.1: `excl_vat`, `incl_vat`. 2.3.0: `before_taxes` and named taxes; without
a tax the gross is not told (protocols.md 5): missing is not zero. The sign follows the `credit`
flag, not the number, because partners negate all, some or nothing on a credit CDR.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, NamedTuple, get_args

from connectors.ocpi.quirks import Quirks
from connectors.ocpi.reading import Reader, Unreadable, decimal_text, exact
from schemas.roaming import OcpiCost

Number = int | Decimal
Kind = Literal["total", "fixed", "energy", "time", "parking", "reservation"]
KINDS: dict[Kind, str] = {
    kind: "total_cost" if kind == "total" else f"total_{kind}_cost" for kind in get_args(Kind)
}


class Sides(NamedTuple):
    """None: that side is not told."""

    net: Number | None
    gross: Number | None


def sides(price: Any, quirks: Quirks, reader: Reader) -> Sides:
    """Net and gross of a price that `tables.price` read. Raises Unreadable."""
    if not isinstance(price, dict):
        return Sides(price, None) if quirks.prices == "net" else Sides(None, price)
    net = price.get("before_taxes", price.get("excl_vat"))
    if price.get("excl_vat", net) != net:
        raise Unreadable("price-contradicts", "excl_vat and before_taxes differ")
    gross = price.get("incl_vat")
    taxes = price.get("taxes")
    if taxes and net is not None:
        summed = exact(Decimal(net) + sum((Decimal(one["amount"]) for one in taxes), Decimal(0)))
        if gross is not None and gross != summed:
            raise Unreadable("price-contradicts", "incl_vat is not before_taxes with its taxes")
        gross = summed
    if quirks.prices == "gross" and gross is None:
        return Sides(None, net)
    if net is None:
        reader.note("net-not-told")
    return Sides(net, gross)


def costs(told: Mapping[str, Any], quirks: Quirks, reader: Reader) -> dict[Kind, Sides]:
    """Every cost that is told. Raises Unreadable with the field."""
    found: dict[Kind, Sides] = {}
    for kind, name in KINDS.items():
        if name in told:
            try:
                found[kind] = sides(told[name], quirks, reader)
            except Unreadable as error:
                error.path.append(name)
                raise
    return found


def signed(found: dict[Kind, Sides], *, credit: bool) -> dict[Kind, Sides]:
    """On a credit CDR all costs below zero; on any other as told."""
    if not credit:
        return found
    return {kind: Sides(_below(one.net), _below(one.gross)) for kind, one in found.items()}


def _below(side: Number | None) -> Number | None:
    return None if side is None else min(side, -side)


def lines(found: Mapping[Kind, Sides]) -> list[OcpiCost]:
    return [
        OcpiCost(kind=kind, net=decimal_text(one.net), gross=decimal_text(one.gross))
        for kind, one in found.items()
    ]
