"""The course of a charging out of its facts, and what cannot be met again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec
from schemas.facts import ChargingEnded, ChargingStarted, ChargingUpdated, LinkedFact, MeterReading
from streams.whatif.recorded import Course, Heard, NotMet, course_of

NAMES = {"tenant": "t", "network": "n", "charger_id": "c", "evse_uid": "e", "transaction_id": "x"}
T0 = 1_767_600_000_000


def linked(fact, *, complete=False, gap_ms=0, charging="x", heard=0):
    link = LinkedFact(
        tenant="t",
        session_id="s",
        charging_id=charging,
        source_topic="here",
        source_partition=0,
        source_offset=0,
        crossing=0,
        sequence_complete=complete,
        fact=codec.encode(fact),
        gap_ms=gap_ms,
    )
    return Heard(link, fact, heard and T0 + heard * 1000)


def began(at=T0, wh=1_000):
    return linked(
        ChargingStarted(
            **NAMES,
            remote_start_id="",
            payment_kind="card",
            seq=0,
            energy_wh=wh,
            offline=False,
            started_at=at,
        )
    )


def read(seconds, wh, **more):
    at = T0 + seconds * 1000
    return linked(MeterReading(**NAMES, seq=1, energy_wh=wh, power_w=-1, read_at=at), **more)


def paused(seconds, wh, state="suspended_ev"):
    return linked(
        ChargingUpdated(
            **NAMES,
            seq=2,
            charging_state=state,
            energy_wh=wh,
            power_w=0,
            offline=False,
            updated_at=T0 + seconds * 1000,
        )
    )


def ended(seconds, wh, *, complete=True):
    fact = ChargingEnded(
        **NAMES, seq=9, energy_wh=wh, reason="Local", offline=False, ended_at=T0 + seconds * 1000
    )
    return linked(fact, complete=complete)


def test_a_course_is_told_from_its_begin():
    facts = [read(60, 3_000, gap_ms=60_000), began(), paused(90, 4_000), ended(120, 5_000)]
    course = course_of(facts, T0 - 7_000, cut=False)
    assert course.start_ms == 7_000
    assert course.points == ((0, 0), (60_000, 2_000), (120_000, 4_000))
    assert course.changes == ((90_000, "suspended_ev"),)
    assert course.interval_ms == 60_000
    assert course.complete
    assert course.energy_wh == 4_000


def test_an_update_that_tells_no_state_is_no_change():
    heard = [began(), paused(60, 1_500, "not_told"), ended(120, 2_000)]
    assert course_of(heard, T0, cut=False).changes == ()


def test_readings_that_fall_or_leave_the_charging_are_passed_over():
    facts = [began(), read(30, 3_000), read(40, 2_900), read(50, 9_000), ended(60, 5_000)]
    course = course_of(facts, 0, cut=True)
    assert course.points == ((0, 0), (30_000, 2_000), (60_000, 4_000))
    assert course.cut


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ([began(), read(30, 3_000)], "no end yet"),
        ([read(30, 3_000)], "begin"),
        ([began(), linked(began().fact, charging="y"), ended(60, 5_000)], "several"),
        ([began(T0 + 99_000), ended(60, 5_000)], "ends before"),
    ],
)
def test_what_cannot_be_met_again_says_why(facts, reason):
    with pytest.raises(NotMet, match=reason):
        course_of(facts, 0, cut=False)


def test_nothing_told_is_nothing_charged():
    assert course_of([], 0, cut=False) is None


@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**4)), min_size=1, max_size=9),
    st.integers(0, 10**7),
)
def test_energy_rises_and_its_instant_is_found(steps, ms):
    points = [(0, 0)]
    for wait, wh in steps:
        points.append((points[-1][0] + wait, points[-1][1] + wh))
    course = Course(start_ms=0, points=tuple(points))
    assert course.wh_at(ms) <= course.wh_at(ms + 1) <= course.energy_wh
    wh = course.wh_at(ms)
    at = course.ms_at(wh)
    assert course.wh_at(at) >= wh
    assert at == 0 or course.wh_at(at - 1) < wh
