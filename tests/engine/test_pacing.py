"""The budget of transactions."""

import pytest

from streams.engine.pacing import Pacer


def test_the_first_commit_does_not_wait():
    assert Pacer(60).wait(0, 100.0) == 0.0


@pytest.mark.parametrize(
    ("busy", "interval"),
    [(1, 0.020), (3, 0.050), (6, 0.100), (60, 0.100)],
)
def test_the_interval_grows_with_the_busy_partitions(busy, interval):
    pacer = Pacer(60)
    for partition in range(busy):
        pacer.committed(partition, 100.0)
    assert pacer.wait(0, 100.005) == pytest.approx(interval - 0.005)


def test_partitions_that_fell_silent_do_not_count():
    pacer = Pacer(60)
    for partition in range(6):
        pacer.committed(partition, 98.0)
    pacer.committed(0, 100.0)
    assert pacer.wait(0, 100.0) == pytest.approx(0.020)


def test_a_partition_given_up_is_forgotten():
    pacer = Pacer(60)
    pacer.committed(0, 100.0)
    pacer.forget(0)
    assert pacer.wait(0, 100.0) == 0.0
