"""Captured above what is known to be due by now: by which fact, how much, and who has to act.

A closed session opens again when late facts say that it cost less: its money goes back by a refund
whose cause is the fact, or a person is told why not. Where it cost more, nothing is ever captured
again (design.md 1.2, 1.5).
"""

import hashlib
from typing import NamedTuple

from schemas import ids
from streams.core import partner_view, refunds, taps
from streams.core.case import Case
from streams.core.proof_policy import CDR_AFTER_QUIET, SESSION_AND_CDR
from streams.core.refund_policy import NO_CARD_REFUND
from streams.core.session import NOT_OVERPAID, Overpaid, PartnerCdr
from streams.core.verdicts import of_kind, verdict

_CAUSE_MAX = 200
_OF_CDRS = frozenset({SESSION_AND_CDR, CDR_AFTER_QUIET})


class Owed(NamedTuple):
    """What the session comes to, by which fact, in a word and in words.

    `wait_ms`: for so long it has to stand before money goes back.
    """

    minor: int
    cause: str
    reason: str
    evidence: str
    wait_ms: int


class Excess(NamedTuple):
    """What is captured above it, and why a person has to act; empty: it goes back by itself."""

    minor: int
    owed: Owed
    hindrance: str


def captured_minor(case: Case) -> int:
    return sum([one.captured_minor for one in case.holds])


def refunded_minor(case: Case) -> int:
    """Never above what was captured: more is somebody's error, and told (`differences`)."""
    captured = captured_minor(case)
    if not captured:
        return 0
    found = refunds.gone_back(case.session, case.policy.refunds)
    return min(sum([one.minor for one in found]), captured)


def owed(case: Case) -> Owed | None:
    """What is due by all that is known now; None: it is not proven (any more)."""
    session, rules = case.session, case.policy.refunds
    proof = case.proof
    follows = rules.credit_cdr == "always" or (rules.credit_cdr == "proof" and _cdr_proved(case))
    credit = credited(case) if session.cdrs and follows else None
    if credit is not None:
        words = f"CDR {credit.cdr_id} takes {credit.credit_reference_id} back, and none is there"
        return Owed(0, _of_cdr(credit), "credit_cdr", words, rules.credit_wait_ms)
    cost = case.cost_minor
    if cost is None:
        return None
    cdr = partner_view.countable_cdr(session) if session.cdrs else None
    if cdr is not None and rules.credit_cdr == "always" and _sound_credits(case):
        total = partner_view.total_minor(cdr)
        if total is not None and 0 <= total < cost:
            words = f"CDR {cdr.cdr_id} in place of one taken back comes to {total}"
            return Owed(total, _of_cdr(cdr), "cdr_replaced", words, rules.settle_ms)
    if proof.decision is not None:
        words = f"{proof.decision.who} decided so"
        return Owed(
            cost, f"release-{proof.decision.decision_id}", "decided", words, rules.settle_ms
        )
    if cdr is not None and _is_by_cdr(case, cdr):
        words = f"CDR {cdr.cdr_id}: {cdr.energy_wh} Wh"
        return Owed(cost, _of_cdr(cdr), "cdr", words, rules.settle_ms)
    cause = _of_chargings(case)
    return Owed(cost, cause, "charger_data", f"the chargers prove {cost}", rules.settle_ms)


def _is_by_cdr(case: Case, cdr: PartnerCdr) -> bool:
    """Whether the cost is what it is by this CDR: by its rung, its price, or a policy's word."""
    proof = case.proof
    if proof.rung in _OF_CDRS or proof.price_authority == "cdr" or proof.settled_by == "cdr":
        return True
    is_lower = cdr.energy_wh < proof.charger_wh or partner_view.total_minor(cdr) == case.cost_minor
    return proof.settled_by == "lower" and is_lower


def _cdr_proved(case: Case) -> bool:
    """Whether the capture rests on a CDR alone, and still nobody else has proven anything.

    What a charger or a person proved, or the floor, is not a partner's to take back.
    """
    if case.proof.by_charger or case.proof.decision is not None:
        return False
    session = case.session
    return any(
        one.proof in _OF_CDRS and verdict(session, one.command_id) == "done"
        for one in of_kind(session, "capture")
    )


def credited(case: Case) -> PartnerCdr | None:
    """The newest sound credit CDR, where it or others took back all that billed; else None."""
    if partner_view.cdrs(case.session):
        return None
    sound = _sound_credits(case)
    return sound[-1] if sound else None


