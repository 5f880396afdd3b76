"""When to stop at the latest: between two readings, by the power that was shown.

Before the last call the next reading still comes in time, and the watch brings it. After it a stop
falls due at the instant up to which the bound holds whatever the power rises to within its ramp
(payments.md 7.4, 7.5). That instant is counted from the newest readings alone: only another reading
moves it, and never the time that passes until then.
"""

from typing import NamedTuple

from streams.core import due
from streams.core.case import Case
from streams.core.charging import delivered
from streams.core.pricing import Quantities


class Stop(NamedTuple):
    """A stop falls due at `at`, epoch ms; `reason` is the bound that calls for it."""

    at: int
    reason: str


def stop_of(case: Case, covered_minor: int | None, awaited_until: int | None = None) -> Stop | None:
    """The earliest stop that a bound calls for; None: the next reading comes before any.

    `covered_minor`: the price up to which the hold covers, None while it may still be raised.
    `awaited_until`: while the answer to a raise may still come no want of cover stops anybody.
    """
    choice = case.choice
    if choice is None or not case.live or _ends_by_itself(case, covered_minor):
        return None
    found: list[Stop] = []
    if choice.target_energy_wh is not None:
        found += _stop(case, _until_wh(case, choice.target_energy_wh), "target-reached")
    if choice.target_minor is not None:
        found += _stop(case, _until_minor(case, choice.target_minor), "target-reached")
    if covered_minor is not None:
        uncovered = _stop(case, _until_minor(case, covered_minor), "cover-reached")
        found += [Stop(max(one.at, awaited_until or 0), one.reason) for one in uncovered]
    return min(found, key=lambda one: one.at) if found else None


def last_call_at(case: Case, covered_minor: int) -> int | None:
    """When a stop falls due to stay within; None: the next reading comes before."""
    return next((one.at for one in _stop(case, _until_minor(case, covered_minor), "")), None)


def _read_at(case: Case) -> int:
    """Since when nothing was read of a charging that runs: of several the longest unread."""
    return min([one.seen_at or case.now_at for one in case.live])


def _ends_by_itself(case: Case, covered_minor: int | None) -> bool:
    """The only charging has told a limit that keeps every bound, and keeps to it so far.

    Not where time costs: no energy says when the money is used up then.
    """
    choice, charging, tariff = case.choice, case.live[0], case.tariff
    limit_wh = charging.limited.energy_wh
    if limit_wh < 0 or len(case.live) > 1 or choice is None or tariff is None:
        return False
    rates = tariff.simple
    if rates is None or rates.charging_rate or rates.parking_rate:
        return False
    mine_wh = delivered(charging, case.now_at).energy_wh
    total_wh = case.total.so_far.energy_wh - mine_wh + limit_wh
    minor = rates.minor(Quantities(total_wh, 0, 0))
    bounds = [one for one in (covered_minor, choice.target_minor) if one is not None]
    targets = [one for one in (choice.target_energy_wh,) if one is not None]
    within = all(minor <= one for one in bounds) and all(total_wh <= one for one in targets)
    return within and mine_wh <= limit_wh


def _stop(case: Case, left_ms: int | None, reason: str) -> list[Stop]:
    if left_ms is None:
        return []
    return [Stop(_read_at(case) + left_ms - case.policy.stop_latency_ms, reason)]


def _until_wh(case: Case, bound_wh: int) -> int | None:
    """How long after the newest reading the energy stays within; None: past the next one."""
    left_wh = max(bound_wh - case.total.so_far.energy_wh, 0)
    if left_wh >= due.energy_wh(case.ahead.stop_w, case.ahead.stop_ms):
        return None
    return left_wh * 3_600_000 // max(case.ahead.stop_w, 1)


def _until_minor(case: Case, bound_minor: int) -> int | None:
    """The same for the price, by bisection: what may be added only grows with the time."""
    if bound_minor - case.flowing_minor >= case.stop_ahead_minor:
        return None
    left_minor = bound_minor - case.as_read.flowing_minor
    within, beyond = 0, case.ahead.stop_ms
    if _adds_minor(case, beyond) <= left_minor:
        return beyond  # time alone has used up what was left then
    while beyond - within > _GRAIN_MS:
        middle = (within + beyond) // 2
        if _adds_minor(case, middle) <= left_minor:
            within = middle
        else:
            beyond = middle
    return within


def _adds_minor(case: Case, window_ms: int) -> int:
    assert case.tariff is not None  # nothing is held without a price
    ahead, course = case.ahead, case.as_read.metered
    return due.reach(case.tariff, course, ahead.stop_w, window_ms, ahead.running).most_minor


_GRAIN_MS = 250
