"""Rung 5: what people decide, by whom, and how far one of them may go alone."""

import pytest
from proofworld import END, HOUR, bill, session_of
from sessionworld import T0, World, answered, ended, reading, released, request, started

from streams.core.learn_partners import DECISIONS_MAX


def test_a_decision_proves_what_nothing_else_does():
    proof = session_of(reading(6_000, END), released(8_000)).proof
    assert (proof.rung, proof.final.energy_wh, proof.cost_minor) == ("OPERATOR_RELEASE", 8_000, 632)
    assert session_of(ended(9_000, END), released(8_000)).proof.rung == "COMPLETE_TRANSACTION"


def test_an_amount_stands_in_place_of_the_tariff():
    assert session_of(released(8_000, amount_minor=500)).cost_minor == 500
    assert session_of(released(8_000, amount_minor=0)).cost_minor == 0


@pytest.mark.parametrize(
    ("people", "proven"),
    [(["ann"], False), (["ann", "ann"], False), (["ann", " Ann"], False), (["ann", "bob"], True)],
)
def test_above_the_limit_two_people_have_to_say_the_same(people, proven):
    said = [released(8_000, who, END + n) for n, who in enumerate(people)]
    for order in (said, said[::-1]):
        assert bool(session_of(*order, second_person_above_minor=631).proof.rung) is proven
    alone = session_of(released(8_000, "ann"), released(8_001, "bob"), second_person_above_minor=1)
    assert (alone.proof.rung, alone.proof.waits) == ("", "second-person")


def test_of_several_the_newest_that_may_counts():
    newer = released(9_000, at=END + 1)
    for order in ([released(8_000, at=END), newer], [newer, released(8_000, at=END)]):
        assert session_of(*order).total.final.energy_wh == 9_000
    case = session_of(released(1_000, at=END), newer, second_person_above_minor=100)
    assert case.total.final.energy_wh == 1_000


def test_nothing_is_decided_of_what_was_never_asked_to_start():
    world = World()
    world.apply(request(), T0)
    world.apply(released(8_000), T0)
    assert world.ledger.proof == ""


def test_what_was_decided_before_the_start_stays_so_when_it_is_told_again():
    """Redelivered after the start it is the very same word; said anew it is another one."""
    world = World()
    world.apply(request(), T0)
    early = released(8_000, at=T0)
    world.apply(early, T0)
    world.apply(answered("hold/1", "done", 2_000, T0), T0)
    world.apply(started(0, T0), T0)
    world.apply(early, T0)
    assert world.ledger.proof == ""
    world.apply(released(8_000, at=T0 + HOUR), T0 + HOUR)
    assert world.ledger.proof == "OPERATOR_RELEASE"


def test_all_the_energy_is_on_the_first_of_several_chargings():
    case = session_of(started(500, T0, tx="tx2"), released(8_000))
    assert case.total.final.energy_wh == 8_000
    assert case.live == []


def test_a_decision_that_was_captured_by_outlasts_a_later_cdr():
    case = session_of(released(8_000), bill(10_000), after_ms=30 * HOUR)
    assert (case.proof.rung, case.cost_minor) == ("OPERATOR_RELEASE", 632)


def test_so_many_decisions_are_kept_and_no_more():
    said = [released(n, at=END + n) for n in range(DECISIONS_MAX + 5)]
    for order in (said, said[::-1]):
        kept = session_of(*order).session.released
        assert [one.energy_wh for one in kept] == list(range(5, DECISIONS_MAX + 5))
