"""Energy that no reading tells the time of: a charger that was silent while its tariff changed.

The price shares it out evenly over the silence. How much that may be off is for people to see: how
far apart the prices are, had all of it flowed between two changes or between two others.
"""

from collections.abc import Iterator
from itertools import pairwise

from streams.core.pricing import Amounts, Course, Segment, Tariff, price

SILENT_MS = 6 * 60 * 1000
"""Longer than a gate waits for before it sends a reading on by itself (streams.core.gate)."""


CHANGES_MAX = 16  # of one silence: after those it is the same days again


def spread_minor(tariff: Tariff, course: Course) -> int:
    """How far apart the prices are, in minor units, all silences together; 0: all was read."""
    return sum(
        max(prices) - min(prices)
        for prices in (
            [price(tariff, one).due_minor() for one in _ways(course, place, cuts)]
            for place, cuts in _silent(tariff, course)
        )
    )


def _silent(tariff: Tariff, course: Course) -> Iterator[tuple[int, list[int]]]:
    """Segments with energy across a change that nothing was read around, and their cuts."""
    if not course.segments:
        return
    first, last = course.segments[0].from_at, course.segments[-1].until_at
    starts = tariff.table.slots(course, first, last).starts
    for place, one in enumerate(course.segments):
        if not one.amounts.energy_wh or one.until_at - one.from_at <= SILENT_MS:
            continue
        changes = [at for at in starts if one.from_at < at < one.until_at][:CHANGES_MAX]
        if changes:
            yield place, [one.from_at, *changes, one.until_at]


def _ways(course: Course, place: int, cuts: list[int]) -> Iterator[Course]:
    """The course with all the energy of one segment between two of its cuts, times as told."""
    silent = course.segments[place]
    for chosen in range(len(cuts) - 1):
        parts: list[Segment] = []
        for number, (from_at, until_at) in enumerate(pairwise(cuts)):
            wh, ms = silent.amounts.energy_wh if number == chosen else 0, until_at - from_at
            flows = bool(silent.amounts.charging_ms)
            amounts = Amounts(wh, ms) if flows else Amounts(wh, parking_ms=ms)
            parts.append(Segment(from_at, until_at, amounts))
        segments = (*course.segments[:place], *parts, *course.segments[place + 1 :])
        yield course._replace(segments=segments)
