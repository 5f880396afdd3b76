"""The feeds' part of the benchmark: what it sends becomes the facts that it counts."""

import sys

import pytest

from streams.bench.feeding import feed_costs
from streams.bench.feeds import FEEDS, PROMISED, FeedScene

SMALL = FeedScene(chargers=20, rounds=5, cdrs=30, notices=40)


@pytest.mark.broker
def test_every_feed_is_measured_on_facts_that_were_counted(kafka):
    said = []
    side = (sys.executable, "-m", "streams", "bench-side")
    found = feed_costs(kafka.bootstrap, SMALL, side, said.append)
    assert [one.feed for one in found] == list(FEEDS)
    assert [one.messages for one in found] == [SMALL.records(name) for name in FEEDS]
    assert [one.facts for one in found] == [20 * 6, 30, 40]
    assert [one.promised for one in found] == [PROMISED[name] for name in FEEDS]
    assert all(one.per_cpu_second > 0 for one in found)
    assert len(said) == len(FEEDS)
