"""What a hostile or flaky world may say to one session: the money must stand it."""

import pytest
from sessionworld import (
    HOLD,
    SESSION,
    T0,
    World,
    answered,
    ended,
    path_of,
    request,
    started,
    tick,
)

from schemas.commands import ReleaseHold, ResendCommand

SECOND = 1_000
MINUTE = 60_000
DAY = 24 * 60 * MINUTE


def paths(commands):
    return [path_of(one.command_id) for one in commands]


def test_a_hold_resent_before_it_was_given_up_is_not_forgotten():
    """A look-up said "not found", the resend reached the issuer, its answer was lost."""
    world = World()
    world.apply(request(), T0)
    world.apply(answered("hold/1", "unknown"), T0 + SECOND)
    world.apply(tick(world.session.deadline), world.session.deadline)
    step = world.apply(answered("hold/1/inquire/1", "not_found"), world.session.deadline - SECOND)
    assert [type(one) for one in step.commands] == [ResendCommand]
    gave_up_at = T0 + 5 * MINUTE
    world.apply(tick(gave_up_at), gave_up_at)
    assert world.session.issued[f"{SESSION}/declined"]
    assert world.ledger.phase != "closed", "nobody knows yet what the resend did"
    while "hold/1/inquire/2" not in paths(world.commands):
        world.apply(tick(world.session.deadline), world.session.deadline)
    step = world.apply(answered("hold/1/inquire/2", "done", 2_000), world.session.clock_at)
    assert [(type(one), one.hold_id) for one in step.commands] == [(ReleaseHold, HOLD)]


def asked_about_a_capture(*, until):
    """A capture without a verdict; `until`: the last command about it that was answered."""
    world = World()
    for fact in (request(), answered("hold/1", "done", 2_000, expires_at=T0 + 5 * DAY)):
        world.apply(fact, T0)
    for fact in (started(0), ended(9_000)):
        world.apply(fact, T0 + MINUTE)
    script = [("capture/1", "unknown"), ("capture/1/inquire/1", "not_found")]
    for path, outcome in script[: until + 1]:
        world.apply(answered(path, outcome), world.session.clock_at)
        if path == "capture/1":
            world.apply(tick(world.session.deadline), world.session.deadline)
    return world


@pytest.mark.parametrize(
    ("until", "asked", "next_path"),
    [
        (0, "capture/1/inquire/1", "capture/1/inquire/2"),
        (1, "capture/1/resend/1", "capture/1/inquire/2"),
    ],
)
def test_an_answer_lost_after_an_inquiry_or_a_resend_is_asked_for_again(until, asked, next_path):
    """Without a deadline of its own the capture slept until its hold had lapsed."""
    world = asked_about_a_capture(until=until)
    assert paths(world.commands)[-1] == asked
    asked_at = world.session.clock_at
    assert world.session.deadline <= asked_at + 2 * MINUTE
    step = world.apply(tick(world.session.deadline), world.session.deadline)
    assert paths(step.commands) == [next_path]
