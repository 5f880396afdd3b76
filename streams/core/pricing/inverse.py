"""How far an amount reaches: what watches are made of. Exact, and never too late."""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import NamedTuple

from schemas.money import exponent_of
from streams.core.pricing.ahead import Ahead, ahead
from streams.core.pricing.course import Amounts, Course, Number, Segment
from streams.core.pricing.matching import NONE, Slots
from streams.core.pricing.model import COVERS, Tariff
from streams.core.pricing.settling import settle
from streams.core.pricing.tally import Tally, tally_of

# Look again after a month at the latest: nothing is said about what comes then.
HORIZON_MS = 31 * 86_400_000
_DAY_MS = 86_400_000
_MAX_WH = 10**12
_WH_MS_PER_W = 3_600_000


class Assumed(NamedTuple):
    """What goes on from the course's end: charging at `power_w`, W, or connected without charging.

    For `limits` the power is constant; for `wake` it is the most that it can be.
    """

    charging: bool
    power_w: int = 0


class Limits(NamedTuple):
    """`energy_wh` is the session's, whole Wh; `at` an instant, epoch ms. None: never, by that."""

    energy_wh: int | None
    at: int | None


def limits(tariff: Tariff, course: Course, assumed: Assumed, ceiling_minor: int) -> Limits:
    """The least energy and the first instant at which what is due exceeds `ceiling_minor`.

    Exact, along the assumed path: charging at that very power, or parking, from the course's end.
    Exceeded already: the energy and the end of the course. Not within 31 days: None where it never
    can be, else the end of those days. Raises Unpriceable, or ValueError for an empty course.
    """
    walk = _Walk(tariff, course, ceiling_minor)
    tally = walk.tally
    if walk.exceeds(tally):
        return Limits(math.floor(tally.wh), walk.now_at)
    if walk.unreachable():
        return Limits(None, None)
    at = walk.now_at
    while at < walk.now_at + HORIZON_MS:
        slots = tariff.table.slots(course, at, at + _DAY_MS)
        for until_at in _stops(tariff, tally, (at, at + _DAY_MS), slots.starts, assumed):
            reached = partial(_went_on, assumed, at, tally, slots)
            there = reached(until_at)
            if walk.exceeds(there):
                return _found(walk, reached, (at, until_at), assumed)
            tally, at = there, until_at
        if tariff.table.unrestricted and walk.standing_still(assumed):
            return Limits(None, None)
    return Limits(math.floor(tally.wh) + 1 if assumed.charging else None, at)


def _went_on(assumed: Assumed, from_at: int, before: Tally, slots: Slots, to_at: int) -> Tally:
    after = before.copy()
    after.add(_going_on(assumed, from_at, to_at), slots)
    return after


def _found(
    walk: "_Walk", reached: Callable[[int], Tally], between: tuple[int, int], assumed: Assumed
) -> Limits:
    at = _first(*between, lambda to_at: walk.exceeds(reached(to_at)))
    charged = assumed.charging and assumed.power_w
    return Limits(math.ceil(reached(at).wh) if charged else None, at)


def wake(
    tariff: Tariff, course: Course, assumed: Assumed, ceiling_minor: int, min_horizon_ms: int
) -> Limits:
    """Where the price may first exceed `ceiling_minor`, whatever the power up to the assumed one.

    While the session's energy is below `energy_wh` and the time before `at`, it does not. Both end
    at the tariff's next boundary, in time or energy, where one has to look again. Where energy and
    time both cost, time gets half of what is left and energy the rest; below `min_horizon_ms` time
    is not cut finer. Exceeded already: due now. Raises as `limits` does.
    """
    walk = _Walk(tariff, course, ceiling_minor)
    if walk.exceeds(walk.tally):
        return Limits(math.floor(walk.tally.wh), walk.now_at)
    if walk.unreachable():
        return Limits(None, None)
    next_one = ahead(tariff, course, walk.tally, assumed.power_w if assumed.charging else None)
    return _Box(walk, next_one, assumed.charging).wake(min_horizon_ms)


class _Walk:
    """The course so far, and the amount that must not be passed."""

    def __init__(self, tariff: Tariff, course: Course, ceiling_minor: int) -> None:
        if not course.segments:
            raise ValueError("segments: none, so there is no instant to go on from")
        self.tariff = tariff
        self.tally = tally_of([tariff.table], course)
        self.now_at = course.segments[-1].until_at
        scale = 10 ** exponent_of(tariff.currency)
        # Half up: from half a minor unit above the ceiling on, the price rounds to more.
        self.bound = Fraction(2 * ceiling_minor + 1, 2 * scale)

    def due(self, tally: Tally) -> Fraction:
        return settle((self.tariff,), tally).due

    def exceeds(self, tally: Tally) -> bool:
        return self.due(tally) >= self.bound

    def unreachable(self) -> bool:
        """A max_price at or below the ceiling: nothing that is still to come can pass it."""
        most = self.tariff.most.gross
        return self.tariff.tax_known and most is not None and most < self.bound

    def standing_still(self, assumed: Assumed) -> bool:
        """Whether nothing that the assumption adds has a price."""
        kinds = {"ENERGY", "TIME"} if assumed.charging else {"PARKING_TIME"}
        return not any(
            one.due_rate
            for one in self.tariff.components
            if kinds.intersection(COVERS[one.dimension])
        )


