"""Which component prices what, when: the first element, in order, whose restrictions all hold.

Compiled once a tariff. Elements are bits of a mask; what holds at a moment is the mask of the local
time, of the duration, of the energy so far and of the power, joined; each joint mask is looked up.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple
from zoneinfo import ZoneInfo

from streams.core.pricing.clock import local, marks, zone_of
from streams.core.pricing.course import Course, Number, Segment
from streams.core.pricing.model import (
    COVERS,
    DAY_MINUTES,
    UNITS,
    Component,
    Dimension,
    Element,
    Restrictions,
)
from streams.core.pricing.unpriceable import Unpriceable

NONE = -1
_W_FROM_WH_PER_MS = 3_600_000
_KNOWN_MAX = 4_096  # masks of instants that were asked for: a session asks again and again


class Picks(NamedTuple):
    """Indices of the components that apply, NONE where a dimension costs nothing."""

    energy: int
    time: int
    parking: int
    flat: int


class Slots(NamedTuple):
    """Instants at which restrictions on time and duration may change, and what holds after each.

    `masks[0]` holds before `starts[0]`, `masks[n + 1]` from `starts[n]` on.
    """

    starts: list[int]
    masks: list[int]


class Table:
    """A tariff compiled. `components` in order of elements; picks are indices into it."""

    def __init__(self, elements: tuple[Element, ...]) -> None:
        rules = [one.restrictions for one in elements]
        self.components: tuple[Component, ...] = tuple(
            one for element in elements for one in element.components
        )
        self.all_mask = (1 << len(rules)) - 1
        self.usual_mask = _mask(not one.reserved for one in rules)
        self.reserved_mask = _mask(one.reserved == "RESERVATION" for one in rules)
        self.expired_mask = _mask(one.reserved == "RESERVATION_EXPIRES" for one in rules)
        self.local = [(1 << n, one) for n, one in enumerate(rules) if one.local]
        self.timed = [
            (1 << n, one) for n, one in enumerate(rules) if (one.from_ms, one.to_ms) != (None, None)
        ]
        self.flows = [
            (1 << n, one)
            for n, one in enumerate(rules)
            if (one.from_w, one.to_w, one.from_ma, one.to_ma) != (None,) * 4
        ]
        self.by_current = any((one.from_ma, one.to_ma) != (None, None) for _, one in self.flows)
        self.minutes = _minutes(one for _, one in self.local)
        self.durations = sorted(
            {ms for _, one in self.timed for ms in (one.from_ms, one.to_ms) if ms}
        )
        self.wh_marks: list[Number] = sorted(
            {wh for one in rules for wh in (one.from_wh, one.to_wh) if wh}
        )
        self.wh_masks = [
            _mask(within(at, one.from_wh, one.to_wh) for one in rules) for at in [0, *self.wh_marks]
        ]
        self.prices, self.denominator = _integers(self.components)
        self._slots: dict[Dimension, list[tuple[int, int]]] = {}
        index = 0
        for n, element in enumerate(elements):
            for one in element.components:
                for kind in COVERS[one.dimension]:
                    self._slots.setdefault(kind, []).append((1 << n, index))
                index += 1
        self._picked: dict[int, Picks] = {}
        self._known: dict[tuple[str, int], int] = {}

    @property
    def unrestricted(self) -> bool:
        """Whether the same components apply from the first moment to the last."""
        return not (self.local or self.timed or self.flows or self.wh_marks)

    def picks(self, mask: int) -> Picks:
        found = self._picked.get(mask)
        if found is None:
            found = Picks(*(self._first(kind, mask) for kind in _PICKED))
            self._picked[mask] = found
        return found

    def _first(self, kind: Dimension, mask: int) -> int:
        return next((n for bit, n in self._slots.get(kind, ()) if bit & mask), NONE)

    def reserved_picks(self, mask: int, *, expired: bool) -> Picks:
        """Of a reservation: what lapsed unused goes by RESERVATION_EXPIRES where that prices it."""
        usual = self.picks(mask & self.reserved_mask)
        if not expired:
            return usual
        lapsed = self.picks(mask & self.expired_mask)
        return Picks(
            *(own if own != NONE else other for own, other in zip(lapsed, usual, strict=True))
        )

    # --- masks --------------------------------------------------------------------------------

    def slots(self, course: Course, from_at: int, until_at: int) -> Slots:
        """For segments between the two. Raises Unpriceable: local time matters, and no zone."""
        if not self.local and not self.timed:
            return Slots([], [self.all_mask])
        zone = None
        starts: list[int] = []
        if self.local:
            if not course.zone:
                raise Unpriceable("no-zone", "restrictions in local time and no time zone")
            zone = zone_of(course.zone)
            starts = marks(zone, self.minutes, from_at, until_at)
        began_at = began(course)
        starts = sorted({*starts, *(began_at + one for one in self.durations)})
        starts = [one for one in starts if from_at < one < until_at]
        masks: list[int] = []
        for at in [from_at, *starts]:
            mask = self.all_mask
            if zone is not None:
                mask &= self._local_mask(zone, at)
            for bit, rules in self.timed:
                if not within(at - began_at, rules.from_ms, rules.to_ms):
                    mask &= ~bit
            masks.append(mask)
        return Slots(starts, masks)

    def _local_mask(self, zone: ZoneInfo, at: int) -> int:
        known = self._known.get((zone.key, at))
        if known is not None:
            return known
        now = local(zone, at)
        mask = self.all_mask
        minute, day, weekday = now.hour * 60 + now.minute, now.toordinal(), now.weekday()
        for bit, rules in self.local:
            if not (
                (not rules.days or weekday in rules.days)
                and within(day, rules.from_day, rules.to_day)
                and holds_at(minute, rules.minutes)
            ):
                mask &= ~bit
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known[zone.key, at] = mask
        return mask

    def flow_mask(self, segment: Segment) -> int:
        """What the power and the current of this segment let hold."""
        mask = self.all_mask
        if not self.flows:
            return mask
        flow, amounts = segment.flow, segment.amounts
        watts, took = _power(segment)
        low_ma = flow.max_ma if flow.min_ma is None else flow.min_ma
        high_ma = flow.min_ma if flow.max_ma is None else flow.max_ma
        if low_ma is None and not (amounts.energy_wh or amounts.charging_ms):
            low_ma = high_ma = 0  # it only parks
        for bit, rules in self.flows:
            if watts is not None and not (
                (rules.from_w is None or watts[0] >= rules.from_w * took)
                and (rules.to_w is None or watts[1] < rules.to_w * took)
            ):
                mask &= ~bit
            if low_ma is not None and not (
                (rules.from_ma is None or low_ma >= rules.from_ma)
                and (rules.to_ma is None or high_ma is None or high_ma < rules.to_ma)
            ):
                mask &= ~bit
        return mask

    def wh_mask(self, wh: Number) -> int:
        return self.wh_masks[bisect_right(self.wh_marks, wh) if self.wh_marks else 0]


class Prices(NamedTuple):
    """Of a Wh, a ms or one, times the table's denominator; None: tax not known."""

    due: int
    net: int | None
    gross: int | None


