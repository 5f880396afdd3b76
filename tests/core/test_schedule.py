from hypothesis import given
from hypothesis import strategies as st

from streams.core.schedule import Schedule


def _all_due(schedule, now_at):
    keys = []
    while (key := schedule.take_due(now_at)) is not None:
        keys.append(key)
    return keys


def test_keys_come_in_order_of_instant_then_key():
    schedule = Schedule()
    for key, at in ((b"c", 5), (b"a", 7), (b"b", 5), (b"d", 9)):
        schedule.plan(key, at)
    assert _all_due(schedule, 7) == [b"b", b"c", b"a"]
    assert _all_due(schedule, 8) == []


def test_a_new_plan_replaces_the_old_one():
    schedule = Schedule()
    schedule.plan(b"a", 5)
    schedule.plan(b"a", 50)
    assert _all_due(schedule, 10) == []
    schedule.plan(b"a", None)
    assert _all_due(schedule, 100) == []


def test_an_aborted_transaction_leaves_the_schedule_as_it_was():
    schedule = Schedule()
    schedule.plan(b"a", 5)
    schedule.plan(b"b", 6)
    schedule.committed()
    assert _all_due(schedule, 5) == [b"a"]
    schedule.plan(b"a", 100)
    schedule.plan(b"b", None)
    schedule.plan(b"new", 1)
    schedule.aborted()
    assert _all_due(schedule, 10) == [b"a", b"b"]


instants = st.one_of(st.none(), st.integers(0, 20))
plans = st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), instants), max_size=12)


@given(st.lists(st.tuples(plans, st.integers(0, 20), st.booleans()), max_size=8))
def test_it_behaves_like_a_dictionary_that_transactions_can_undo(steps):
    schedule, fixed = Schedule(), {}
    for planned, now_at, commits in steps:
        working = dict(fixed)
        for key, at in planned:
            schedule.plan(key, at)
            working[key] = at
        due = sorted((at, key) for key, at in working.items() if at is not None and at <= now_at)
        assert _all_due(schedule, now_at) == [key for _, key in due]
        for _, key in due:
            working[key] = None
        if commits:
            schedule.committed()
            fixed = working
        else:
            schedule.aborted()
