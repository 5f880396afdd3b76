"""What people have to know after a capture: too much taken, too little, a refund that is not."""

from collections.abc import Iterator

from streams.core import overpaid, refunds
from streams.core.case import Case
from streams.core.rules_refunds import COVERED, decided
from streams.core.session import PaymentSession

Found = tuple[str, str, str, int]  # what it is about, the kind, words, money at stake


def refund_differences(case: Case) -> dict[str, tuple[str, str, int]]:
    """Kind, words and money at stake, by an id that stays the same while it is open."""
    captured = overpaid.captured_minor(case)
    session = case.session
    if not captured and not session.refund_decisions and not _was_taken_back(session):
        return {}
    found = [*_too_much(case, captured), *_too_little(case, captured), *_refused(case)]
    return {f"{about}/{kind}": (kind, words, minor) for about, kind, words, minor in found}


def _was_taken_back(session: PaymentSession) -> bool:
    """By a notice, after a refund of ours: what is gone is gone."""
    made = session.issued.values()
    return bool(session.notices) and any(one.kind == "refund" for one in made)


def _too_much(case: Case, captured: int) -> Iterator[Found]:
    session = case.session
    excess = overpaid.excess(case)
    if excess is not None:
        words = excess.hindrance or f"goes back for {excess.owed.cause}"
        words = f"cost {excess.owed.minor}: {words}"
        yield session.session_id, "captured-above-cost", words, excess.minor
    elif not case.captures_here and case.cost_minor is not None and captured > case.cost_minor:
        minor = captured - case.cost_minor
        yield session.session_id, "captured-above-cost", f"cost {case.cost_minor}", minor
    back = sum(one.minor for one in refunds.gone_back(session, case.policy.refunds))
    if back > captured:
        words = f"{back} refunded, {captured} captured"
        yield session.session_id, "refunded-above-captured", words, back - captured


def _too_little(case: Case, captured: int) -> Iterator[Found]:
    """The hold would have covered it: it is known now, and was not at the capture."""
    if not captured or not case.captures_here:
        return
    due = overpaid.owed(case)
    if due is None:
        return
    held = sum(one.approved_minor for one in case.holds if one.captured_minor)
    missing = min(due.minor, held) - captured
    if missing > 0 and missing >= case.policy.forgive_below_minor:
        words = f"cost {due.minor}, captured {captured}: never captured again"
        yield case.session.session_id, "captured-below-cost", words, missing


def _refused(case: Case) -> Iterator[Found]:
    session, rules = case.session, case.policy.refunds
    failed = refunds.failed(session)
    if failed:
        since_at = min(refunds.failed_at(session, one) for one in failed)
        given = [one for one in refunds.gone_back(session, rules) if one.decided]
        minor = sum(session.issued[one].amount_minor for one in failed)
        minor -= sum(one.minor for one in given if one.at >= since_at)
        if minor > 0:
            yield session.session_id, "refund-failed", ", ".join(failed)[:1000], minor
    taken = refunds.capture_of(session)
    barred = "" if taken is None else overpaid.barred(case, taken[1])
    for decision_id, minor, why in decided(case):
        words = why or barred or ("" if taken else "nothing is captured by us")
        if words:
            about = f"{session.session_id}/decision/{decision_id}"
            kind = "refund-covered" if words == COVERED else "refund-refused"
            yield about, kind, words, minor
