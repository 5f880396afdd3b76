"""Rules while energy flows: keep it covered, or end it with what is covered."""

from collections.abc import Iterator

from streams.core import cover, orders
from streams.core.case import Case
from streams.core.declines_after import bounded
from streams.core.last_call import stop_of
from streams.core.proposal import AskAgain, Proposed
from streams.core.strategy import next_total


def raise_hold(case: Case) -> Iterator[Proposed]:
    hold, choice = case.hold, case.choice
    if hold is None or choice is None or not case.live or not case.may_raise_now:
        return
    needed = case.price_minor + case.look_ahead_minor
    if needed <= hold.open_minor:
        return
    # As much again, where there is room: a raise that calls for the next one at once is an attempt
    # wasted, and acquirers count them.
    wanted = needed + case.look_ahead_minor
    total = next_total(choice, hold.open_minor, wanted, case.attempts_left)
    total = bounded(
        case.after_refusals,
        case.policy.declines,
        hold.open_minor,
        total,
        choice.step_minor,
    )
    if total is not None:
        yield orders.raise_hold(case, hold, total)


def stop_inside_hold(case: Case) -> Iterator[Proposed]:
    if not case.live or not case.has_cover:
        return
    awaited_until = cover.raise_awaited_until(case)
    if awaited_until is not None:
        yield AskAgain(awaited_until)
    stop = stop_of(case, cover.covered_minor(case))
    if stop is None or not case.untold:
        return
    if stop.at > case.now_at:
        yield AskAgain(stop.at)
        return
    for charging in case.untold:
        yield orders.stop_charging(case, charging, stop.reason)


def stop_uncovered(case: Case) -> Iterator[Proposed]:
    if case.start is None or case.has_cover:
        return
    for charging in case.untold:
        yield orders.stop_charging(case, charging, "no-cover")


def raise_to_cost(case: Case) -> Iterator[Proposed]:
    hold, choice, cost = case.hold, case.choice, case.cost_minor
    if hold is None or choice is None or cost is None or not case.may_raise_now:
        return
    total = bounded(
        case.after_refusals,
        case.policy.declines,
        hold.open_minor,
        min(cost, choice.ceiling_minor),
        choice.step_minor,
    )
    if total is not None and total > hold.open_minor:
        yield orders.raise_hold(case, hold, total)
