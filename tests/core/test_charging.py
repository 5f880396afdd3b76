"""What a charging delivered: registers and clocks."""

import pytest

from streams.core.charging import contradiction, delivered, is_charging, quantities, so_far
from streams.core.pricing import Quantities
from streams.core.session import Begun, Change, Charging, End

MINUTE = 60_000


def charging(**slots):
    return Charging("t/n/c/tx", "n", "c", "e", "tx", **slots)


def change(minute, *, flows, seq=1):
    return Change(minute * MINUTE, seq, flows)


def end(minute, wh, *, complete=True):
    return End(complete, 9, minute * MINUTE, wh, "Local")


BEGUN = Begun(10 * MINUTE, 5_000)


def test_energy_so_far_is_a_difference_of_registers_and_never_negative():
    assert delivered(charging(begun=BEGUN, top_wh=7_500), 0).energy_wh == 2_500
    assert delivered(charging(begun=BEGUN, top_wh=4_000), 0).energy_wh == 0
    assert delivered(charging(top_wh=9_000), 0) == Quantities(0, 0, 0)


def test_time_runs_on_with_the_session_until_the_end_is_known():
    running = charging(begun=BEGUN, seen_at=12 * MINUTE)
    assert delivered(running, 11 * MINUTE).charging_ms == 2 * MINUTE
    assert delivered(running, 30 * MINUTE).charging_ms == 20 * MINUTE
    over = charging(begun=BEGUN, end=end(15, 6_000))
    assert delivered(over, 30 * MINUTE).charging_ms == 5 * MINUTE


@pytest.mark.parametrize(
    ("changes", "charged", "parked"),
    [
        ((), 20, 0),
        ((change(15, flows=False),), 5, 15),
        ((change(15, flows=False), change(20, flows=True)), 15, 5),
        ((change(5, flows=False),), 0, 20),
        ((change(5, flows=False), change(12, flows=True)), 18, 2),
        ((change(40, flows=False),), 20, 0),
        ((change(15, flows=True), change(15, flows=False, seq=2)), 5, 15),
    ],
)
def test_charging_and_parking_follow_the_states(changes, charged, parked):
    known = quantities(charging(begun=BEGUN, changes=changes, end=end(30, 6_000)))
    assert known == Quantities(1_000, charged * MINUTE, parked * MINUTE)


@pytest.mark.parametrize(
    ("slots", "says"),
    [
        ({"end": end(30, 4_000)}, "below its begin"),
        ({"end": end(30, 6_000), "top_wh": 6_001}, "above its end"),
        ({"end": end(9, 6_000)}, "before it started"),
    ],
)
def test_what_contradicts_itself_is_told(slots, says):
    one = charging(begun=BEGUN, **slots)
    assert says in contradiction(one)


def test_several_chargings_add_up():
    one = charging(begun=BEGUN, end=end(30, 6_000))
    assert so_far([one, one], 0) == Quantities(2_000, 40 * MINUTE, 0)
    assert so_far([one], 0) == Quantities(1_000, 20 * MINUTE, 0)
    assert so_far([], 0) == Quantities(0, 0, 0)


def test_the_newest_state_says_whether_energy_flows():
    assert is_charging(charging())
    assert not is_charging(charging(changes=(change(1, flows=True), change(2, flows=False))))
