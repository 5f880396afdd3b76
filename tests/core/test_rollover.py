"""A register that rolls over is counted on; one that was reset never is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.core.charging import quantities
from streams.core.rollover import unrolled
from streams.core.session import Begun, Charging, End

HOUR = 3_600_000
WRAP = 10**9
POWER = 150_000
VEHICLE = 250_000


def charging(begin_wh, end_wh, *, whole=True, doubtful=False, top_wh=-1):
    end = End(whole and not doubtful, 9, HOUR, end_wh, "Local", whole, doubtful)
    return Charging(
        "c", "n", "c", "e", "tx", begun=Begun(0, begin_wh), end=end, top_wh=top_wh, fell=True
    )


def test_what_flowed_over_the_last_digit_is_counted():
    one = unrolled(charging(WRAP - 4_000, 6_000, top_wh=WRAP - 100), (WRAP,), POWER, VEHICLE)
    assert quantities(one).energy_wh == 10_000
    assert not one.fell


@pytest.mark.parametrize(
    "one",
    [
        charging(WRAP - 4_000, 6_000, whole=False),
        charging(WRAP - 4_000, 6_000, doubtful=True),
        charging(WRAP - 4_000, 6_000, top_wh=WRAP + 1),
        charging(WRAP + 4_000, 6_000),
        charging(WRAP // 2, 6_000),
        charging(4_000, 6_000),
        replace(charging(WRAP - 4_000, 6_000), begun=None),
        replace(charging(WRAP - 4_000, 6_000), end=None),
    ],
)
def test_anything_else_stays_as_it_was(one):
    assert unrolled(one, (WRAP,), POWER, VEHICLE) is one


def test_a_reset_of_a_long_charging_is_no_rollover():
    """In hours its EVSE could deliver what is missing to the last digit; no vehicle takes it."""
    one = charging(WRAP - 400_000, 5_000)
    one = replace(one, end=replace(one.end, ended_at=5 * HOUR))
    assert unrolled(one, (WRAP,), POWER, VEHICLE) is one


def test_where_two_meters_would_explain_it_neither_does():
    one = charging(WRAP - 4_000, 6_000)
    assert unrolled(one, (WRAP, WRAP + 1_000), POWER, VEHICLE) is one
    assert unrolled(one, (), POWER, VEHICLE) is one


@given(
    begin_wh=st.integers(0, WRAP - 1),
    flowed_wh=st.integers(0, POWER),
    reset=st.booleans(),
)
def test_a_reset_far_from_the_last_digit_is_never_taken_for_a_rollover(begin_wh, flowed_wh, reset):
    """A true rollover gives what flowed, to the Wh; a reset to nought nothing, but just there."""
    at_end = begin_wh + flowed_wh
    end_wh = flowed_wh // 2 if reset else at_end % WRAP
    one = unrolled(charging(begin_wh, end_wh), (WRAP,), POWER, VEHICLE)
    if not reset:
        assert quantities(one).energy_wh == flowed_wh
    elif begin_wh + 200_000 < WRAP:
        assert one.end.energy_wh == end_wh
