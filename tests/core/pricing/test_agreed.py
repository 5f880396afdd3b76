"""What GIREVE adds to OCPI 2.1.1: roundings of a component's own, and SESSION_TIME."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worked import at, body, component, course, element, tariff

from streams.core.pricing import Assumed, Unpriceable, limits, parse, price, wake
from streams.core.pricing.cdr import decode, read_cdr
from streams.core.pricing.settling import most_added

MORNING = at("09:30")
HOUR_MS = 3_600_000


def rounding(granularity, rule):
    return {"round_granularity": granularity, "round_rule": f"ROUND_{rule}"}


def rounded(kind, amount, step=1, prices=None, steps=None, vat=None):
    found = component(kind, amount, vat, step)
    found |= {} if prices is None else {"price_round": rounding(*prices)}
    return found | ({} if steps is None else {"step_round": rounding("UNIT", steps)})


@pytest.mark.parametrize(
    ("granularity", "rule", "net"),
    [
        ("UNIT", "UP", "8"), ("UNIT", "DOWN", "7"), ("UNIT", "NEAR", "7"),
        ("TENTH", "UP", "7.4"), ("TENTH", "DOWN", "7.3"), ("TENTH", "NEAR", "7.3"),
        ("HUNDREDTH", "UP", "7.33"), ("HUNDRETH", "DOWN", "7.32"), ("HUNDREDTH", "NEAR", "7.33"),
        ("THOUSANDTH", "UP", "7.326"), ("THOUSANDTH", "DOWN", "7.325"),
        ("THOUSANDTH", "NEAR", "7.326"),
    ],
)  # fmt: skip
def test_the_cost_of_a_component_is_rounded(granularity, rule, net):
    priced = tariff(element(rounded("ENERGY", "0.5", prices=(granularity, rule))))
    found = price(priced, course(MORNING, ("charging", 60, 14_651)))  # 7.3255
    assert found.net == found.lines[0].net == Fraction(net)


@pytest.mark.parametrize(("rule", "billed"), [("UP", 12_000), ("DOWN", 11_000), ("NEAR", 12_000)])
def test_steps_by_their_own_rule(rule, billed):
    priced = tariff(element(rounded("ENERGY", "0.492", 1_000, steps=rule)))
    (line,) = price(priced, course(MORNING, ("charging", 20, 11_765))).lines
    assert (line.used, line.billed) == (11_765, billed)


def test_steps_and_cost_of_a_cdr_that_gireve_rounded():
    priced = tariff(element(rounded("ENERGY", 0.492, 1_000, ("HUNDREDTH", "UP"), "UP")))
    found = price(priced, course(MORNING, ("charging", 20, 11_765)))
    assert found.net == Fraction("5.91")  # 12 steps of 0.492 are 5.904


def test_steps_are_whole_unless_told_and_money_has_to_say_its_grain():
    bare = {"round_rule": "ROUND_UP"}
    priced = tariff(element(component("ENERGY", 1, step=1_000) | {"step_round": bare}))
    assert price(priced, course(MORNING, ("charging", 20, 1_001))).net == 2
    with pytest.raises(Unpriceable, match="price_round"):
        tariff(element(component("ENERGY", 1) | {"price_round": bare}))


def test_each_element_has_steps_of_its_own():
    cheap = rounded("ENERGY", 1, 1_000, steps="UP")
    priced = tariff(element(cheap, max_kwh=1.5), element(rounded("ENERGY", 2, 1_000, steps="UP")))
    found = price(priced, course(MORNING, ("charging", 60, 3_200)))
    assert [one.billed for one in found.lines] == [2_000, 2_000]
    assert found.net == 6


def test_what_is_rounded_by_itself_does_not_count_for_the_steps_of_the_session():
    priced = tariff(
        element(rounded("ENERGY", 1, 1_000, steps="DOWN"), max_kwh=1.5),
        element(component("ENERGY", 2, step=1_000)),
    )
    found = price(priced, course(MORNING, ("charging", 60, 3_200)))
    assert [one.billed for one in found.lines] == [1_000, 2_000]


def test_a_fee_has_no_steps_and_nothing_is_a_step_of_nothing():
    priced = tariff(
        element(
            rounded("FLAT", "1.25", 7, ("UNIT", "UP"), "UP"),
            rounded("ENERGY", "0.5", 0, steps="UP"),
        )
    )
    found = price(priced, course(MORNING, ("charging", 60, 1_500)))
    assert [(one.billed, one.net) for one in found.lines] == [(1_500, Fraction("0.75")), (1, 2)]


@pytest.mark.parametrize(
    ("included", "net", "gross"), [("NO", "1.3", "1.56"), ("YES", "13/12", "1.3")]
)
def test_the_price_is_rounded_as_it_is_told(included, net, gross):
    priced = tariff(
        element(rounded("ENERGY", "0.5", prices=("TENTH", "UP"), vat=20)), tax_included=included
    )
    found = price(priced, course(MORNING, ("charging", 60, 2_500)))
    assert (found.net, found.gross, found.due) == (Fraction(net), Fraction(gross), Fraction(gross))


def test_what_is_free_stays_free():
    priced = tariff(element(rounded("ENERGY", 0, prices=("UNIT", "UP"))))
    assert price(priced, course(MORNING, ("charging", 60, 2_500))).due == 0


def test_without_a_tax_the_other_side_stays_unknown():
    priced = tariff(element(rounded("ENERGY", "0.5", prices=("TENTH", "UP"))), tax_included="NO")
    found = price(priced, course(MORNING, ("charging", 60, 2_500)))
    assert (found.net, found.gross, found.due) == (Fraction("1.3"), None, Fraction("1.3"))


def test_a_rounded_tariff_has_no_integer_rates():
    assert tariff(element(rounded("ENERGY", 1, prices=("UNIT", "UP")))).simple is None
    assert tariff(element(rounded("ENERGY", 1, steps="UP"))).simple is None


RULES = st.sampled_from(["UP", "DOWN", "NEAR"])
ROUNDED = st.builds(
    lambda amount, step, prices, steps: rounded("ENERGY", amount, step, prices, steps),
    st.integers(1, 9),
    st.sampled_from([1, 100, 1_000]),
    st.none() | st.tuples(st.sampled_from(["UNIT", "TENTH", "HUNDREDTH"]), RULES),
    st.none() | RULES,
)


@given(
    parts=st.tuples(ROUNDED, ROUNDED),
    had=st.integers(0, 9_000),
    ceiling=st.integers(100, 20_000),
)
def test_limits_and_price_agree_where_prices_go_up_in_steps(parts, had, ceiling):
    priced = tariff(element(parts[0], max_kwh=5), element(parts[1]))
    so_far = course(MORNING, ("charging", 30, had))
    assumed = Assumed(charging=True, power_w=60_000)
    found = limits(priced, so_far, assumed, ceiling)
    woken = wake(priced, so_far, assumed, ceiling, 60_000)

    def due(wh):
        more = ("charging", (wh - had) / 1_000, wh - had)
        return price(priced, course(MORNING, ("charging", 30, had), more)).due_minor()

    if found.energy_wh is not None and found.energy_wh > had:
        assert due(found.energy_wh) > ceiling
        assert due(found.energy_wh - 1) <= ceiling
    if woken.energy_wh is not None and woken.energy_wh > had:
        assert due(woken.energy_wh - 1) <= ceiling


@given(parts=st.tuples(ROUNDED, ROUNDED), had=st.integers(0, 9_000))
def test_no_rounding_adds_more_than_is_told(parts, had):
    rounded_ones = tariff(element(parts[0], max_kwh=5), element(parts[1]))
    plain = tariff(
        element(component("ENERGY", parts[0]["price"]), max_kwh=5),
        element(component("ENERGY", parts[1]["price"])),
    )
    session = course(MORNING, ("charging", 30, had))
    more = price(rounded_ones, session).due - price(plain, session).due
    assert more <= most_added(rounded_ones.components)


def test_what_steps_can_add_is_one_of_energy_and_one_of_time():
    parts = [
        component("ENERGY", 2, step=500), component("TIME", 6, step=600),
        component("PARKING_TIME", 12, step=600),
    ]  # fmt: skip
    assert most_added(tariff(element(*parts)).components) == 3  # 0.5 kWh, 10 minutes parked
    own = [rounded("ENERGY", 2, 500, ("TENTH", "UP"), "UP"), component("TIME", 6, step=600)]
    assert most_added(tariff(element(*own)).components) == Fraction("2.1")
    fine = [component("ENERGY", 2, step=1), component("TIME", 6, step=1)]
    assert most_added(tariff(element(*fine)).components) == 0


# --- SESSION_TIME -----------------------------------------------------------------------------


def test_session_time_is_time_charging_or_not():
    priced = tariff(element(component("SESSION_TIME", 1, step=900)))
    found = price(priced, course(MORNING, ("charging", 60), ("parking", 5), ("charging", 2)))
    (line,) = found.lines
    assert (line.used, line.billed) == (67 * 60_000, 75 * 60_000)
    assert found.net == Fraction("1.25")


def test_session_time_gives_integer_rates():
    rates = tariff(element(component("SESSION_TIME", 6))).simple
    assert rates is not None
    assert rates.charging_rate == rates.parking_rate > 0


def test_an_element_before_it_prices_only_what_is_its_own():
    priced = tariff(element(component("PARKING_TIME", 12)), element(component("SESSION_TIME", 6)))
    found = price(priced, course(MORNING, ("charging", 30), ("parking", 10)))
    assert {one.component.dimension: one.net for one in found.lines} == {
        "SESSION_TIME": 3,
        "PARKING_TIME": 2,
    }


def test_limits_know_that_parking_costs_as_well():
    priced = parse(body(element(component("SESSION_TIME", 6, step=60))))
    so_far = course(MORNING, ("charging", 10))
    found = limits(priced, so_far, Assumed(charging=False), 200)
    assert found.at == MORNING + 20 * 60_000 + 1


@pytest.mark.parametrize(
    ("volumes", "charging", "parking"),
    [
        ({"SESSION_TIME": 2}, 2, 0),
        ({"SESSION_TIME": 2, "ENERGY": 10}, 2, 0),
        ({"SESSION_TIME": 2, "TIME": 1.5}, 1.5, 0.5),
        ({"SESSION_TIME": 2, "PARKING_TIME": 1.5}, 0.5, 1.5),
        ({"SESSION_TIME": 2, "TIME": 1, "PARKING_TIME": 1}, 1, 1),
        ({"SESSION_TIME": 2, "TIME": 2}, 2, 0),
        ({"SESSION_TIME": 1, "TIME": 2}, 2, 0),
    ],
)
def test_session_time_of_a_cdr_is_what_the_others_leave(volumes, charging, parking):
    record = {
        "currency": "EUR",
        "end_date_time": "2025-01-01T02:00:00Z",
        "charging_periods": [
            {
                "start_date_time": "2025-01-01T00:00:00Z",
                "dimensions": [{"type": kind, "volume": one} for kind, one in volumes.items()],
            }
        ],
    }
    (segment,) = read_cdr(decode(json.dumps(record))).course.segments
    assert segment.amounts.charging_ms == charging * HOUR_MS
    assert segment.amounts.parking_ms == parking * HOUR_MS
