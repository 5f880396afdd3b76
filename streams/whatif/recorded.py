"""What happened in a session, as far as another policy could meet it again.

The course of a charging is told from its begin: when the car took how much, whatever it was held
by. Where a stop of ours ended it, what the car would have taken beyond is not known (`cut`).
"""

from bisect import bisect_right
from decimal import Decimal

import msgspec

from schemas.facts import (
    AcquirerHealth,
    CardRead,
    ChargingEnded,
    ChargingStarted,
    ChargingUpdated,
    Fact,
    LinkedFact,
    MeterReading,
    SessionRequested,
)
from streams.core.strategy_policy import Policy
from streams.whatif.rates import Rates

INTERVAL_MS = 30_000
"""Between two readings of a meter whose interval the recording does not tell."""


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """One charging. `start_ms`: from our asking for it to its begin; all else counts from there.

    `points`: (ms, Wh), rising, from (0, 0) to the end. `changes`: (ms, charging state).
    `complete`: its sequence was seen whole, so that it is proven. `cut`: ended by a stop of ours.
    """

    start_ms: int
    points: tuple[tuple[int, int], ...]
    changes: tuple[tuple[int, str], ...] = ()
    interval_ms: int = INTERVAL_MS
    complete: bool = True
    cut: bool = False
    takes_limit: bool = False
    tells_power: bool = True

    @property
    def duration_ms(self) -> int:
        return self.points[-1][0]

    @property
    def energy_wh(self) -> int:
        return self.points[-1][1]

    def wh_at(self, ms: int) -> int:
        """Wh since the begin, straight between two points, rounded down."""
        place = bisect_right(self.points, ms, key=lambda point: point[0])
        if place == 0:
            return 0
        if place == len(self.points):
            return self.energy_wh
        (since, low), (to, high) = self.points[place - 1], self.points[place]
        return low + (high - low) * (ms - since) // (to - since)

    def ms_at(self, wh: int) -> int:
        """The first instant at which `wh` has flowed, rounded up; the end where it never has."""
        for (since, low), (to, high) in zip(self.points, self.points[1:], strict=False):
            if low < wh <= high:
                return since - (-(to - since) * (wh - low) // (high - low))
        return 0 if wh <= 0 else self.duration_ms


class Booked(msgspec.Struct, frozen=True, kw_only=True):
    """What truly came of the session, for comparing the model with. Minor units; minor ms."""

    raises: int
    raises_declined: int
    declined_at_tap: bool
    stopped: bool
    energy_wh: int
    captured_minor: int
    arrears_minor: int
    frozen_minor_ms: int


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """One session. `course` None: nothing was charged, `why` in a word.

    `card`: what was read after the request, where the amount came first. `policy`: what it went by.
    `tap_rate`: how likely the first hold was approved that this recording exists by; 1: whatever
    the card would have said (a recording of charging alone).
    """

    request: SessionRequested
    tariff_body: str | None
    policy: Policy
    card: CardRead | None = None
    course: Course | None = None
    why: str = ""
    tap_rate: Decimal = Decimal(1)
    booked: Booked | None = None


class LeftOut(msgspec.Struct, frozen=True):
    """A session that cannot be met again, and why."""

    session_id: str
    reason: str


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions, and how the acquirers answered them. `latencies_ms` rising, never empty.

    `decline_reason`: the canonical reason that raises were refused for most often.
    """

    sessions: list[Happened]
    left_out: list[LeftOut]
    rates: Rates
    latencies_ms: tuple[int, ...]
    decline_reason: str
    health: dict[str, AcquirerHealth]
    words: str


class NotMet(ValueError):
    """The facts do not make a course that could be met again; the message is the reason."""


def course_of(
    linked: list[tuple[LinkedFact, Fact]], start_issued_at: int, *, cut: bool
) -> Course | None:
    """The course in a session's linked facts; None: nothing was charged. Raises NotMet."""
    facts = [fact for _, fact in linked]
    begins = [one for one in facts if isinstance(one, ChargingStarted)]
    if len({one.charging_id for one, _ in linked}) > 1:
        raise NotMet("several chargings")
    if not begins:
        if facts:
            raise NotMet("its begin was never told")
        return None
    ends = [one for one in facts if isinstance(one, ChargingEnded)]
    if not ends:
        raise NotMet("no end yet")
    begun = min(begins, key=lambda one: (one.started_at, one.energy_wh))
    end = max(ends, key=lambda one: (one.seq, one.ended_at))
    if end.ended_at <= begun.started_at or end.energy_wh < begun.energy_wh:
        raise NotMet("it ends before it begins")
    gaps = sorted(one.gap_ms for one, _ in linked if one.gap_ms > 0)
    return Course(
        start_ms=max(begun.started_at - start_issued_at, 0) if start_issued_at else 0,
        points=_points(begun, end, facts),
        changes=_changes(begun, end, facts),
        interval_ms=gaps[len(gaps) // 2] if gaps else INTERVAL_MS,
        complete=any(one.sequence_complete for one, fact in linked if fact in ends),
        cut=cut,
        takes_limit=any(one.takes_limit for one in begins),
        tells_power=any(isinstance(one, MeterReading) and one.power_w >= 0 for one in facts),
    )


def _points(
    begun: ChargingStarted, end: ChargingEnded, facts: list[Fact]
) -> tuple[tuple[int, int], ...]:
    """Readings between begin and end; what falls or leaves them is passed over."""
    known = [(0, 0)]
    whole = (end.ended_at - begun.started_at, end.energy_wh - begun.energy_wh)
    for one in sorted(
        (one for one in facts if isinstance(one, MeterReading)), key=lambda one: one.read_at
    ):
        at, wh = one.read_at - begun.started_at, one.energy_wh - begun.energy_wh
        if known[-1][0] < at < whole[0] and known[-1][1] <= wh <= whole[1]:
            known.append((at, wh))
    return (*known, whole)


def _changes(
    begun: ChargingStarted, end: ChargingEnded, facts: list[Fact]
) -> tuple[tuple[int, str], ...]:
    told = {
        (one.updated_at - begun.started_at, one.charging_state)
        for one in facts
        if isinstance(one, ChargingUpdated) and begun.started_at < one.updated_at < end.ended_at
    }
    return tuple(sorted(told))
