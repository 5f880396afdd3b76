"""The checker's own prices against the core's: two ways of reckoning, one amount."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.pricing import Quantities, parse
from streams.simulation.tariffs import TARIFFS, Used, body_of, price_minor


@given(energy=st.integers(1, 200_000), parking=st.integers(0, 86_400_000))
@pytest.mark.parametrize("prices", TARIFFS, ids=lambda one: one.name)
def test_both_ways_come_to_the_same(prices, energy, parking):
    core = parse(body_of(prices)).simple
    expected = core.minor(Quantities(energy, 0, parking))
    assert price_minor(prices, Used(energy, parking)) == expected


@pytest.mark.parametrize("prices", TARIFFS, ids=lambda one: one.name)
def test_nothing_delivered_is_nothing_due(prices):
    assert price_minor(prices, Used(0, 3_600_000)) == 0
