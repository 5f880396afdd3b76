"""What follows a no, step by step: how often, until when, and what the charger is told."""

import pytest
from msgspec.structs import replace
from sessionworld import (
    POLICY,
    POLICY_FILE,
    SESSION,
    T0,
    World,
    answered,
    card_read,
    path_of,
    reading,
    request,
    started,
    tick,
    updated,
    visited,
)

from schemas.commands import AskPinOrRetap, LimitCharging, OfferAmount, RaiseHold, StopCharging
from streams.core.declines_after import Aftermath, bounded
from streams.core.declines_policy import After, DeclinePolicy
from streams.core.strategy_policy import parse_policy

RAISE = "hold/1/raise/1"
FUNDS = {"reason": "insufficient_funds", "raw_code": "51"}
PIN = {"reason": "sca_or_pin_required", "raw_code": "1A"}
SOFT = {"reason": "do_not_honor", "raw_code": "05"}
CROSSED_AT = T0 + 540_000


def policy(**declines):
    return replace(POLICY, declines=DeclinePolicy(**declines))


def charging(*, rules=POLICY, takes_limit=False, **asked):
    """A hold of 20 CHF, and energy that flows at 0.79 a kWh."""
    world = World(policy=rules)
    (placed,) = world.apply(request(**asked), T0).commands
    world.apply(answered("hold/1", "done", placed.amount_minor, at=T0 + 2_000), T0 + 2_000)
    world.apply(started(0, at=T0 + 5_000, takes_limit=takes_limit), T0 + 5_000)
    return world


def raising(**given):
    """The same where a raise is asked for nine minutes later."""
    world = charging(**given)
    step = world.apply(reading(21_600, CROSSED_AT, power_w=150_000, gap_ms=60_000), CROSSED_AT)
    assert [path_of(one.command_id) for one in step.commands] == [RAISE]
    return world


def refused(world, after_ms=3_000, path=RAISE, **why):
    at = CROSSED_AT + after_ms
    return world.apply(answered(path, "declined", at=at, **why), at)


def kinds(step):
    return [type(one) for one in step.commands]


# --- at the tap -----------------------------------------------------------------------------------


def tapped_again(world, offer, at):
    step = world.apply(card_read(offer, offer, 120_00, at=at, cvm="pin"), at)
    return [path_of(one.command_id) for one in step.commands]


def test_pins_and_smaller_amounts_are_counted_apart():
    world = World(policy=policy(offers_max=1, retaps_max=1))
    world.apply(request(), T0)
    step = world.apply(answered("hold/1", "declined", **PIN), T0 + 1_000)
    assert kinds(step) == [OfferAmount, AskPinOrRetap]
    assert tapped_again(world, 1, T0 + 9_000) == ["hold/2"]
    step = world.apply(answered("hold/2", "declined", **FUNDS), T0 + 11_000)
    assert kinds(step) == [OfferAmount]
    assert tapped_again(world, 2, T0 + 19_000) == ["hold/3"]
    assert OfferAmount not in kinds(
        world.apply(answered("hold/3", "declined", **FUNDS), T0 + 21_000)
    )
    assert world.ledger.closed_reason == "declined"


def test_less_was_offered_and_a_pin_may_still_be_asked_for():
    world = World(policy=policy(offers_max=1, retaps_max=1))
    world.apply(request(), T0)
    world.apply(answered("hold/1", "declined", **FUNDS), T0 + 1_000)
    tapped_again(world, 1, T0 + 9_000)
    step = world.apply(answered("hold/2", "declined", **PIN), T0 + 11_000)
    assert kinds(step) == [OfferAmount, AskPinOrRetap]
    tapped_again(world, 2, T0 + 19_000)
    assert AskPinOrRetap not in kinds(
        world.apply(answered("hold/3", "declined", **PIN), T0 + 21_000)
    )


@pytest.mark.parametrize(("most", "made"), [(0, 0), (1, 1)])
def test_nothing_smaller_is_offered_more_often_than_the_policy_says(most, made):
    world = World(policy=policy(offers_max=most))
    world.apply(request(), T0)
    step = world.apply(answered("hold/1", "declined", **FUNDS), T0 + 1_000)
    assert kinds(step).count(OfferAmount) == made


