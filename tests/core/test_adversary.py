"""What a hostile or flaky world may say to one session: the money must stand it."""

import pytest
from msgspec.structs import replace
from sessionworld import (
    HOLD,
    POLICY,
    SESSION,
    T0,
    World,
    answered,
    ended,
    notified,
    path_of,
    reading,
    request,
    started,
    tariff,
    tick,
    updated,
)

from schemas import codec
from schemas.commands import CaptureHold, InquireCommand, ReleaseHold, ResendCommand, ShowDeclined
from streams.core.learn import encoded

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


def approved(**changed):
    world = World()
    world.apply(request(**changed), T0)
    world.apply(answered("hold/1", "done", 2_000, expires_at=T0 + 5 * DAY), T0)
    return world


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("hold/1", {"kind": "capture"}),
        ("capture/1", {"kind": "hold"}),
        ("capture/1", {"session_id": "0" * 32}),
        ("hold/1/release/1", {"hold_id": f"{SESSION}/hold/2"}),
        ("hold/1/raise/1", {"kind": "lower"}),
        ("capture/1/inquire/1", {"resolves": ""}),
        ("capture/1/inquire/1", {"resolves": f"{SESSION}/hold/1"}),
        ("capture/1", {"resolves": f"{SESSION}/capture/1"}),
        ("hold/1/steal/1", {"kind": "release"}),
        ("nothing/of/ours", {"kind": "capture"}),
    ],
)
def test_an_answer_that_contradicts_its_own_id_is_refused(path, changed):
    """Believed, it would have moved money between kinds, holds or sessions in our books."""
    world = approved()
    before = world.session
    with pytest.raises(codec.NotReadable, match="contradiction"):
        world.apply(answered(path, "done", 2_000, **changed), T0)
    assert world.session == before


def test_a_capture_is_answered_of_the_hold_that_it_was_asked_of():
    """Believed, the money would be in nobody's books, and its hold given back as never used."""
    world = approved()
    world.apply(started(0), T0)
    world.apply(ended(10_000), T0)
    assert f"{SESSION}/capture/1" in world.session.issued
    before = world.session
    for hold_id in (f"{SESSION}/hold/2", "0" * 32 + "/hold/1"):
        with pytest.raises(codec.NotReadable, match="contradiction"):
            world.apply(answered("capture/1", "done", 790, hold_id=hold_id), T0)
    assert world.session == before


def test_a_yes_in_another_currency_is_asked_after_and_never_counted():
    """2,000 yen would have become a hold of 20.00 francs."""
    world = World()
    world.apply(request(), T0)
    world.apply(answered("hold/1", "done", 2_000, currency="JPY"), T0)
    assert (world.ledger.approved_minor, world.ledger.phase) == (0, "holding")
    step = world.apply(tick(world.session.deadline), world.session.deadline)
    assert paths(step.commands) == ["hold/1/inquire/1"]


def test_a_lowering_that_would_have_raised_gives_nothing_back_and_covers_no_more():
    """An acquirer that answers a lowering with more than it held: not a capture above the hold."""
    world = approved(acquirer_id="sim-delta")
    world.apply(started(0), T0)
    world.apply(ended(9_000), T0 + MINUTE)
    world.apply(answered("hold/1/lower/1", "done", 9_000), T0 + MINUTE)
    ledger = world.ledger
    assert (ledger.approved_minor, ledger.released_minor, ledger.open_minor) == (2_000, 0, 2_000)
    assert f"{HOLD}/lower/1/amount" in world.session.published.differences


def test_where_our_role_is_unknown_a_hold_of_others_is_neither_captured_nor_released():
    """A hold that a station reports for such a session was captured with our command."""
    world = World()
    world.apply(request(role="unknown"), T0)
    world.apply(answered("hold/1", "done", 2_000, expires_at=T0 + 5 * DAY), T0)
    world.apply(started(0), T0)
    world.apply(ended(9_000), T0 + MINUTE)
    assert [type(one) for one in world.commands] == [ShowDeclined]


def test_a_nameless_failure_of_a_capture_does_not_undo_the_next_one():
    """Seen as failed too, the second capture would have been followed by a third: taken twice."""
    world = approved()
    world.apply(started(0), T0)
    world.apply(ended(9_000), T0 + MINUTE)
    world.apply(answered("capture/1", "done", 711), T0 + MINUTE)
    step = world.apply(notified("capture_failed", 711, at=T0 + MINUTE), T0 + 2 * MINUTE)
    assert paths(step.commands) == ["capture/2"]
    step = world.apply(answered("capture/2", "done", 711), T0 + 3 * MINUTE)
    assert step.commands == []
    assert (world.ledger.phase, world.ledger.captured_minor) == ("closed", 711)


def test_a_lowered_hold_is_not_raised_again():
    """A second charging came late: the raise was lost in the books, and the capture refused."""
    world = approved(acquirer_id="sim-delta")
    world.apply(started(0), T0)
    step = world.apply(ended(9_000), T0 + MINUTE)
    assert paths(step.commands) == ["hold/1/lower/1"]
    world.apply(started(0, tx="tx2"), T0 + 2 * MINUTE)
    world.apply(ended(3_000, tx="tx2"), T0 + 3 * MINUTE)
    step = world.apply(answered("hold/1/lower/1", "done", 711), T0 + 4 * MINUTE)
    (capture,) = step.commands
    assert (path_of(capture.command_id), capture.amount_minor) == ("capture/1", 711)
    world.apply(answered("capture/1", "done", 711), T0 + 5 * MINUTE)
    assert (world.ledger.captured_minor, world.ledger.arrears_minor) == (711, 237)


