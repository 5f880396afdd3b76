"""A driver's target, and a hold that cannot grow: never overshot, and used but for the ramp."""

from hypothesis import given, settings
from hypothesis import strategies as st
from sessionworld import (
    POLICY,
    T0,
    World,
    answered,
    ended,
    reading,
    request,
    started,
    tick,
    updated,
)

from schemas.commands import CaptureHold, LimitCharging, PlaceHold, StopCharging
from streams.core.ahead import RAMP_PERCENT

STOP_MS = POLICY.look_ahead.stop_latency_ms
HOUR_MS = 3_600_000


def stopped_at(world, power_w, gap_ms, until_ms=12 * HOUR_MS):
    """Ms of charging until the stop is carried out, in a car that draws the same all along."""
    at, begin = T0, T0
    next_reading = begin + gap_ms
    while at < begin + until_ms:
        deadline = world.session.deadline or next_reading
        at = min(next_reading, max(deadline, at))
        if at == next_reading:
            wh = power_w * (at - begin) // HOUR_MS
            step = world.apply(reading(wh, at, power_w=power_w, gap_ms=gap_ms), at)
            next_reading += gap_ms
        else:
            step = world.apply(tick(at), at)
        if any(isinstance(one, StopCharging) for one in step.commands):
            return at + STOP_MS - begin
    raise AssertionError("it is never stopped")


def begun(declared_kind, value, power_w, **more):
    world = World()
    asked = request(declared_kind=declared_kind, declared_value=value, power_max_w=power_w, **more)
    (hold,) = world.apply(asked, T0).commands
    assert isinstance(hold, PlaceHold)
    world.apply(answered("hold/1", "done", hold.amount_minor), T0)
    world.apply(started(0, T0), T0)
    return world


rides = {
    "power_w": st.integers(20_000, 350_000),
    "gap_ms": st.sampled_from([10_000, 30_000, 60_000]),
}


@settings(max_examples=60, deadline=None)
@given(target_wh=st.integers(5_000, 30_000), **rides)
def test_a_target_in_energy_is_met_from_below(target_wh, power_w, gap_ms):
    world = begun("energy", target_wh, power_w)
    had_wh = power_w * stopped_at(world, power_w, gap_ms) // HOUR_MS
    window_wh = power_w * (gap_ms + STOP_MS) // HOUR_MS
    first_wh = power_w * (60_000 + STOP_MS) // HOUR_MS  # before a reading has shown the interval
    short_wh = max(window_wh, first_wh if had_wh < 2 * first_wh else 0)
    assert target_wh - short_wh * RAMP_PERCENT // 100 - 2 <= had_wh <= target_wh + 1


@settings(max_examples=60, deadline=None)
@given(target=st.integers(500, 2_500), **rides)
def test_a_target_in_money_is_met_from_below_and_captured_to_the_unit(target, power_w, gap_ms):
    world = begun("amount", target, power_w)
    had_wh = power_w * stopped_at(world, power_w, gap_ms) // HOUR_MS
    end_at = T0 + 13 * HOUR_MS
    (capture,) = world.apply(ended(had_wh, end_at), end_at).commands
    assert isinstance(capture, CaptureHold)
    due = (had_wh * 79 + 500) // 1_000  # 0.79 a kWh, half a unit rounded up
    assert capture.amount_minor == due <= target
    step = world.apply(answered("capture/1", "done", due, end_at), end_at)
    assert (step.ledger.captured_minor, step.ledger.released_minor) == (due, target - due)


@given(st.integers(5_000, 60_000))
def test_a_charger_that_keeps_limits_is_told_the_target_to_the_wh_and_never_stopped(target_wh):
    world = World()
    asked = request(declared_kind="energy", declared_value=target_wh)
    (hold,) = world.apply(asked, T0).commands
    world.apply(answered("hold/1", "done", hold.amount_minor), T0)
    (limit,) = world.apply(started(0, T0, takes_limit=True), T0).commands
    assert isinstance(limit, LimitCharging)
    assert limit.max_energy_wh == target_wh
    told = updated("charging", 10, T0 + 1_000, limit_wh=target_wh)
    assert world.apply(told, T0 + 1_000).commands == []
    at = T0 + HOUR_MS
    assert world.apply(reading(target_wh, at, power_w=50_000), at).commands == []
    assert [type(one) for one in world.apply(ended(target_wh, at), at).commands] == [CaptureHold]
