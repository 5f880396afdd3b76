"""Headroom by tariffs that ask when: from here and from every change within reach."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from sessionworld import T0
from tariffworld import body, element

from streams.core import due
from streams.core.pricing import Course, Quantities, charging, parking, parse

WINDOW_MS = 36_000


def adds(*asked):
    return due.reach(*asked).most_minor


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
    assert adds(NIGHT, night, 36_000, 59_000) == 24
    assert adds(NIGHT, night, 36_000, 120_000) == 97


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
    ahead = adds(POWER, course(begun), 50_000, WINDOW_MS)
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
    assert adds(TIERS, course(charging(T0, T0 + 1, 9_000)), 36_000, 99_000) == 40
    assert adds(TIERS, course(charging(T0, T0 + 1, 9_010)), 36_000, 99_000) == 119


def test_a_flat_fee_within_reach_counts():
    late = parse(body(element(min_duration=3600, flat="5.00"), element(energy="0.36")))
    assert adds(late, course(charging(T0, T0 + 3_563_998, 9_000)), 1, WINDOW_MS) == 1
    assert adds(late, course(charging(T0, T0 + 3_563_999, 9_000)), 1, WINDOW_MS) == 501
    assert adds(late, course(charging(T0, T0 + 3_600_001, 9_000)), 1, WINDOW_MS) == 1


mixed = st.lists(
    st.builds(
        lambda bounds, parts: element(**bounds, **parts),
        st.sampled_from(
            [
                {"start_time": "22:00", "end_time": "06:00"},
                {"max_duration": 60},
                {"min_duration": 100},
                {"min_kwh": 3},
                {"max_kwh": "3.2"},
                {},
            ]
        ),
        st.sampled_from(
            [
                {"energy": "0.40", "flat": "1.00"},
                {"energy": "0.90", "time": "6.00"},
                {"parking": "9.00"},
                {"energy": "0.20/1000"},
            ]
        ),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(mixed, st.integers(-200_000, 200_000), st.integers(0, 300_000), st.integers(2_500, 3_400))
def test_it_is_one_number_until_it_says_and_an_upper_bound(elements, from_night, took_ms, wh):
    """What rules and watches go by: the same everywhere before the instant and the energy told."""
    priced, began_at = parse(body(*elements)), TEN_AT_NIGHT + from_night

    def stood(more_ms=0, more_wh=0):
        return course(charging(began_at, began_at + took_ms + more_ms, wh + more_wh))

    here = due.reach(priced, stood(), 36_000, WINDOW_MS)
    last_ms = WINDOW_MS if here.until_at is None else here.until_at - began_at - took_ms - 1
    last_wh = 500 if here.until_wh is None else here.until_wh - wh - 1
    assert min(last_ms, last_wh) >= 0
    for ms, more in ((last_ms, 0), (0, last_wh), (last_ms, last_wh), (last_ms // 2, last_wh // 2)):
        assert due.reach(priced, stood(ms, more), 36_000, WINDOW_MS).most_minor <= here.most_minor
    parts = [
        charging(began_at + took_ms, began_at + took_ms + WINDOW_MS // 2, 180),
        parking(began_at + took_ms + WINDOW_MS // 2, began_at + took_ms + WINDOW_MS),
    ]
    before = due.once_flowing(priced, stood(), Quantities(wh, 0, 0))
    for added in (parts, parts[:1], parts[1:]):
        after = course(*stood().segments, *added)
        assert due.once_flowing(priced, after, Quantities(wh, 0, 0)) <= before + here.most_minor


def _gireve(steps_rule, price_rule):
    """Whole kWh, whole minutes of the session and whole euros, each rounded by itself."""
    rounding = {
        "price_round": {"round_granularity": "UNIT", "round_rule": f"ROUND_{price_rule}"},
        "step_round": {"round_granularity": "UNIT", "round_rule": f"ROUND_{steps_rule}"},
    }
    energy = {"type": "ENERGY", "price": 2, "step_size": 1000} | rounding
    session = {"type": "SESSION_TIME", "price": 60, "step_size": 60} | rounding
    elements = [
        {"price_components": [energy], "restrictions": {"max_kwh": 2}},
        {"price_components": [energy | {"price": 5}, session]},
    ]
    return parse(json.dumps({"currency": "EUR", "country_code": "NL", "elements": elements}))


RULES = st.sampled_from(["UP", "DOWN", "NEAR"])


@settings(max_examples=60, deadline=None)
@given(RULES, RULES, st.integers(0, 4_000), st.integers(1, 400_000), st.booleans())
def test_what_is_rounded_by_itself_is_within_reach_as_well(steps, prices, had_wh, ms, parked):
    tariff = _gireve(steps, prices)
    begun = charging(T0 - 50_000, T0, had_wh)
    ahead = adds(tariff, course(begun), 36_000, ms)
    more = parking(T0, T0 + ms) if parked else charging(T0, T0 + ms, 36_000 * ms // 3_600_000)
    before = due.so_far(tariff, course(begun), Quantities(1, 0, 0))
    after = due.so_far(tariff, course(begun, more), Quantities(1, 0, 0))
    assert before <= after <= before + ahead
