"""The books of a hold, where acquirers do what they should not."""

from msgspec.structs import replace
from sessionworld import HOLD, POLICY, T0, World, answered, ended, notified, request, started

from streams.core.case import case_of
from streams.core.holds import book
from streams.core.standing import standing_of


def told(*facts, acquirer_id="sim-total", policy=POLICY):
    world = World(policy=policy)
    world.apply(request(acquirer_id=acquirer_id), T0)
    for at, fact in enumerate(facts, 1):
        world.apply(fact, T0 + at * 1_000)
    return world


def books(world):
    acquirer = POLICY.acquirers[world.session.request.acquirer_id]
    hold = book(world.session, HOLD, acquirer)
    return (
        hold.approved_minor,
        hold.captured_minor,
        hold.released_minor,
        hold.lapsed_minor,
        hold.open_minor,
    )


APPROVED = answered("hold/1", "done", 2_000)


def test_what_is_captured_above_the_hold_is_shown_and_not_hidden():
    world = told(APPROVED, answered("capture/1", "done", 2_500))
    assert books(world) == (2_500, 2_500, 0, 0, 0)


def test_a_release_moves_no_more_than_there_is():
    assert books(told(APPROVED, answered("hold/1/release/1", "done", 9_000))) == (
        2_000, 0, 2_000, 0, 0
    )  # fmt: skip


def test_a_failed_capture_is_open_again_and_the_rest_stays_released():
    world = told(
        APPROVED,
        answered("capture/1", "done", 700),
        notified("capture_failed", 700, "capture/1"),
    )
    assert books(world) == (2_000, 0, 1_300, 0, 700)


def test_a_failure_without_an_id_means_the_one_capture():
    world = told(APPROVED, answered("capture/1", "done", 700), notified("capture_failed", 700))
    assert books(world) == (2_000, 0, 1_300, 0, 700)


def test_what_is_open_lapses_when_told_or_when_its_time_is_over():
    at_last = answered("hold/1", "done", 2_000, expires_at=T0 + 2_000)
    assert books(told(at_last)) == (2_000, 0, 0, 0, 2_000)
    assert books(told(at_last, started(0))) == (2_000, 0, 0, 2_000, 0)
    assert books(told(APPROVED, notified("hold_lapsed", 2_000))) == (2_000, 0, 0, 2_000, 0)


def test_a_yes_after_a_no_counts_and_is_shown():
    world = told(answered("hold/1", "declined"), APPROVED)
    assert books(world) == (2_000, 0, 0, 0, 2_000)
    assert [(one.kind, one.status) for one in world.discrepancies] == [("answers", "opened")]
    assert type(world.commands[-1]).__name__ == "ReleaseHold"  # the driver was sent away


def test_arrears_below_the_threshold_are_forgiven():
    policy = replace(POLICY, forgive_below_minor=300)
    facts = [
        answered("hold/1", "done", 700),  # in part: the ceiling
        started(0),
        ended(12_000),
        answered("capture/1", "done", 700),
    ]
    forgiving, strict = told(*facts, policy=policy), told(*facts)
    assert (forgiving.ledger.arrears_minor, forgiving.ledger.forgiven_minor) == (0, 248)
    assert (strict.ledger.arrears_minor, strict.ledger.forgiven_minor) == (248, 0)
    edge = replace(POLICY, forgive_below_minor=248)
    standing = standing_of(case_of(forgiving.session, edge))
    assert (standing.arrears_minor, standing.forgiven_minor) == (248, 0)


def test_two_captures_of_somebody_else_are_for_a_person():
    world = told(
        APPROVED,
        answered("capture/theirs-1", "done", 700),
        answered("capture/theirs-2", "done", 700),
    )
    assert [(one.kind, one.status) for one in world.discrepancies] == [("captured-twice", "opened")]
