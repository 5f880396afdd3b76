"""The course of a session's chargings, as its price asks: what flowed when, and what only stood.

Made from facts that only ever join, so it depends on neither order nor repetition: begin, end,
changes of charging state and the readings of the trace. Between two readings energy is spread
evenly over time; after the newest one nothing is known to have flowed yet.
"""

from bisect import bisect_right
from collections.abc import Iterable

from streams.core.pricing import Amounts, Course, Segment
from streams.core.session import Begun, Charging


def metered(chargings: Iterable[Charging], now_at: int, zone: str) -> Course:
    """All chargings together, until their ends or, while they run, until `now_at`.

    One whose begin is not known yet counts nothing.
    """
    segments = [
        one
        for charging in chargings
        if charging.begun is not None
        for one in _segments(charging, charging.begun, now_at)
    ]
    return Course(tuple(sorted(segments, key=lambda one: (one.from_at, one.until_at))), zone)


def _segments(charging: Charging, begun: Begun, now_at: int) -> list[Segment]:
    end = charging.end
    until_at = max(now_at, charging.seen_at) if end is None else end.ended_at
    if until_at <= begun.started_at:
        at_once = Amounts(energy_wh=max(_last_wh(charging) - begun.energy_wh, 0))
        return [Segment(begun.started_at, begun.started_at, at_once)]
    instants, registers = _register(charging, begun, until_at)
    changed = {one.at for one in charging.changes if begun.started_at < one.at < until_at}
    cuts = sorted({*instants, *changed})
    shown = [_shown(instants, registers, at) for at in cuts]
    segments: list[Segment] = []
    for place in range(len(cuts) - 1):
        from_at, to_at = cuts[place], cuts[place + 1]
        wh, ms = shown[place + 1] - shown[place], to_at - from_at
        flowing = _flowing(charging, from_at)
        amounts = Amounts(wh, ms) if flowing else Amounts(energy_wh=wh, parking_ms=ms)
        segments.append(Segment(from_at, to_at, amounts))
    return segments


def _register(charging: Charging, begun: Begun, until_at: int) -> tuple[list[int], list[int]]:
    """What is known of the register from begin to end: instants, and values that never fall."""
    last_wh = max(_last_wh(charging), begun.energy_wh)
    known = {begun.started_at: begun.energy_wh}
    read = [(one.at, one.energy_wh) for one in charging.trace.samples]
    if charging.end is None:
        read.append((charging.seen_at, charging.top_wh))
    rising = begun.energy_wh
    for at, wh in read:
        rising = min(max(rising, wh), last_wh)
        if begun.started_at < at < until_at:
            known[at] = rising
    known[until_at] = last_wh
    return list(known), list(known.values())


def _last_wh(charging: Charging) -> int:
    return charging.top_wh if charging.end is None else charging.end.energy_wh


def _shown(instants: list[int], registers: list[int], at: int) -> int:
    """The register at an instant, between two readings in proportion to time."""
    place = bisect_right(instants, at) - 1
    since_at, since_wh = instants[place], registers[place]
    if since_at == at:
        return since_wh
    spent_ms, whole_ms = at - since_at, instants[place + 1] - since_at
    return since_wh + (registers[place + 1] - since_wh) * spent_ms // whole_ms


def _flowing(charging: Charging, at: int) -> bool:
    """The newest state told by `at`; before the first: charging."""
    flowing = True
    for change in charging.changes:
        if change.at > at:
            break
        flowing = change.charging
    return flowing
