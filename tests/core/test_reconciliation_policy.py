import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.reconciliation_policy import Reconciliation

LIMITS = Reconciliation(energy_wh=100, energy_per_mille=10, money_minor=2, money_per_mille=5)


@pytest.mark.parametrize(("theirs", "agrees"), [(10_200, True), (10_201, False), (9_800, True)])
def test_an_amount_and_a_part_of_ours_on_top(theirs, agrees):
    assert LIMITS.energy_agrees(theirs, 10_000) == agrees


@pytest.mark.parametrize(("theirs", "agrees"), [(1_007, True), (1_008, False), (993, True)])
def test_money_likewise(theirs, agrees):
    assert LIMITS.money_agrees(theirs, 1_000) == agrees


@given(st.integers(0, 10**9))
def test_the_same_always_agrees(value):
    nothing = Reconciliation(energy_wh=0, energy_per_mille=0, money_minor=0, money_per_mille=0)
    assert nothing.energy_agrees(value, value)
    assert nothing.money_agrees(value, value)
    assert not nothing.money_agrees(value + 1, value)
