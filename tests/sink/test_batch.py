"""Ranges: what is written together, and how a retry finds the same again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.clickhouse.rows import Source
from streams.sink.batch import Partition, pending, pending_last


def records(*offsets):
    return [Source("t", 0, offset, 0, b"k", b"v") for offset in offsets]


def offsets(batch):
    return [one.offset for one in batch.records]


def fed(partition, *taken, read_to=None):
    partition.add(records(*taken))
    partition.read_to = taken[-1] + 1 if read_to is None else read_to
    return partition


def test_a_batch_is_named_by_its_first_and_last_record():
    batch = fed(Partition("t", 3, 5, None), 7, 8, 12).take()
    assert (batch.token, offsets(batch), batch.persisted) == ("t:3:7-12", [7, 8, 12], False)


def test_what_is_inserted_rises_when_it_is_written_and_over_gaps_when_nothing_waits():
    partition = fed(Partition("t", 0, 5, None), 7, 8, read_to=10)
    assert partition.inserted_to == 5
    partition.written(partition.take())
    assert partition.inserted_to == 10
    partition.read_to = 15
    assert partition.inserted_to == 15
    assert partition.take() is None


def test_a_pending_range_waits_until_it_has_been_read_whole():
    partition = fed(Partition("t", 0, 5, 9), 5, 7)
    assert partition.take() is None
    assert partition.inserted_to == 5
    fed(partition, 8, 11, 13)
    batch = partition.take()
    assert (batch.token, offsets(batch), batch.persisted) == ("t:0:5-9", [5, 7, 8], True)
    partition.written(batch)
    assert offsets(partition.take()) == [11, 13]


def test_a_pending_range_whose_records_are_gone_is_over_when_it_is_passed():
    partition = Partition("t", 0, 5, 9)
    partition.read_to = 10
    batch = partition.take()
    assert (offsets(batch), batch.last) == ([], 9)
    partition.written(batch)
    assert (partition.take(), partition.inserted_to) == (None, 10)


def test_what_is_read_again_is_known():
    partition = fed(Partition("t", 0, 5, None), 5, 6)
    assert [one.offset for one in partition.add(records(4, 5, 6, 7))] == [7]
    assert offsets(partition.take()) == [5, 6, 7]


@pytest.mark.parametrize("metadata", ["", "pending:", "pending:x", "x pending:1", "pending:1x"])
def test_other_peoples_metadata_is_not_a_range(metadata):
    assert pending_last(metadata) is None


@given(st.integers(0, 2**63 - 1))
def test_a_range_is_read_as_it_was_written(last):
    assert pending_last(pending(last)) == last


@given(st.sets(st.integers(0, 60), min_size=1), st.data())
def test_a_retry_after_any_crash_builds_the_same_batch(present, data):
    """However the records come in, and whatever has been written since."""
    log = sorted(present)
    cut = data.draw(st.integers(1, len(log)))
    first = fed(Partition("t", 0, 0, None), *log[:cut]).take()
    again = Partition("t", 0, first.first, first.last)
    rest = [offset for offset in log if offset >= first.first]
    found = None
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        fed(again, *rest[:size])
        rest = rest[size:]
        found = again.take()
        if found is not None:
            break
    assert found is not None
    assert (found.token, found.records) == (first.token, first.records)
