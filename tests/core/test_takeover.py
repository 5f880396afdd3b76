"""Taking a capture over: when it is refused, by which word, and that never two captures happen."""

import random

import pytest
from partnerworld import advice, linked
from sessionworld import (
    HOLD,
    T0,
    World,
    answered,
    ended,
    path_of,
    reading,
    request,
    started,
    taken_over,
    tick,
    webhook,
)

from schemas.commands import CaptureHold, InquireCommand, MoneyCommand, RaiseHold

MINUTE = 60_000
THEIRS = {"capture_by": "terminal_provider", "entry_mode": "chip", "cvm": "pin"}


def proven(**asked):
    world = World()
    world.apply(request(**{**THEIRS, **asked}), T0)
    world.apply(answered("hold/1", "done", 2_000), T0)
    world.apply(started(0), T0)
    world.apply(ended(10_000), T0)
    return world


def told(outcome, minor=0):
    return linked(advice(minor, T0, outcome=outcome, partner="p"))


def agreed(world, at=T0 + MINUTE, people=("ann", "bob")):
    return [one for who in people for one in world.apply(taken_over(who, at), at).commands]


def captures(world):
    return [one for one in world.commands if isinstance(one, CaptureHold)]


def refused(world):
    found = world.session.published.differences.values()
    return next((one.detail for one in found if one.kind == "takeover-refused" and one.open), "")


def test_two_people_make_it_ours():
    world = proven()
    assert captures(world) == []
    (capture,) = agreed(world)
    assert (capture.performer, capture.amount_minor, capture.hold_id) == ("executor", 790, HOLD)
    assert capture.psp_reference == "PSP"
    assert refused(world) == ""


@pytest.mark.parametrize("people", [("ann",), ("ann", " ANN ")])
def test_one_person_alone_is_not_enough(people):
    world = proven()
    assert agreed(world, people=people) == []
    assert "second person" in refused(world)


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        (told("unknown"), "unknown"),
        (webhook("capture", 790), "tells of a capture by somebody else"),
        (answered("capture/9", "unknown", source="consumer"), "has no verdict"),
        (answered("capture/9", "not_found", source="consumer"), "has no verdict"),
    ],
)
def test_any_word_that_leaves_a_capture_of_theirs_open_forbids_it(fact, words):
    world = proven()
    world.apply(fact, T0)
    agreed(world)
    assert captures(world) == []
    assert words in refused(world)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"capture_by": "executor"}, "our executor's already"),
        ({"acquirer_id": "sim-reverse"}, "twice"),
    ],
)
def test_where_an_acquirer_cannot_keep_two_apart_it_is_refused(asked, words):
    world = proven(**asked)
    before = len(captures(world))
    agreed(world)
    assert len(captures(world)) == before
    assert words in refused(world)


def test_a_hold_that_has_no_name_at_its_acquirer_cannot_be_captured_by_another():
    world = World()
    world.apply(request(**THEIRS), T0)
    world.apply(answered("hold/1", "done", 2_000, psp_reference=""), T0)
    world.apply(started(0), T0)
    world.apply(ended(10_000), T0)
    agreed(world)
    assert captures(world) == []
    assert "what the acquirer calls the hold" in refused(world)


def test_what_they_captured_after_all_while_ours_is_unknown_is_for_people_and_not_repeated():
    world = proven()
    agreed(world)
    world.apply(answered("capture/1", "unknown"), T0 + MINUTE)
    world.apply(told("done", 790), T0 + 2 * MINUTE)
    kinds = {one.kind for one in world.session.published.differences.values() if one.open}
    assert "captured-beside" in kinds
    world.apply(answered("capture/1", "declined", reason="hold_captured"), T0 + 3 * MINUTE)
    world.apply(tick(T0 + 60 * MINUTE), T0 + 60 * MINUTE)
    assert [path_of(one.command_id) for one in captures(world)] == ["capture/1"]
    assert (world.ledger.phase, world.ledger.captured_minor) == ("closed", 790)


def test_whoever_was_asked_is_asked_what_became_of_it():
    world = proven()
    agreed(world)
    world.apply(answered("capture/1", "unknown"), T0 + MINUTE)
    world.apply(told("done", 790), T0 + 2 * MINUTE)
    world.apply(tick(T0 + 60 * MINUTE), T0 + 60 * MINUTE)
    looks = [one.performer for one in world.commands if isinstance(one, InquireCommand)]
    assert looks
    assert set(looks) == {"executor"}


def test_a_raise_of_ours_that_is_unknown_does_not_end_it():
    world = World()
    world.apply(request(**THEIRS), T0)
    world.apply(answered("hold/1", "done", 2_000), T0)
    world.apply(started(0), T0)
    agreed(world)
    at = T0 + 60 * MINUTE
    world.apply(reading(22_000, at), at)
    assert [type(one) for one in world.commands[-1:]] == [RaiseHold]
    assert refused(world) == ""
    world.apply(ended(22_000, at), at)
    world.apply(tick(at + 60 * MINUTE), at + 60 * MINUTE)
    assert {one.performer for one in world.commands if isinstance(one, InquireCommand)} == {
        "executor"
    }
    world.apply(answered("hold/1/raise/1", "declined", 0, at), at + 61 * MINUTE)
    assert [one.performer for one in captures(world)] == ["executor"]


@pytest.mark.parametrize("seed", range(60))
def test_in_any_order_nothing_is_captured_beside_what_is_known_of_theirs(seed):
    chance = random.Random(seed)
    theirs = chance.choice([told("done", 790), told("failed"), told("unknown"),
                            webhook("capture", 790), tick(T0)])  # fmt: skip
    facts = [started(0), ended(10_000), taken_over("ann"), taken_over("bob"), theirs]
    chance.shuffle(facts)
    world = World()
    world.apply(request(**THEIRS), T0)
    world.apply(answered("hold/1", "done", 2_000), T0)
    known = False
    for n, fact in enumerate([*facts, *facts]):
        known = known or fact is theirs
        step = world.apply(fact, T0 + n)
        takes = [one for one in step.commands if isinstance(one, CaptureHold)]
        if known and theirs in (told("done", 790), told("unknown"), webhook("capture", 790)):
            assert takes == []
        for one in step.commands:
            if isinstance(one, MoneyCommand):
                ours = isinstance(one, CaptureHold)
                assert one.performer == ("executor" if ours else "terminal_provider")
    assert len(captures(world)) <= 1
    if theirs in (told("failed"), tick(T0)):
        assert len(captures(world)) == 1
