"""The next smaller hold after a no."""

from fractions import Fraction

import msgspec
import pytest
from policyworld import DEFAULT
from sessionworld import rated, request

from streams.core.strategy import choose, smaller
from streams.core.strategy_cells import Amounts, Cell

CHF = rated("CHF", {"ENERGY": Fraction("0.79")})


def policy(*cells):
    return msgspec.structs.replace(DEFAULT, cell=cells)


def cell(name, strategy="fixed", funding=None, declared=None, **amounts):
    return Cell(
        name=name,
        strategy=strategy,
        funding=funding,
        declared=declared,
        amounts={"CHF": Amounts(**amounts)},
    )


BIG = cell("big", first_minor=80_00)
STAIRS = cell(
    "stairs", "incremental", first_minor=40_00, step_minor=20_00, ceiling_minor=90_00,
    smallest_minor=15_00,
)  # fmt: skip
THIN = cell("thin", funding=("prepaid",), first_minor=10_00)
OF_DEBIT = cell("of-debit", funding=("debit",), first_minor=30_00)


def steps(used, asked, due_minor=0):
    """All holds from the first to the last, as (cell, first, ceiling)."""
    choice = choose(used, asked, CHF)
    found = []
    while choice is not None:
        found.append((choice.cell, choice.first_minor, choice.ceiling_minor))
        choice = smaller(used, asked, choice, due_minor)
    return found


def test_the_largest_smaller_cell_comes_next_and_thin_cards_cells_count():
    assert steps(policy(BIG, OF_DEBIT, THIN), request()) == [
        ("big", 80_00, 80_00),
        ("thin", 10_00, 10_00),
    ]


def test_a_hold_that_does_not_rise_does_not_begin_to():
    found = steps(policy(BIG, STAIRS), request())
    assert found == [("big", 80_00, 80_00), ("stairs", 40_00, 40_00), ("stairs", 20_00, 20_00),
                     ("stairs", 15_00, 15_00)]  # fmt: skip


def test_half_of_a_staircase_keeps_its_steps_and_its_ceiling():
    assert steps(policy(STAIRS, THIN), request()) == [
        ("stairs", 40_00, 90_00),
        ("stairs", 20_00, 90_00),
        ("stairs", 15_00, 90_00),
        ("thin", 10_00, 10_00),
    ]


def test_what_is_due_at_once_is_the_least():
    assert steps(policy(STAIRS, THIN), request(), due_minor=16_00) == [
        ("stairs", 40_00, 90_00),
        ("stairs", 20_00, 90_00),
    ]


def test_without_a_smallest_amount_there_is_no_half():
    assert steps(policy(BIG), request()) == [("big", 80_00, 80_00)]


@pytest.mark.parametrize("kind", ["amount", "energy"])
def test_what_the_driver_named_is_made_smaller_and_not_forgotten(kind):
    declared = cell(
        "declared", "declared", declared=("amount", "energy"), ceiling_minor=60_00,
        smallest_minor=10_00,
    )  # fmt: skip
    asked = request(declared_kind=kind, declared_value=30_00)
    found = steps(policy(declared, STAIRS, THIN), asked)
    assert [name for name, *_ in found] == ["declared"] * len(found)
    choice = smaller(policy(declared), asked, choose(policy(declared), asked, CHF))
    if kind == "amount":
        assert [first for _, first, _ in found] == [30_00, 15_00, 10_00]
        assert choice.target_minor == choice.ceiling_minor == 15_00


def test_it_explains_itself():
    used = policy(BIG, THIN)
    less = smaller(used, request(), choose(used, request(), CHF))
    assert less.explanation.startswith(
        "cell thin: 10.00 CHF after 80.00 CHF was declined. Before: cell big (fixed)"
    )
