"""What a charger says, merged: power and gaps that it has shown, and the readings that are kept."""

import msgspec
import pytest
from sessionworld import T0, ended, linked, reading, started, updated

from schemas import codec
from schemas.flags import ENERGY_DOUBTFUL, Flag
from streams.core.learn_charging import merged
from streams.core.session import NOT_SHOWN, Power
from streams.core.trace import NO_TRACE, Sample

MINUTE = 60_000


def told(*facts, traced=False):
    known = None
    for fact in facts:
        known = merged(known, fact, codec.decode(fact.fact), traced=traced)
    return known


def test_power_is_the_newest_and_the_highest_that_was_told():
    one = told(
        reading(1_000, T0 + MINUTE, power_w=50_000),
        reading(2_000, T0 + 3 * MINUTE, power_w=20_000),
        reading(1_500, T0 + 2 * MINUTE, power_w=30_000),
        reading(3_000, T0 + 4 * MINUTE),
    )
    assert (one.top_power_w, one.power) == (50_000, Power(T0 + 3 * MINUTE, 20_000))
    assert told(reading(1_000)).power == NOT_SHOWN


def test_the_longest_gap_between_readings_stays():
    facts = [reading(wh, T0 + wh, gap_ms=gap) for wh, gap in ((1, 0), (2, 30_000), (3, 10_000))]
    assert told(*facts).gap_ms == 30_000


def test_readings_are_kept_only_where_the_tariff_asks_when():
    facts = [started(0), reading(900, T0 + 1), updated("suspended_ev", 950, T0 + 2)]
    assert told(*facts).trace == NO_TRACE
    kept = told(*facts, traced=True).trace.samples
    assert kept == (Sample(T0 + 1, 900), Sample(T0 + 2, 950))


def test_a_link_that_knows_no_gap_says_none():
    fact = codec.decode(reading(900, T0 + 1).fact)
    assert told(linked(fact)).gap_ms == 0


def flagged(fact, flags):
    """The linked fact as a feed tells it that doubts something about it."""
    told_so = msgspec.structs.replace(codec.decode(fact.fact), flags=flags)
    return msgspec.structs.replace(fact, fact=codec.encode(told_so))


@pytest.mark.parametrize("flag", list(Flag))
def test_an_end_that_a_feed_doubts_is_not_complete(flag):
    usual = ended(5_000, T0 + MINUTE)
    assert told(started(0), usual).end.complete
    assert told(started(0), flagged(usual, flag)).end.complete is not (flag in ENERGY_DOUBTFUL)


def test_an_update_that_tells_no_state_changes_none():
    one = told(started(0), updated("not_told", 900, T0 + MINUTE))
    assert (one.changes, one.top_wh) == ((), 900)


def test_an_energy_that_was_not_told_is_no_sample():
    stopped = flagged(updated("suspended_ev", 0, T0 + 2), Flag.ENERGY_NOT_TOLD)
    one = told(started(0), reading(900, T0 + 1), stopped, traced=True)
    assert one.trace.samples == (Sample(T0 + 1, 900),)
    assert len(one.changes) == 1
