"""Local time of a location: when it passes the marks that a tariff asks for, DST both ways."""

import functools
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from streams.core.pricing.instants import EPOCH, moment
from streams.core.pricing.unpriceable import Unpriceable

_MS = timedelta(milliseconds=1)
_DAY = timedelta(days=1)
# Nobody stays for ten years; more days would only be a way to keep us busy.
_DAY_MS = 86_400_000
_LONGEST_MS = 3_660 * _DAY_MS


@functools.lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """Raises Unpriceable `no-zone`: local time is never guessed."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Unpriceable("no-zone", f"time zone {name!r}") from error


def local(zone: ZoneInfo, at: int) -> datetime:
    try:
        return moment(at).astimezone(zone)
    except OverflowError as error:  # at either end of the calendar
        raise Unpriceable("not-an-instant", f"{at} ms") from error


def marks(zone: ZoneInfo, minutes: tuple[int, ...], from_at: int, until_at: int) -> list[int]:
    """The instants between the two at which the local clock shows one of `minutes`, or jumps.

    An hour that comes twice has its marks twice; an hour that never comes has them at the jump.
    """
    if until_at - from_at > _LONGEST_MS:
        raise Unpriceable("too-long", f"{(until_at - from_at) // _DAY_MS} days")
    first = local(zone, from_at).date()
    days = (local(zone, until_at).date() - first).days + 1
    found = {
        at
        for number in range(days)
        for at in _marks_of_day(zone, (first + number * _DAY).toordinal(), minutes)
    }
    return sorted(at for at in found if from_at < at < until_at)


@functools.lru_cache(maxsize=8192)
def _marks_of_day(zone: ZoneInfo, day: int, minutes: tuple[int, ...]) -> tuple[int, ...]:
    midnight = datetime.combine(date.fromordinal(day), datetime.min.time())
    walls = [midnight + timedelta(minutes=one) for one in minutes]
    found = {_epoch(wall.replace(tzinfo=zone, fold=fold)) for wall in walls for fold in (0, 1)}
    low, high = (_epoch((midnight + one * _DAY).replace(tzinfo=zone)) for one in (0, 1))
    if _offset(zone, low) != _offset(zone, high):
        found.add(_jump(zone, low, high))
    return tuple(sorted(found))


def _jump(zone: ZoneInfo, low: int, high: int) -> int:
    """The first instant with the later offset, by halving."""
    before = _offset(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(zone: ZoneInfo, at: int) -> timedelta | None:
    return local(zone, at).utcoffset()


def _epoch(aware: datetime) -> int:
    return (aware - EPOCH) // _MS
