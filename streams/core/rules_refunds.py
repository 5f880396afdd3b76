"""Rules after a capture: what people decided goes back, and what was captured too much."""

from collections.abc import Iterator

from streams.core import orders, overpaid, refunds
from streams.core.case import Case
from streams.core.proposal import AskAgain, Proposed

COVERED = "it has gone back already, for the same error"


def refund_decided(case: Case) -> Iterator[Proposed]:
    session = case.session
    if not session.refund_decisions or not case.captures_here:
        return
    taken = refunds.capture_of(session)
    if taken is None or refunds.in_flight(session):
        return
    due = next((one for one in decided(case) if not one[2]), None)
    if due is not None and not overpaid.barred(case, taken[1]):
        decision_id, amount_minor, _ = due
        asked = session.refund_decisions[decision_id]
        words = f"{asked.who} decided so ({decision_id})"
        cause = f"decision-{decision_id}"
        yield orders.refund_capture(case, taken, amount_minor, (cause, asked.reason, words))


def decided(case: Case) -> list[tuple[str, int, str]]:
    """Decisions to be obeyed by a command and not issued yet: id, amount, and why it cannot be."""
    session, rules = case.session, case.policy.refunds
    left = overpaid.captured_minor(case) - overpaid.refunded_minor(case)
    uncorrected = refunds.uncorrected_minor(session, rules) if session.refund_decisions else 0
    found: list[tuple[str, int, str]] = []
    for decision_id, one in sorted(session.refund_decisions.items()):
        cause = refunds.decision_cause(session, decision_id)
        if f"{session.session_id}/refund/{cause}" in session.issued:
            continue
        words = refunds.unheeded(case.request, one, rules)
        if one.route == refunds.TRANSFER:
            if words:
                found.append((decision_id, one.amount_minor, words))
            continue
        amount = one.amount_minor
        if one.reason == refunds.CORRECTION and not words:
            amount = min(amount, uncorrected)
            if not amount:
                found.append((decision_id, one.amount_minor, COVERED))
                continue
        if not words and amount > left:
            words = f"above the {left} that are captured and not refunded"
        found.append((decision_id, amount, words))
    return found


def refund_overpaid(case: Case) -> Iterator[Proposed]:
    found = overpaid.excess(case)
    if found is None or found.hindrance or refunds.in_flight(case.session):
        return
    ready_at = overpaid.ready_at(case, found)
    if case.now_at < ready_at:
        yield AskAgain(ready_at)
        return
    taken = refunds.capture_of(case.session)
    assert taken is not None, "else a person would have to act"
    due = found.owed
    yield orders.refund_capture(case, taken, found.minor, (due.cause, due.reason, due.evidence))
