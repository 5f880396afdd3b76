"""What can price the next moments of a session: up to the next boundary of its tariff."""

import itertools
from bisect import bisect_right
from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from streams.core.pricing.course import Amounts, Course, Flow, Number, Segment
from streams.core.pricing.matching import NONE, Picks, Table, began
from streams.core.pricing.model import Tariff
from streams.core.pricing.settling import most_added
from streams.core.pricing.tally import Tally

_NEVER = 10**15  # an instant that no session sees
_LOOK_MS = 2 * 86_400_000  # local time has a mark every midnight
_LITTLE = Fraction(1, 1_000)


class Ahead(NamedTuple):
    """Until then, `picks` price what comes; where power decides, the dearest of all that may.

    `slack`, major units, is what steps of the others could add to that.
    """

    picks: Picks
    slack: Fraction
    until_at: int
    until_wh: Number | None
    prices_energy: bool
    prices_time: bool


def ahead(tariff: Tariff, course: Course, tally: Tally, power_w: int | None) -> Ahead:
    """From the end of the course. `power_w`: the most there can be; None: not charging."""
    table = tariff.table
    now_at = course.segments[-1].until_at
    slots = table.slots(course, now_at, now_at + _LOOK_MS)
    began_at = began(course)
    later = [began_at + one for one in table.durations if began_at + one > now_at]
    until_at = min([*slots.starts[:1], *later], default=_NEVER)
    mark = bisect_right(table.wh_marks, tally.wh)
    until_wh = table.wh_marks[mark] if mark < len(table.wh_marks) else None
    mask = slots.masks[0] & table.wh_mask(tally.wh) & table.usual_mask
    found = {table.picks(mask & table.flow_mask(one)) for one in _flows(table, power_w)}
    return Ahead(
        picks=Picks(*(_dearest(table, every) for every in zip(*found, strict=True))),
        slack=_slack(table, found),
        until_at=until_at,
        until_wh=until_wh,
        prices_energy=any(_prices(table, one.energy) for one in found),
        prices_time=any(_prices(table, one.time) for one in found),
    )


def _flows(table: Table, power_w: int | None) -> list[Segment]:
    """One for each way in which restrictions on power and current can come to hold."""
    if power_w is None:
        return [Segment(0, 1, Amounts(parking_ms=1))]
    powers: set[Fraction] = {Fraction(0), Fraction(power_w)}
    currents: set[Number | None] = {None}
    for _, rules in table.flows:
        for mark in (rules.from_w, rules.to_w):
            if mark is not None and mark <= power_w:
                powers |= {Fraction(mark), max(mark - _LITTLE, Fraction(0))}
        for mark in (rules.from_ma, rules.to_ma):
            if mark is not None:
                currents |= {mark, max(mark - _LITTLE, Fraction(0))}
    if not table.flows:
        powers = {Fraction(power_w)}
    ranges = itertools.combinations_with_replacement(sorted(powers), 2)
    return [
        Segment(0, 1, Amounts(0, 1), Flow(least, most, ma))
        for (least, most), ma in itertools.product(ranges, currents)
    ]


def _dearest(table: Table, indices: Iterable[int]) -> int:
    known = [one for one in indices if one != NONE]
    return max(known, key=lambda one: table.components[one].due_rate, default=NONE)


def _prices(table: Table, index: int) -> bool:
    return index != NONE and bool(table.components[index].due_rate)


def _slack(table: Table, found: set[Picks]) -> Fraction:
    if len(found) == 1:
        return Fraction(0)
    used = {index for picks in found for index in picks if index != NONE}
    return most_added([table.components[index] for index in sorted(used)])
