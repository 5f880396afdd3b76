"""What a register cannot have counted raises no hold and is not captured."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessionworld import T0, World, answered, ended, reading, request, started, tick

from schemas.commands import CaptureHold, RaiseHold
from streams.core.plausible import MARGIN_WH, believed, most_wh
from streams.core.session import Begun, Charging, End
from streams.core.trace import Sample, Trace

MINUTE = 60_000
POWER_W = 50_000
HOUR_WH = 56_000  # a tenth above 50 kWh, and a kWh


def charging(**slots):
    return Charging("id", "n", "c", "e", "tx", begun=Begun(T0, 1_000), **slots)


def judged(one, power_w=POWER_W):
    ((found,), doubts) = believed([one], [power_w])
    return found, [kind for kind, _ in doubts.values()]


def end(wh, ms, *, complete=True):
    return End(complete, 9, T0 + ms, wh, "Local")


def test_a_tenth_above_the_power_and_a_kwh_may_be():
    assert most_wh(POWER_W, 60 * MINUTE) == HOUR_WH
    assert most_wh(POWER_W, 0) == most_wh(POWER_W, -1) == MARGIN_WH


def test_what_can_be_is_left_alone():
    true = charging(top_wh=57_000, seen_at=T0 + 60 * MINUTE, end=end(57_000, 60 * MINUTE))
    assert judged(true) == (true, [])
    unbegun = Charging("id", "n", "c", "e", "tx", top_wh=10**9)
    assert judged(unbegun) == (unbegun, [])


def test_a_leap_counts_as_the_most_that_can_have_flowed_by_then():
    trace = Trace(1_000, (Sample(T0 + MINUTE, 1_500), Sample(T0 + 2 * MINUTE, 57_001)))
    found, kinds = judged(charging(top_wh=57_001, seen_at=T0 + 2 * MINUTE, trace=trace))
    assert kinds == ["implausible-register"]
    assert found.top_wh == 1_000 + most_wh(POWER_W, 2 * MINUTE)
    assert found.trace.samples == (Sample(T0 + MINUTE, 1_500),)


@pytest.mark.parametrize("top_wh", [5_000, 10**9])
def test_an_end_that_cannot_be_is_an_end_but_proves_nothing(top_wh):
    found, kinds = judged(
        charging(top_wh=top_wh, seen_at=T0 + 60 * MINUTE, end=end(57_001, 60 * MINUTE))
    )
    assert kinds == ["implausible-end"]
    assert not found.end.complete
    assert found.end.energy_wh == min(top_wh, 57_000)


def test_a_true_end_settles_what_a_reading_has_claimed():
    found, kinds = judged(
        charging(top_wh=10**9, seen_at=T0 + 60 * MINUTE, end=end(20_000, 60 * MINUTE))
    )
    assert kinds == []
    assert (found.top_wh, found.end.energy_wh, found.end.complete) == (20_000, 20_000, True)


facts = st.lists(
    st.tuples(st.integers(0, 60), st.one_of(st.integers(0, 60_000), st.integers(0, 10**9))),
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(facts, st.tuples(st.integers(0, 60), st.integers(0, 10**9)), st.randoms())
def test_nothing_above_what_the_evse_delivers_is_ever_held_or_captured(told, last, chance):
    """0.79 a kWh: within the first hold no raise; and no capture above what can have flowed."""
    world = World()
    world.apply(request(power_max_w=POWER_W), T0)
    world.apply(answered("hold/1", "done", 2_000, T0), T0)
    world.apply(started(0, T0), T0)
    known = [reading(wh, T0 + minute * MINUTE, seq=n + 1) for n, (minute, wh) in enumerate(told)]
    known.append(ended(last[1], T0 + last[0] * MINUTE, seq=99))
    chance.shuffle(known)
    for fact in known:
        world.apply(fact, T0)
    world.apply(tick(T0 + 61 * MINUTE), T0 + 61 * MINUTE)
    for one in world.commands:
        if isinstance(one, CaptureHold):
            assert one.energy_wh == last[1] <= most_wh(POWER_W, last[0] * MINUTE)
    if last[1] > most_wh(POWER_W, last[0] * MINUTE):
        assert not any(isinstance(one, CaptureHold) for one in world.commands)
        assert world.ledger.priced_minor <= 79 * HOUR_WH // 1_000
    raised = [one.amount_minor for one in world.commands if isinstance(one, RaiseHold)]
    assert max(raised, default=0) <= 79 * HOUR_WH // 1_000 + 2_000
