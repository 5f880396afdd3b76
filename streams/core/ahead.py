"""How far ahead money has to reach: energy flows on while a raise is answered or a stop done.

payments.md 7.4: headroom of at least power x price x (acquirer latency + retries + meter interval
+ stop latency). The policy says what is usual; what this charger and this acquirer have shown
counts. Nothing a record could say makes it reach for ever: each part has its bound.
"""

from collections.abc import Iterable
from typing import NamedTuple

from streams.core.session import Charging, Pinned
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
    Powers are those of all `running` chargings together. `answer_ms`: of `raise_ms` what an
    acquirer may take to answer.
    """

    raise_w: int
    raise_ms: int
    stop_w: int
    stop_ms: int
    running: int = 1
    answer_ms: int = 0


def ahead_of(
    policy: LookAhead, pinned: Pinned | None, power_told_w: int, chargings: Iterable[Charging]
) -> Ahead:
    """For a session on an EVSE of `power_told_w` (not above 0: not told)."""
    gap_ms = raise_w = stop_w = running = 0
    for one in chargings:
        gap_ms = max(gap_ms, one.gap_ms)
        if one.end is None:
            bound_w = most_w(policy, power_told_w, one.top_power_w)
            raise_w, running = raise_w + bound_w, running + 1
            stop_w += _shown_w(one, bound_w)
    if not running:  # the one that may begin
        raise_w, running = most_w(policy, power_told_w, -1), 1
        stop_w = raise_w
    answer_ms = pinned.acquirer_p95_ms if pinned is not None else 0
    answer_ms = min(answer_ms or policy.acquirer_latency_ms, LONGEST_ANSWER_MS) + policy.retries_ms
    most_ms = max(policy.meter_interval_ms, min(gap_ms, LONGEST_GAP_MS))
    raise_ms = answer_ms + most_ms + policy.stop_latency_ms
    stop_ms = min(gap_ms or policy.meter_interval_ms, most_ms) + policy.stop_latency_ms
    return Ahead(raise_w, raise_ms, stop_w, stop_ms, running, answer_ms)


def _shown_w(charging: Charging, bound_w: int) -> int:
    power_w = charging.power.power_w
    return bound_w if power_w < 0 else min(bound_w, _with_ramp(power_w))


def most_w(policy: LookAhead, told_w: int, shown_w: int) -> int:
    """What was told, or more where more was seen.

    Unknown: the strongest there are; a reading above those is a mistake.
    """
    if told_w <= 0:
        return policy.power_when_unknown_w
    return max(told_w, min(shown_w, policy.power_when_unknown_w))


def _with_ramp(power_w: int) -> int:
    return -(-power_w * (100 + RAMP_PERCENT) // 100)
