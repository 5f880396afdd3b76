import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.acquirers.progress import Progress


def test_nothing_read_is_nothing_to_commit():
    assert Progress(5).commit_offset is None


def test_a_hole_is_never_committed_over():
    progress = Progress(0)
    for offset in (3, 4, 9):  # 5 to 8: markers and aborted records
        progress.begin(offset)
    progress.done(9)
    progress.done(4)
    assert progress.commit_offset == 3
    progress.done(3)
    assert progress.commit_offset == 10
    assert progress.is_idle


def test_a_record_that_comes_twice_is_noticed():
    progress = Progress(0)
    progress.begin(7)
    with pytest.raises(AssertionError, match="offset 7"):
        progress.begin(7)


@given(st.sets(st.integers(0, 200), min_size=1), st.randoms())
def test_the_committed_offset_is_the_first_that_is_not_done(offsets, chance):
    progress, order = Progress(0), sorted(offsets)
    for offset in order:
        progress.begin(offset)
    under_way = set(order)
    for offset in chance.sample(order, len(order)):
        progress.done(offset)
        under_way.remove(offset)
        assert progress.commit_offset == min(under_way, default=order[-1] + 1)
