from hypothesis import given
from hypothesis import strategies as st

from streams.core import intervals

numbers = st.lists(st.integers(0, 60), max_size=80)


def _runs(of):
    runs = []
    for number in of:
        runs = intervals.add(runs, number)
    return runs


@given(numbers)
def test_the_runs_hold_exactly_what_was_added_in_any_order(of):
    runs = _runs(of)
    held = {n for i in range(0, len(runs), 2) for n in range(runs[i], runs[i + 1] + 1)}
    assert held == set(of)
    assert runs == _runs(sorted(set(of)))


@given(numbers)
def test_runs_never_touch(of):
    runs = _runs(of)
    assert all(runs[i] + 1 < runs[i + 1] for i in range(1, len(runs) - 1, 2))


@given(numbers, st.integers(0, 60), st.integers(0, 60))
def test_covers_means_every_number_between(of, first, last):
    wanted = set(range(first, last + 1))
    assert intervals.covers(_runs(of), first, last) == (bool(wanted) and wanted <= set(of))
