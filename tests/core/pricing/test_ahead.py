"""What can price the next moments: components, boundaries, and what steps could add."""

from fractions import Fraction

import pytest
from worked import HOUR_MS, at, component, course, element, kilowatts, tariff

from streams.core.pricing import Assumed, limits, wake
from streams.core.pricing.ahead import ahead
from streams.core.pricing.tally import tally_of

START = at("20:00")
NOW = START + HOUR_MS
SO_FAR = course(START, ("charging", 60, 10_000))
NEVER = 10**15
NONE = -1


def look(priced, power_w=60_000, so_far=SO_FAR):
    found = ahead(priced, so_far, tally_of([priced.table], so_far), power_w)
    names = [
        None if index == NONE else priced.table.components[index].net_rate for index in found.picks
    ]
    return found, names


def test_without_restrictions_everything_applies_and_nothing_changes():
    priced = tariff(element(component("ENERGY", 1), component("TIME", 2), component("FLAT", 4)))
    found, rates = look(priced)
    assert rates == [1, 2, None, 4]
    assert (found.until_at, found.until_wh, found.slack) == (NEVER, None, 0)
    assert (found.prices_energy, found.prices_time) == (True, True)


@pytest.mark.parametrize(
    ("parts", "energy", "time"),
    [
        ([component("ENERGY", 1)], True, False),
        ([component("TIME", 1)], False, True),
        ([component("ENERGY", 0), component("TIME", 0)], False, False),
        ([component("PARKING_TIME", 1)], False, False),
    ],
)
def test_what_has_a_price(parts, energy, time):
    found, _ = look(tariff(element(*parts)))
    assert (found.prices_energy, found.prices_time) == (energy, time)


@pytest.mark.parametrize(
    ("rules", "until_at", "until_wh"),
    [
        ({"start_time": "22:30", "end_time": "23:00"}, at("22:30"), None),
        ({"end_time": "20:30"}, at("2025-06-03 00:00"), None),
        ({"min_duration": 5_400}, START + 5_400_000, None),
        ({"min_duration": 3_601, "start_time": "21:00"}, NOW + 1_000, None),
        ({"min_duration": 3_600}, NEVER, None),
        ({"min_duration": 3 * 86_400}, START + 3 * 86_400_000, None),
        ({"min_duration": 60}, NEVER, None),
        ({"max_kwh": 10}, NEVER, None),
        ({"max_kwh": 10.001}, NEVER, 10_001),
        ({"min_kwh": 5, "max_kwh": 25}, NEVER, 25_000),
    ],
)
def test_the_next_boundary(rules, until_at, until_wh):
    found, _ = look(tariff(element(component("ENERGY", 2), **rules), element(component("TIME", 1))))
    assert (found.until_at, found.until_wh) == (until_at, until_wh)


def test_what_applies_now_is_what_the_moment_and_the_energy_let_hold():
    tiers = tariff(
        element(component("ENERGY", 9), reservation=None, max_kwh=10),
        element(component("ENERGY", 3), start_time="21:00", end_time="22:00", max_kwh=20),
        element(component("ENERGY", 5)),
        element(component("TIME", 7), reservation="RESERVATION"),
    )
    assert look(tiers)[1] == [3, None, None, None]


def by_power(*bounds):
    """Dearer the weaker: the least of the power decides."""
    return tariff(
        *(element(component("ENERGY", price, step=step), **rules) for price, step, rules in bounds)
    )


def test_where_power_decides_the_dearest_that_can_be():
    weak = by_power((5, 100, {"max_power": 20}), (3, 500, {}))
    found, rates = look(weak)
    assert rates[0] == 5
    assert found.slack == Fraction("1.5")  # one step of 0.5 kWh at 3, dearer than 0.1 at 5


@pytest.mark.parametrize(
    ("power_w", "rate"),
    [(19_000, 3), (20_000, 5), (60_000, 5)],
)
def test_what_is_out_of_reach_cannot_be(power_w, rate):
    strong = by_power((5, 1, {"min_power": 20}), (3, 1, {}))
    assert look(strong, power_w)[1][0] == rate


