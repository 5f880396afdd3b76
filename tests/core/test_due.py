"""What may fall due next: never less than any way to spend the window can come to."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessionworld import T0, rated, request
from tariffworld import body, element

from streams.core import due
from streams.core.pricing import Course, Quantities, Unpriceable, charging, parking, parse

CHF_79 = rated("CHF", {"ENERGY": Fraction("0.79")})
WINDOW_MS = 36_000


def adds(*asked):
    return due.reach(*asked).most_minor


def test_headroom_is_what_a_minute_and_a_half_at_full_power_can_cost():
    assert adds(CHF_79, None, 350_000, 90_000) == 692  # 8.75 kWh
    assert adds(CHF_79, None, 1, 90_000) == 1


def test_headroom_counts_the_dearer_of_charging_and_parking():
    fee = rated("EUR", {"ENERGY": Fraction("0.50"), "TIME": Fraction(6)})
    assert adds(fee, None, 9_900, 36_000) == 11  # 100 Wh with the one more are 5, 36 s 6
    assert adds(fee, None, 10_000, 36_000) == 12  # 101 Wh are 5.05
    idle = rated("EUR", {"PARKING_TIME": Fraction(60)})
    assert adds(idle, None, 10_000, 36_000) == 60
    assert adds(idle, None, 10_000, 36_001) == 61


def test_the_time_of_all_that_run_counts_and_power_is_of_all_together():
    fee = rated("EUR", {"ENERGY": Fraction("0.50"), "TIME": Fraction(6)})
    assert adds(fee, None, 20_000, 36_000) == 17  # 201 Wh are 10.05, 36 s 6
    assert adds(fee, None, 20_000, 36_000, 2) == 23


prices = st.fractions(0, 5, max_denominator=1_000)
priced = st.builds(
    lambda currency, energy, time, parked: rated(
        currency, {"ENERGY": energy, "TIME": time, "PARKING_TIME": parked}
    ),
    st.sampled_from(["EUR", "JPY", "KWD"]),
    prices,
    prices,
    prices,
)


@given(
    priced,
    st.integers(1, 400_000),
    st.builds(Quantities, st.integers(0, 50_000), st.integers(0, 10**8), st.integers(0, 10**8)),
    st.integers(0, WINDOW_MS),
)
def test_headroom_covers_any_mix_within_the_window(tariff, power_w, at, charging_ms):
    ahead = adds(tariff, None, power_w, WINDOW_MS)
    grown = Quantities(
        at.energy_wh + -(-power_w * charging_ms // 3_600_000),
        at.charging_ms + charging_ms,
        at.parking_ms + WINDOW_MS - charging_ms,
    )
    assert tariff.simple.minor(grown) <= tariff.simple.minor(at) + ahead


# --- tariffs that ask when


NIGHT = parse(
    body(
        element(start_time="22:00", end_time="06:00", energy="0.40"),
        element(energy="0.80"),
    )
)
TEN_AT_NIGHT = 1_790_020_800_000  # 22:00 in Berlin


def course(*segments):
    return Course(tuple(segments), "Europe/Berlin")


def test_steps_count_as_if_it_ended_now_and_may_add_one_at_any_time():
    stepped = parse(body(element(energy="1.00/1000")))
    assert due.so_far(stepped, course(charging(T0, T0 + 1, 1)), Quantities(1, 1, 0)) == 100
    assert adds(stepped, course(charging(T0, T0 + 1, 900)), 3_600, 99_000) == 110


def test_a_least_price_is_due_at_once_and_nothing_delivered_is_nothing_due():
    least = parse(body(element(energy="1.00"), least="2.50"))
    nothing = course(parking(T0, T0 + 1))
    assert due.at_once(least, request()) == 250
    assert due.so_far(least, nothing, Quantities(0, 0, 1)) == 0
    assert due.once_flowing(least, nothing, Quantities(0, 0, 1)) == 250
    assert adds(least, nothing, 3_600, 99_000) == 10
    assert adds(least, course(charging(T0, T0 + 1, 1)), 3_600, 99_000) == 10


def test_local_time_without_a_zone_is_a_named_outcome():
    night = body(element(start_time="22:00", energy="0.40"))
    for zone in ("", "Europe/Nowhere"):
        with pytest.raises(Unpriceable, match="no-zone"):
            due.tariff_for(night, request(time_zone=zone))
    assert due.tariff_for(night, request(time_zone="Europe/Berlin")).needs_zone


def test_an_estimate_begins_when_it_was_asked_for():
    asked = request(time_zone="Europe/Berlin", requested_at=TEN_AT_NIGHT - 1_800_000)
    assert due.estimate(NIGHT, asked, Quantities(10_000, 3_600_000, 0)) == 600
