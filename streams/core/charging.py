"""What the chargings of a session delivered, so far and for good.

Energy is a difference of two register values of the same charging, never negative; time charging
and time merely connected follow the charging states. Final quantities come from an Ended event
whose sequence is complete (design.md, section 6: COMPLETE_TRANSACTION), never from a last reading.
"""

import msgspec

from streams.core.pricing import Quantities
from streams.core.session import Charging

COMPLETE_TRANSACTION = "COMPLETE_TRANSACTION"


def delivered(charging: Charging, now_at: int) -> Quantities:
    """As far as is known by `now_at`; a charging whose begin is not known yet counts nothing."""
    begun, end = charging.begun, charging.end
    if begun is None:
        return Quantities(0, 0, 0)
    top_wh = charging.top_wh if end is None else max(charging.top_wh, end.energy_wh)
    until_at = max(now_at, charging.seen_at) if end is None else end.ended_at
    charging_ms, parking_ms = _times(charging, begun.started_at, until_at)
    return Quantities(max(top_wh - begun.energy_wh, 0), charging_ms, parking_ms)


def proven(charging: Charging) -> Quantities | None:
    """The final quantities; None while they are not proven or contradict themselves."""
    begun, end = charging.begun, charging.end
    if begun is None or end is None or not end.complete or contradiction(charging):
        return None
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


class Total(msgspec.Struct, frozen=True):
    """All chargings of a session together. `final` is None until each of them is proven."""

    so_far: Quantities
    final: Quantities | None


def total(chargings: list[Charging], now_at: int) -> Total:
    finals = [proven(one) for one in chargings]
    so_far = _sum([delivered(one, now_at) for one in chargings])
    known = [one for one in finals if one is not None]
    return Total(so_far, _sum(known) if known and len(known) == len(finals) else None)


def _sum(parts: list[Quantities]) -> Quantities:
    if len(parts) == 1:
        return parts[0]
    return Quantities(
        sum(one.energy_wh for one in parts),
        sum(one.charging_ms for one in parts),
        sum(one.parking_ms for one in parts),
    )
