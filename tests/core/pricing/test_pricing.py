"""Local time, taxes of limits, tariffs that change: what the worked cases do not show."""

from fractions import Fraction

import pytest
from worked import HOUR_MS, MINUTE_MS, amps, at, component, course, element, kilowatts, tariff

from streams.core.pricing import Amounts, Course, Segment, Unpriceable, price, price_switched

NIGHT = tariff(
    element(component("TIME", 1), start_time="22:00", end_time="06:00"),
    element(component("TIME", 2)),
)


def billed_minutes(found):
    return [line.billed / MINUTE_MS for line in found.lines]


def test_a_night_over_midnight():
    found = price(NIGHT, course(at("21:00"), ("charging", 10 * 60)))
    assert billed_minutes(found) == [60 + 60, 8 * 60]
    assert found.net == 2 + 8 + 2


@pytest.mark.parametrize(
    ("day", "hours_of_night", "hours_after"),
    [
        ("2025-03-29", 7, 5),  # 02:00 to 03:00 does not come: the night is an hour shorter
        ("2025-10-25", 9, 3),  # 02:00 to 03:00 comes twice
    ],
)
def test_nights_on_which_clocks_change(day, hours_of_night, hours_after):
    found = price(NIGHT, course(at(f"{day} 22:00"), ("charging", 12 * 60)))
    assert billed_minutes(found) == [hours_of_night * 60, hours_after * 60]


@pytest.mark.parametrize(
    ("day", "minutes"),
    [("2025-03-30", 30), ("2025-10-26", 30 + 30)],
)
def test_a_window_inside_the_hour_that_is_lacking_or_double(day, minutes):
    window = tariff(
        element(component("TIME", 60), start_time="02:30", end_time="03:30"),
    )
    found = price(window, course(at(f"{day} 00:00"), ("charging", 6 * 60)))
    # In March from 03:00, which the clock shows after 02:00, to 03:30. In October 02:30 to 03:00
    # of summer time, and 02:30 to 03:30 of winter time.
    assert sum(billed_minutes(found)) == (30 if minutes == 30 else 90)


def test_the_local_day_decides_not_the_day_in_utc():
    only_tuesday = tariff(element(component("TIME", 60), day_of_week=["TUESDAY"]))
    start = at("2025-06-02 23:30")  # a Monday; 21:30 in UTC
    assert price(only_tuesday, course(start, ("charging", 60))).net == 30
    assert price(only_tuesday, course(start, ("charging", 60), zone="UTC")).net == 0


def test_dates_begin_and_end_at_local_midnight():
    may = tariff(element(component("TIME", 60), start_date="2025-06-03", end_date="2025-06-04"))
    found = price(may, course(at("2025-06-02 23:00"), ("charging", 26 * 60)))
    assert billed_minutes(found) == [24 * 60]


def test_local_time_is_not_guessed():
    for zone in ("", "Mars/Olympus"):
        with pytest.raises(Unpriceable) as caught:
            price(NIGHT, course(at("21:00"), ("charging", 60), zone=zone))
        assert caught.value.reason == "no-zone"


def test_tiers_of_energy_cut_a_segment():
    tiers = tariff(
        element(component("ENERGY", 0.20), max_kwh=10),
        element(component("ENERGY", 0.40), min_kwh=10),
    )
    assert price(tiers, course(0, ("charging", 60, 25_000))).net == 2 + 6


def test_an_idle_fee_after_a_grace_period():
    grace = tariff(
        element(component("PARKING_TIME", 0), max_duration=1800),
        element(component("PARKING_TIME", 3.0), min_duration=1800),
        element(component("ENERGY", 0.25, 10.0)),
    )
    found = price(grace, course(0, ("parking", 45), ("charging", 30, 10_000)))
    assert (found.net, found.gross) == (Fraction("3.25"), Fraction("3.5"))


def test_durations_do_not_count_the_reservation():
    quarter = tariff(
        element(component("TIME", 60), max_duration=900), element(component("FLAT", 1))
    )
    assert price(quarter, course(0, ("reserved", 60), ("charging", 30))).net == 15 + 1


