"""How a register rose: a bounded set of its readings, for tariffs that ask when energy flowed.

A join, as all of the state is: the same readings in any order and number leave the same trace. Of
each cell of time the first and the last reading are kept. Cells grow, each a whole number of the
smaller ones, only when all readings ever seen would fill too many of them.
"""

import msgspec

CELLS_MAX = 120
# From whole seconds on: time restrictions of OCPI begin on minutes, and readings come by tens.
_GRAINS_MS = tuple(1_000 * one for one in (1, 10, 60, 300, 900, 1_800, 3_600, 7_200, 14_400))
_DAY_MS = 86_400_000


class Sample(msgspec.Struct, array_like=True, frozen=True, order=True):
    """The register showed `energy_wh` at `at`, epoch ms."""

    at: int
    energy_wh: int


class Trace(msgspec.Struct, array_like=True, frozen=True):
    """Samples in order of time, at most two for each cell of `grain_ms`."""

    grain_ms: int = _GRAINS_MS[0]
    samples: tuple[Sample, ...] = ()


NO_TRACE = Trace()


def with_sample(trace: Trace, sample: Sample) -> Trace:
    """The trace with one more reading in it; the same one, if it adds nothing."""
    if sample in trace.samples:
        return trace
    samples = sorted((*trace.samples, sample))
    grain_ms = trace.grain_ms
    while len({one.at // grain_ms for one in samples}) > CELLS_MAX:
        grain_ms = _coarser(grain_ms)
    kept = _thinned(samples, grain_ms)
    return trace if kept == trace.samples else Trace(grain_ms, kept)


def _coarser(grain_ms: int) -> int:
    return next((one for one in _GRAINS_MS if one > grain_ms), max(2 * grain_ms, _DAY_MS))


def _thinned(samples: list[Sample], grain_ms: int) -> tuple[Sample, ...]:
    """First and last of each cell; `samples` are in order."""
    last = len(samples) - 1
    return tuple(
        one
        for place, one in enumerate(samples)
        if place in (0, last)
        or samples[place - 1].at // grain_ms != one.at // grain_ms
        or samples[place + 1].at // grain_ms != one.at // grain_ms
    )
