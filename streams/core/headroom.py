"""What may fall due within a window, where it matters when: never less than what can come.

The worst of all prices that may apply within reach counts for all of the window. So it is one
number until a change of the tariff comes into reach or is passed, and a watch that wakes there has
looked at the very same number as the rules do (streams.core.watching).
"""

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple
from weakref import WeakKeyDictionary

from schemas.money import exponent_of
from streams.core.pricing import Course, Tariff
from streams.core.pricing.matching import NONE, Table
from streams.core.pricing.model import COVERS, UNITS, Component
from streams.core.pricing.settling import most_added
from streams.core.pricing.tally import tally_of

_LOOK_MS = 2 * 86_400_000  # in local time there is a change every midnight
_NOTHING = Fraction(0)

_steps_known: "WeakKeyDictionary[Table, Fraction]" = WeakKeyDictionary()


class Window(NamedTuple):
    """`wh` at most within `ms`, in which `timed_ms` are priced: several chargings each take it."""

    wh: int
    ms: int
    timed_ms: int


class Reach(NamedTuple):
    """`most_minor` can fall due, at most. The same before `until_at` and below `until_wh`.

    An instant, and the session's energy in whole Wh; None: no change is to come.
    """

    most_minor: int
    until_at: int | None = None
    until_wh: int | None = None


def reach(tariff: Tariff, course: Course, window: Window) -> Reach:
    """From the end of the course, however charging and parking share the window.

    A least or a most price never adds more than the price itself does, and steps add one step of
    each kind at most.
    """
    table, now_at = tariff.table, max(one.until_at for one in course.segments)
    wh = sum(one.amounts.energy_wh for one in course.segments)
    slots = table.slots(course, now_at, now_at + _LOOK_MS)
    # A change that the window just ends at counts: instants are whole, and so are Wh.
    starts = [at for at in slots.starts if at <= now_at + window.ms + 1]
    marks = [one for one in table.wh_marks if wh < one <= wh + window.wh]
    until_at = None
    if table.local or table.timed:
        far = [*slots.starts[len(starts) :], now_at + _LOOK_MS]
        until_at = min([*starts, far[0] - window.ms - 1])
    farther = [math.ceil(one) - window.wh for one in table.wh_marks if one > wh + window.wh]
    until_wh = min([*map(math.ceil, marks), *farther], default=None)
    masks = {
        held & table.wh_mask(at) for held in slots.masks[: len(starts) + 1] for at in (wh, *marks)
    }
    worst = _worst(_reachable(table, masks), window, flat=not _has_flat(table, course))
    return Reach(_minor(tariff, worst + _steps(tariff)), until_at, until_wh)


def steps_minor(tariff: Tariff) -> int:
    """What steps can add at most."""
    return _minor(tariff, _steps(tariff))


def _minor(tariff: Tariff, major: Fraction) -> int:
    scale: int = 10 ** exponent_of(tariff.currency)
    return math.ceil(major * scale)


def _reachable(table: Table, masks: Iterable[int]) -> list[Component]:
    """What may price something; where power decides, weaker can be dearer, so all of them may."""
    if table.flows:
        return list(table.components)
    found = {one for mask in masks for one in table.picks(mask & table.usual_mask)}
    return [table.components[one] for one in found if one != NONE]


def _worst(components: list[Component], window: Window, *, flat: bool) -> Fraction:
    """Major units: charging all along, or parked all along but for one Wh."""
    rates = dict.fromkeys(UNITS, _NOTHING)
    for one in components:
        for kind in COVERS[one.dimension]:
            rates[kind] = max(rates[kind], one.due_rate / UNITS[one.dimension])
    charged = window.wh * rates["ENERGY"] + window.timed_ms * rates["TIME"]
    parked = rates["ENERGY"] + window.timed_ms * rates["PARKING_TIME"]
    return max(charged, parked) + (rates["FLAT"] if flat else 0)


def _has_flat(table: Table, course: Course) -> bool:
    """Whether the session's one flat fee is in its price already."""
    if not any(one.dimension == "FLAT" for one in table.components):
        return True
    return tally_of([table], course).has_flat


def _steps(tariff: Tariff) -> Fraction:
    """Of all components, whichever may apply; major units."""
    known = _steps_known.get(tariff.table)
    if known is None:
        known = _steps_known[tariff.table] = most_added(tariff.components)
    return known
