"""Worlds in virtual time: nothing is wrong in any, and each can be had again by its seed."""

import msgspec
import pytest

from streams.simulation.plans import CDRS, DRIVERS, OCPI, SIGNED, plan_of
from streams.simulation.run import lived, simulate
from streams.simulation.telling import story_of

pytestmark = pytest.mark.long

SESSIONS = 20_000
BLOCK = 50
SEEDS = -(-SESSIONS * len(DRIVERS) // sum(DRIVERS) // BLOCK) * BLOCK


@pytest.mark.parametrize("first", range(0, SEEDS, BLOCK))
def test_nothing_is_wrong_in_any_world(first):
    found = simulate(range(first, first + BLOCK))
    assert found.violations == []
    assert found.captured > BLOCK  # money was taken: a world where nothing happens is no proof


def test_so_many_sessions_are_lived():
    assert sum(len(plan_of(seed).sessions) for seed in range(SEEDS)) >= SESSIONS


def test_in_two_processes_the_worlds_are_the_same():
    alone, shared = simulate(range(12)), simulate(range(12), jobs=2)
    assert (shared.sessions, shared.events, shared.captured, shared.outcomes) == (
        alone.sessions,
        alone.events,
        alone.captured,
        alone.outcomes,
    )


def test_a_seed_gives_the_same_world_again():
    once, again = lived(11), lived(11)
    assert once.bank.ledger == again.bank.ledger
    assert msgspec.to_builtins(once.ledgers) == msgspec.to_builtins(again.ledgers)


def test_a_story_tells_facts_commands_money_and_the_end():
    world = lived(11, told=True)
    lines = list(story_of(world))
    assert lines[0].startswith("seed 11")
    for mark in ("-> ", "<- ", "$  "):
        assert any(mark in line for line in lines)
    assert sum(" ends " in line for line in lines) == len(world.ledgers)


def test_worlds_are_of_all_kinds():
    plans = [plan_of(seed) for seed in range(300)]
    sessions = [one for plan in plans for one in plan.sessions]
    chargings = [one for session in sessions for one in session.chargings]
    assert {plan.operator.name for plan in plans} == {"staircase", "small-steps", "wall", "floor"}
    assert len({one.terms.acquirer_id for one in sessions}) == 5
    assert any(plan.crashes for plan in plans)
    assert any(plan.faults for plan in plans)
    assert not all(plan.faults for plan in plans)
    assert any(one.dark[1] for one in chargings)
    assert any(one.end_lost for one in chargings)
    assert any(one.unheard for one in chargings)
    assert any(one.stays for one in chargings)
    assert any(one.late_ms for one in chargings)
    assert {one.signed for one in chargings} == {"", *SIGNED}
    assert {one.cdr.kind for one in sessions if one.cdr} == set(CDRS)
    assert {one.cdr.session for one in sessions if one.cdr} == {"none", *OCPI}
    assert any(one.decided for one in sessions)
    assert any(one.goodwill for one in sessions)
    assert len({plan.away for plan in plans}) == 6
    assert {plan.receipts.order for plan in plans if plan.receipts} == {
        "capture_first",
        "receipt_first",
    }
    assert any(plan.receipts is None for plan in plans)
    assert any(one.missing for one in chargings)
    assert not all(one.numbered for one in chargings)