@pytest.mark.parametrize(("early_ms", "offers"), [(1, []), (0, [OfferAmount])])
def test_a_card_is_left_alone_up_to_the_instant_that_was_told(early_ms, offers):
    world = World()
    world.apply(request(), T0)
    world.apply(visited(wait_until_at=T0 + 60_000), T0 + 1_000)
    at = T0 + 60_000 - early_ms
    step = world.apply(answered("hold/1", "declined", at=at, **FUNDS), at)
    assert [kind for kind in kinds(step) if kind is OfferAmount] == offers


# --- a refused raise ------------------------------------------------------------------------------


def test_the_same_is_tried_once_after_the_pause_and_not_before():
    world = raising(rules=policy(backoff_ms=20_000))
    step = refused(world, **SOFT)
    again_at = CROSSED_AT + 23_000
    assert (step.commands, step.deadline_at) == ([], again_at)
    assert world.apply(tick(again_at - 1), again_at - 1).commands == []
    step = world.apply(tick(again_at), again_at)
    (again,) = step.commands
    assert (path_of(again.command_id), again.amount_minor) == ("hold/1/raise/2", 40_00)
    assert step.deadline_at is None or step.deadline_at > again_at


def test_the_last_of_the_list_stands_where_the_card_must_not_be_asked_again():
    """The second of three actions would try once more."""
    world = raising(rules=policy(after=After(technical=("retry_once", "retry_once", "stop_now"))))
    world.apply(visited(attempts_left=0), CROSSED_AT + 1_000)
    step = refused(world, reason="issuer_unavailable", raw_code="91")
    assert kinds(step) == [StopCharging]


def test_a_smaller_step_is_smaller_whatever_the_no_was_about():
    world = raising(rules=policy(after=After(soft=("smaller_step", "finish_inside"))))
    step = refused(world, **SOFT)
    (less,) = step.commands
    assert isinstance(less, RaiseHold)
    assert 20_00 < less.amount_minor < 40_00


def test_what_was_refused_for_want_of_money_is_not_asked_for_again():
    world = raising(rules=policy(after=After(funds=("retry_once", "finish_inside"))))
    refused(world, **FUNDS)
    at = CROSSED_AT + 23_000
    (again,) = world.apply(tick(at), at).commands
    assert isinstance(again, RaiseHold)
    assert 20_00 < again.amount_minor < 40_00


@pytest.mark.parametrize(("room", "total"), [(1, None), (2, 10_01), (3, 10_01)])
def test_a_raise_of_less_than_a_quarter_of_a_step_is_not_worth_it(room, total):
    """Half of the room is asked for; of a step of 7 a quarter is one whole unit."""
    after = Aftermath(action="smaller_step", below_minor=10_00 + room)
    assert bounded(after, DeclinePolicy(smaller_percent=50), 10_00, 20_00, 7) == total


@pytest.mark.parametrize(("action", "bound"), [("grace", 23_00), ("finish_inside", 20_00)])
def test_only_grace_lets_energy_flow_beyond_the_hold(action, bound):
    rules = policy(after=After(hard=(action,)), grace_minor={"CHF": 3_00, "EUR": 9_00})
    step = refused(raising(rules=rules, takes_limit=True), reason="expired_card", raw_code="54")
    (limit,) = step.commands
    assert isinstance(limit, LimitCharging)
    assert limit.amount_minor == bound
    # The most Wh whose price, rounded half up, stays within it.
    assert limit.max_energy_wh == (bound * 10 + 5) * 100 // 79


def test_who_must_stop_now_is_told_no_limit():
    step = refused(raising(takes_limit=True), reason="lost_or_stolen", raw_code="41")
    assert kinds(step) == [StopCharging]
    assert step.commands[0].reason == "lost_or_stolen"


# --- limits ---------------------------------------------------------------------------------------


def limits(world):
    return [
        (path_of(one.command_id), one.amount_minor, one.max_energy_wh)
        for one in world.commands
        if isinstance(one, LimitCharging)
    ]


