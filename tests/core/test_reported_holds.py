"""Holds that others placed: one session with the request in any order, no hold of ours beside."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessionworld import (
    HOLD,
    POLICY,
    SESSION,
    T0,
    World,
    answered,
    card_read,
    ended,
    hold_reported,
    reading,
    request,
    started,
    tariff,
    tick,
    webhook,
)

from schemas import codec, ids
from schemas.commands import CaptureHold, PlaceHold, RaiseHold, StartCharging
from streams.core.learn import encoded, learn
from streams.core.opening import pin
from streams.core.session import ReferenceReused

ASKED = request(hold_by="terminal")
TOLD = hold_reported(2_000)
minutes = st.integers(0, 4).map(lambda count: T0 + count * 60_000)
openers = st.one_of(
    st.builds(lambda at: request(hold_by="terminal", requested_at=at), minutes),
    st.builds(
        hold_reported,
        st.sampled_from([2_000, 2_500]),
        minutes,
        psp=st.sampled_from(["PSP", "OTHER"]),
        expires_at=st.sampled_from([0, T0 + 10**7]),
        requested_at=minutes,
    ),
)
others = st.one_of(
    st.builds(
        answered,
        st.sampled_from(["hold/1", "hold/1/raise/1", "capture/1"]),
        st.sampled_from(["done", "declined", "unknown"]),
        st.sampled_from([2_000, 3_000]),
        minutes,
    ),
    st.builds(card_read, st.just(1), at=minutes),
    st.builds(
        webhook,
        st.just("hold"),
        st.sampled_from([2_000, 2_500]),
        at=minutes,
        psp=st.sampled_from(["PSP", "OTHER"]),
    ),
    st.builds(tick, minutes),
)


def fold(facts):
    """Openers first, as the stage has it: whatever else comes early waits for one."""
    session = None
    for fact in sorted(facts, key=lambda one: "requested_at" not in one.__struct_fields__):
        session = learn(session, fact)
        if session.pinned is None:
            session = learn(session, pin(ASKED, tariff(), POLICY, {}))
    return session


@settings(max_examples=200, deadline=None)
@given(st.lists(openers, min_size=1, max_size=5), st.lists(others, max_size=6), st.data())
def test_neither_order_nor_repetition_matters(opening, more, data):
    again = data.draw(st.lists(st.sampled_from([*opening, *more]), max_size=4))
    shuffled = data.draw(st.permutations([*opening, *more, *again]))
    assert encoded(fold([*opening, *more])) == encoded(fold(shuffled))


def told(facts):
    world = World()
    for at, fact in enumerate(facts):
        world.apply(fact, T0 + at * 1_000)
    return world


CHARGED = [started(0), reading(22_000), answered("hold/1/raise/1", "done", 4_000), ended(24_000)]


@pytest.mark.parametrize(
    "opening", [[TOLD], [TOLD, TOLD], [ASKED, TOLD], [TOLD, ASKED], [ASKED, TOLD, ASKED, TOLD]]
)
def test_we_raise_and_capture_the_hold_by_its_own_name_and_place_none(opening):
    world = told([*opening, *CHARGED, answered("capture/1", "done", 1_896)])
    kinds = [type(one) for one in world.commands]
    assert kinds == [StartCharging, RaiseHold, CaptureHold]
    money = world.commands[1:]
    assert {(one.hold_id, one.psp_reference, one.acquirer_id) for one in money} == {
        (HOLD, "PSP", "sim-total")
    }
    (hold,) = world.ledger.holds
    assert (hold.requested_minor, hold.approved_minor, hold.captured_minor) == (4_000, 4_000, 1_896)
    assert hold.approved_at == T0
    assert world.ledger.phase == "closed"


def test_it_is_found_by_its_own_name_and_by_no_reference_of_ours():
    world = told([TOLD])
    aliases = [one.alias for one in world.aliases]
    assert ids.psp_alias("t", "PSP") in aliases
    assert ids.reference_alias("t", ids.idempotency_key("t", HOLD)) not in aliases
    again = told([TOLD, TOLD, ASKED])
    assert [one.alias for one in again.aliases] == aliases


def test_what_its_acquirer_says_of_it_without_our_name_is_about_it():
    world = told([TOLD, webhook("hold_lapsed", 2_000)])
    assert world.ledger.lapsed_minor == 2_000
    assert world.ledger.holds[0].status == "lapsed"


def test_its_own_webhook_is_no_difference_whichever_came_first():
    late = told([ASKED, webhook("hold", 2_000), TOLD])
    assert [(one.kind, one.status) for one in late.discrepancies] == [
        ("held-unasked", "opened"),
        ("held-unasked", "closed"),
    ]
    assert told([ASKED, TOLD, webhook("hold", 2_000)]).discrepancies == []


@pytest.mark.parametrize(
    "other", [hold_reported(2_500, T0 + 5), answered("hold/1", "done", 2_500, T0 + 5)]
)
def test_another_amount_later_is_a_difference_and_changes_no_books(other):
    world = told([TOLD, other])
    (found,) = world.discrepancies
    assert (found.kind, found.status, found.amount_minor) == ("reported-hold", "opened", 500)
    assert world.ledger.open_minor == 2_000


def test_another_hold_is_a_difference_of_all_its_amount():
    (found,) = told([TOLD, hold_reported(2_000, T0 + 5, psp="OTHER")]).discrepancies
    assert (found.kind, found.amount_minor) == ("reported-hold", 2_000)


def test_the_visit_of_its_card_is_told_that_it_was_approved():
    uses = World().apply(TOLD).uses
    assert [(one.event, one.amount_minor) for one in uses] == [("tapped", 0), ("approved", 2_000)]


def test_a_card_read_later_places_no_hold_of_ours_beside_it():
    world = told([TOLD, card_read(1, at=T0 + 1_000), tick(T0 + 10_000)])
    assert not [one for one in world.commands if isinstance(one, PlaceHold)]
    assert world.ledger.strategy == "incremental"


def test_a_third_party_that_captures_is_commanded_no_capture():
    world = told([hold_reported(2_000, capture_by="terminal_provider"), started(0), ended(10_000)])
    assert [type(one) for one in world.commands] == [StartCharging]


def test_an_observed_one_is_commanded_nothing():
    world = told(
        [hold_reported(2_000, role="observer"), started(0), reading(22_000), ended(24_000)]
    )
    assert world.commands == []
    assert world.ledger.open_minor == 2_000


@pytest.mark.parametrize(
    ("fact", "word"),
    [
        (hold_reported(2_000, acquirer_id="any"), "acquirer_id"),
        (hold_reported(2_000, stage="amount_first"), "hold_by"),
        (request(hold_by="web", stage="tap_first"), "hold_by"),
        (request(hold_by="web", acquirer_id="any"), "acquirer_id"),
    ],
)
def test_what_contradicts_itself_opens_nothing(fact, word):
    with pytest.raises(codec.NotReadable) as refusal:
        learn(None, fact)
    assert refusal.value.reason == "contradiction"
    assert word in refusal.value.detail


@pytest.mark.parametrize(
    "other", [request(), request(hold_by="web"), hold_reported(2_000, card_token="x")]
)
def test_another_request_under_its_reference_is_never_merged(other):
    session = learn(None, TOLD)
    with pytest.raises(ReferenceReused):
        learn(session, other)
    assert session.session_id == SESSION
