"""What happened in a session, as far as its price asks: ordered pieces of time, each of one kind.

Within a segment energy and times are spread evenly: where a tariff changes inside one, each side
gets its share of the time that passed (of the energy, where a kWh restriction changes it).
"""

from fractions import Fraction
from typing import Literal, NamedTuple

Kind = Literal["charging", "parking", "reservation"]
Number = int | Fraction


class Amounts(NamedTuple):
    """What a segment had of each dimension: Wh, and ms charging, not charging and reserved."""

    energy_wh: Number = 0
    charging_ms: Number = 0
    parking_ms: Number = 0
    reserved_ms: Number = 0


class Flow(NamedTuple):
    """How strong the current was: W and mA, the least and the most. mA is summed over all phases.

    None: nobody told. Restrictions on power then go by the segment's average, those on current
    count as met (as tandemdrive's engine has it; OCPI says nothing).
    """

    min_w: Number | None = None
    max_w: Number | None = None
    min_ma: Number | None = None
    max_ma: Number | None = None


NO_FLOW = Flow()


class Segment(NamedTuple):
    """From `from_at` to `until_at`, epoch ms. `amounts` are what a CDR states, or else the clock's.

    `tariff` is an index into the tariffs that price the course: it may change between segments.
    """

    from_at: int
    until_at: int
    amounts: Amounts
    flow: Flow = NO_FLOW
    tariff: int = 0


class Course(NamedTuple):
    """Segments in order of time.

    Durations (min_duration) count from the first that is no reservation. `zone` is the location's
    IANA time zone; "": not known, which only tariffs that ask for local time mind (Unpriceable,
    `no-zone`). `expired`: the reservation lapsed unused. `whole`: each segment is priced by what
    holds when it begins, wherever it ends.
    """

    segments: tuple[Segment, ...]
    zone: str = ""
    expired: bool = False
    whole: bool = False


def charging(from_at: int, until_at: int, energy_wh: Number, flow: Flow = NO_FLOW) -> Segment:
    """A segment of charging: its time is TIME. A register that stood still is charging as well."""
    return Segment(from_at, until_at, Amounts(energy_wh, until_at - from_at), flow)


def parking(from_at: int, until_at: int) -> Segment:
    """Connected and not charging: PARKING_TIME."""
    return Segment(from_at, until_at, Amounts(parking_ms=until_at - from_at))


def reservation(from_at: int, until_at: int) -> Segment:
    """Reserved, before anybody came: priced by the elements for reservations alone."""
    return Segment(from_at, until_at, Amounts(reserved_ms=until_at - from_at))
