"""Taps after the request: a join, and which of them a hold rests on."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessionworld import SESSION, T0, World, answered, card_read, request

from streams.core import taps
from streams.core.session import NOT_ASKED
from streams.core.strategy_plan import Refusal

reads = st.builds(
    card_read,
    st.just(1),
    st.integers(0, 3),
    st.sampled_from([0, 500, 1_500, 9_000]),
    st.integers(T0, T0 + 3),
    scheme=st.sampled_from(["visa", "amex"]),
    terminal_id=st.sampled_from(["term", "other"]),
)


def joined(facts):
    tap = None
    for fact in facts:
        tap = taps.merged(tap, SESSION, fact)
    return tap


@given(st.lists(reads, min_size=1, max_size=6), st.data())
def test_neither_order_nor_repetition_matters(facts, data):
    again = data.draw(st.lists(st.sampled_from(facts), max_size=3))
    tap = joined(facts)
    assert tap == joined(data.draw(st.permutations([*facts, *again])))
    assert tap.read_at == min(one.read_at for one in facts)


@given(st.lists(reads, min_size=1, max_size=6))
def test_of_consents_to_one_offer_the_lowest_counts(facts):
    agreed = joined(facts).agreed
    said = [(taps.offer_number(SESSION, one.offer_id), one.consented_minor) for one in facts]
    said = [one for one in said if one[1]]
    if not said:
        assert agreed == NOT_ASKED
        return
    newest = max(number for number, _ in said)
    assert agreed.offer == newest
    assert agreed.minor == min(minor for number, minor in said if number == newest)


@pytest.mark.parametrize(
    ("offer_id", "number"),
    [
        (f"{SESSION}/offer/1", 1),
        (f"{SESSION}/offer/12", 12),
        (f"{SESSION}/offer/x", 0),
        (f"{SESSION}/offer/", 0),
        (f"{SESSION}/offer/1234567890", 0),
        ("another/offer/1", 0),
        ("", 0),
    ],
)
def test_an_offer_of_this_session_has_a_number(offer_id, number):
    assert taps.offer_number(SESSION, offer_id) == number


def before_the_card(**changed):
    none = dict.fromkeys(("scheme", "entry_mode", "cvm", "bin_country", "card_token"), "")
    return request(**{"stage": "amount_first", "funding": "unknown", **none, **changed})


def told(*facts):
    world = World()
    for fact in facts:
        world.apply(fact, T0)
    return world


def kinds(world):
    return [type(one).__name__ for one in world.commands]


def test_a_hold_tells_the_card_and_the_tap_that_it_rests_on():
    world = told(before_the_card(), card_read(1, 1, 9_000, scheme="mastercard"))
    assert kinds(world) == ["OfferAmount", "PlaceHold"]
    hold = world.commands[1]
    assert (hold.scheme, hold.tap_id) == ("mastercard", f"{SESSION}/tap/1")
    placed = world.session.issued[hold.command_id]
    assert taps.tap_of(placed) == 1
    assert world.ledger.scheme == "mastercard"


def test_a_card_of_another_terminal_is_held_by_no_offer():
    world = told(before_the_card(), card_read(1, 1, 9_000, terminal_id="far-away"))
    assert kinds(world) == ["OfferAmount", "ShowDeclined"]
    assert taps.refusal(world.session) == Refusal(
        "tap-disputed", "tap 1 was told with two cards or terminals"
    )


def test_a_yes_to_an_offer_that_was_never_made_is_none():
    world = told(before_the_card(), card_read(1, 7, 9_000))
    assert kinds(world) == ["OfferAmount"]  # which stands
    world.apply(card_read(1, 1, 9_000), T0)
    world.apply(card_read(2, 1, 9_000), T0)
    assert kinds(world) == ["OfferAmount", "PlaceHold"]


def test_the_card_that_was_tapped_again_is_held_once_the_first_hold_is_over():
    world = told(request(), card_read(1, cvm="online_pin"))
    assert kinds(world) == ["PlaceHold"]
    world.apply(answered("hold/1", "declined", reason="pin_required"), T0)
    assert kinds(world) == ["PlaceHold", "PlaceHold"]
    assert world.commands[1].tap_id == f"{SESSION}/tap/1"
    assert world.commands[1].command_id == f"{SESSION}/hold/2"


@pytest.mark.parametrize("offer", [0, 1])
def test_after_a_no_the_less_that_was_shown_is_held_whether_the_tap_names_it_or_not(offer):
    world = told(request(), answered("hold/1", "declined", reason="insufficient_funds"))
    assert kinds(world) == ["PlaceHold", "OfferAmount"]
    less = world.commands[1].amount_minor
    assert less < world.commands[0].amount_minor
    world.apply(card_read(1, offer, 9_000 if offer else 0), T0)
    assert kinds(world) == ["PlaceHold", "OfferAmount", "PlaceHold"]
    assert world.commands[2].amount_minor == less


def test_each_hold_keeps_the_card_that_it_was_placed_on():
    world = told(request(scheme="visa"), card_read(1, scheme="mastercard"))
    session = world.session
    assert taps.presented(session).scheme == "mastercard"
    assert taps.presented_for(session, f"{SESSION}/hold/1").scheme == "visa"
    assert taps.presented_for(session, f"{SESSION}/hold/2").scheme == "mastercard"


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_words_on_one_consent_the_earlier_dates_it(first):
    facts = [card_read(1, 1, 9_000, at=T0 + 5), card_read(1, 1, 9_000, at=T0 + 9)]
    assert joined([facts[first], facts[1 - first]]).agreed.at == T0 + 5


def test_a_tap_while_a_hold_lives_changes_nothing():
    world = told(request(), answered("hold/1", "done", 2_000))
    choice = world.session.pinned.choice
    world.apply(card_read(1, scheme="amex", funding="prepaid"), T0)
    assert kinds(world) == ["PlaceHold", "StartCharging"]
    assert taps.unheld(world.session, f"{SESSION}/hold/1") != choice
    assert world.ledger.policy_cell == choice.cell


def test_the_choice_at_a_tap_is_kept_as_made():
    world = told(before_the_card(), card_read(1, 1, 9_000))
    known = world.session.chosen
    other = msgspec.structs.replace(card_read(1, 1, 9_000), read_at=T0 + 5)
    world.apply(other, T0)
    assert world.session.chosen == known
