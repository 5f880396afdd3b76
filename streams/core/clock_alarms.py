"""What people have to know of a hold's time: money at risk, a release that nobody confirmed."""

from schemas import ids
from streams.core.case import Case
from streams.core.hold_windows import RELEASE_WITHIN_MS
from streams.core.holds import HoldBook

Alarm = tuple[str, str, int]
"""Kind, words, and the money at risk in minor units."""


def clock_alarms(case: Case) -> dict[str, Alarm]:
    """All that is open by now, by an id that stays the same while it is."""
    found: dict[str, Alarm] = {}
    for one in case.holds:
        if case.now_at < one.deadline.act_at and "release" not in one.asked:
            continue  # nearly always
        late_at = release_due_at(case, one)
        if late_at and case.now_at >= late_at:
            words = f"not released by {late_at}, 24 hours after it fell due"
            found[f"{one.hold_id}/release-late"] = ("release-late", words, one.open_minor)
        if is_expiring(case, one):
            found[f"{one.hold_id}/expiring"] = _expiring(case, one)
    return found


def is_expiring(case: Case, hold: HoldBook) -> bool:
    """Within the margin before its deadline, or past it, and what was delivered is not captured."""
    if hold.outcome != "done" or case.now_at < hold.deadline.act_at or not case.price_minor:
        return False
    return not any(one.captured_minor for one in case.holds)


def _expiring(case: Case, hold: HoldBook) -> Alarm:
    due = case.price_minor if case.cost_minor is None else case.cost_minor
    proof = "not proven" if case.cost_minor is None else "proven"
    at_risk = min(due, hold.approved_minor)
    if hold.open_minor and case.now_at < hold.deadline.ends_at:
        words = f"expires at {hold.deadline.ends_at} ({hold.deadline.why}): {at_risk} {proof}"
        return "hold-expiring", words, at_risk
    words = (
        f"expired at {hold.deadline.ends_at} ({hold.deadline.why}): {at_risk} {proof}, not captured"
    )
    return "hold-expired", words, at_risk


def release_due_at(case: Case, hold: HoldBook) -> int:
    """Until when what is to go back has to be acknowledged; 0: nothing is asked to go back."""
    if hold.open_minor == 0 or "release" not in hold.asked:
        return 0
    first = case.issued(ids.release_id(hold.hold_id, 1))
    return first.issued_at + RELEASE_WITHIN_MS if first is not None else 0
