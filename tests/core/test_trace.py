"""A trace is a join: bounded, and the same whatever the order; its edges are kept exactly."""

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.trace import CELLS_MAX, NO_TRACE, Sample, with_sample

T0 = 1_790_000_040_000  # a whole minute
samples = st.builds(
    Sample, st.integers(0, 40_000).map(lambda s: T0 + s * 700), st.integers(0, 5_000)
)


def fold(found):
    trace = NO_TRACE
    for one in found:
        trace = with_sample(trace, one)
    return trace


@settings(max_examples=60, deadline=None)
@given(st.lists(samples, max_size=400), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_matters(found, chance):
    again = [*found, *found[:50]]
    chance.shuffle(again)
    assert fold(again) == fold(found)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(100, 3_000), st.sampled_from([1, -1]))
def test_long_traces_stay_bounded_and_keep_the_edges_of_their_cells(every_s, count, direction):
    found = [Sample(T0 + n * every_s * 1_000, n) for n in range(count)]
    trace = fold(found[::direction])
    assert len(trace.samples) <= 2 * CELLS_MAX
    cells = {}
    for one in found:
        cells.setdefault(one.at // trace.grain_ms, []).append(one)
    edges = {edge for of in cells.values() for edge in (of[0], of[-1])}
    assert set(trace.samples) == edges


def test_an_hour_of_readings_keeps_the_two_around_each_minute():
    found = [Sample(T0 + n * 5_000, n) for n in range(720)]
    trace = fold(found)
    assert trace.grain_ms == 60_000
    for minute in range(1, 60):
        assert {found[12 * minute - 1], found[12 * minute]} <= set(trace.samples)


def test_cells_can_grow_without_end():
    trace = fold(Sample(day * 86_400_000, day) for day in range(1_000))
    assert len(trace.samples) <= 2 * CELLS_MAX
    assert trace.samples[0] == Sample(0, 0)
    assert trace.samples[-1].energy_wh == 999