def _integers(components: tuple[Component, ...]) -> tuple[list[Prices], int]:
    rates = [
        rate / UNITS[one.dimension]
        for one in components
        for rate in (one.due_rate, one.net_rate or _NOTHING, one.gross_rate or _NOTHING)
    ]
    denominator = math.lcm(*(one.denominator for one in rates))
    whole = [int(one * denominator) for one in rates]
    prices = [
        Prices(
            whole[3 * n],
            None if one.net_rate is None else whole[3 * n + 1],
            None if one.gross_rate is None else whole[3 * n + 2],
        )
        for n, one in enumerate(components)
    ]
    return prices, denominator


_NOTHING = Fraction(0)
_PICKED: tuple[Dimension, ...] = ("ENERGY", "TIME", "PARKING_TIME", "FLAT")


def began(course: Course) -> int:
    """When the charging session began: not its reservation, unless there is nothing else."""
    for segment in course.segments:
        amounts = segment.amounts
        if not amounts.reserved_ms or amounts.energy_wh or amounts.charging_ms:
            return segment.from_at
    return course.segments[0].from_at if course.segments else 0


def _power(segment: Segment) -> tuple[tuple[Number, Number] | None, Number]:
    """Least and most W times a divisor: what was told (one stands for both), or the average.

    The average of one that only parks is 0. None: nothing tells it, and then every bound holds.
    """
    low, high = segment.flow.min_w, segment.flow.max_w
    if low is not None or high is not None:
        least = high if low is None else low
        most = low if high is None else high
        return (least or 0, most or 0), 1
    amounts = segment.amounts
    took = amounts.charging_ms or segment.until_at - segment.from_at
    if took <= 0:
        return None, 1
    average = amounts.energy_wh * _W_FROM_WH_PER_MS
    return (average, average), took


def within(value: Number, low: Number | None, high: Number | None) -> bool:
    """Whether a bound that is given holds: `low` is inclusive, `high` exclusive."""
    return (low is None or value >= low) and (high is None or value < high)


def holds_at(minute: int, bounds: tuple[int, int] | None) -> bool:
    """Whether a minute of the local day is within; an end before the start goes over midnight."""
    if bounds is None:
        return True
    start, end = bounds
    return start <= minute < end if start <= end else minute >= start or minute < end


def _mask(bits: Iterable[bool]) -> int:
    return sum(1 << n for n, one in enumerate(bits) if one)


def _minutes(rules: Iterable[Restrictions]) -> tuple[int, ...]:
    """Of the local day, midnight always: days and dates change there."""
    found = {0}
    for one in rules:
        found.update(minute % DAY_MINUTES for minute in one.minutes or ())
    return tuple(sorted(found))
