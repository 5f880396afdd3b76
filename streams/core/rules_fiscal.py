"""Rules of the receipt: asked for once, before or after the capture, told to the terminal."""

from collections.abc import Iterator

from schemas import ids
from streams.core import receipts
from streams.core.case import Case
from streams.core.proposal import Proposed
from streams.core.receipts import SALE, VOID


def request_receipt(case: Case) -> Iterator[Proposed]:
    paid_minor = receipts.due_now(case)
    if paid_minor is None or (receipts.captured_minor(case) == 0 and not _settles_now(case)):
        return
    yield receipts.request(case, paid_minor)


def _settles_now(case: Case) -> bool:
    """Whether only the receipt is missing for the capture to be asked for."""
    hold = case.hold
    return hold is not None and hold.outcome == "done" and not hold.in_flight


def capture_waits(case: Case) -> bool:
    """Whether the receipt comes first and is not there yet.

    A margin before the hold's deadline money goes first: a receipt can be late, a capture cannot.
    """
    if not receipts.is_receipt_first(case) or receipts.known(case) is not None:
        return False
    hold = case.hold
    return hold is not None and not 0 < hold.deadline.act_at <= case.now_at


def void_receipt(case: Case) -> Iterator[Proposed]:
    """Of a session that is over without a capture, when the receipts of its refunds are settled."""
    if not case.session.receipts or receipts.is_open(case) or receipts.refunds_due(case):
        return
    settled = receipts.known(case)
    if settled is None or settled.outcome == "refused" or receipts.is_requested(case, VOID):
        return
    gone = case.holds and all(one.open_minor == 0 for one in case.holds)
    if not gone or receipts.captured_minor(case) or case.unsettled:
        return
    if receipts.left_minor(case)[0]:
        yield receipts.void(case)


def receipt_refund(case: Case) -> Iterator[Proposed]:
    for back in receipts.refunds_due(case):
        yield receipts.refund(case, back)


def show_receipt(case: Case) -> Iterator[Proposed]:
    if not case.session.receipts:
        return
    for cause in (SALE, VOID, *receipts.refunded_causes(case)):
        settled = receipts.known(case, cause)
        notice_id = ids.receipt_notice_id(case.session.session_id, cause)
        if case.issued(notice_id) is not None:
            continue  # written at another instant it would be a conflict with itself
        if settled is not None and settled.outcome == "signed":
            yield receipts.ready(case, cause, settled)


def late_at(case: Case) -> int:
    """When people are told of an open receipt, which holds up its whole chain; 0: none is open."""
    said = receipts.wanted(case)
    if said is None or not receipts.is_open(case):
        return 0
    asked = [one.issued_at for one in case.session.issued.values() if one.kind == "receipt"]
    return max(asked) + said.late_after_ms