def test_who_only_parks_draws_no_power():
    fast = tariff(element(component("PARKING_TIME", 60), min_power=50))
    slow = tariff(element(component("PARKING_TIME", 60), max_current=10))
    assert price(fast, course(0, ("parking", 10))).net == 0
    assert price(slow, course(0, ("parking", 10))).net == 10


def test_a_current_that_nobody_told_rules_nothing_out_and_is_noted():
    by_current = tariff(element(component("TIME", 60), min_current=32))
    found = price(by_current, course(0, ("charging", 10)))
    assert (found.net, found.notes) == (10, ("current-unknown",))
    assert price(by_current, course(0, ("charging", 10, 0, amps(16)))).net == 0


def test_power_at_a_bound():
    band = tariff(element(component("TIME", 60), min_power=6, max_power=12))
    parts = [("charging", 1, 0, kilowatts(one)) for one in (5, 6, 12)]
    assert price(band, course(0, *parts)).net == 1


def test_one_flat_fee_a_session_and_one_a_reservation():
    twice = tariff(
        element(component("FLAT", 4), reservation="RESERVATION"),
        element(component("FLAT", 1), max_duration=600),
        element(component("FLAT", 2)),
    )
    assert price(twice, course(0, ("reserved", 5), ("charging", 30))).net == 4 + 1


def test_a_limit_that_tells_net_only_follows_the_taxes_of_the_session():
    capped = tariff(
        element(component("ENERGY", 1, 20.0)), max_price={"excl_vat": 10}, min_price={"excl_vat": 2}
    )
    above, below, none = (
        price(capped, course(0, ("charging", 60, energy))) for energy in (50_000, 1_000, 0)
    )
    assert (above.net, above.gross, above.limit) == (10, 12, "max_price")
    assert (below.net, below.gross, below.limit) == (2, Fraction("2.4"), "min_price")
    assert (none.net, none.gross) == (2, Fraction("2.4"))


def test_a_limit_that_tells_net_only_where_nothing_was_had_takes_the_higher_tax():
    least = tariff(
        element(component("ENERGY", 1, 20.0), component("TIME", 1, 10.0)), min_price={"excl_vat": 2}
    )
    assert price(least, course(0, ("parking", 10))).gross == Fraction("2.4")


def test_a_limit_in_one_bound_leaves_the_other():
    capped = tariff(
        element(component("ENERGY", 1, 20.0)), max_price={"excl_vat": 10, "incl_vat": 11}
    )
    found = price(capped, course(0, ("charging", 60, 9_500)))
    assert (found.net, found.gross) == (Fraction("9.5"), 11)


# --- several tariffs ----------------------------------------------------------------------------


def test_a_tariff_that_changes_within_a_session():
    old = tariff(element(component("FLAT", 1), component("ENERGY", 0.20, step=1_000)))
    new = tariff(element(component("FLAT", 5), component("ENERGY", 0.30, step=1_000)))
    hour = Amounts(10_100, HOUR_MS)
    course_of_two = Course(
        (Segment(0, HOUR_MS, hour), Segment(HOUR_MS, 2 * HOUR_MS, hour, tariff=1))
    )
    found = price_switched([old, new], course_of_two)
    # One flat fee; 20.2 kWh are 21 by the step, the rest at the last price.
    assert found.net == 1 + Fraction("2.02") + Fraction("0.3") * Fraction("10.9")


def test_tariffs_of_one_session_have_one_currency():
    with pytest.raises(Unpriceable):
        price_switched(
            [
                tariff(element(component("FLAT", 1))),
                tariff(element(component("FLAT", 1)), currency="CHF"),
            ],
            Course(()),
        )


@pytest.mark.parametrize(
    ("rounding", "minor"), [("half_up", 13), ("half_even", 12), ("up", 13), ("down", 12)]
)
def test_rounding_is_a_policy_in_one_place(rounding, minor):
    found = price(tariff(element(component("FLAT", 0.125))), course(0, ("charging", 1)))
    assert found.due_minor(rounding) == minor