def test_a_declared_amount_is_the_limit_from_the_begin():
    world = charging(takes_limit=True, declared_kind="amount", declared_value=12_00)
    (told,) = limits(world)
    assert told[1:] == (12_00, 15_196)
    world.apply(reading(4_000, T0 + 120_000), T0 + 120_000)
    assert len(limits(world)) == 1
    assert world.ledger.conflicts == 0


def test_a_declared_energy_is_the_limit_whatever_is_held_for_time():
    world = charging(takes_limit=True, declared_kind="energy", declared_value=20_000)
    ((_, _, wh),) = limits(world)
    assert wh == 20_000


def test_a_declared_energy_is_the_limit_although_the_hold_may_still_rise():
    text = POLICY_FILE.read_text()
    text = text.replace(
        'strategy = "declared"\ndeclared = ["energy"]',
        'strategy = "declared_then_incremental"\ndeclared = ["energy"]',
    ).replace("buffer_minor = 50 }", "buffer_minor = 50, step_minor = 10_00 }")
    world = charging(
        rules=parse_policy(text), takes_limit=True, declared_kind="energy", declared_value=20_000
    )
    choice = world.session.pinned.choice
    assert choice.ceiling_minor > choice.first_minor
    ((_, bound, wh),) = limits(world)
    assert (bound, wh) == (choice.ceiling_minor, 20_000)


def test_each_charging_is_told_its_own_limit_once():
    world = charging(takes_limit=True, declared_kind="amount", declared_value=12_00)
    begun = started(0, at=T0 + 60_000, tx="tx2", takes_limit=True)
    world.apply(begun, T0 + 60_000)
    told = limits(world)
    assert len({name for name, *_ in told}) == len(told) == 2
    world.apply(reading(1_000, T0 + 90_000, tx="tx2"), T0 + 90_000)
    assert len(limits(world)) == 2
    assert world.ledger.conflicts == 0


def test_a_limit_that_changes_gets_the_next_number():
    """The hold is raised after the limit was told: what is settled by then is told anew."""
    rules = policy(after=After(hard=("finish_inside",)))
    world = raising(rules=rules, takes_limit=True)
    refused(world, reason="expired_card", raw_code="54")
    (first,) = limits(world)
    at = CROSSED_AT + 9_000
    world.apply(answered(RAISE, "done", 40_00, at=at, source="webhook"), at)
    later = limits(world)
    assert later[0] == first
    assert [name.rpartition("/")[2] for name, *_ in later] == [
        str(n + 1) for n in range(len(later))
    ]
    assert world.ledger.conflicts == 0


# --- a charger that goes on -----------------------------------------------------------------------


def stops(world):
    return [path_of(one.command_id) for one in world.commands if isinstance(one, StopCharging)]


def test_a_stop_is_sent_again_while_energy_flows_and_not_for_ever():
    world = raising(rules=policy(stops_max=3, stop_again_ms=60_000))
    step = refused(world, reason="lost_or_stolen", raw_code="41")
    at = CROSSED_AT + 3_000
    assert (len(stops(world)), step.deadline_at) == (1, at + 60_000)
    for number in (2, 3):
        at += 60_000
        assert world.apply(tick(at - 1), at - 1).commands == []
        (again,) = world.apply(tick(at), at).commands
        assert (again.reason, len(stops(world))) == ("still-charging", number)
    assert world.apply(tick(at + 600_000), at + 600_000).commands == []


def test_of_two_chargings_the_one_that_flows_is_told_again():
    world = charging(rules=policy(stops_max=3, stop_again_ms=60_000))
    world.apply(started(0, at=T0 + 60_000, tx="tx2"), T0 + 60_000)
    step = world.apply(reading(21_600, CROSSED_AT, power_w=150_000, gap_ms=60_000), CROSSED_AT)
    assert RaiseHold in kinds(step)
    refused(world, reason="lost_or_stolen", raw_code="41")
    assert len(stops(world)) == 2
    at = CROSSED_AT + 10_000
    world.apply(updated("suspended_evse", 21_700, at, seq=2), at)
    at = CROSSED_AT + 63_000
    step = world.apply(tick(at), at)
    assert [one.transaction_id for one in step.commands] == ["tx2"]
    assert world.session.session_id == SESSION
