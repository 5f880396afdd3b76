"""How far an amount reaches, worked by hand."""

import pytest
from worked import HOUR_MS, MINUTE_MS, at, component, course, element, tariff

from streams.core.pricing import Assumed, Course, Limits, limits, wake

MINUTE = MINUTE_MS
START = at("20:00")
CHARGING, PARKED = Assumed(True, 60_000), Assumed(False)
SO_FAR = course(START, ("charging", 60, 10_000))
NOW = START + HOUR_MS


def test_energy_alone_is_exact_and_asks_for_no_clock():
    plain = tariff(element(component("ENERGY", 0.50)))
    # Up to 20.00, and not quite 20.005: 40.009 kWh are 20.0045.
    assert wake(plain, SO_FAR, CHARGING, 2_000, MINUTE) == Limits(40_010, None)
    found = limits(plain, SO_FAR, CHARGING, 2_000)
    # More than 30.009 kWh, at a kWh a minute, is a Wh begun.
    assert found == Limits(40_010, NOW + 1_800_541)


def test_a_step_is_paid_when_it_begins():
    stepped = tariff(element(component("ENERGY", 0.50, step=1_000)))
    assert wake(stepped, SO_FAR, CHARGING, 2_000, MINUTE) == Limits(40_001, None)
    assert limits(stepped, SO_FAR, CHARGING, 2_000).energy_wh == 40_001


def test_a_step_that_reaches_beyond_the_boundary():
    """Up to 14.5 kWh the rate alone stays below 14.90; the step that begins at 14 does not."""
    tier = element(component("ENERGY", 1, step=1_000), max_kwh=14.5)
    stepped = tariff(tier, element(component("ENERGY", 2, step=1_000)))
    assert wake(stepped, SO_FAR, CHARGING, 1_490, MINUTE) == Limits(14_001, None)
    assert wake(stepped, SO_FAR, CHARGING, 1_500, MINUTE) == Limits(14_501, None)


def test_a_step_of_time_that_reaches_beyond_the_boundary():
    until_half_past = element(component("PARKING_TIME", 6, step=1_200), end_time="21:30")
    stepped = tariff(until_half_past, element(component("PARKING_TIME", 12, step=1_200)))
    assert wake(stepped, SO_FAR, PARKED, 300, MINUTE) == Limits(None, NOW + 20 * MINUTE + 1)
    assert wake(stepped, SO_FAR, PARKED, 400, MINUTE) == Limits(None, NOW + 30 * MINUTE + 1)


def test_parking_has_a_clock_and_no_energy():
    idle = tariff(element(component("PARKING_TIME", 6, step=60)))
    # Ten cents a minute: 1.00 is paid for ten minutes, the eleventh begins with its first ms.
    expected = Limits(None, NOW + 10 * MINUTE + 1)
    assert wake(idle, SO_FAR, PARKED, 100, MINUTE) == expected
    assert limits(idle, SO_FAR, PARKED, 100) == expected


def test_time_gets_half_of_what_is_left_and_energy_the_rest():
    both = tariff(element(component("ENERGY", 0.50), component("TIME", 6.00)))
    # 5.00 and 6.00 are due; of the 10 left five are for 50 minutes, five for 10 kWh.
    found = wake(both, SO_FAR, CHARGING, 2_100, MINUTE)
    assert found.at - NOW == pytest.approx(50 * MINUTE, abs=2_000)
    assert found.energy_wh == pytest.approx(20_000, abs=10)


def test_time_is_not_cut_finer_than_the_horizon_where_there_is_room():
    both = tariff(element(component("ENERGY", 0.50), component("TIME", 6.00)))
    assert wake(both, SO_FAR, CHARGING, 1_210, 10 * MINUTE).at >= NOW + 10 * MINUTE
    # 1.10, not quite 1.105 above what is due, are eleven minutes: there is no room for twenty.
    found = wake(both, SO_FAR, CHARGING, 1_210, 20 * MINUTE)
    assert found.at == pytest.approx(NOW + 11 * MINUTE, abs=3_100)


def test_where_power_decides_the_dearest_that_may_come_counts():
    by_power = tariff(
        element(component("ENERGY", 0.50), max_power=20), element(component("ENERGY", 0.30))
    )
    found = wake(by_power, SO_FAR, CHARGING, 1_000, MINUTE)
    assert found.energy_wh == 20_010  # a step of one Wh adds nothing to whole ones
    assert limits(by_power, SO_FAR, CHARGING, 1_000).energy_wh == 26_684


def test_one_wakes_at_the_next_boundary():
    night = tariff(
        element(component("ENERGY", 0.30), start_time="22:00", end_time="06:00"),
        element(component("ENERGY", 0.20), max_kwh=15),
        element(component("ENERGY", 0.40)),
    )
    assert wake(night, SO_FAR, CHARGING, 10_000, MINUTE) == Limits(15_001, at("22:00") + 1)
    later = tariff(element(component("PARKING_TIME", 6), min_duration=5_400))
    assert wake(later, SO_FAR, PARKED, 100, MINUTE) == Limits(None, NOW + 30 * MINUTE + 1)
    assert limits(later, SO_FAR, PARKED, 100).at == pytest.approx(NOW + 40 * MINUTE, abs=5_000)


def test_a_price_that_rises_at_a_boundary():
    evening = tariff(
        element(component("ENERGY", 0.60), start_time="21:30"), element(component("ENERGY", 0.20))
    )
    # 2.00 are due; 30 minutes at a kWh a minute are 6.00 more, and 60 cents a minute from then on.
    found = limits(evening, SO_FAR, CHARGING, 1_400)
    assert found.energy_wh == 50_010 - 1
    assert found.at == pytest.approx(NOW + 40 * MINUTE, abs=1_000)


def test_a_flat_fee_falls_due_with_the_first_moment():
    late = tariff(element(component("FLAT", 3), min_duration=5_400))
    assert limits(late, SO_FAR, PARKED, 200) == Limits(None, NOW + 30 * MINUTE + 1)


@pytest.mark.parametrize("way", [limits, lambda *given: wake(*given, MINUTE)])
def test_exceeded_already_is_now(way):
    plain = tariff(element(component("ENERGY", 0.50)))
    assert way(plain, SO_FAR, CHARGING, 499) == Limits(10_000, NOW)


@pytest.mark.parametrize("way", [limits, lambda *given: wake(*given, MINUTE)])
def test_a_greatest_price_below_the_ceiling_is_never_passed(way):
    most = {"excl_vat": 8, "incl_vat": 9}
    capped = tariff(element(component("ENERGY", 0.50, 20.0)), max_price=most)
    assert way(capped, SO_FAR, CHARGING, 900) == Limits(None, None)
    assert way(capped, SO_FAR, CHARGING, 899).energy_wh == 14_992


def test_what_costs_nothing_is_never_passed():
    plain = tariff(element(component("ENERGY", 0.50)))
    assert limits(plain, SO_FAR, PARKED, 500) == Limits(None, None)
    assert wake(plain, SO_FAR, PARKED, 500, MINUTE) == Limits(None, None)


def test_a_course_has_a_moment_to_go_on_from():
    with pytest.raises(ValueError, match="segments"):
        limits(tariff(element(component("ENERGY", 1))), Course(()), CHARGING, 1)
