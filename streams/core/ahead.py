"""How far ahead money has to reach: energy flows on while a raise is answered or a stop done.

payments.md 7.4: headroom of at least power x price x (acquirer latency + retries + meter interval
+ stop latency). The policy says what is usual; what this charger and this acquirer have shown
counts. Nothing a record could say makes it reach for ever: each part has its bound.
"""

from collections.abc import Iterable
from typing import NamedTuple

from streams.core.session import NOT_SHOWN, Charging, Pinned
from streams.core.strategy_policy import LookAhead

LONGEST_GAP_MS = 5 * 60 * 1000
"""A charger that was silent for longer was away: no interval between readings."""

LONGEST_ANSWER_MS = 2 * 60 * 1000
"""What takes longer than this has no answer at all (streams.core.inquiries)."""

RAMP_PERCENT = 25
"""How much stronger than shown a charging may be by the time of its next reading."""


class Ahead(NamedTuple):
    """`raise_ms`: from a reading to an approved raise, or to a stop carried out after its refusal.

    `raise_w`: the most that flows meanwhile. `stop_ms` and `stop_w`: the same until a stop without
    a raise is carried out. There the power that is shown counts, with a margin, and the gaps seen:
    by the worst that could be, drivers would be stopped well short of what they have paid for.
    """

    raise_w: int
    raise_ms: int
    stop_w: int
    stop_ms: int


def ahead_of(
    policy: LookAhead, pinned: Pinned | None, power_told_w: int, chargings: Iterable[Charging]
) -> Ahead:
    """For a session on an EVSE of `power_told_w` (not above 0: not told)."""
    top_w, gap_ms, newest = -1, 0, NOT_SHOWN
    for one in chargings:
        top_w = max(top_w, one.top_power_w)
        if one.power.power_w >= 0:
            newest = max(newest, one.power)
        gap_ms = max(gap_ms, one.gap_ms)
    answer_ms = pinned.acquirer_p95_ms if pinned is not None else 0
    answer_ms = min(answer_ms or policy.acquirer_latency_ms, LONGEST_ANSWER_MS)
    most_ms = max(policy.meter_interval_ms, min(gap_ms, LONGEST_GAP_MS))
    most_w = _most_w(policy, power_told_w, top_w)
    return Ahead(
        raise_w=most_w,
        raise_ms=answer_ms + policy.retries_ms + most_ms + policy.stop_latency_ms,
        stop_w=most_w if newest.power_w < 0 else min(most_w, _with_ramp(newest.power_w)),
        stop_ms=min(gap_ms or policy.meter_interval_ms, most_ms) + policy.stop_latency_ms,
    )


def _most_w(policy: LookAhead, told_w: int, shown_w: int) -> int:
    """What was told, or more where more was seen.

    Unknown: the strongest there are; a reading above those is a mistake.
    """
    if told_w <= 0:
        return policy.power_when_unknown_w
    return max(told_w, min(shown_w, policy.power_when_unknown_w))


def _with_ramp(power_w: int) -> int:
    return -(-power_w * (100 + RAMP_PERCENT) // 100)
