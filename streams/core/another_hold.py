"""The hold that takes the place of one which a technical no has ended, while the driver waits."""

from typing import NamedTuple

from streams.core.case import Case
from streams.core.declines_after import may_try_again
from streams.core.routing import NOT_SENT, TECHNICAL
from streams.core.verdicts import NO


class Another(NamedTuple):
    """The hold to be asked for next: of whom, how much, and not before `at`."""

    number: int
    acquirer_id: str
    amount_minor: int
    at: int


def another(case: Case) -> Another | None:
    """After a technical no the route's next; where nobody is left and nothing was sent, the same.

    None: the newest hold is not over, the card was judged, or its scheme allows no more.
    """
    hold, number = case.hold, case.next_hold
    if hold is None or number is None or case.choice is None or case.start is not None:
        return None
    placed = case.issued(hold.hold_id)
    if hold.outcome not in NO or placed is None:
        return None
    answer = case.session.answers[hold.hold_id]
    if answer.reason not in TECHNICAL or not may_try_again(case.session, case.now_at):
        return None
    asked = {one.acquirer_id for one in case.holds}
    for following in case.route:
        if following not in asked:
            return Another(number, following, placed.amount_minor, case.now_at)
    if answer.reason != NOT_SENT or case.now_at >= _patience_at(case):
        return None
    schedule = case.policy.inquiry_schedule_ms
    wait_ms = schedule[min(number - 2, len(schedule) - 1)]
    at = min(placed.issued_at + wait_ms, _patience_at(case))
    return Another(number, hold.acquirer_id, placed.amount_minor, at)


def _patience_at(case: Case) -> int:
    """A driver stands at the reader: as long as for a charging that does not begin."""
    first = case.issued(case.holds[0].hold_id)
    began_at = first.issued_at if first is not None else case.request.requested_at
    return began_at + case.policy.start_grace_ms
