"""Where a tariff changes by itself: instants, and energies, at which readings have to be seen.

A price that depends on when energy flowed needs the register just before and after each change
(design.md, section 5: tariff boundaries in time and power included).
"""

import functools
from typing import NamedTuple

from streams.core.pricing import Tariff
from streams.core.pricing.clock import marks, zone_of
from streams.core.pricing.matching import Table

MARKS_MAX = 32  # what a watch carries
OFTEN_MS = 60_000
"""Where power decides, or the tariff changes without end: an average over a minute is the power."""

_HALF_DAY_MS = 12 * 3_600_000


class Marks(NamedTuple):
    """`instants` in order, epoch ms; `every_ms`: readings at least so often, 0: need not."""

    instants: tuple[int, ...] = ()
    every_ms: int = 0


NO_MARKS = Marks()


def marks_of(tariff: Tariff, zone: str, started_at: int, now_at: int) -> Marks:
    """The changes around `now_at` of a session that began at `started_at`.

    The same for half a day, so that what asks for them does not change with every look.
    """
    if not tariff.needs_course:
        return NO_MARKS
    halves = max(now_at - started_at, 0) // _HALF_DAY_MS
    return _marks(tariff.table, zone, started_at, started_at + halves * _HALF_DAY_MS)


@functools.lru_cache(maxsize=4096)
def _marks(table: Table, zone: str, started_at: int, from_at: int) -> Marks:
    until_at = from_at + 2 * _HALF_DAY_MS
    found = {started_at + ms for ms in table.durations}
    if table.local:
        found |= set(marks(zone_of(zone), table.minutes, from_at, until_at))
    instants = tuple(sorted(at for at in found if from_at < at < until_at))
    often = bool(table.flows) or len(instants) > MARKS_MAX
    return Marks(instants[:MARKS_MAX], OFTEN_MS if often else 0)
