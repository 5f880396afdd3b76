"""What partners are told of a session's money: by whom, when, and of what."""

import pytest
from partnerworld import cdr, linked
from sessionworld import (
    POLICY,
    SESSION,
    T0,
    World,
    answered,
    ended,
    notified,
    path_of,
    refund_decided,
    request,
    started,
    tariff,
    tick,
    webhook,
)

from schemas import ids, topics
from schemas.commands import SendAdvice
from streams.agents.routes import route

HOUR = 3_600_000
SIDE = {"role": "terminal_provider_side", "entry_mode": "chip", "cvm": "pin"}


def told(world):
    return [one for one in world.commands if isinstance(one, SendAdvice)]


def captured(body=None, policy=POLICY, **asked):
    world = World(body, policy)
    world.apply(request(**{**SIDE, **asked}), T0)
    for fact in (answered("hold/1", "done", 2_000), started(0), ended(10_000)):
        world.apply(fact, T0)
    world.apply(answered("capture/1", "done", 790), T0)
    return world


def test_it_goes_out_once_and_says_what_was_captured():
    world = captured()
    world.apply(tick(T0 + HOUR), T0 + HOUR)
    world.apply(answered("capture/1", "done", 790), T0 + HOUR)
    (one,) = told(world)
    assert path_of(one.command_id) == "advice/capture-1"
    assert (one.outcome, one.amount_minor, one.refunded_minor) == ("done", 790, 0)
    assert (one.advice_id, one.authorization_reference) == (SESSION, "REF")
    assert one.eft_lines == [
        "visa credit chip", "acquirer sim-total, reference PSP", "terminal term",
    ]  # fmt: skip
    assert all("tok" not in line for line in one.eft_lines), "no token leaves the house"


@pytest.mark.parametrize(
    "asked",
    [{"role": "operator_side"}, {"role": "observer"}, {"capture_by": "terminal_provider"},
     {"capture_by": "station"}],
)  # fmt: skip
def test_only_who_captures_for_a_terminal_provider_tells(asked):
    assert told(captured(**asked)) == []


def test_taxes_that_the_tariff_does_not_tell_are_not_made_up():
    (one,) = told(captured())
    assert (one.net_minor, [part.rate for part in one.parts]) == (-1, [""])


def test_each_change_of_the_money_is_told_under_the_same_name_and_later():
    world = captured()
    for n, minor in enumerate((100, 50), 1):
        at = T0 + n * HOUR
        world.apply(refund_decided(f"D-{n}", minor, at), at)
        world.apply(answered(f"refund/decision-D-{n}", "done", minor, at), at)
    at = T0 + 3 * HOUR
    world.apply(notified("refund_failed", 50, "refund/decision-D-2", at), at)
    said = told(world)
    assert [one.amount_minor for one in said] == [790, 690, 640, 690]
    assert {one.advice_id for one in said} == {SESSION}
    instants = [one.issued_at for one in said]
    assert instants == sorted(set(instants))
    assert len({one.command_id for one in said}) == 4


def test_a_capture_that_failed_after_its_advice_is_told():
    world = captured()
    world.apply(notified("capture_failed", 790, "capture/1", T0 + HOUR), T0 + HOUR)
    assert [one.outcome for one in told(world)] == ["done"], "another attempt is under way"
    for n in (2, 3):
        world.apply(answered(f"capture/{n}", "declined", 0, T0 + HOUR), T0 + HOUR)
    late = T0 + 30 * 24 * HOUR
    world.apply(tick(late), late)
    assert [(one.outcome, one.amount_minor) for one in told(world)] == [
        ("done", 790),
        ("failed", 0),
    ]
    assert told(world)[-1].message.startswith("0.00 CHF of 7.90 CHF captured: ")


def test_it_is_for_who_told_of_the_session_else_for_the_network():
    assert told(captured())[0].partner == "n"
    world = World()
    world.apply(request(**SIDE), T0)
    for fact in (answered("hold/1", "done", 2_000), linked(cdr(10_000, "7.90", T0)), started(0)):
        world.apply(fact, T0)
    world.apply(ended(10_000), T0)
    world.apply(answered("capture/1", "done", 790), T0)
    (one,) = told(world)
    known = next(iter(world.session.cdrs.values())).partner
    assert one.partner == known
    assert route(one) == (topics.OCPI_COMMANDS, ids.partner_key("t", known))


def test_of_a_session_without_a_price_there_is_none():
    world = World(tariff("0.00"))
    world.apply(request(**SIDE), T0)
    for fact in (answered("hold/1", "done", 2_000), started(0), ended(10_000)):
        world.apply(fact, T0)
    world.apply(answered("hold/1/release/1", "done", 2_000), T0)
    assert (world.ledger.phase, told(world)) == ("closed", [])


def test_each_refund_by_somebody_else_is_told_and_nothing_is_told_twice():
    world = captured()
    for n, minor in enumerate((100, 50), 1):
        at = T0 + n * HOUR
        fact = webhook("refund", minor, at=at, psp=f"R{n}")
        for _ in range(2):
            world.apply(fact, at)
        world.apply(tick(at + 1), at + 1)
    said = told(world)
    assert [one.amount_minor for one in said] == [790, 690, 640]
    assert len({one.command_id for one in said}) == len(said)


def test_energy_that_is_proven_later_makes_it_partial():
    world = captured()
    world.apply(started(0, tx="tx2"), T0 + HOUR)
    world.apply(ended(5_000, tx="tx2"), T0 + HOUR)
    said = told(world)
    assert [(one.outcome, one.priced_minor, one.energy_wh) for one in said] == [
        ("done", 790, 10_000),
        ("partial", 1_185, 15_000),
    ]