class _Box:
    """The energy and the time up to the next boundary: what is due grows with each of them."""

    def __init__(self, walk: _Walk, next_one: Ahead, charging: bool) -> None:  # noqa: FBT001 - what goes on
        self._walk = walk
        self._next = next_one
        self._charging = charging

    def wake(self, min_horizon_ms: int) -> Limits:
        walk, next_one = self._walk, self._next
        room_ms = min(next_one.until_at - walk.now_at, HORIZON_MS)
        room_wh = 0
        if self._charging:
            mark = next_one.until_wh
            room_wh = _MAX_WH if mark is None else math.floor(mark - walk.tally.wh)
        most = self._last_ms(room_ms, walk.bound)
        horizon_ms = most
        if self._charging and next_one.prices_energy and next_one.prices_time:
            fair = self._last_ms(room_ms, (walk.due(walk.tally) + walk.bound) / 2)
            horizon_ms = min(max(fair, min_horizon_ms), most)
        energy = self._last_wh(room_wh, horizon_ms)
        bounded_wh = self._charging and energy < _MAX_WH
        bounded_ms = horizon_ms < HORIZON_MS
        return Limits(
            math.floor(walk.tally.wh) + energy + 1 if bounded_wh else None,
            walk.now_at + horizon_ms + 1 if bounded_ms else None,
        )

    def _last_ms(self, room_ms: int, bound: Fraction) -> int:
        kind = self._next.picks.time if self._charging else self._next.picks.parking
        guess = self._guess(kind, bound - self._due(0, 0), room_ms)
        return _last(room_ms, lambda ms: self._due(0, ms) < bound, guess)

    def _last_wh(self, room_wh: int, ms: int) -> int:
        guess = self._guess(self._next.picks.energy, self._walk.bound - self._due(0, ms), room_wh)
        return _last(room_wh, lambda wh: self._due(wh, ms) < self._walk.bound, guess)

    def _guess(self, component: int, left: Fraction, room: int) -> int:
        """How much of it the rest pays for, steps and limits aside."""
        table = self._walk.tariff.table
        rate = 0 if component == NONE else table.prices[component].due
        return min(math.ceil(left * table.denominator / rate), room) if rate else room

    def _due(self, energy_wh: int, ms: int) -> Fraction:
        """At most so much is due after so much more."""
        if not energy_wh and not ms:
            return self._walk.due(self._walk.tally)
        tally = self._walk.tally.copy()
        part = Amounts(energy_wh, ms, 0) if self._charging else Amounts(0, 0, ms)
        tally.take(0, self._next.picks, part, self._walk.now_at)
        return self._walk.due(tally) + self._next.slack


def _going_on(assumed: Assumed, from_at: int, until_at: int) -> Segment:
    took_ms = until_at - from_at
    if not assumed.charging:
        return Segment(from_at, until_at, Amounts(parking_ms=took_ms))
    return Segment(from_at, until_at, Amounts(_energy(assumed, took_ms), took_ms))


def _energy(assumed: Assumed, took_ms: int) -> Number:
    return Fraction(assumed.power_w * took_ms, _WH_MS_PER_W)


def _stops(
    tariff: Tariff, tally: Tally, between: tuple[int, int], starts: list[int], assumed: Assumed
) -> list[int]:
    """Up to each of these the same components apply: the tariff's marks on the way."""
    from_at, until_at = between
    stops = {*starts, until_at}
    if assumed.charging and assumed.power_w:
        for mark in tariff.table.wh_marks:
            if mark > tally.wh:
                took = (mark - tally.wh) * _WH_MS_PER_W / Fraction(assumed.power_w)
                # On both sides of it: marks fall between two milliseconds.
                stops |= {from_at + math.floor(took), from_at + math.ceil(took)}
    return sorted(at for at in stops if from_at < at <= until_at)


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The least number above `low` for which it holds; it does for `high`, and goes on holding."""
    while high - low > 1:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle
    return high


def _last(high: int, holds: Callable[[int], bool], guess: int) -> int:
    """The greatest number up to `high` for which it holds; it does for 0, and up to there."""
    if high <= 0:
        return 0
    low, step = 0, 1
    if 0 < guess < high:  # from the guess on, in growing steps
        if holds(guess):
            low = guess
            while low + step < high and holds(low + step):
                low, step = low + step, 2 * step
            if low + step < high:
                return _first(low, low + step, lambda one: not holds(one)) - 1
        else:
            high = guess
            while high - step > 0 and not holds(high - step):
                high, step = high - step, 2 * step
            return _first(max(high - step, 0), high, lambda one: not holds(one)) - 1
    if holds(high):
        return high
    return _first(low, high, lambda one: not holds(one)) - 1
