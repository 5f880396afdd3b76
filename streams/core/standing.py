"""Where a session stands: its phase and what it comes to, derived from the facts, never stored."""

from typing import NamedTuple

from streams.core import overpaid, receipts, refunds, taps
from streams.core.another_hold import another
from streams.core.case import Case
from streams.core.holds import HoldBook
from streams.core.verdicts import NO, verdict

FLOOR = "capture_floor"


class Standing(NamedTuple):
    """Of every closed session: `priced = captured - refunded + arrears + forgiven`.

    Before, arrears and forgiven are 0. What a price reduction leaves unbilled is forgiven: the part
    above all that was ever held; what was held and not captured, or is known too late, is arrears.
    """

    phase: str
    closed_reason: str
    priced_minor: int
    captured_minor: int
    arrears_minor: int
    forgiven_minor: int
    refunded_minor: int = 0


def standing_of(case: Case) -> Standing:
    """Phase, why it is closed, and the money of the session."""
    reason = _closed_reason(case)
    captured = overpaid.captured_minor(case)
    refunded = overpaid.refunded_minor(case)
    priced = _priced(case, captured, captured - refunded)
    if not reason:
        return Standing(_open_phase(case), "", priced, captured, 0, 0, refunded)
    missing = max(priced - captured + refunded, 0)
    forgiven = _forgiven(case, missing, priced) if missing else 0
    arrears = missing - forgiven
    return Standing("closed", reason, priced, captured, arrears, forgiven, refunded)


def _forgiven(case: Case, missing: int, priced: int) -> int:
    """What people gave back, what a price reduction leaves out, and what is too little to ask for.

    A reduction is of what was billed: nothing was, where nothing was captured.
    """
    captured = overpaid.captured_minor(case)
    forgiven = 0
    if captured:
        given = refunds.given_minor(case.session, case.policy.refunds)
        unheld = priced - sum(one.approved_minor for one in case.holds if one.captured_minor)
        reduced = max(unheld, 0) if receipts.below_cost(case) == "reduction" else 0
        forgiven = min(given + reduced, missing)
    rest = missing - forgiven
    return missing if rest < case.policy.forgive_below_minor else forgiven


def _priced(case: Case, captured: int, kept: int) -> int:
    """The proven cost, else what is known to be due so far.

    Where a third party captures, its figure is the price: ours is compared with it, not charged.
    """
    due = case.price_minor if case.cost_minor is None else case.cost_minor
    if captured and case.captures_here:
        owed = overpaid.owed(case)
        due = due if owed is None else owed.minor
    if kept and (not case.captures_here or kept > due):
        return kept
    return due


def _closed_reason(case: Case) -> str:
    """Why nothing is left to do; '' while something is."""
    session, hold = case.session, case.hold
    refusal = taps.refusal(session)
    if refusal is not None and not session.taps and hold is None:
        return refusal.reason
    if hold is None:
        return _never_held(case)
    waits = [one for one in case.holds if one.open_minor] or case.unsettled or quarantined(case)
    waits = waits or receipts.is_open(case) or receipts.due_now(case) is not None
    waits = waits or overpaid.is_pending(case) or bool(receipts.refunds_due(case))
    return "" if waits or not _charging_is_over(case) else _where_it_went(case, hold)


def _where_it_went(case: Case, hold: HoldBook) -> str:
    captured = overpaid.captured_minor(case)
    if captured:
        return "captured" if captured > overpaid.refunded_minor(case) else "refunded"
    return _uncaptured(case, hold)


def _uncaptured(case: Case, hold: HoldBook) -> str:
    if hold.approved_minor == 0:
        return _unapproved(case, hold)
    if hold.lapsed_minor:
        return "lapsed"
    return "expired" if _has_expired(case, hold) and case.chargings else "released"


def _unapproved(case: Case, hold: HoldBook) -> str:
    if hold.outcome in NO:
        over = another(case) is None and taps.open_offer(case.session) is None
        return "declined" if over or case.given_up else ""
    return "given-up" if case.given_up else ""


def _never_held(case: Case) -> str:
    if not case.given_up or case.chargings or quarantined(case):
        return ""
    refusal = taps.refusal(case.session)
    return "given-up" if refusal is None else refusal.reason


def _charging_is_over(case: Case) -> bool:
    """Proven, never begun, or out of time: a hold that is gone ends the wait for a proof."""
    if not case.chargings or case.total.final is not None:
        return True
    if any(one.captured_minor for one in case.holds):
        return is_floored(case) or case.now_at >= (waits_until(case) or 0)
    return any(one.lapsed_minor or _has_expired(case, one) for one in case.holds)


def is_floored(case: Case) -> bool:
    """The operator's floor was captured: that is final, whatever is proven later."""
    session = case.session
    return any(
        one.rule == FLOOR and verdict(session, one.command_id) not in NO
        for one in session.issued.values()
    )


def waits_until(case: Case) -> int | None:
    """Until when a proof is waited for though the money is captured, or has gone back whole.

    As long as the hold would have lasted: of one that is still open its time ends the wait, too.
    None: money is held, or no proof is missing.
    """
    gone = [one for one in case.holds if one.captured_minor or one.released_minor]
    if not gone or not case.chargings or case.total.final is not None or is_floored(case):
        return None
    if any(one.open_minor and not one.captured_minor for one in case.holds):
        return None
    return max(one.deadline.ends_at for one in gone)


def _has_expired(case: Case, hold: HoldBook) -> bool:
    """It was given back because its time was over."""
    return hold.released_minor > 0 and case.now_at >= hold.deadline.ends_at


def quarantined(case: Case) -> bool:
    refs = case.session.quarantined
    return bool(refs) and not set(refs) <= set(case.session.lifted)


def _open_phase(case: Case) -> str:
    if quarantined(case):
        return "quarantined"
    if case.live:
        return "charging"
    if case.hold is None:
        return "proving" if case.chargings else "requested"
    return "holding" if case.hold.outcome != "done" else _money_phase(case, case.hold)


def _money_phase(case: Case, hold: HoldBook) -> str:
    if refunds.in_flight(case.session) or overpaid.is_pending(case):
        return "refunding"
    if receipts.is_open(case) and not any(one.open_minor for one in case.holds):
        return "receipting"
    if "capture" in hold.in_flight or "lower" in hold.in_flight:
        return "capturing"
    if "release" in hold.in_flight or hold.captured_minor:
        return "releasing"
    if not case.chargings:
        return "authorised"
    return "proving" if case.total.final is None else "capturing"
