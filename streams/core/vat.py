"""An amount of money by rates of VAT: what a receipt has to show, split so that it adds up.

Amounts are minor units. The gross stands (payments.md 6): net = round(gross / (1 + rate)), and the
VAT is what is left, so that the gross is never computed anew.
"""

from collections.abc import Mapping
from fractions import Fraction

from schemas.fiscal import VatPart
from streams.core.pricing import Breakdown
from streams.core.pricing.rounding import HALF_UP, rounded

Rate = Fraction | None
"""In per cent; None: the tariff does not tell it, which is not the same as zero."""


def by_rate(breakdown: Breakdown) -> dict[Rate, Fraction]:
    """What each rate has of the price, in major units; a least or greatest price shares evenly."""
    found: dict[Rate, Fraction] = {}
    for line in breakdown.lines:
        rate = line.component.vat
        amount = line.gross if line.gross is not None else line.net
        found[rate] = found.get(rate, Fraction(0)) + (amount or Fraction(0))
    return {rate: amount for rate, amount in found.items() if amount > 0}


def parts_of(
    shares: Mapping[Rate, Fraction], gross_minor: int, fallback: str = ""
) -> list[VatPart]:
    """`gross_minor` split by the shares, the greatest remainder first; the parts add up to it.

    `fallback`: the rate in per cent that stands for one that the tariff does not tell; empty:
    it stays untold, and no VAT is shown. The highest rate comes first.
    """
    whole = sum(shares.values(), Fraction(0))
    if not whole:
        untold: dict[Rate, Fraction] = {None: Fraction(1)}
        shares, whole = untold, Fraction(1)
    exact = {rate: gross_minor * share / whole for rate, share in shares.items()}
    grosses = {rate: int(amount) for rate, amount in exact.items()}
    left = gross_minor - sum(grosses.values())
    by_remainder = sorted(exact, key=lambda rate: (grosses[rate] - exact[rate], _order(rate)))
    for rate in by_remainder[:left]:
        grosses[rate] += 1
    return [
        _part(_told(rate, fallback), grosses[rate])
        for rate in sorted(grosses, key=_order)
        if grosses[rate] or len(grosses) == 1
    ]


def _order(rate: Rate) -> tuple[bool, Fraction]:
    """The highest first, an untold one last."""
    return (rate is None, -(rate or Fraction(0)))


def _told(rate: Rate, fallback: str) -> Rate:
    return Fraction(fallback) if rate is None and fallback else rate


def _part(rate: Rate, gross_minor: int) -> VatPart:
    if rate is None:
        return VatPart(rate="", net_minor=gross_minor, vat_minor=0, gross_minor=gross_minor)
    net_minor = rounded(gross_minor / (1 + rate / 100), HALF_UP)
    return VatPart(
        rate=_decimal(rate),
        net_minor=net_minor,
        vat_minor=gross_minor - net_minor,
        gross_minor=gross_minor,
    )


def _decimal(rate: Fraction) -> str:
    """Exact, without trailing zeros: rates are decimals by law."""
    text = f"{rate.numerator * 10**6 // rate.denominator:d}"
    whole, digits = text[:-6] or "0", text[-6:].rjust(6, "0").rstrip("0")
    return f"{whole}.{digits}" if digits else whole
