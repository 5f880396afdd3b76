"""What must hold of receipts: each of what its card paid, once, in order, and its VAT adds up.

It shares no code with the core; prices are those of `tariffs.py`.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from schemas.fiscal import ReceiptSettled, RequestReceipt, VatPart
from streams.simulation.checker import Checker, Watched
from streams.simulation.policies import CHAIN, Receipts
from streams.simulation.tariffs import gross_by_rate, half_up


class ReceiptChecker:
    """Of one world. `asked`, `settled`: by the ids of the receipts; `shown`: at terminals."""

    def __init__(self, checker: Checker, rules: Receipts | None) -> None:
        self._checker = checker
        self.rules = rules
        self.asked: dict[str, RequestReceipt] = {}
        self.settled: dict[str, ReceiptSettled] = {}
        self.shown: list[str] = []

    def on_request(self, asked: RequestReceipt) -> None:
        """A receipt was asked for."""
        for words in self._wrong(asked):
            self._checker.wrong("receipt", asked.session_id, f"{asked.command_id}: {words}")
        self.asked[asked.command_id] = asked

    def on_settled(self, settled: ReceiptSettled) -> None:
        if settled.command_id in self.settled:
            words = f"{settled.command_id} settled a second time"
            self._checker.wrong("receipt", settled.session_id, words)
        self.settled[settled.command_id] = settled

    def _wrong(self, asked: RequestReceipt) -> Iterator[str]:
        watched = self._checker.sessions[asked.session_id]
        if asked.command_id in self.asked:
            yield "asked for a second time"
        if self.rules is None or watched.plan.role not in OURS:
            yield "nobody wants one"
            return
        known = (asked.chain, asked.currency, asked.regime)
        if known != (CHAIN, watched.plan.prices.currency, self.rules.regime):
            yield f"of {known}"
        if asked.document == "refund":
            yield from self._wrong_correction(asked)
        elif self.rules.below_cost == "reduction" and asked.supply_minor != asked.paid_minor:
            yield f"{asked.supply_minor} supplied, {asked.paid_minor} paid"
        if asked.paid_minor > asked.supply_minor or not asked.paid_minor:
            yield f"{asked.paid_minor} paid of {asked.supply_minor}"
        yield from wrong_parts(watched, asked)

    def _wrong_correction(self, asked: RequestReceipt) -> Iterator[str]:
        first = self.asked.get(asked.of_command_id)
        settled = self.settled.get(asked.of_command_id)
        if first is None or settled is None or settled.receipt != asked.of_receipt:
            yield f"corrects {asked.of_command_id} {asked.of_receipt}, which never was"
        elif asked.paid_minor > first.paid_minor:
            yield f"takes back {asked.paid_minor} of {first.paid_minor}"


OURS = ("operator_side", "terminal_provider_side")


def wrong_parts(watched: Watched, asked: RequestReceipt) -> Iterator[str]:
    """What does not add up: net, VAT and gross of each rate, their sum, and who has how much."""
    total = sum(one.gross_minor for one in asked.parts)
    if total != asked.supply_minor:
        yield f"parts of {total}, {asked.supply_minor} in all"
    for one in asked.parts:
        net = half_up(one.gross_minor / (1 + Fraction(one.rate or 0) / 100))
        if one.net_minor != net or one.net_minor + one.vat_minor != one.gross_minor:
            yield f"{one.net_minor} and {one.vat_minor} of {one.gross_minor} at {one.rate}"
    truth = watched.truth
    if any(not one.whole or one.odd for one in truth.chargings):
        return  # what was known then need not be what is
    exact = gross_by_rate(watched.plan.prices, truth.used(truth.chargings))
    whole = sum(exact.values(), Fraction(0))
    if whole and abs(_off(asked.parts, exact, asked.supply_minor / whole)) >= 1:
        yield f"{[(one.rate, one.gross_minor) for one in asked.parts]} of {asked.supply_minor}"


def _off(parts: list[VatPart], exact: dict[str, Fraction], share: Fraction) -> Fraction:
    """By how much the worst part is off; a rate nobody told is written as nothing."""
    told = {one.rate: one.gross_minor for one in parts}
    return max(abs(told.get(rate, 0) - amount * share) for rate, amount in exact.items())


class Settling:
    """What of one session's receipts must hold when everything has come to rest."""

    def __init__(self, receipts: ReceiptChecker, session_id: str) -> None:
        self._receipts = receipts
        self._of = [one for one in receipts.asked.values() if one.session_id == session_id]

    def wrong(self, captured: int, status: str, *, told: bool) -> Iterator[str]:
        """`captured` at the banks, `status` in the ledger; `told`: a person was of this receipt."""
        for one in self._of:
            yield from self._unsettled(one.command_id, told=told)
        if told:
            return
        receipted = sum(
            one.paid_minor if one.document == "sale" else -one.paid_minor for one in self._of
        )
        if receipted != captured:
            yield f"{receipted} receipted, {captured} captured"
        if captured and status not in ("signed", "recorded"):
            yield f"captured, and its receipt is {status!r}"

    def _unsettled(self, command_id: str, *, told: bool) -> Iterator[str]:
        settled = self._receipts.settled.get(command_id)
        if settled is None:
            yield f"{command_id} was never settled"
            return
        shown = self._receipts.shown.count(command_id)
        if shown != (settled.outcome == "signed"):
            yield f"{command_id} {settled.outcome}, shown {shown} times"
        if settled.outcome == "refused" and not told:
            yield f"{command_id} refused, and nobody is told"


def out_of_order(asked: dict[str, RequestReceipt], settled: list[ReceiptSettled]) -> Iterator[str]:
    """The chain as sessions were told of it: each number once, moments after one another."""
    in_order = sorted(settled, key=lambda one: one.ordinal)
    for before, after in pairwise(in_order):
        if before.ordinal == after.ordinal or before.moment_at >= after.moment_at:
            yield f"{after.command_id} is not after {before.command_id}"
    numbers = [one.ordinal for one in in_order]
    if numbers != list(range(1, len(asked) + 1)):
        yield f"{len(asked)} asked for, numbers {numbers}"
