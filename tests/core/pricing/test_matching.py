"""A tariff compiled: what holds when, bound by bound."""

import pytest
from worked import HOUR_MS, MINUTE_MS, at, component, course, element, kilowatts, tariff

from streams.core.pricing import Amounts, Course, Flow, Segment, Unpriceable, price
from streams.core.pricing.matching import began

ENERGY = component("ENERGY", 1)


def kwh(*segments, rules, zone="Europe/Amsterdam"):
    """How many kWh of these an element with such restrictions prices, at 1 each."""
    return price(tariff(element(ENERGY, **rules)), Course(tuple(segments), zone)).net


TEN = at("10:00")


def segment(minutes=60, wh=10_000, start=TEN, **flow):
    ms = minutes * MINUTE_MS
    return Segment(start, start + ms, Amounts(wh, ms), Flow(**flow))


@pytest.mark.parametrize(
    ("rules", "unrestricted"),
    [
        ({}, True), ({"reservation": None}, True), ({"start_time": "08:00"}, False),
        ({"min_duration": 60}, False), ({"max_power": 5}, False), ({"min_current": 5}, False),
        ({"min_kwh": 1}, False),
    ],
)  # fmt: skip
def test_restrictions(rules, unrestricted):
    assert tariff(element(ENERGY, **rules)).table.unrestricted == unrestricted


@pytest.mark.parametrize(
    ("flow", "rules", "holds"),
    [
        # one figure stands for both
        ({"min_w": 6_000}, {"min_power": 6, "max_power": 6.001}, True),
        ({"max_w": 6_000}, {"min_power": 6, "max_power": 6.001}, True),
        ({"min_w": 5_999}, {"min_power": 6}, False),
        ({"max_w": 6_000}, {"max_power": 6}, False),
        # the least for a least, the most for a most
        ({"min_w": 5_000, "max_w": 9_000}, {"min_power": 6}, False),
        ({"min_w": 7_000, "max_w": 9_000}, {"min_power": 6}, True),
        ({"min_w": 5_000, "max_w": 9_000}, {"max_power": 9}, False),
        ({"min_w": 5_000, "max_w": 8_999}, {"max_power": 9}, True),
        # nobody told: 10 kWh in an hour are 10 kW
        ({}, {"min_power": 10}, True),
        ({}, {"min_power": 10.001}, False),
        ({}, {"max_power": 10}, False),
        ({}, {"max_power": 10.001}, True),
        ({"min_w": 0, "max_w": 0}, {"max_power": 1}, True),
        # current
        ({"min_ma": 16_000}, {"min_current": 16, "max_current": 16.001}, True),
        ({"max_ma": 16_000}, {"min_current": 16, "max_current": 16.001}, True),
        ({"max_ma": 15_999}, {"min_current": 16}, False),
        ({"min_ma": 16_000}, {"max_current": 16}, False),
        ({"min_ma": 10_000, "max_ma": 20_000}, {"min_current": 16}, False),
        ({"min_ma": 10_000, "max_ma": 20_000}, {"max_current": 16}, False),
        ({"min_ma": 10_000, "max_ma": 20_000}, {"min_current": 10, "max_current": 21}, True),
        ({}, {"min_current": 16, "max_current": 17}, True),
    ],
)
def test_power_and_current(flow, rules, holds):
    assert kwh(segment(**flow), rules=rules) == (10 if holds else 0)


