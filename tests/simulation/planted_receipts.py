"""Bugs of receipts, their order and their VAT."""

from fractions import Fraction

from msgspec.structs import replace
from planting import instead, plant

from streams.core import fiscal_chain, receipts, rules_fiscal, vat


@plant("VAT split of a capped capture")
def capped_split():
    original = vat.parts_of

    def planted(shares, gross_minor, fallback=""):
        """The capped part is taken off one rate, as if the others were paid in full."""
        whole = sum(shares.values())
        parts = original(shares, max(gross_minor, round(whole * 100)), fallback)
        off = sum(one.gross_minor for one in parts) - gross_minor
        first = parts[0]
        gross = max(first.gross_minor - off, 0)
        net = round(gross / (1 + Fraction(first.rate or 0) / 100))
        capped = replace(first, gross_minor=gross, net_minor=net, vat_minor=gross - net)
        return [capped, *parts[1:]]

    return instead(original, planted)


@plant("a receipt of the price, not of what was paid")
def receipt_of_price():
    original = receipts.request

    def planted(case, paid_minor):
        cost = case.cost_minor or paid_minor
        return replace(original(case, paid_minor), paid_minor=cost, supply_minor=cost)

    return instead(original, planted)


@plant("a receipt's moment is the end of its charging")
def moments():
    original = fiscal_chain.accept

    def planted(chain, known, request, value):
        change = original(chain, known, request, value)
        if change is None:
            return None
        ended = {
            key: replace(one, moment_at=request.ended_at or one.moment_at)
            for key, one in change.receipts.items()
        }
        return change._replace(receipts=ended)

    return instead(original, planted)


@plant("two receipts out at once")
def two_at_once():
    original = fiscal_chain.next_waiting
    return instead(original, lambda chain: chain.waiting[0] if chain.waiting else "")


@plant("no receipt is taken back")
def never_voided():
    return instead(rules_fiscal.void_receipt, lambda _: iter(()))
