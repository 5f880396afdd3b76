"""What the chargings of a session delivered, so far and for good.

Energy is a difference of two register values of the same charging, never negative; time charging
and time merely connected follow the charging states. What of it is final is for `proof.py` to say.
"""

from collections.abc import Iterable
from typing import NamedTuple

from streams.core.pricing import Quantities
from streams.core.session import Charging


def delivered(charging: Charging, now_at: int) -> Quantities:
    """As far as is known by `now_at`; a charging whose begin is not known yet counts nothing."""
    begun, end = charging.begun, charging.end
    if begun is None:
        return Quantities(0, 0, 0)
    top_wh = charging.top_wh if end is None else max(charging.top_wh, end.energy_wh)
    until_at = max(now_at, charging.seen_at) if end is None else end.ended_at
    charging_ms, parking_ms = _times(charging, begun.started_at, until_at)
    return Quantities(max(top_wh - begun.energy_wh, 0), charging_ms, parking_ms)


def quantities(charging: Charging) -> Quantities:
    """Of one that began and ended, as its registers and states say."""
    begun, end = charging.begun, charging.end
    assert begun is not None, "asked of what has begun"
    assert end is not None, "asked of what has ended"
    charging_ms, parking_ms = _times(charging, begun.started_at, end.ended_at)
    return Quantities(end.energy_wh - begun.energy_wh, charging_ms, parking_ms)


def contradiction(charging: Charging) -> str:
    """What cannot be true of this charging, in words; '' when all fits."""
    begun, end = charging.begun, charging.end
    if begun is None or end is None:
        return ""
    if end.energy_wh < begun.energy_wh:
        return f"register ends at {end.energy_wh} Wh, below its begin at {begun.energy_wh} Wh"
    if charging.top_wh > end.energy_wh:
        return f"register was read at {charging.top_wh} Wh, above its end at {end.energy_wh} Wh"
    if end.ended_at < begun.started_at:
        return f"ended at {end.ended_at}, before it started at {begun.started_at}"
    return ""


def is_charging(charging: Charging) -> bool:
    """Whether energy flows by the newest state known: which of the two clocks runs."""
    return charging.changes[-1].charging if charging.changes else True


def _times(charging: Charging, from_at: int, until_at: int) -> tuple[int, int]:
    """Milliseconds charging and not charging. Before the first state told: charging."""
    if not charging.changes:
        return max(until_at - from_at, 0), 0
    spent = [0, 0]
    at, flowing = from_at, True
    for change in charging.changes:
        upto_at = min(max(change.at, from_at), until_at)
        spent[flowing] += max(upto_at - at, 0)
        at, flowing = max(at, upto_at), change.charging
    spent[flowing] += max(until_at - at, 0)
    return spent[True], spent[False]


class Total(NamedTuple):
    """All chargings of a session together. `final` is None until it is proven (proof.py)."""

    so_far: Quantities
    final: Quantities | None


def so_far(chargings: list[Charging], now_at: int) -> Quantities:
    """What all have delivered by `now_at`, as far as is known."""
    if len(chargings) == 1:
        return delivered(chargings[0], now_at)
    return summed([delivered(one, now_at) for one in chargings])


def summed(parts: Iterable[Quantities]) -> Quantities:
    known = list(parts)
    if len(known) == 1:
        return known[0]
    return Quantities(
        sum(one.energy_wh for one in known),
        sum(one.charging_ms for one in known),
        sum(one.parking_ms for one in known),
    )
