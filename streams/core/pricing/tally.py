"""Adding up a course: how much each component of a tariff has to price."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from streams.core.pricing.course import Amounts, Course, Number, Segment
from streams.core.pricing.matching import NONE, Picks, Slots, Table
from streams.core.pricing.model import Component

_NOTHING = Fraction(0)


class Used(NamedTuple):
    """A component, by tariff and place in its table: the last of its kind decides the step."""

    tariff: int
    component: int


class Tally:
    """What was had so far under each component. Grows by segments, in their order."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self.tables = tables
        # Whole units and the rest apart: integers are ten times as fast, and most are whole.
        self.whole: list[list[int]] = [[0] * len(one.components) for one in tables]
        self.rest: dict[Used, Fraction] = {}
        self.first_at: dict[Used, int] = {}
        self.wh: Number = 0
        self.energy: Used | None = None
        self.time: Used | None = None
        self.parking: Used | None = None
        self.reserved: Used | None = None
        self.has_flat = False
        self.has_reserved_flat = False
        self.current_unknown = False

    def copy(self) -> "Tally":
        other = Tally.__new__(Tally)
        other.__dict__.update(self.__dict__)
        other.whole = [list(one) for one in self.whole]
        other.rest = dict(self.rest)
        other.first_at = dict(self.first_at)
        return other

    def had(self, one: Used) -> Number:
        """How much that component has priced: Wh, ms, or 1."""
        units = self.whole[one.tariff][one.component]
        return units + self.rest[one] if one in self.rest else units

    def component(self, one: Used) -> Component:
        return self.tables[one.tariff].components[one.component]

    def add(
        self, segment: Segment, slots: Slots, *, expired: bool = False, whole: bool = False
    ) -> None:
        """`slots` of the segment's tariff, over the segment's time at least; as Course has it."""
        amounts = segment.amounts
        if amounts.reserved_ms:
            self._reserve(segment, slots, expired=expired, whole=whole)
            if not (amounts.energy_wh or amounts.charging_ms or amounts.parking_ms):
                return
        table = self.tables[segment.tariff]
        mask = table.usual_mask
        if table.flows:
            mask &= table.flow_mask(segment)
            flow = segment.flow
            if table.by_current and flow.min_ma is None and flow.max_ma is None:
                self.current_unknown |= bool(amounts.energy_wh or amounts.charging_ms)
        for from_at, share, wh in self._shares(segment, slots, table, whole=whole):
            holding = mask & table.wh_mask(wh)
            if slots.starts:
                holding &= slots.masks[bisect_right(slots.starts, from_at)]
            else:
                holding &= slots.masks[0]
            part = amounts if share == 1 else _part(amounts, share)
            self.take(segment.tariff, table.picks(holding), part, from_at)
        self.wh += amounts.energy_wh

    def _shares(
        self, segment: Segment, slots: Slots, table: Table, *, whole: bool
    ) -> list[tuple[int, Number, Number]]:
        """Where the segment is cut: each piece's start, its share of the whole, the Wh before."""
        starts, wh, more = slots.starts, self.wh, segment.amounts.energy_wh
        first = last = low = high = 0
        if starts:
            first = bisect_right(starts, segment.from_at)
            last = bisect_left(starts, segment.until_at)
        if table.wh_marks and more > 0:
            low = bisect_right(table.wh_marks, wh)
            high = bisect_left(table.wh_marks, wh + more)
        if whole or (first >= last and low >= high):
            return [(segment.from_at, 1, wh)]
        took = segment.until_at - segment.from_at
        cuts: set[Number] = {Fraction(at - segment.from_at, took) for at in starts[first:last]}
        cuts.update(Fraction(mark - wh) / more for mark in table.wh_marks[low:high])
        ends = sorted(cuts)
        return [
            (segment.from_at + int(begin * took), end - begin, wh + begin * more)
            for begin, end in zip([0, *ends], [*ends, 1], strict=True)
        ]

    def take(self, tariff: int, picks: Picks, part: Amounts, at: int) -> None:
        energy_wh, charging_ms, parking_ms, _ = part
        energy, time, parking, flat = picks
        if energy_wh and energy != NONE:
            self._use(tariff, energy, energy_wh)
            if self.energy != (tariff, energy):
                self.energy = self._seen(Used(tariff, energy), at)
        if charging_ms and time != NONE:
            self._use(tariff, time, charging_ms)
            if self.time != (tariff, time):
                self.time = self._seen(Used(tariff, time), at)
        if parking_ms and parking != NONE:
            self._use(tariff, parking, parking_ms)
            if self.parking != (tariff, parking):
                self.parking = self._seen(Used(tariff, parking), at)
        if not self.has_flat and flat != NONE:
            self.has_flat = True
            self._use(tariff, flat, 1)
            self._seen(Used(tariff, flat), at)

    def _use(self, tariff: int, component: int, quantity: Number) -> None:
        if isinstance(quantity, int):
            self.whole[tariff][component] += quantity
        else:
            used = Used(tariff, component)
            self.rest[used] = self.rest.get(used, _NOTHING) + quantity

    def _reserve(self, segment: Segment, slots: Slots, *, expired: bool, whole: bool) -> None:
        """Reserved time, spread over the segment; its energy and duration are no concern here."""
        table = self.tables[segment.tariff]
        only = segment._replace(amounts=Amounts())
        for from_at, share, _ in self._shares(only, slots, table, whole=whole):
            mask = slots.masks[bisect_right(slots.starts, from_at)]
            picks = table.reserved_picks(mask, expired=expired)
            if picks.time != NONE:
                self._use(segment.tariff, picks.time, segment.amounts.reserved_ms * share)
                self.reserved = self._seen(Used(segment.tariff, picks.time), from_at)
            if not self.has_reserved_flat and picks.flat != NONE:
                self.has_reserved_flat = True
                self._use(segment.tariff, picks.flat, 1)
                self._seen(Used(segment.tariff, picks.flat), from_at)

    def _seen(self, one: Used, at: int) -> Used:
        self.first_at.setdefault(one, at)
        return one


def _part(amounts: Amounts, share: Number) -> Amounts:
    return Amounts(
        amounts.energy_wh * share, amounts.charging_ms * share, amounts.parking_ms * share
    )


def tally_of(tables: Sequence[Table], course: Course) -> Tally:
    """Raises Unpriceable (no time zone)."""
    tally = Tally(tables)
    if not course.segments:
        return tally
    from_at = course.segments[0].from_at
    until_at = max(one.until_at for one in course.segments)
    slots = [one.slots(course, from_at, until_at) for one in tables]
    for segment in course.segments:
        tally.add(segment, slots[segment.tariff], expired=course.expired, whole=course.whole)
    return tally
