"""Rules while energy flows: keep it covered, or end it with what is covered."""

from collections.abc import Iterator

from schemas import ids
from streams.core import cover, orders
from streams.core.case import Case
from streams.core.last_call import stop_of
from streams.core.proposal import AskAgain, Proposed


def raise_hold(case: Case) -> Iterator[Proposed]:
    hold = case.hold
    if hold is None or not case.live or not case.may_raise_now:
        return
    if case.flowing_minor + case.look_ahead_minor <= hold.open_minor:
        return
    total = cover.raise_total(case)
    if total is not None:
        yield orders.raise_hold(case, hold, total)


def stop_inside_hold(case: Case) -> Iterator[Proposed]:
    if not case.live or not case.has_cover:
        return
    stop = stop_of(case, cover.covered_minor(case), cover.raise_awaited_until(case))
    if stop is None or not case.untold:
        return
    if stop.at > case.now_at:
        yield AskAgain(stop.at)
        return
    for charging in case.untold:
        yield orders.stop_charging(case, charging, stop.reason)


def stop_uncovered(case: Case) -> Iterator[Proposed]:
    if case.start is None:
        return
    for charging in case.untold if not case.has_cover else ():
        yield orders.stop_charging(case, charging, "no-cover")
    for charging in case.running_on:
        first_id = ids.stop_id(case.session.session_id, charging.transaction_id)
        if case.issued(first_id) is None:
            yield orders.stop_charging(case, charging, "settled")


def raise_to_cost(case: Case) -> Iterator[Proposed]:
    hold, total = case.hold, cover.cost_total(case)
    if hold is None or total is None:
        return
    waits_until = cover.cost_waits_until(case)
    if waits_until is not None:
        yield AskAgain(waits_until)
    elif case.may_raise_now:
        yield orders.raise_hold(case, hold, total)
