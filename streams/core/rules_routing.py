"""Which acquirer is asked next: only while nobody has approved anything."""

from collections.abc import Iterator

from streams.core import orders
from streams.core.another_hold import another
from streams.core.case import Case
from streams.core.proposal import AskAgain, Proposed


def fail_over(case: Case) -> Iterator[Proposed]:
    following = another(case)
    if following is None:
        return
    if following.at > case.now_at:
        yield AskAgain(following.at)
        return
    yield orders.place_hold(case, following.amount_minor, following.number, following.acquirer_id)
