"""The issuer's answer to a first hold or a raise: yes, part of it, or no with a code. Pure."""

from collections.abc import Mapping

import msgspec

from connectors.acquirers.simulator.config import Account, CardBehaviour, DeclineRate
from connectors.acquirers.simulator.declines import CANONICAL_REASONS
from connectors.acquirers.simulator.fate import draw
from connectors.acquirers.simulator.ledger import Hold
from connectors.acquirers.simulator.messages import AuthoriseRequest

_INSUFFICIENT_FUNDS = "51"
_NOTHING_SPECIAL = CardBehaviour()


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """`approved` minor units (0: declined, for `code`), `partial` when less than asked."""

    approved: int = 0
    partial: bool = False
    code: str = ""

    @property
    def reason(self) -> str:
        return CANONICAL_REASONS[self.code] if self.code else ""


def judge_first_hold(account: Account, request: AuthoriseRequest) -> Verdict:
    """The card's own behaviour comes first, then seeded declines, then partial approval."""
    card = account.cards.get(request.card.card_token, _NOTHING_SPECIAL)
    asked = request.amount_minor
    if card.decline_authorise is not None:
        return Verdict(code=card.decline_authorise)
    about = ("authorise", request.merchant_reference)
    code = _seeded_decline(account, about, request.card.funding, asked)
    if code is not None:
        return Verdict(code=code)
    granted = asked if card.available_minor is None else min(asked, card.available_minor)
    granted = min(granted, _seeded_share(account, request))
    if granted == asked:
        return Verdict(approved=asked)
    if granted == 0 or not request.allow_partial:
        return Verdict(code=_INSUFFICIENT_FUNDS)
    return Verdict(approved=granted, partial=True)


def judge_raise(account: Account, hold: Hold, delta: int, merchant_reference: str) -> Verdict:
    """Raises are approved whole or not at all: issuers do not approve part of an increment."""
    card = account.cards.get(hold.card_token, _NOTHING_SPECIAL)
    total = hold.held + delta
    if card.decline_raise is not None:
        return Verdict(code=card.decline_raise)
    if card.available_minor is not None and total > card.available_minor:
        return Verdict(code=_INSUFFICIENT_FUNDS)
    code = _seeded_decline(account, ("raise", merchant_reference), hold.funding, total)
    return Verdict(approved=delta) if code is None else Verdict(code=code)


def _seeded_decline(
    account: Account, about: tuple[str, str], funding: str, amount: int
) -> str | None:
    for rate in account.declines:
        if _is_about(rate, about[0], funding, amount):
            if draw(account.seed, "decline", *about) < rate.rate_bp:
                return _weighted(rate.codes, account.seed, about)
            return None
    return None


def _is_about(rate: DeclineRate, operation: str, funding: str, amount: int) -> bool:
    return (
        rate.operation in ("any", operation)
        and (not rate.fundings or funding in rate.fundings)
        and rate.amount_from_minor <= amount
        and (rate.amount_below_minor is None or amount < rate.amount_below_minor)
    )


def _weighted(codes: Mapping[str, int], seed: int, about: tuple[str, str]) -> str:
    left = draw(seed, "code", *about, sides=sum(codes.values()))
    for code, weight in codes.items():
        if left < weight:
            return code
        left -= weight
    raise AssertionError(f"weights do not add up: {codes}")


def _seeded_share(account: Account, request: AuthoriseRequest) -> int:
    partial = account.partial_approval
    if request.card.funding not in partial.fundings:
        return request.amount_minor
    if draw(account.seed, "partial", request.merchant_reference) >= partial.rate_bp:
        return request.amount_minor
    return request.amount_minor * partial.share_percent // 100
