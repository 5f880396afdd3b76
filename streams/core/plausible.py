"""What a register can have counted at most: by the power of its EVSE, whatever the charger says.

One spike of a meter must not raise a hold, or be captured (design.md 6: "register plausible"). What
is above is not believed: it is told to people, and nobody is charged by it.
"""

from typing import NamedTuple

from msgspec.structs import replace

from streams.core.session import Begun, Charging, End
from streams.core.trace import Trace

PERCENT = 110
MARGIN_WH = 1_000
"""A tenth above the EVSE's power, and a kWh: some registers count by whole ones, and clocks are
never quite right."""

_MS_PER_HOUR = 3_600_000


class Believed(NamedTuple):
    """The chargings as far as they can be true; of the others the kind of doubt and its words."""

    chargings: list[Charging]
    doubts: dict[str, tuple[str, str]]


def most_wh(power_w: int, ms: int) -> int:
    """The most that `ms` at this power can have counted."""
    return max(power_w * ms, 0) * PERCENT // (100 * _MS_PER_HOUR) + MARGIN_WH


def believed(chargings: list[Charging], powers: list[int]) -> Believed:
    """`powers`: of each charging's EVSE, W, in their order."""
    if all(map(_fits, chargings, powers)):
        return Believed(chargings, {})  # nearly always: asked at every fact
    cut, doubts = list(chargings), dict[str, tuple[str, str]]()
    for place, (one, power_w) in enumerate(zip(chargings, powers, strict=True)):
        begun = one.begun
        if begun is None or _fits(one, power_w):
            continue
        cut[place] = _cut(one, begun, power_w)
        kind, words = _doubt(one, begun, power_w)
        if kind:
            doubts[one.charging_id] = kind, words
    return Believed(cut, doubts)


def _fits(charging: Charging, power_w: int) -> bool:
    begun = charging.begun
    if begun is None:
        return True
    risen_wh = charging.top_wh - begun.energy_wh
    if risen_wh > MARGIN_WH and risen_wh > most_wh(power_w, charging.seen_at - begun.started_at):
        return False
    return charging.end is None or _end_fits(charging.end, begun, power_w)


def _end_fits(end: End | None, begun: Begun, power_w: int) -> bool:
    if end is None:
        return True
    return end.energy_wh - begun.energy_wh <= most_wh(power_w, end.ended_at - begun.started_at)


def _cut(charging: Charging, begun: Begun, power_w: int) -> Charging:
    """Without what cannot be. An end that fits settles what readings before it have claimed."""

    def most_at(at: int) -> int:
        return begun.energy_wh + most_wh(power_w, at - begun.started_at)

    end, top_wh = charging.end, min(charging.top_wh, most_at(charging.seen_at))
    if not _end_fits(end, begun, power_w):
        assert end is not None  # none at all fits
        # It has ended, but where is not known: a last reading is no proof.
        last_wh = max(top_wh, begun.energy_wh)
        end = replace(end, complete=False, whole=False, doubtful=True, energy_wh=last_wh)
    elif end is not None and charging.top_wh > top_wh:
        top_wh = min(top_wh, end.energy_wh)
    samples = tuple(one for one in charging.trace.samples if one.energy_wh <= most_at(one.at))
    return replace(charging, end=end, top_wh=top_wh, trace=Trace(charging.trace.grain_ms, samples))


def _doubt(charging: Charging, begun: Begun, power_w: int) -> tuple[str, str]:
    """`implausible-end` or `implausible-register`; ('', '') where a true end has settled it."""
    end = charging.end
    if not _end_fits(end, begun, power_w):
        assert end is not None  # none at all fits
        words = f"register ends at {end.energy_wh} Wh, begun at {begun.energy_wh} Wh"
        return "implausible-end", f"{words}: more than {power_w} W can deliver in that time"
    if end is not None:
        return "", ""
    words = f"register was read at {charging.top_wh} Wh, begun at {begun.energy_wh} Wh"
    return "implausible-register", f"{words}: more than {power_w} W can deliver by then"
