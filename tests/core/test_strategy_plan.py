"""What each strategy comes to, by amounts worked out by hand."""

from fractions import Fraction

import pytest
from sessionworld import rated, request

from streams.core.strategy_cells import Amounts, Buffer, Cell
from streams.core.strategy_plan import Asked, Plan, first_usable, plan_of

EUR = rated("EUR", {"ENERGY": Fraction("0.50"), "FLAT": Fraction(1)})


def asked(*, raises=True, wish=None, tariff=EUR, **changed):
    usual = {"currency": "EUR", "power_max_w": 50_000}
    return Asked(request(**{**usual, **changed}), tariff, wish, raises)


def cell(strategy, declared=None, buffer=0, fill_wh=0, **amounts):
    return Cell(
        name=strategy,
        strategy=strategy,
        declared=declared,
        buffer=Buffer(percent=buffer),
        fill_wh=fill_wh,
        amounts={"EUR": Amounts(**amounts)},
    )


def held(plan):
    assert isinstance(plan, Plan), plan
    return plan.first_minor, plan.step_minor, plan.ceiling_minor


FILL = cell("declared", ("fill",), 10, 40_000, ceiling_minor=90_00)


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, 23_10),  # 40 kWh are 20.00 and 1.00 to start, 10 % more
        ({"expected_wh": 20_000}, 12_10),
        ({"expected_wh": 400_000}, 90_00),
    ],
)
def test_filling_up_is_the_price_of_what_is_expected(changed, wanted):
    plan = plan_of(FILL, asked(declared_kind="fill", **changed))
    assert held(plan) == (wanted, 0, wanted)


def test_an_expected_time_counts_where_it_is_longer_than_at_full_power():
    timed = rated("EUR", {"ENERGY": Fraction("0.50"), "TIME": Fraction(6)})
    for expected_ms, wanted in [(0, 14_40), (60_000, 14_40), (3_600_000, 18_00)]:
        plan = plan_of(
            cell("declared", ("energy",), ceiling_minor=90_00),
            asked(
                tariff=timed, declared_kind="energy", declared_value=24_000, power_max_w=60_000,
                expected_ms=expected_ms,
            ),
        )  # fmt: skip
        assert held(plan)[0] == wanted  # 12.00, and 24 or 60 minutes at 0.10


THEN = cell(
    "declared_then_incremental",
    ("amount", "energy", "fill"),
    fill_wh=40_000,
    step_minor=5_00,
    ceiling_minor=60_00,
)


@pytest.mark.parametrize(
    ("kind", "value", "raises", "amounts"),
    [
        ("energy", 20_000, True, (11_00, 5_00, 60_00)),
        ("energy", 20_000, False, (11_00, 0, 11_00)),
        ("fill", 0, True, (21_00, 5_00, 60_00)),
        ("amount", 25_00, True, (25_00, 0, 25_00)),  # a sum that was named is the end of it
        ("amount", 99_00, True, (60_00, 0, 60_00)),
    ],
)
def test_declared_then_steps(kind, value, raises, amounts):
    plan = plan_of(THEN, asked(raises=raises, declared_kind=kind, declared_value=value))
    assert held(plan) == amounts


WISH = cell("tariff_default", ceiling_minor=50_00)
STEPPED_WISH = cell("tariff_default", step_minor=10_00, ceiling_minor=50_00)


@pytest.mark.parametrize(
    ("of", "wish", "raises", "amounts"),
    [
        (WISH, 40_00, True, (40_00, 0, 40_00)),
        (WISH, 70_00, True, (50_00, 0, 50_00)),
        (STEPPED_WISH, 40_00, True, (40_00, 10_00, 50_00)),
        (STEPPED_WISH, 50_00, True, (50_00, 0, 50_00)),
        (STEPPED_WISH, 40_00, False, (40_00, 0, 40_00)),
    ],
)
def test_what_the_tariff_asks_for(of, wish, raises, amounts):
    assert held(plan_of(of, asked(wish=wish, raises=raises))) == amounts


def test_what_the_tariff_asks_for_is_no_more_than_what_was_declared():
    plan = plan_of(WISH, asked(wish=40_00, declared_kind="amount", declared_value=9_00))
    assert held(plan) == (9_00, 0, 9_00)


def test_a_cell_that_cannot_be_done_is_passed_over_by_name():
    stairs = cell("incremental", first_minor=10_00, step_minor=5_00, ceiling_minor=30_00)
    wall = cell("fixed", first_minor=25_00)
    plan, passed = first_usable([WISH, stairs, wall], asked(raises=False))
    assert held(plan) == (25_00, 0, 25_00)
    assert passed == [
        "tariff_default (the tariff asks for no amount)",
        "incremental (its hold cannot be raised)",
    ]
    assert first_usable([WISH, stairs, wall], asked()) == (plan_of(stairs, asked()), passed[:1])


def test_a_staircase_without_steps_is_better_than_nothing():
    stairs = cell("incremental", first_minor=10_00, step_minor=5_00, ceiling_minor=30_00)
    plan, passed = first_usable([WISH, stairs], asked(raises=False))
    assert held(plan) == (10_00, 0, 10_00)
    assert len(passed) == 2
    assert first_usable([WISH], asked()) == (None, passed[:1])


def test_what_costs_nothing_is_still_held():
    free = rated("EUR", {"ENERGY": Fraction(0)})
    plan = plan_of(
        cell("declared", ("energy",), ceiling_minor=9_00),
        asked(tariff=free, declared_kind="energy", declared_value=1_000),
    )
    assert held(plan) == (1, 0, 1)
