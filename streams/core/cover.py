"""How far the money reaches: when a running charging needs another decision.

The rules act when these thresholds are passed, and the watches wake when they are: one place, so
that neither can miss what the other expects.
"""

from typing import NamedTuple

from streams.core import due
from streams.core.case import Case
from streams.core.declines_after import bounded
from streams.core.headroom import Reach
from streams.core.holds import HoldBook
from streams.core.last_call import last_call_at
from streams.core.session import Charging
from streams.core.strategy import next_total
from streams.core.verdicts import of_kind, verdict


class Goal(NamedTuple):
    """Look again when the price passes `minor`, or the energy `energy_wh`. None: need not."""

    minor: int | None
    energy_wh: int | None


NO_GOAL = Goal(None, None)


def raise_awaited_until(case: Case) -> int | None:
    """Until when the answer to a raise may take, by what the look-ahead has reserved for it.

    None: no raise is under way, or more is known of it, or it is late: then it is as good as
    unknown, and nothing may flow uncovered.
    """
    if case.hold is None or "raise" not in case.hold.in_flight:
        return None
    last = of_kind(case.session, "raise", case.hold.hold_id)[-1]
    until_at = last.issued_at + case.ahead.answer_ms
    if case.now_at >= until_at or verdict(case.session, last.command_id):
        return None
    return until_at


def target_minor(case: Case) -> int | None:
    """The price from which on each reading counts for the driver's own target; None: none."""
    choice = case.choice
    if choice is None or choice.target_minor is None:
        return None
    return max(choice.target_minor - case.stop_ahead_minor, case.flowing_minor)


def target_energy_wh(case: Case) -> int | None:
    choice = case.choice
    if choice is None or choice.target_energy_wh is None:
        return None
    ahead_wh = due.energy_wh(case.ahead.stop_w, case.ahead.stop_ms)
    return max(choice.target_energy_wh - ahead_wh, case.total.so_far.energy_wh)


def covered_minor(case: Case) -> int | None:
    """The price that the hold covers; None while it can be raised at once."""
    if case.hold is None:
        return None
    # Whatever may grow has another step above it, unless something was refused before.
    unrefused = case.after_refusals.action is None
    if case.may_raise_now and (unrefused or raise_total(case) is not None):
        return None
    return case.hold.open_minor + case.after_refusals.grace_minor


def _in_time(case: Case, hold: HoldBook) -> bool:
    """After a refusal: whether another answer could come before a stop is due at the latest.

    What the look-ahead reserved was for one answer; a chain of them must not use up the stop's.
    """
    if case.after_refusals.action is None:
        return True
    last_at = last_call_at(case, hold.open_minor)
    return last_at is None or case.now_at + case.ahead.answer_ms <= last_at


def raise_total(case: Case) -> int | None:
    """What a raise would ask for by now; None: nothing that is worth an attempt."""
    hold, choice = case.hold, case.choice
    if hold is None or choice is None or not _in_time(case, hold):
        return None
    # As much again, where there is room: a raise that calls for the next one at once is an attempt
    # wasted, and acquirers count them.
    wanted = case.flowing_minor + 2 * case.look_ahead_minor
    total = next_total(choice, hold.open_minor, wanted, case.attempts_left)
    after, rules = case.after_refusals, case.policy.declines
    return bounded(after, rules, hold.open_minor, total, choice.step_minor)


def cost_total(case: Case) -> int | None:
    """What a raise to the proven cost would ask for; None: covered, or nothing more to be had."""
    hold, choice, cost = case.hold, case.choice, case.cost_minor
    if hold is None or choice is None or cost is None or not case.may_grow:
        return None
    total = bounded(
        case.after_refusals,
        case.policy.declines,
        hold.open_minor,
        min(cost, choice.ceiling_minor),
        choice.step_minor,
    )
    return total if total is not None and total > hold.open_minor else None


def cost_waits_until(case: Case) -> int | None:
    """Until when a capture waits for a raise that may be tried again, in the hold's time."""
    if case.hold is None or not case.has_cover or cost_total(case) is None:
        return None
    again_at = case.after_refusals.again_at
    return again_at if case.now_at < again_at < case.hold.deadline.act_at else None


def cover_minor(case: Case) -> int | None:
    """The price at which the hold calls for a raise, or from which on each reading counts."""
    if case.hold is None:
        return None
    covered = covered_minor(case)
    if covered is None:
        return case.hold.open_minor - case.look_ahead_minor
    return max(covered - case.stop_ahead_minor, case.flowing_minor)


def reaches(case: Case) -> list[Reach]:
    """What the rules look ahead by, as things are: a raise, a stop, or both."""
    targeted = target_minor(case) is not None or target_energy_wh(case) is not None
    raising = covered_minor(case) is None
    return [case.raise_reach] * raising + [case.stop_reach] * (targeted or not raising)


def goal_of(case: Case, charging: Charging) -> Goal:
    """What to look out for on this charging; nothing, when it is to stop or has no cover."""
    if not case.has_cover or case.tariff is None or charging not in case.untold:
        return NO_GOAL
    target, cover = target_minor(case), cover_minor(case)
    if target is None or cover is None:
        return Goal(cover if target is None else target, target_energy_wh(case))
    return Goal(min(target, cover), target_energy_wh(case))
