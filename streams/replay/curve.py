"""The energy between begin and end: recorded readings where there are any, else a filled-in curve.

The curve rises fastest at the begin and tapers, as batteries do: E(x) = E * x * (1 + a(1 - x)) for
x from 0 to 1, with `a` as large as the recorded peak power allows, at most 1. Whole numbers only,
so that begin and end are exact and no reading falls.
"""

from streams.replay.recorded import Recorded

_SCALE = 1000  # `a` in thousandths
_MS_AN_HOUR = 3_600_000


def taper(recorded: Recorded) -> int:
    """`a` in thousandths: power at the begin is (1 + a) times the mean, never above the peak."""
    duration = max(recorded.charging_end_at - recorded.arrival_at, 1)
    if recorded.energy_wh == 0:
        return 0
    peak_wh = recorded.power_max_w * duration // _MS_AN_HOUR
    return max(0, min(_SCALE, peak_wh * _SCALE // recorded.energy_wh - _SCALE))


def energy_at(recorded: Recorded, elapsed_ms: int) -> int:
    """Wh delivered `elapsed_ms` after the begin of the charging; never falls."""
    duration = max(recorded.charging_end_at - recorded.arrival_at, 1)
    if elapsed_ms <= 0:
        return 0
    if elapsed_ms >= duration:
        return recorded.energy_wh
    if recorded.readings:
        return _between(recorded, elapsed_ms)
    share = _SCALE * duration + taper(recorded) * (duration - elapsed_ms)
    return recorded.energy_wh * elapsed_ms * share // (_SCALE * duration * duration)


def _between(recorded: Recorded, elapsed_ms: int) -> int:
    """Straight lines between the recorded readings."""
    at = recorded.arrival_at + elapsed_ms
    before = (recorded.arrival_at, 0)
    after = (recorded.charging_end_at, recorded.energy_wh)
    for point in recorded.readings:
        if point[0] <= at:
            before = point
        else:
            after = point
            break
    span = max(after[0] - before[0], 1)
    return before[1] + (after[1] - before[1]) * (at - before[0]) // span


def power_at(recorded: Recorded, elapsed_ms: int, step_ms: int) -> int:
    """Mean power of the step that ends here, W: what a meter would show as power."""
    delivered = energy_at(recorded, elapsed_ms) - energy_at(recorded, elapsed_ms - step_ms)
    return delivered * _MS_AN_HOUR // step_ms
