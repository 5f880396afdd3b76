"""Clocks, tallies and waiting facts: what the sessions stage keeps beside its sessions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec
from streams.agents import waiting
from streams.agents.clocks import Marks
from streams.agents.tally import Tally
from streams.agents.waiting import HORIZON_MS, EarlyFact, EarlyFacts


def test_time_moves_when_the_slowest_link_partition_moves():
    marks = Marks().noted(0, 3, 50).noted(1, 3, 70)
    assert marks.applied_at == 0, "one partition has not spoken yet"
    marks = marks.noted(2, 3, 60)
    assert marks.applied_at == 50
    assert marks.noted(0, 3, 80).applied_at == 60
    assert marks.noted(0, 3, 10) == marks, "time never goes back"


counts = st.lists(st.tuples(st.sampled_from([b"sa", b"sb", b"sc"]), st.integers(0, 3)), max_size=6)


@given(st.lists(st.tuples(counts, st.booleans()), max_size=8))
def test_a_tally_is_a_sum_that_transactions_can_undo(steps):
    tally, fixed = Tally(), {}
    for planned, commits in steps:
        working = {**fixed, **dict(planned)}
        for key, count in planned:
            tally.plan(key, count)
        assert tally.total == sum(working.values())
        assert set(tally.some()) == {key[1:].decode() for key, n in working.items() if n}
        if commits:
            tally.committed()
            fixed = working
        else:
            tally.aborted()
    assert tally.total == sum(fixed.values())


def test_a_tally_is_said_again_only_when_it_or_the_time_changed():
    tally = Tally()
    assert tally.changed(5)
    tally.committed()
    assert not tally.changed(5)
    assert tally.changed(6)
    tally.aborted()
    assert tally.changed(6), "what was aborted was never said"


def test_early_facts_wait_up_to_a_limit_and_are_told_of_once():
    early = EarlyFacts(tenant="t")
    for offset in range(waiting.EARLY_MAX):
        early = early.added(EarlyFact("topic", 0, offset, b"v"), 1_000)
    with pytest.raises(waiting.TooManyEarly):
        early.added(EarlyFact("topic", 0, 999, b"v"), 1_000)
    assert early.due_at(HORIZON_MS) == 1_000 + waiting.ORPHAN_AFTER_MS
    orphans = early.orphans("s" * 32, 900_000)
    assert len(orphans) == waiting.EARLY_MAX
    assert codec.decode(orphans[0].value).source_offset == 0
    told = early.looked_at(900_000)
    assert told.due_at(HORIZON_MS) == 1_000 + HORIZON_MS
    newer = EarlyFacts("t", 1_000, [], is_told=True).added(EarlyFact("topic", 0, 7, b"v"), 5_000)
    assert newer.due_at(HORIZON_MS) == 5_000 + HORIZON_MS, "the horizon is that of the newest"


def test_facts_that_came_before_there_was_any_time_wait_from_the_first_instant():
    early = EarlyFacts(tenant="t").added(EarlyFact("topic", 0, 0, b"v"), 0)
    looked = early.looked_at(5_000_000)
    assert not looked.is_told
    assert looked.due_at(HORIZON_MS) == 5_000_000 + waiting.ORPHAN_AFTER_MS
