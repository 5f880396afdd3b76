"""What flowed without cover: energy for which, at its instant, the price was above the open hold.

Between two changes of the hold the price only rises, so that one look at the end of each such piece
tells whether any of it was uncovered, and a search from when on. (A tariff whose price can fall
with time is looked at in these places only.)
"""

from itertools import pairwise
from typing import NamedTuple

from streams.core import due
from streams.core.charging import so_far
from streams.core.learn import learn
from streams.core.metered import metered
from streams.core.pricing import Tariff
from streams.core.session import PaymentSession
from streams.whatif.charger import Charger
from streams.whatif.ways import Way

_NEAR_MS = 1_000


class Exposure(NamedTuple):
    """`wh` that flowed uncovered; the most that the price was above the hold at any instant."""

    wh: int
    most_minor: int


NO_EXPOSURE = Exposure(0, 0)


def exposure_of(way: Way) -> Exposure:
    """Of the charging on this way; none where nothing was charged."""
    charger, pinned = way.charger, way.session.pinned
    if not charger.began_at or pinned is None or not pinned.tariff_body:
        return NO_EXPOSURE
    tariff = due.tariff_for(pinned.tariff_body, way.session.request)
    changes = [*way.held, (charger.ends_at + 1, 0)]
    wh = most = 0
    for (from_at, open_minor), (to_at, _) in pairwise(changes):
        since, until = max(from_at, charger.began_at), min(to_at, charger.ends_at)
        if since >= until:
            continue
        above = price_at(way, tariff, until) - open_minor
        if above > 0:
            most = max(most, above)
            begins = _uncovered_from(way, tariff, open_minor, since, until)
            wh += charger.wh_at(until) - charger.wh_at(begins)
    return Exposure(wh, most)


def _uncovered_from(way: Way, tariff: Tariff, open_minor: int, since: int, until: int) -> int:
    """The first instant, to a second, at which the price is above the hold."""
    if price_at(way, tariff, since) > open_minor:
        return since
    low, high = since, until
    while high - low > _NEAR_MS:
        middle = (low + high) // 2
        if price_at(way, tariff, middle) > open_minor:
            high = middle
        else:
            low = middle
    return high


def price_at(way: Way, tariff: Tariff, at: int) -> int:
    """What was due at that instant, by the register as it stood: minor units, gross."""
    shadow = _as_of(way.session, way.charger, at)
    chargings = list(shadow.chargings.values())
    flowed = None
    if tariff.simple is None:
        flowed = metered(chargings, at, shadow.request.time_zone)
    return due.so_far(tariff, flowed, so_far(chargings, at))


def _as_of(session: PaymentSession, charger: Charger, at: int) -> PaymentSession:
    """The session with the charging alone, as it would be known at `at` if every Wh were told."""
    shadow = PaymentSession(session.session_id, session.request, pinned=session.pinned, clock_at=at)
    for told_at, fact in charger.told:
        if told_at < at or told_at == charger.began_at:
            shadow = learn(shadow, fact)
    for charging in session.chargings.values():
        for sample in charging.trace.samples:
            if charger.began_at < sample.at < at:
                shadow = learn(shadow, charger.linked(charger.reading(sample.at)))
    return learn(shadow, charger.linked(charger.reading(at)))