def test_the_average_is_over_the_time_charging():
    half = Segment(0, HOUR_MS, Amounts(10_000, HOUR_MS // 2, HOUR_MS // 2))
    assert kwh(half, rules={"min_power": 20}) == 10
    assert kwh(half, rules={"min_power": 20.001}) == 0
    untold = Segment(0, HOUR_MS, Amounts(10_000))
    assert kwh(untold, rules={"min_power": 10}) == 10
    assert kwh(untold, rules={"min_power": 10.001}) == 0
    at_once = Segment(0, 0, Amounts(10_000))
    assert kwh(at_once, rules={"min_power": 1_000, "max_power": 1_001}) == 10


def test_who_parks_draws_nothing():
    idle = tariff(element(component("PARKING_TIME", 60), max_power=1, max_current=1))
    assert price(idle, course(0, ("parking", 10))).net == 10
    idle = tariff(element(component("PARKING_TIME", 60), min_current=1))
    assert price(idle, course(0, ("parking", 10))).net == 0


@pytest.mark.parametrize(
    ("amounts", "flow", "noted"),
    [
        (Amounts(1_000), Flow(), True), (Amounts(0, 60_000), Flow(), True),
        (Amounts(0, 0, 60_000), Flow(), False), (Amounts(1_000), Flow(min_ma=5), False),
        (Amounts(1_000), Flow(max_ma=5), False),
    ],
)  # fmt: skip
def test_a_current_that_is_asked_for_and_not_told_is_noted(amounts, flow, noted):
    by_current = tariff(element(ENERGY, min_current=1), element(ENERGY))
    found = price(by_current, Course((Segment(0, 60_000, amounts, flow),)))
    assert found.notes == (("current-unknown",) if noted else ())
    by_power = tariff(element(ENERGY, min_power=1), element(ENERGY))
    assert price(by_power, Course((Segment(0, 60_000, amounts, flow),))).notes == ()


# --- when it began --------------------------------------------------------------------------------


RESERVED = Segment(100, 200, Amounts(reserved_ms=100))


@pytest.mark.parametrize(
    ("segments", "at_ms"),
    [
        ([], 0),
        ([RESERVED], 100),
        ([RESERVED, Segment(200, 300, Amounts(parking_ms=100))], 200),
        ([RESERVED, Segment(200, 300, Amounts(charging_ms=50, reserved_ms=50))], 200),
        ([RESERVED, Segment(200, 300, Amounts(energy_wh=50, reserved_ms=50))], 200),
        ([Segment(50, 100, Amounts())], 50),
    ],
)
def test_a_session_begins_with_what_is_no_reservation(segments, at_ms):
    assert began(Course(tuple(segments))) == at_ms


def test_energy_in_a_period_that_was_reserved_too_is_priced():
    both = tariff(
        element(component("TIME", 6), reservation="RESERVATION"),
        element(ENERGY, component("PARKING_TIME", 12)),
    )
    for amounts, net in (
        (Amounts(2_000, 0, 0, HOUR_MS), 8),
        (Amounts(0, 0, HOUR_MS, HOUR_MS), 18),
        (Amounts(0, 0, 0, HOUR_MS), 6),
    ):
        assert price(both, Course((Segment(0, HOUR_MS, amounts),))).net == net


# --- time and energy together ---------------------------------------------------------------------


def test_time_and_duration_have_to_hold_both():
    rules = {"start_time": "10:00", "end_time": "11:00", "min_duration": 1_800}
    assert kwh(segment(120, 12_000, start=at("09:45")), rules=rules) == pytest.approx(4.5)
    assert kwh(segment(120, 12_000, start=at("10:15")), rules=rules) == pytest.approx(1.5)


def test_days_and_times_have_to_hold_both():
    rules = {"day_of_week": ["TUESDAY"], "start_time": "00:00", "end_time": "01:00"}
    assert kwh(segment(120, 12_000, start=at("23:00")), rules=rules) == 6
    assert kwh(segment(120, 12_000, start=at("2025-06-03 23:00")), rules=rules) == 0


def test_a_tier_within_a_time():
    rules = {"start_time": "10:30", "min_kwh": 8}
    assert kwh(segment(), rules=rules) == 2
    assert kwh(segment(), rules={"start_time": "10:30", "min_kwh": 2, "max_kwh": 7}) == 2


def test_energy_that_flows_back_has_its_tier_where_it_began():
    tiers = tariff(element(ENERGY, max_kwh=10), element(component("ENERGY", 3)))
    back = course(0, ("charging", 60, 12_000), ("charging", 10, -4_000))
    assert price(tiers, back).net == 10 + 2 * 3 - 4 * 3


def test_power_tells_nothing_of_local_time():
    both = tariff(element(ENERGY, start_time="10:00", min_power=5), element(component("ENERGY", 3)))
    parts = [("charging", 60, 10_000, kilowatts(4)), ("charging", 60, 10_000, kilowatts(6))]
    assert price(both, course(at("10:00"), *parts)).net == 30 + 10


def test_only_what_asks_for_local_time_needs_a_zone():
    with pytest.raises(Unpriceable, match="no-zone"):
        kwh(segment(), rules={"start_date": "2025-01-01"}, zone="")
    assert kwh(segment(), rules={"min_duration": 0}, zone="") == 10
