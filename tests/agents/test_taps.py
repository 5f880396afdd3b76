"""Cards read after the request, through the real stages: offers on their topic, crashes between."""

import pytest
from test_link_and_sessions import SESSION, T0, Day, ended, request, started

from schemas import ids, topics
from schemas.commands import CaptureHold, OfferAmount, PlaceHold
from schemas.facts import CardRead

NO_CARD = {
    "scheme": "", "funding": "unknown", "entry_mode": "", "cvm": "", "bin_country": "",
    "card_token": "",
}  # fmt: skip


def tap(**changed):
    fields = {
        "tenant": "t", "session_id": SESSION, "terminal_id": "term", "tap": 1, "scheme": "visa",
        "funding": "credit", "entry_mode": "contactless", "cvm": "cdcvm", "bin_country": "CH",
        "card_token": "tok", "offer_id": ids.offer_id(SESSION, 1), "consented_minor": 3_000,
        "consented_at": T0 + 5_000, "shown": "screen", "read_at": T0 + 6_000,
    }  # fmt: skip
    return CardRead(**{**fields, **changed})


def asked(day, stage="amount_first"):
    day.pipeline.send(topics.REQUESTS, SESSION, request(day.pipeline, stage=stage, **NO_CARD))
    day.tick(T0)


@pytest.mark.parametrize("crashes", [False, True])
def test_an_offer_goes_to_the_terminal_and_what_was_agreed_to_is_held(crashes):
    day = Day()
    asked(day)
    offers = day.pipeline.said[topics.TERMINAL_COMMANDS]
    assert [type(one) for one in offers] == [OfferAmount]
    assert day.commands() == []
    if crashes:
        day.pipeline.crash()
    day.pipeline.send(topics.REQUESTS, SESSION, tap())
    day.pipeline.send(topics.REQUESTS, SESSION, tap())
    day.tick(T0 + 7_000)
    held = day.commands(PlaceHold)
    assert [(one.scheme, one.tap_id) for one in held] == [("visa", ids.tap_id(SESSION, 1))]
    assert held[0].amount_minor == offers[0].amount_minor
    if crashes:
        day.pipeline.crash()
    day.tell(started(T0 + 10_000))
    day.tick(T0 + 60_000)
    day.tell(ended(T0 + 600_000, 1, 11_000))
    day.tick(T0 + 61_000)
    assert len(day.commands(CaptureHold)) == 1
    assert len(day.commands(PlaceHold)) == 1
    assert day.pipeline.parked == []


def test_a_tap_that_comes_before_its_request_waits_for_it():
    day = Day()
    day.pipeline.send(topics.REQUESTS, SESSION, tap(offer_id="", consented_minor=0))
    day.tick(T0 - 1_000)
    assert day.pipeline.said[topics.TERMINAL_COMMANDS] == []
    asked(day, "tap_first")
    offers = day.pipeline.said[topics.TERMINAL_COMMANDS]
    assert [type(one) for one in offers] == [OfferAmount]
    assert "visa" in offers[0].explanation


@pytest.mark.parametrize("offer", [1, 0])
def test_taps_that_contradict_each_other_stop_no_partition(offer):
    """One that names the offer is held, and what follows changes nothing; else none ever is."""
    day = Day(answers=False)
    told = {"offer_id": ids.offer_id(SESSION, offer) if offer else ""}
    for scheme in ("visa", "amex"):
        day.pipeline.send(topics.REQUESTS, SESSION, tap(scheme=scheme, **told))
    asked(day)
    assert day.pipeline.parked == []
    assert [one.scheme for one in day.commands(PlaceHold)] == ["visa"] * offer
    day.pipeline.send(topics.REQUESTS, SESSION, tap(scheme="amex"))
    day.tick(T0 + 7_000)
    assert [one.scheme for one in day.commands(PlaceHold)] == ["visa"] * offer
    assert day.ledger().closed_reason == ("" if offer else "tap-disputed")


def test_a_tap_of_another_session_than_its_key_is_parked():
    day = Day()
    asked(day)
    day.pipeline.send(topics.REQUESTS, SESSION, tap(session_id="another"))
    day.tick(T0 + 7_000)
    assert [bad.reason for _, bad in day.pipeline.parked] == ["wrong-key"]
