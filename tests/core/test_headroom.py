"""Headroom by tariffs that ask when: from here and from every change within reach."""

from hypothesis import given, settings
from hypothesis import strategies as st
from sessionworld import T0
from tariffworld import body, element

from streams.core import due
from streams.core.pricing import Course, Quantities, charging, parse

WINDOW_MS = 36_000

NIGHT = parse(
    body(
        element(start_time="22:00", end_time="06:00", energy="0.40"),
        element(energy="0.80"),
    )
)
TEN_AT_NIGHT = 1_790_020_800_000  # 22:00 in Berlin


def course(*segments):
    return Course(tuple(segments), "Europe/Berlin")


def test_the_dearer_side_of_a_change_within_the_window_counts():
    begun_at, six = TEN_AT_NIGHT, TEN_AT_NIGHT + 8 * 3_600_000
    night = course(charging(begun_at, six - 60_000, 10_000))
    # 36 kW for 59 s at the night's price; for two minutes at the day's, which begins within them.
    assert due.may_add(NIGHT, night, 36_000, 59_000) == 24
    assert due.may_add(NIGHT, night, 36_000, 120_000) == 97


POWER = parse(
    body(
        element(max_power=10, energy="2.00"),
        element(min_duration=3600, flat="1.00", energy="0.50"),
        element(energy="0.50"),
    )
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 50_000), min_size=1, max_size=5), st.integers(0, 2 * 3_600_000))
def test_where_power_decides_the_weaker_may_be_the_dearer(powers, begun_ago_ms):
    begun = charging(T0 - begun_ago_ms, T0, 1_000)
    ahead = due.may_add(POWER, course(begun), 50_000, WINDOW_MS)
    each = WINDOW_MS // len(powers)
    segments = [
        charging(T0 + n * each, T0 + (n + 1) * each, power * each // 3_600_000)
        for n, power in enumerate(powers)
    ]
    before = due.so_far(POWER, course(begun), Quantities(1, 0, 0))
    after = due.so_far(POWER, course(begun, *segments), Quantities(1, 0, 0))
    assert after <= before + ahead


TIERS = parse(body(element(max_kwh=10, energy="0.40"), element(energy="1.20")))


def test_a_tier_within_reach_counts_from_its_begin():
    assert due.may_add(TIERS, course(charging(T0, T0 + 1, 9_000)), 36_000, 99_000) == 40
    assert due.may_add(TIERS, course(charging(T0, T0 + 1, 9_010)), 36_000, 99_000) == 119


def test_a_flat_fee_within_reach_counts():
    late = parse(body(element(min_duration=3600, flat="5.00"), element(energy="0.36")))
    assert due.may_add(late, course(charging(T0, T0 + 3_563_998, 9_000)), 1, WINDOW_MS) == 1
    assert due.may_add(late, course(charging(T0, T0 + 3_563_999, 9_000)), 1, WINDOW_MS) == 501
    assert due.may_add(late, course(charging(T0, T0 + 3_600_001, 9_000)), 1, WINDOW_MS) == 1
