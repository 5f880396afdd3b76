import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.facts import AliasBound, AliasLookup
from streams.core import linking
from streams.core.linking import AliasState


def _bound(session, begin, end):
    return AliasBound(tenant="t", alias="a", session_id=session, bound_from=begin, bound_to=end)


def _lookup(at, offset=0):
    return AliasLookup(
        tenant="t", alias="a", charging_id="c", occurred_at=at, source_topic="x",
        source_partition=0, source_offset=offset, fact=b"f",
    )  # fmt: skip


def test_a_bound_alias_links_at_once_and_only_within_its_interval():
    state, _ = linking.bind(AliasState(), _bound("s1", 100, 200))
    assert linking.look_up(state, _lookup(100))[1] == "s1"
    assert linking.look_up(state, _lookup(199))[1] == "s1"
    assert linking.look_up(state, _lookup(200))[1] is None


def test_a_fact_that_came_first_goes_on_when_the_binding_comes():
    state, session = linking.look_up(AliasState(), _lookup(150))
    assert session is None
    state, session = linking.look_up(state, _lookup(150))
    assert len(state.waiting) == 1, "a repeat waits once"
    state, released = linking.bind(state, _bound("s1", 100, 200))
    assert [(one, waiting.occurred_at) for one, waiting in released] == [("s1", 150)]
    assert state.waiting == []


def test_two_sessions_at_one_time_are_for_a_person():
    state, _ = linking.bind(AliasState(), _bound("s1", 100, 200))
    state, _ = linking.bind(state, _bound("s2", 150, 250))
    assert linking.look_up(state, _lookup(120))[1] == "s1"
    waiting, session = linking.look_up(state, _lookup(160))
    assert session is None
    assert linking.why_waiting(waiting, waiting.waiting[0]) == linking.AMBIGUOUS
    later, _ = linking.look_up(waiting, _lookup(900, 1))
    assert linking.why_waiting(later, later.waiting[1]) == linking.UNKNOWN


def test_more_than_is_kept_is_refused_by_name():
    state = AliasState()
    for offset in range(linking.WAITING_MAX):
        state, _ = linking.look_up(state, _lookup(1, offset))
    with pytest.raises(linking.TooManyWaiting):
        linking.look_up(state, _lookup(1, 9999))


@given(st.permutations([("b", 0), ("b", 1), ("l", 10), ("l", 60), ("l", 110)]))
def test_what_is_linked_does_not_depend_on_the_order(order):
    bindings = [_bound("s1", 0, 50), _bound("s2", 50, 100)]
    state, linked = AliasState(), []
    for kind, value in order:
        if kind == "b":
            state, released = linking.bind(state, bindings[value])
            linked += [(session, waiting.occurred_at) for session, waiting in released]
        else:
            state, session = linking.look_up(state, _lookup(value, value))
            linked += [(session, value)] if session else []
    assert sorted(linked) == [("s1", 10), ("s2", 60)]
    assert [waiting.occurred_at for waiting in state.waiting] == [110]
