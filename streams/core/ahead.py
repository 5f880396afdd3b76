"""How far ahead money has to reach: energy flows on while a raise is answered or a stop carried out.

payments.md 7.4: headroom of at least power x price x (acquirer latency + retries + meter interval +
stop latency). The policy says what is usual; what this charger and this acquirer have shown counts
where it is known. Nothing a record could say makes it reach for ever: each part has its bound.
"""

from collections.abc import Iterable
from typing import NamedTuple

from streams.core.session import Charging, Pinned
from streams.core.strategy_policy import LookAhead

LONGEST_GAP_MS = 5 * 60 * 1000
"""A charger that was silent for longer was away: no interval between readings."""

LONGEST_ANSWER_MS = 2 * 60 * 1000
"""What takes longer than this has no answer at all (streams.core.inquiries)."""

_MS_PER_HOUR = 3_600_000


class Ahead(NamedTuple):
    """`raise_ms`: from a reading to an approved raise, or to a stop carried out after its refusal.

    `stop_ms`: from a reading to a stop carried out. `power_w`: the most that flows meanwhile.
    """

    power_w: int
    raise_ms: int
    stop_ms: int

    @property
    def raise_wh(self) -> int:
        return energy_wh(self.power_w, self.raise_ms)

    @property
    def stop_wh(self) -> int:
        return energy_wh(self.power_w, self.stop_ms)


def energy_wh(power_w: int, window_ms: int) -> int:
    """At this power, rounded up, and one Wh more: a register shows whole ones only."""
    return -(-power_w * window_ms // _MS_PER_HOUR) + 1


def ahead_of(
    policy: LookAhead, pinned: Pinned | None, power_told_w: int, chargings: Iterable[Charging]
) -> Ahead:
    """For a session on an EVSE of `power_told_w` (not above 0: not told)."""
    shown_w, gap_ms = -1, 0
    for one in chargings:
        shown_w = max(shown_w, one.top_power_w)
        gap_ms = max(gap_ms, one.gap_ms)
    answer_ms = pinned.acquirer_p95_ms if pinned is not None else 0
    answer_ms = min(answer_ms or policy.acquirer_latency_ms, LONGEST_ANSWER_MS)
    longest_ms = max(policy.meter_interval_ms, LONGEST_GAP_MS)
    # A raise must be in time for the longest gap there may be; a stop for what was seen of them, or
    # drivers would be stopped short of cover that they have.
    usual_ms = min(gap_ms, longest_ms) or policy.meter_interval_ms
    most_ms = max(usual_ms, policy.meter_interval_ms)
    return Ahead(
        power_w=_power_w(policy, power_told_w, shown_w),
        raise_ms=answer_ms + policy.retries_ms + most_ms + policy.stop_latency_ms,
        stop_ms=usual_ms + policy.stop_latency_ms,
    )


def _power_w(policy: LookAhead, told_w: int, shown_w: int) -> int:
    """What was told, or more where more was seen; a charger may be labelled too weak, not too strong.

    Unknown: the strongest there are. A reading above those is a mistake.
    """
    if told_w <= 0:
        return policy.power_when_unknown_w
    return max(told_w, min(shown_w, policy.power_when_unknown_w))
