"""Where partners' figures and ours differ by more than the policy lives with; shown, no more."""

from collections.abc import Iterator

from streams.core import overpaid, partner_view
from streams.core.case import Case
from streams.core.session import PartnerCdr

Found = tuple[str, str, str, int]  # what it is about, the kind, words, money at stake


def partner_differences(case: Case) -> dict[str, tuple[str, str, int]]:
    """Kind, words and money at stake, by an id that stays the same while it is open."""
    session = case.session
    if not session.cdrs and not session.advices:
        return {}
    found = [*_of_cdrs(case), *_of_advices(case)]
    return {f"{about}/{kind}": (kind, words, minor) for about, kind, words, minor in found}


def _of_cdrs(case: Case) -> Iterator[Found]:
    session, session_id = case.session, case.session.session_id
    for key, one in sorted(session.cdrs.items()):
        about = f"{session_id}/{key}"
        if len(one.money_digests) > 1:
            yield about, "cdr-changed", "another body under the same id", 0
        if one.rejected_code:
            yield about, "cdr-rejected", f"refused with {one.rejected_code}: proves nothing", 0
        if not one.credit and not partner_view.fits(session, one):
            yield about, "cdr-unfit", "another currency, or another time than this session", 0
    bills = partner_view.cdrs(session)
    if len(bills) > 1:
        words = ", ".join(one.cdr_id for one in bills)
        yield session_id, "several-cdrs", words[:1000], 0
    captured = overpaid.captured_minor(case) - overpaid.refunded_minor(case)
    if session.cdrs and not bills and captured:
        words = f"its CDR was credited, and {captured} is captured and not refunded"
        yield session_id, "cdr-credited", words, captured
    cdr = partner_view.countable_cdr(session)
    if cdr is not None:
        yield from _against(case, cdr, captured)


def _against(case: Case, cdr: PartnerCdr, captured: int) -> Iterator[Found]:
    session_id, limits = case.session.session_id, case.policy.reconciliation
    shown_wh = case.proof.charger_wh
    if shown_wh >= 0 and not limits.energy_agrees(cdr.energy_wh, shown_wh):
        words = f"the CDR says {cdr.energy_wh} Wh, the charger {shown_wh} Wh"
        yield session_id, "cdr-energy", words, 0
    total = partner_view.total_minor(cdr)
    if total is None:
        return
    cost = case.cost_minor
    if cost is not None and not limits.money_agrees(total, cost):
        words = f"the CDR comes to {total}, our price to {cost}"
        yield session_id, "cdr-cost", words, total - cost
    if captured and not limits.money_agrees(total, captured):
        words = f"the CDR comes to {total}, captured and kept are {captured}"
        yield session_id, "cdr-captured", words, total - captured


def _of_advices(case: Case) -> Iterator[Found]:
    session, limits = case.session, case.policy.reconciliation
    for key, one in sorted(session.advices.items()):
        about = f"{session.session_id}/{key}"
        if not partner_view.is_theirs(session, one):
            words = f"{one.partner} tells of a capture that is for {case.request.capture_by} to do"
            yield about, "advice-not-theirs", words, max(one.captured_minor, 0)
            continue
        if one.outcome == "failed" and case.cost_minor:
            yield about, "advice-failed", "what is due was not captured", case.cost_minor
        if one.currency != case.request.currency:
            yield about, "advice-currency", f"in {one.currency}", 0
        elif one.outcome in ("done", "partial") and one.captured_minor < 0:
            yield about, "advice-untold", "captured, but not told how much", 0
    cost, captured = case.cost_minor, sum(one.minor for one in partner_view.taken(session))
    # More than the cost is told as captured-above-cost, whoever captured.
    if cost is not None and 0 < captured < cost and not limits.money_agrees(captured, cost):
        words = f"{captured} captured there, our price is {cost}"
        yield session.session_id, "advice-below-cost", words, cost - captured