def test_just_below_a_bound_another_holds():
    """16 kW and more is dear; below 16 and from 16 on are both in reach, and in between as well."""
    band = by_power((2, 1, {"max_power": 6}), (9, 1, {"max_power": 16}), (3, 1, {}))
    assert look(band, 5_000)[1][0] == 2
    assert look(band, 6_000)[1][0] == 9
    assert look(band, 60_000)[1][0] == 9


def test_a_power_that_changes_within_a_moment_can_meet_neither_bound():
    """From 5 to 60 kW is neither below 20 nor from 20 on: what comes last applies."""
    both = by_power((3, 1, {"max_power": 20}), (4, 1, {"min_power": 20}), (8, 1, {}))
    assert look(both)[1][0] == 8
    assert look(both, 10_000)[1][0] == 3


@pytest.mark.parametrize(
    ("rules", "rate"),
    [({"min_current": 32}, 9), ({"max_current": 32}, 9), ({"min_current": 0}, 9)],
)
def test_any_current_can_be(rules, rate):
    assert look(by_power((9, 1, rules), (3, 1, {})))[1][0] == rate
    dearer_last = look(by_power((3, 1, rules), (9, 1, {})))[1][0]
    assert dearer_last == (3 if rules == {"min_current": 0} else 9)


def test_who_parks_has_no_power_and_no_current():
    idle = tariff(
        element(component("PARKING_TIME", 9), min_power=1),
        element(component("PARKING_TIME", 8), min_current=1),
        element(component("PARKING_TIME", 2), max_current=1),
        element(component("PARKING_TIME", 7)),
    )
    assert look(idle, None)[1] == [None, None, 2, None]


def test_a_price_that_falls_with_power_is_never_too_late():
    weak = by_power((5, 1, {"max_power": 20}), (3, 1, {}))
    so_far = course(START, ("charging", 60, 10_000, kilowatts(10)))
    found = wake(weak, so_far, Assumed(charging=True, power_w=60_000), 6_000, 60_000)
    assert found.energy_wh == 12_001  # 50 and two kWh at 5; 60.005 rounds to more


# --- limits along a path --------------------------------------------------------------------------


def test_nothing_is_said_of_what_comes_after_a_month():
    month_ms = 31 * 86_400_000
    slow = tariff(element(component("TIME", "0.001")))
    charging, parked = Assumed(charging=True), Assumed(charging=False)
    assert limits(slow, SO_FAR, charging, 100) == (10_001, NOW + month_ms)
    night = tariff(element(component("PARKING_TIME", "0.001"), start_time="22:00"))
    assert limits(night, SO_FAR, parked, 100) == (None, NOW + month_ms)


def test_a_tier_that_is_reached_on_the_way():
    tiers = tariff(
        element(component("ENERGY", 1), max_kwh=20), element(component("ENERGY", 2), min_kwh=20)
    )
    found = limits(tiers, SO_FAR, Assumed(charging=True, power_w=60_000), 3_000)
    # 20 for the first 20 kWh, 10 for five more; three Wh are 0.6 cents, paid when the third begins.
    assert found.energy_wh == 25_003
    assert found.at == NOW + 15 * 60_000 + 121


@pytest.mark.parametrize(
    ("parts", "power_w", "energy_wh"),
    [
        ([component("ENERGY", 1)], 100, 20_005),
        ([component("ENERGY", 0), component("TIME", "0.1")], 100, 29_005),
    ],
)
def test_what_takes_days_is_found(parts, power_w, energy_wh):
    charged = Assumed(charging=True, power_w=power_w)
    ceiling = 2_000 if len(parts) == 1 else 1_910
    assert limits(tariff(element(*parts)), SO_FAR, charged, ceiling).energy_wh == energy_wh


@pytest.mark.parametrize(("kind", "parked"), [("TIME", False), ("PARKING_TIME", True)])
def test_what_adds_nothing_with_a_price_stands_still(kind, parked):
    other = tariff(element(component(kind, 6)))
    moving = Assumed(charging=not parked, power_w=0)
    assert limits(other, SO_FAR, moving, 10_000).at is not None
    still = Assumed(charging=parked, power_w=0)
    assert limits(other, SO_FAR, still, 10_000) == (None, None)
