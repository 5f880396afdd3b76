"""Where a price becomes money."""

from decimal import Decimal
from fractions import Fraction

import pytest

from streams.core.pricing.rounding import cost_text, decimal, rounded


@pytest.mark.parametrize(
    ("exact", "half_up", "half_even", "up", "down"),
    [
        ("2.5", 3, 2, 3, 2), ("3.5", 4, 4, 4, 3), ("-2.5", -2, -2, -2, -3), ("2.4", 2, 2, 3, 2),
        ("2.6", 3, 3, 3, 2), ("2", 2, 2, 2, 2),
    ],
)  # fmt: skip
def test_to_whole_numbers(exact, half_up, half_even, up, down):
    number = Fraction(exact)
    assert rounded(number) == rounded(number, "half_up") == half_up
    assert rounded(number, "half_even") == half_even
    assert rounded(number, "up") == up
    assert rounded(number, "down") == down


def test_to_decimals():
    assert decimal(Fraction("1.245"), 2) == Decimal("1.25")
    assert decimal(Fraction("1.245"), 2, "half_even") == Decimal("1.24")
    assert decimal(Fraction("1.245"), 0, "up") == 2


@pytest.mark.parametrize(
    ("exact", "text"),
    [
        ("7.5", "7.50"), ("0.30024", "0.3002"), ("0.30025", "0.3003"), ("4", "4.00"),
        ("12.3450", "12.345"), ("0", "0.00"), ("-1.5", "-1.50"), ("100", "100.00"),
    ],
)  # fmt: skip
def test_costs_as_text(exact, text):
    assert cost_text(Fraction(exact)) == text


def test_costs_as_text_by_another_rule():
    assert cost_text(Fraction("0.30025"), "down") == "0.3002"
