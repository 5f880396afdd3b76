"""Which acquirer is asked next: only while nobody has approved anything."""

from collections.abc import Iterator

from streams.core import orders
from streams.core.case import Case
from streams.core.proposal import Proposed
from streams.core.routing import TECHNICAL
from streams.core.verdicts import NO


def fail_over(case: Case) -> Iterator[Proposed]:
    hold, number = case.hold, case.next_hold
    if hold is None or number is None or case.choice is None or case.start is not None:
        return
    if hold.outcome not in NO or case.session.answers[hold.hold_id].reason not in TECHNICAL:
        return
    asked = {one.acquirer_id for one in case.holds}
    following = next((one for one in case.route if one not in asked), None)
    placed = case.issued(hold.hold_id)
    if following is not None and placed is not None:
        yield orders.place_hold(case, placed.amount_minor, number, following)
