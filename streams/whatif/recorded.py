"""What happened in a session, as far as another policy could meet it again.

The course of a charging is told from its begin: when the car took how much, whatever it was held
by. Where a stop of ours ended it, what the car would have taken beyond is not known (`cut`).
"""

from bisect import bisect_right
from decimal import Decimal
from typing import NamedTuple

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


LATE_MS = 120_000
"""What comes later than this was not under way: its charger could not be heard."""


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """One charging. `start_ms`: from our asking for it to its begin; all else counts from there.

    `points`: (ms, Wh), rising, from (0, 0) to the end. `changes`: (ms, charging state).
    `complete`: its sequence was seen whole, so that it is proven. `cut`: ended by a stop of ours.
    `dark`: (from ms, to ms) in which nothing was heard of it; the end may be in one.
    """

    start_ms: int
    points: tuple[tuple[int, int], ...]
    changes: tuple[tuple[int, str], ...] = ()
    interval_ms: int = INTERVAL_MS
    complete: bool = True
    cut: bool = False
    takes_limit: bool = False
    tells_power: bool = True
    dark: tuple[tuple[int, int], ...] = ()

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


class Fated(NamedTuple):
    """One word on a command as it was recorded: after so long, what, and why.

    A "done" or "declined" is the card's: of a hold or raise only its instant counts, for under
    another policy another amount is asked. Everything else is the way to it: lost as recorded.
    """

    after_ms: int
    outcome: str
    reason: str = ""


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
    `by_approval`: it exists because a hold was approved; else whatever the card would have said (a
    recording of charging alone). `fates`: what was answered to commands, by their ids.
    """

    request: SessionRequested
    tariff_body: str | None
    policy: Policy
    card: CardRead | None = None
    course: Course | None = None
    why: str = ""
    by_approval: bool = False
    fates: dict[str, tuple[Fated, ...]] = {}
    booked: Booked | None = None

    @property
    def presented(self) -> CardRead:
        """The card, wherever it was told."""
        if self.card is not None:
            return self.card
        request = self.request
        return CardRead(
            tenant=request.tenant,
            session_id=request.session_id,
            terminal_id=request.terminal_id,
            tap=1,
            scheme=request.scheme,
            funding=request.funding,
            entry_mode=request.entry_mode,
            cvm=request.cvm,
            bin_country=request.bin_country,
            card_token=request.card_token,
            read_at=request.requested_at,
        )

    @property
    def funding(self) -> str:
        return self.request.funding if self.card is None else self.card.funding


class LeftOut(msgspec.Struct, frozen=True):
    """A session that cannot be met again, and why."""

    session_id: str
    reason: str


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions, and how the acquirers answered them. `latencies_ms` rising, never empty.

    `decline_reason`: the canonical reason that raises were refused for most often. `takes_less`:
    how often drivers agreed to a smaller hold after a no.
    """

    sessions: list[Happened]
    left_out: list[LeftOut]
    rates: Rates
    latencies_ms: tuple[int, ...]
    decline_reason: str
    health: dict[str, AcquirerHealth]
    words: str
    takes_less: Decimal = Decimal(1)


class NotMet(ValueError):
    """The facts do not make a course that could be met again; the message is the reason."""


class Heard(NamedTuple):
    """A linked fact, and the time of its partition when it came; 0: not known."""

    link: LinkedFact
    fact: Fact
    heard_at: int = 0


def course_of(heard: list[Heard], start_issued_at: int, *, cut: bool) -> Course | None:
    """The course in a session's linked facts; None: nothing was charged. Raises NotMet."""
    facts = [one.fact for one in heard]
    begins = [one for one in facts if isinstance(one, ChargingStarted)]
    if len({one.link.charging_id for one in heard}) > 1:
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
    gaps = sorted(one.link.gap_ms for one in heard if one.link.gap_ms > 0)
    interval_ms = gaps[len(gaps) // 2] if gaps else INTERVAL_MS
    return Course(
        start_ms=max(begun.started_at - start_issued_at, 0) if start_issued_at else 0,
        points=_points(begun, end, facts),
        changes=_changes(begun, end, facts),
        interval_ms=interval_ms,
        complete=any(one.link.sequence_complete for one in heard if one.fact in ends),
        cut=cut,
        takes_limit=any(one.takes_limit for one in begins),
        tells_power=any(isinstance(one, MeterReading) and one.power_w >= 0 for one in facts),
        dark=_dark(begun.started_at, heard, interval_ms),
    )


def _dark(begun_at: int, heard: list[Heard], interval_ms: int) -> tuple[tuple[int, int], ...]:
    """Where facts came late, and where readings are further apart than usual; in ms from the begin.

    A late fact says that its charger was away from then, at the latest, until it came.
    """
    longest_ms = max(3 * interval_ms, LATE_MS)
    spans = [(_told_at(one.fact), one.heard_at) for one in heard if one.heard_at]
    spans += [(_told_at(one.fact) - one.link.gap_ms + 1, _told_at(one.fact)) for one in heard]
    away = sorted(span for span in spans if span[1] - span[0] >= longest_ms)
    joined: list[tuple[int, int]] = []
    for since, until in ((max(since - begun_at, 0), until - begun_at) for since, until in away):
        if joined and since <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], until))
        else:
            joined.append((since, until))
    return tuple(joined)


def _told_at(fact: Fact) -> int:
    match fact:
        case ChargingStarted():
            return fact.started_at
        case ChargingUpdated():
            return fact.updated_at
        case ChargingEnded():
            return fact.ended_at
        case MeterReading():
            return fact.read_at
        case _:
            return 0


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
        if isinstance(one, ChargingUpdated)
        and one.charging_state != "not_told"
        and begun.started_at < one.updated_at < end.ended_at
    }
    return tuple(sorted(told))
