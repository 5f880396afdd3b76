"""Webhooks without our metadata: which command they answer, and what nobody asked for."""

import itertools

import pytest
from sessionworld import HOLD, T0, World, answered, ended, path_of, request, started, webhook

from schemas import ids


def opened():
    world = World()
    world.apply(request())
    return world


ASKED = opened().commands[0].amount_minor


def held():
    world = opened()
    world.apply(answered("hold/1", "done", ASKED))
    return world


def delivered():
    """A charging at its proven end: the capture is out."""
    world = held()
    world.apply(started(0))
    world.apply(ended(10_000))
    assert "capture/1" in [path_of(one.command_id) for one in world.commands]
    return world


def differences(world):
    return {one.kind for one in world.discrepancies if one.status == "opened"}


def test_a_yes_to_our_hold_is_the_answer_to_it():
    told, answer = opened(), held()
    told.apply(webhook("hold", ASKED, "hold/1"))
    assert told.session.answers[HOLD].outcome == "done"
    assert told.session.answers[HOLD].amount_minor == ASKED
    assert told.session.terms[HOLD].psp_reference == "PSP"
    assert told.ledger.holds[0].approved_minor == answer.ledger.holds[0].approved_minor == ASKED
    assert differences(told) == set()


def test_a_no_to_our_hold_is_a_no():
    world = opened()
    world.apply(webhook("hold", 0, "hold/1", outcome="declined", reason="insufficient_funds"))
    assert world.session.answers[HOLD].outcome == "declined"
    assert world.session.answers[HOLD].reason == "insufficient_funds"


def test_a_capture_of_ours_is_known_by_its_reference():
    world = delivered()
    amount = next(one for one in world.commands if path_of(one.command_id) == "capture/1")
    world.apply(webhook("capture", amount.amount_minor, "capture/1"))
    assert world.ledger.captured_minor == amount.amount_minor
    assert differences(world) == set()


def test_a_capture_that_failed_after_all_is_no_capture():
    world = delivered()
    amount = next(one for one in world.commands if path_of(one.command_id) == "capture/1")
    world.apply(webhook("capture", amount.amount_minor, "capture/1"))
    world.apply(webhook("capture_failed", amount.amount_minor, "capture/1"))
    assert world.ledger.captured_minor == 0


def test_a_hold_that_expired_has_lapsed():
    world = held()
    world.apply(webhook("hold_lapsed", ASKED))
    assert (world.ledger.holds[0].lapsed_minor, world.ledger.holds[0].open_minor) == (ASKED, 0)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("capture", "captured-unasked"),
        ("refund", "refunded-unasked"),
        ("raise", "held-unasked"),
        ("chargeback_opened", "chargeback"),
    ],
)
def test_what_nobody_asked_for_is_shown_to_people_and_moves_nothing(event, kind):
    world = held()
    before = len(world.commands), world.ledger.captured_minor, world.ledger.holds
    world.apply(webhook(event, 700))
    assert differences(world) == {kind}
    assert (len(world.commands), world.ledger.captured_minor, world.ledger.holds) == before


def test_what_nobody_asked_for_and_did_not_happen_is_nothing():
    world = held()
    before = world.session.answers, world.session.notices
    world.apply(webhook("capture", 700, outcome="failed"))
    assert (world.session.answers, world.session.notices) == before


def test_a_chargeback_that_was_won_is_closed():
    world = held()
    world.apply(webhook("chargeback_opened", 700))
    world.apply(webhook("chargeback_reversed", 700))
    assert [one.status for one in world.discrepancies] == ["opened", "closed"]


def test_a_hold_of_the_terminals_is_none_of_ours_and_its_name_is_bound():
    world = opened()
    world.apply(webhook("hold", 5000, psp="TERM"))
    assert HOLD not in world.session.answers
    assert differences(world) == {"held-unasked"}
    assert ids.psp_alias("t", "TERM") in {one.alias for one in world.aliases}


def test_another_acquirers_word_is_no_answer_to_our_command():
    world = opened()
    world.apply(webhook("hold", ASKED, "hold/1", acquirer_id="another"))
    assert HOLD not in world.session.answers


def test_their_order_and_their_repetition_do_not_matter():
    told = [
        webhook("capture_failed", 700, "capture/1"),
        webhook("chargeback_opened", 700),
        webhook("capture", 700, "capture/1"),
        webhook("hold_lapsed", 100),
    ]
    ends = set()
    for order in itertools.permutations(told):
        world = delivered()
        for fact in (*order, order[0]):
            world.apply(fact, T0 + 10_000)
        ends.add((tuple(sorted(world.session.answers.items(), key=str)), world.session.notices))
    assert len({str(one) for one in ends}) == 1
