"""What is due, and what may fall due next: one door to the price for all that decide about money.

A tariff that quantities alone decide is priced by them, fast; any other by the course of the
session. Amounts are gross, in minor units.
"""

from schemas.facts import SessionRequested
from streams.core import headroom
from streams.core.headroom import Reach, Window
from streams.core.pricing import (
    Amounts,
    Breakdown,
    Course,
    Quantities,
    Rates,
    Segment,
    Tariff,
    parse,
    price,
)
from streams.core.pricing.clock import zone_of

_MS_PER_HOUR = 3_600_000


def tariff_for(body: str, request: SessionRequested) -> Tariff:
    """The tariff, priceable where it will be used. Raises Unpriceable.

    A restriction on local time with no time zone to tell it by is a named outcome, never a guess.
    """
    tariff = parse(body)
    if tariff.simple is None and tariff.needs_zone:
        zone_of(request.time_zone)
    return tariff


# --- of what flowed -------------------------------------------------------------------------------


def so_far(tariff: Tariff | None, course: Course | None, quantities: Quantities) -> int:
    """What `quantities`, which flowed as in `course`, come to. None where rates suffice.

    Nothing delivered is nothing due: flat fees and times are for those who got energy.
    """
    if tariff is None or quantities.energy_wh == 0:
        return 0
    if tariff.simple is not None:
        return tariff.simple.minor(quantities)
    assert course is not None  # whoever has no rates has a course
    return price(tariff, course).due_minor()


def floor(tariff: Tariff, course: Course | None, quantities: Quantities) -> int:
    """The least that is due for this energy, were no time counted at all."""
    if tariff.simple is not None:
        return tariff.simple.minor(quantities)
    assert course is not None  # whoever has no rates has a course
    timeless = [
        one._replace(amounts=Amounts(energy_wh=one.amounts.energy_wh)) for one in course.segments
    ]
    return price(tariff, course._replace(segments=tuple(timeless))).due_minor()


# --- before there is a course ---------------------------------------------------------------------


def at_once(tariff: Tariff, request: SessionRequested) -> int:
    """What is due as soon as any energy flows: flat fees, and a least price."""
    return estimate(tariff, request, Quantities(0, 0, 0))


def estimate(tariff: Tariff, request: SessionRequested, quantities: Quantities) -> int:
    """What these would cost if it began as it was asked for; parking comes after the charging."""
    if tariff.simple is not None:
        return tariff.simple.minor(quantities)
    return price(tariff, _as_asked(request, quantities)).due_minor()


def _as_asked(request: SessionRequested, quantities: Quantities) -> Course:
    begun_at = request.requested_at
    over_at = begun_at + quantities.charging_ms
    segments = [
        Segment(begun_at, over_at, Amounts(quantities.energy_wh, quantities.charging_ms)),
    ]
    if quantities.parking_ms:
        gone_at = over_at + quantities.parking_ms
        segments.append(Segment(over_at, gone_at, Amounts(parking_ms=quantities.parking_ms)))
    return Course(tuple(segments), request.time_zone)


def lines(
    tariff: Tariff, course: Course | None, quantities: Quantities, request: SessionRequested
) -> Breakdown:
    """What flowed, line by line, for a receipt. Where quantities decide, its course is made up."""
    return price(tariff, course if course is not None else _as_asked(request, quantities))


# --- from now on ----------------------------------------------------------------------------------


def energy_wh(power_w: int, window_ms: int) -> int:
    """At this power, rounded up."""
    return -(-power_w * window_ms // _MS_PER_HOUR)


def once_flowing(tariff: Tariff, course: Course | None, quantities: Quantities) -> int:
    """What is due as soon as any energy flows: `so_far`, and before any what has waited for it."""
    if tariff.simple is not None:
        return tariff.simple.minor(quantities)
    assert course is not None  # whoever has no rates has a course
    return price(tariff, course).due_minor() if course.segments else 0


def reach(
    tariff: Tariff, course: Course | None, power_w: int, window_ms: int, running: int = 1
) -> Reach:
    """What `window_ms` from now on can add at most, however charging and parking share it.

    `power_w` of all `running` chargings together; the time of each of them is priced. Rounded up,
    and for one Wh more: a register shows whole ones, so it may be that far ahead.
    """
    return within(tariff, course, energy_wh(power_w, window_ms), window_ms, running)


def within(
    tariff: Tariff, course: Course | None, wh: int, window_ms: int, running: int = 1
) -> Reach:
    """As `reach`, where it is known how much energy can flow at most in the window."""
    if tariff.simple is not None:
        return Reach(_by_rates(tariff.simple, wh, window_ms * running))
    assert course is not None  # whoever has no rates has a course
    if not course.segments:
        return Reach(0)
    return headroom.reach(tariff, course, Window(wh + 1, window_ms, window_ms * running))


def _by_rates(rates: Rates, wh: int, timed_ms: int) -> int:
    charging = wh * rates.energy_rate + timed_ms * rates.charging_rate
    parked = timed_ms * rates.parking_rate
    most = max(charging, parked) + rates.energy_rate
    return -(-most // (10 * rates.denominator))
