"""The risk window is a function of the facts: what opens it, what closes it, and no order."""

from hypothesis import given, settings
from hypothesis import strategies as st
from sessionworld import BEGAN_AT, T0, World, answered, ended, reading, request, silence, started

from streams.core.learn import encoded
from streams.core.risk import risk_open, silent


def world(*facts):
    made = World()
    for fact in (request(), answered("hold/1", "done", 2_000), started(0, BEGAN_AT), *facts):
        made.apply(fact, T0)
    return made


def is_open(*facts):
    return risk_open(world(*facts).session)


def test_open_while_a_charger_is_silent_or_does_not_tell_of_its_charging():
    assert not is_open()
    assert is_open(silence("silent"))
    assert is_open(silence("unread"))
    assert is_open(silence("silent"), silence("unread", 2))
    assert not is_open(silence("silent"), silence("heard", 2))
    assert not is_open(silence("silent"), silence("lost", 2))


def test_a_whole_end_closes_it_whatever_link_said_last():
    assert is_open(silence("silent"), ended(5_000, complete=False))
    assert not is_open(silence("silent"), ended(5_000))


def test_an_answer_that_is_missing_since_before_the_return_keeps_it_open():
    dark = world(silence("silent", 1, T0 + 1))
    dark.apply(reading(22_000, T0 + 2), T0 + 2)  # calls for a raise
    assert dark.commands[-1].command_id.endswith("hold/1/raise/1")
    dark.apply(silence("heard", 2, T0 + 3), T0 + 3)
    assert not silent(dark.session)
    assert risk_open(dark.session)
    dark.apply(answered("hold/1/raise/1", "done", 4_000), T0 + 4)
    assert not risk_open(dark.session)


def test_what_is_asked_of_an_acquirer_after_the_return_opens_nothing():
    back = world(silence("silent", 1, T0 + 1), silence("heard", 2, T0 + 2))
    back.apply(reading(22_000, T0 + 3), T0 + 3)
    assert back.commands[-1].command_id.endswith("hold/1/raise/1")
    assert not risk_open(back.session)


STATES = st.lists(st.sampled_from(["silent", "unread", "heard", "lost"]), min_size=1, max_size=8)


@settings(max_examples=80, deadline=None)
@given(STATES, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_of_what_link_said_matters(states, chance):
    told = [silence(state, number, T0 + number) for number, state in enumerate(states, 1)]
    mixed = [*told, *chance.choices(told, k=len(told))]
    chance.shuffle(mixed)
    one, other = world(*told).session, world(*mixed).session
    assert one.silences == other.silences
    assert risk_open(one) == risk_open(other) == (states[-1] in ("silent", "unread"))


def test_without_a_silence_nothing_of_the_session_is_another():
    facts = (reading(5_000), ended(9_000))
    assert world(*facts).session.silences == {}
    assert encoded(world(*facts).session) == encoded(world(*facts).session)
    assert not world(*facts).ledger.risk_open