@pytest.mark.parametrize(
    ("prices", "late"),
    [
        ({}, started(700, T0 - 1)),
        ({"time": "6"}, started(1_000, T0 - 30 * MINUTE)),
        ({"parking": "30"}, updated("suspended_ev", 1_000, T0 + MINUTE)),
    ],
)
def test_a_begin_or_a_state_told_late_moves_the_watch(prices, late):
    """The old points were counted from another begin: the raise would have come too late."""
    world = World(tariff(**prices))
    world.apply(request(), T0)
    world.apply(answered("hold/1", "done", 2_000, expires_at=T0 + 5 * DAY), T0)
    for fact in (started(1_000, T0), updated("charging", 1_500, T0 + 5 * MINUTE, seq=5)):
        world.apply(fact, T0 + 5 * MINUTE)
    (before,) = world.session.published.watches.values()
    step = world.apply(late, T0 + 5 * MINUTE)
    (watch,) = step.watches
    assert not watch.closing
    assert watch.wake_energy_wh < before.wake_energy_wh or watch.wake_read_at < before.wake_read_at


def test_a_hold_whose_expiry_was_not_told_is_not_waited_for_for_ever():
    """A charging that never ends, an acquirer that tells no expiry: the session never closed."""
    world = World()
    for fact in (request(), answered("hold/1", "done", 2_000), started(0), reading(3_000)):
        world.apply(fact, T0)
    assert world.ledger.phase == "charging"
    steps = 0
    while world.session.deadline is not None and steps < 50:
        world.apply(tick(world.session.deadline), world.session.deadline)
        steps += 1
    ledger = world.ledger
    assert (ledger.phase, ledger.lapsed_minor, ledger.captured_minor) == ("closed", 2_000, 0)
    assert ledger.arrears_minor == ledger.priced_minor > 0


def silent_for_days(schedule):
    policy = replace(POLICY, inquiry_schedule_ms=schedule)
    world = World(policy=policy)
    for fact in (request(), answered("hold/1", "done", 2_000), started(0), ended(9_000)):
        world.apply(fact, T0)
    while world.session.deadline is not None:
        world.apply(tick(world.session.deadline), world.session.deadline)
    return world


def test_days_of_silence_end_and_leave_a_state_that_can_be_written():
    """Every inquiry is kept: what five days of an acquirer's silence leave must fit a record."""
    world = silent_for_days(POLICY.inquiry_schedule_ms)
    inquiries = [one for one in world.commands if isinstance(one, InquireCommand)]
    assert len(inquiries) < 500
    assert len(encoded(world.session)) < 500_000


def test_five_hundred_states_of_a_charging_stay_small_and_are_priced_once():
    world = approved()
    world.apply(started(0), T0)
    for number in range(1, 501):
        at = T0 + number * MINUTE
        world.apply(updated("charging", number * 10, at, seq=number), at)
    world.apply(ended(5_000, T0 + 501 * MINUTE, seq=501), T0 + 501 * MINUTE)
    (capture,) = [one for one in world.commands if isinstance(one, CaptureHold)]
    assert capture.amount_minor == 395
    assert len(encoded(world.session)) < 20_000


def test_a_raise_without_an_answer_stops_the_charging_in_time_whatever_the_inquiries_do():
    """A policy that inquires late let energy flow on uncovered until its first inquiry."""
    world = World(policy=replace(POLICY, inquiry_schedule_ms=(3_600_000,)))
    for fact in (request(), answered("hold/1", "done", 2_000, expires_at=T0 + 5 * DAY)):
        world.apply(fact, T0)
    for fact in (started(0), reading(24_800)):
        world.apply(fact, T0 + MINUTE)
    assert paths(world.commands)[-1] == "hold/1/raise/1"
    asked_at = world.session.clock_at
    assert world.session.deadline <= asked_at + 2 * MINUTE
    step = world.apply(tick(world.session.deadline), world.session.deadline)
    assert [one.reason for one in step.commands] == ["cover-reached"]


def test_a_hold_is_not_raised_after_a_capture_of_it_has_failed():
    """What the capture had given back was taken off the raised total: the books lost the raise."""
    world = approved()
    for fact in (started(0), ended(9_000), answered("capture/1", "done", 711)):
        world.apply(fact, T0)
    world.apply(started(0, tx="tx2"), T0 + MINUTE)
    world.apply(reading(20_000, tx="tx2"), T0 + 2 * MINUTE)
    step = world.apply(notified("capture_failed", 711, "capture/1"), T0 + 3 * MINUTE)
    assert [type(one).__name__ for one in step.commands] == ["StopCharging"]  # still charging
    step = world.apply(ended(20_000, tx="tx2"), T0 + 4 * MINUTE)
    assert [(path_of(one.command_id), one.amount_minor) for one in step.commands] == [
        ("capture/2", 711)
    ]
