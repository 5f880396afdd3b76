"""Lag: measured from the sender's instant, 60 s is late, a clock ahead of ours is no lag."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.lag import ALARM_MS, BUCKETS_MS, lag

TOLD = 1_781_000_000_000
instants = st.integers(1_100_000_000_000, 4_102_444_800_000)


@pytest.mark.parametrize(
    ("behind_ms", "bucket", "late", "ahead"),
    [
        (0, "1000", False, False),
        (1_000, "1000", False, False),
        (1_001, "5000", False, False),
        (60_000, "60000", False, False),
        (60_001, "300000", True, False),
        (90_000_000, "over", True, False),
        (-1_000, "1000", False, False),
        (-1_001, "1000", False, True),
    ],
)
def test_lag_has_a_bucket_and_an_alarm_line(behind_ms, bucket, late, ahead):
    found = lag("gireve", "session", TOLD, TOLD + behind_ms)
    assert found == ("gireve", "session", max(0, behind_ms), bucket, late, ahead)


@pytest.mark.parametrize("told", [0, 1, 978_307_200_000])  # none, 1970, the year 2001
def test_what_stands_for_no_instant_is_not_measured(told):
    assert lag("gireve", "cdr", told, TOLD) is None


def test_the_alarm_line_is_a_bound_so_that_it_can_be_counted():
    assert ALARM_MS in BUCKETS_MS
    assert list(BUCKETS_MS) == sorted(set(BUCKETS_MS))


@given(told=instants, received=instants)
def test_every_message_falls_into_the_lowest_bucket_that_holds_it(told, received):
    found = lag("p", "f", told, received)
    bounds = [bound for bound in BUCKETS_MS if found.lag_ms <= bound]
    assert found.bucket == (str(bounds[0]) if bounds else "over")
    assert found.late == (received - told > ALARM_MS)
    assert not (found.late and found.ahead)
