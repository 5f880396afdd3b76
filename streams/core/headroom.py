"""What may fall due within a window, where it matters when: never less than what can come.

Linear between the changes of a tariff: so it is looked at from here and from every change within
reach, and the worst counts for all of the way there. Steps add one step at most, and a least or a
most price never adds more than the price itself does.
"""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple
from weakref import WeakKeyDictionary

from schemas.money import exponent_of
from streams.core.pricing import Amounts, Course, Segment, Tariff
from streams.core.pricing.matching import Slots, Table
from streams.core.pricing.model import STEP_UNITS, UNITS, Component, Dimension, Limit
from streams.core.pricing.settling import settle
from streams.core.pricing.tally import Tally, tally_of

_TIMED: tuple[Dimension, ...] = ("TIME", "PARKING_TIME")


class _Bare(NamedTuple):
    """A tariff without steps and limits, and what its steps can add, major units."""

    tariff: Tariff
    steps: Fraction


_bares: "WeakKeyDictionary[Table, _Bare]" = WeakKeyDictionary()


def may_add(tariff: Tariff, course: Course, wh: int, window_ms: int) -> int:
    """Minor units that up to `wh` and `window_ms` more can add, however they are mixed."""
    bare = _bare(tariff)
    if tariff.table.flows:
        worst = _dearest(bare.tariff, wh, window_ms)
    else:
        # A watch wakes when the window ends at a change: what begins there has to count by then.
        worst = max(_additions(bare.tariff, course, wh, window_ms + 1))
    scale: int = 10 ** exponent_of(tariff.currency)
    return math.ceil((worst + bare.steps) * scale)


def _additions(bare: Tariff, course: Course, wh: int, window_ms: int) -> Iterator[Fraction]:
    """From here and from each change in reach: charging all along, or parked all along."""
    now_at = course.segments[-1].until_at
    slots = bare.table.slots(course, course.segments[0].from_at, now_at + 2 * window_ms + 1)
    tally = tally_of([bare.table], course)
    for at, stand in _stands(tally, slots, now_at, (wh, window_ms)):
        before = _due(bare, stand)
        for part in (Amounts(wh, window_ms), Amounts(energy_wh=1, parking_ms=window_ms)):
            after = stand.copy()
            after.add(Segment(at, at + window_ms, part), slots)
            yield _due(bare, after) - before


def _stands(
    tally: Tally, slots: Slots, now_at: int, reach: tuple[int, int]
) -> Iterator[tuple[int, Tally]]:
    """Where the session may stand within reach: here, and as it gets to a change."""
    wh, window_ms = reach
    marks = tally.tables[0].wh_marks
    instants = [now_at, *(at for at in slots.starts if now_at < at <= now_at + window_ms)]
    risen = [0, *(mark - tally.wh for mark in marks if tally.wh < mark <= tally.wh + wh)]
    for at in instants:
        for more in risen:
            stand = tally.copy()
            if more or at > now_at:
                stand.add(Segment(now_at, at, Amounts(energy_wh=more)), slots)
            yield at, stand


def _due(bare: Tariff, tally: Tally) -> Fraction:
    return settle((bare,), tally).due


def _bare(tariff: Tariff) -> _Bare:
    known = _bares.get(tariff.table)
    if known is None:
        elements = tuple(
            one._replace(components=tuple(part._replace(step=0) for part in one.components))
            for one in tariff.elements
        )
        bare = tariff._replace(
            elements=elements, table=Table(elements), least=Limit(), most=Limit()
        )
        known = _bares[tariff.table] = _Bare(bare, _steps(tariff))
    return known


def _steps(tariff: Tariff) -> Fraction:
    """One step of energy and one of time, each at its dearest."""
    worst = dict.fromkeys(UNITS, Fraction(0))
    for one in tariff.components:
        if one.step > 1:
            step = Fraction(one.step * STEP_UNITS[one.dimension], UNITS[one.dimension])
            worst[one.dimension] = max(worst[one.dimension], one.due_rate * step)
    return worst["ENERGY"] + max(worst[kind] for kind in _TIMED)


def _dearest(bare: Tariff, wh: int, window_ms: int) -> Fraction:
    """Where power decides what is priced how, weaker can be dearer: each dimension's worst."""

    def worst(*kinds: Dimension) -> Fraction:
        rates = (one.due_rate * _had(one) for one in bare.components if one.dimension in kinds)
        return max(rates, default=Fraction(0))

    def _had(one: Component) -> Fraction:
        had = {"ENERGY": wh, "FLAT": 1}.get(one.dimension, window_ms)
        return Fraction(had, UNITS[one.dimension])

    return worst("ENERGY") + worst(*_TIMED) + worst("FLAT")