def _sound_credits(case: Case) -> list[PartnerCdr]:
    """Credit CDRs of what is known to have billed, refused by nobody and never changed."""
    session = case.session
    known = {one.cdr_id.casefold() for one in session.cdrs.values() if not one.credit}
    return [
        one
        for one in partner_view.credits(session)
        if one.credit_reference_id.casefold() in known
        and not one.rejected_code
        and len(one.money_digests) == 1
        and one.currency == case.request.currency
    ]


def _of_cdr(cdr: PartnerCdr) -> str:
    return f"cdr-{cdr.cdr_id.casefold()}"[:_CAUSE_MAX]


def _of_chargings(case: Case) -> str:
    """Which facts of chargers there are, by number and instant: no amount, no order of arrival."""
    digest = hashlib.blake2b(digest_size=8)
    for _, one in sorted(case.session.chargings.items()):
        begun, end = one.begun, one.end
        digest.update(one.charging_id.encode())
        digest.update(f"{begun.started_at if begun else ''}/".encode())
        digest.update(f"{(end.seq, end.ended_at) if end else ''}/".encode())
        digest.update(f"{[(change.at, change.seq) for change in one.changes]}/".encode())
        digest.update(f"{[sample.at for sample in one.trace.samples]}/".encode())
        digest.update(f"{[(pair.meter, pair.from_at, pair.to_at) for pair in one.signed]}".encode())
    return f"charging-{digest.hexdigest()}"


def excess(case: Case) -> Excess | None:
    """None: nothing is captured above what is due, or that is not for us to mend."""
    captured = captured_minor(case) if case.captures_here else 0
    if not captured:
        return None
    due = owed(case)
    if due is None:
        return None
    minor = captured - refunded_minor(case) - due.minor
    return Excess(minor, due, hindrance(case, due, minor)) if minor > 0 else None


def hindrance(case: Case, due: Owed, minor: int) -> str:
    """Why it does not go back by itself, in words for a person; empty: it does."""
    session = case.session
    taken = refunds.capture_of(session)
    if taken is None:
        return "captured otherwise than we asked for"
    if refunds.by_hand(session):
        return "money was refunded by hand"
    if refunds.failed(session):
        return "a refund failed"
    return barred(case, taken[1]) or _exhausted(case, due, minor)


def _exhausted(case: Case, due: Owed, minor: int) -> str:
    """Whether this cause, or what goes back by itself at all, is used up."""
    session, limit = case.session, case.policy.refunds.automatic_minor
    asked = session.issued.get(ids.refund_id(session.session_id, due.cause))
    if asked is not None:
        under_way = refunds.in_flight(session) and asked.amount_minor >= minor
        return "" if under_way else f"{due.cause} was refunded before"
    in_all = minor + sum(
        one.amount_minor
        for one in session.issued.values()
        if one.kind == "refund" and one.rule == "refund_overpaid"
    )
    return f"{in_all} is above the {limit} that go back by themselves" if in_all > limit else ""


def barred(case: Case, hold_id: str) -> str:
    """Why no refund of this capture can be commanded at all; empty: one can."""
    if refunds.chargebacks(case.session):
        return "a chargeback is open"
    if refunds.is_doubtful(case.session):
        return "a transfer was told twice, with two meanings"
    card = taps.presented_for(case.session, hold_id)
    acquirer = case.acquirer_of(hold_id)
    if card.scheme.casefold() in NO_CARD_REFUND:
        return f"{card.scheme} has no refunds: by credit transfer"
    if acquirer is None or not acquirer.refunds_to(card.scheme):
        return "the acquirer does not refund this card: by credit transfer"
    return ""


def ready_at(case: Case, found: Excess) -> int:
    """When it has stood long enough to go back."""
    noted = _noted(case, found)
    return noted.since_at + found.owed.wait_ms


def note(case: Case) -> Overpaid:
    """What the session keeps of it, so that its wait begins anew with every change."""
    found = excess(case)
    return NOT_OVERPAID if found is None else _noted(case, found)


def _noted(case: Case, found: Excess) -> Overpaid:
    known = case.session.overpaid
    if (known.minor, known.cause) == (found.minor, found.owed.cause):
        return known
    return Overpaid(found.minor, found.owed.cause, case.now_at)


def is_pending(case: Case) -> bool:
    """Whether money is yet to go back by itself: until then the session is not closed."""
    found = excess(case)
    return found is not None and not found.hindrance
