"""What waits: joined slices, gaps at the end, acknowledgements."""

import pytest

from streams.engine.errors import SliceGap
from streams.engine.inbox import Inbox, Slice
from streams.engine.stage import Record


def part(start: int, end: int, *offsets: int) -> Slice:
    records = [Record("a", 0, offset, b"k", b"v") for offset in offsets]
    return Slice("a", 0, 1, start, end, records)


def nothing() -> None:
    return None


def test_the_position_after_the_last_record_skips_what_the_log_holds_behind_it():
    inbox = Inbox("a", 10)
    inbox.deliver(part(10, 15, 11, 13), nothing)
    assert [inbox.position, inbox.position_after(1), inbox.position_after(2)] == [11, 13, 15]


def test_a_slice_of_markers_alone_moves_the_position():
    inbox = Inbox("a", 10)
    inbox.deliver(part(10, 12), nothing)
    assert inbox.position == 12


@pytest.mark.parametrize("start", [9, 11])
def test_a_slice_that_does_not_join_is_an_error(start):
    inbox = Inbox("a", 10)
    with pytest.raises(SliceGap, match="expected 10"):
        inbox.deliver(part(start, 20, 15), nothing)


def test_many_slices_fill_it_as_many_records_do():
    inbox = Inbox("a", 0)
    for start in range(23):
        inbox.deliver(part(start, start + 1, start), nothing)
    assert inbox.is_full(23)
    assert not inbox.is_full(24)
    inbox.deliver(part(23, 24, 23), nothing)
    assert inbox.is_full(32_000)
    inbox.drop(24)
    assert not inbox.is_full(32_000)


def test_markers_alone_never_fill_it():
    inbox = Inbox("a", 0)
    for start in range(100):
        inbox.deliver(part(start, start + 1), nothing)
    assert not inbox.is_full(32_000)


def test_a_slice_is_acked_once_all_of_it_is_applied():
    inbox = Inbox("a", 0)
    acked = []
    inbox.deliver(part(0, 3, 0, 1), lambda: acked.append("first"))
    inbox.deliver(part(3, 5, 3, 4), lambda: acked.append("second"))
    inbox.drop(1)
    assert acked == []
    inbox.drop(1)
    assert acked == ["first"]
    inbox.drop(2)
    assert acked == ["first", "second"]


def test_rewinding_forgets_what_was_delivered():
    inbox = Inbox("a", 0)
    inbox.deliver(part(0, 3, 0, 1), nothing)
    inbox.drop(1)
    inbox.rewind(inbox.position)
    assert (inbox.position, inbox.records) == (1, [])
    inbox.deliver(part(1, 3, 1), nothing)
