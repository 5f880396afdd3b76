"""The course of a charging: its segments tile its time, carry its energy, and follow its states."""

from hypothesis import given
from hypothesis import strategies as st

from streams.core.charging import delivered
from streams.core.metered import metered
from streams.core.session import Begun, Change, Charging, End
from streams.core.trace import NO_TRACE, Sample, with_sample

T0 = 1_790_000_000_000
MINUTE = 60_000


def charging(samples=(), **slots):
    trace = NO_TRACE
    for at, wh in samples:
        trace = with_sample(trace, Sample(T0 + at * MINUTE, wh))
    top = max((wh for _, wh in samples), default=-1)
    seen = max((at for at, _ in samples), default=0)
    slots = {"top_wh": top, "seen_at": T0 + seen * MINUTE, **slots}
    return Charging("t/n/c/tx", "n", "c", "e", "tx", trace=trace, **slots)


def end(minute, wh):
    return End(True, 9, T0 + minute * MINUTE, wh, "Local")


def change(minute, *, flows, seq=1):
    return Change(T0 + minute * MINUTE, seq, flows)


def told(one, now=0):
    return [
        (
            (segment.from_at - T0) // MINUTE,
            (segment.until_at - T0) // MINUTE,
            segment.amounts.energy_wh,
            segment.amounts.charging_ms > 0,
        )
        for segment in metered([one], T0 + now * MINUTE, "").segments
    ]


def test_readings_cut_the_course_and_states_say_which_clock_ran():
    one = charging(
        [(10, 3_000), (20, 7_000)],
        begun=Begun(T0, 1_000),
        changes=(change(20, flows=False),),
        end=end(30, 7_000),
    )
    assert told(one) == [(0, 10, 2_000, True), (10, 20, 4_000, True), (20, 30, 0, False)]


def test_while_it_runs_nothing_is_known_to_have_flowed_since_the_newest_reading():
    one = charging([(10, 3_000)], begun=Begun(T0, 1_000))
    assert told(one, 15) == [(0, 10, 2_000, True), (10, 15, 0, True)]


def test_without_a_trace_the_newest_reading_still_counts():
    one = charging(begun=Begun(T0, 1_000), top_wh=5_000, seen_at=T0 + 10 * MINUTE)
    assert told(one, 12) == [(0, 10, 4_000, True), (10, 12, 0, True)]


def test_a_state_between_readings_gets_its_share_of_the_energy():
    one = charging(
        [(20, 5_000)], begun=Begun(T0, 1_000), changes=(change(5, flows=False),), end=end(20, 5_000)
    )
    assert told(one) == [(0, 5, 1_000, True), (5, 20, 3_000, False)]


def test_what_contradicts_the_end_never_counts_more_than_it():
    one = charging([(10, 9_000), (20, 4_000)], begun=Begun(T0, 1_000), end=end(15, 6_000))
    assert told(one) == [(0, 10, 5_000, True), (10, 15, 0, True)]


def test_unbegun_counts_nothing():
    assert metered([charging([(10, 3_000)])], T0, "").segments == ()


registers = st.integers(0, 20_000)
minutes = st.integers(-5, 60)
chargings = st.builds(
    lambda samples, begun, changes, ended: charging(
        samples, begun=begun, changes=tuple(sorted(set(changes))), end=ended
    ),
    st.lists(st.tuples(minutes, registers), max_size=12),
    st.builds(lambda wh: Begun(T0, wh), registers),
    st.lists(st.builds(lambda m, f: change(m, flows=f), minutes, st.booleans()), max_size=4),
    st.one_of(st.none(), st.builds(end, st.integers(0, 50), registers)),
)


@given(chargings, st.integers(0, 90))
def test_it_adds_up_to_what_was_delivered(one, now):
    course = metered([one], T0 + now * MINUTE, "")
    parts = [segment.amounts for segment in course.segments]
    known = delivered(one, T0 + now * MINUTE)
    if parts:
        register = one.top_wh if one.end is None else one.end.energy_wh
        assert sum(part.energy_wh for part in parts) == max(register - one.begun.energy_wh, 0)
        assert sum(part.charging_ms for part in parts) == known.charging_ms
        assert sum(part.parking_ms for part in parts) == known.parking_ms
    assert all(part.energy_wh >= 0 for part in parts)
    edges = [edge for segment in course.segments for edge in segment[:2]]
    assert edges == sorted(edges)
