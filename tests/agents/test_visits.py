"""Two taps of one card, through sessions and visits: the first hold goes back at once."""

import pytest
from pipeline import Pipeline
from test_link_and_sessions import KINDS, SESSION, T0, Day, request, started

from schemas import codec, ids, topics
from schemas.commands import PlaceHold, ReleaseHold, StopCharging
from schemas.facts import AcquirerAnswered, CardUsed, CardVisit
from streams.agents.visits import CARD
from streams.engine.stage import BadRecord

SECOND = ids.session_id("t", "p", "ref-2")
MINUTE = 60_000
VISIT = ids.visit_key("t", "n", "tok")


def second_request(pipeline, **changed):
    more = {"session_id": SECOND, "authorization_reference": "ref-2", "requested_at": T0 + MINUTE}
    return request(pipeline, **{**more, **changed})


def tapped_twice(**changed):
    day = Day()
    day.tick(T0)
    day.pipeline.send(topics.REQUESTS, SESSION, request(day.pipeline))
    day.tick(T0 + 1_000)
    day.pipeline.send(topics.REQUESTS, SECOND, second_request(day.pipeline, **changed))
    day.tick(T0 + MINUTE + 1_000)
    return day


def released(day):
    return [one.hold_id for one in day.commands(ReleaseHold)]


def test_a_second_tap_at_the_same_evse_sets_the_first_hold_free():
    day = tapped_twice()
    assert [one.session_id for one in day.commands(PlaceHold)] == [SESSION, SECOND]
    assert released(day) == [ids.hold_id(SESSION, 1)]
    stops = [
        one
        for one in day.pipeline.said[topics.CHARGER_COMMANDS]
        if isinstance(one, StopCharging) and one.session_id == SESSION
    ]
    assert len(stops) == 1  # before the release: perhaps it starts just now
    ledgers = [one for one in day.pipeline.said[topics.LEDGER] if one.session_id == SESSION]
    assert (ledgers[-1].phase, ledgers[-1].closed_reason) == ("closed", "released")


@pytest.mark.parametrize(
    "changed", [{"card_token": "other"}, {"site_id": "elsewhere"}, {"evse_uid": "e2"}]
)
def test_another_card_another_site_or_another_evse_set_nothing_free(changed):
    assert released(tapped_twice(**changed)) == []


def test_a_second_tap_changes_nothing_where_energy_flows():
    day = Day()
    day.tick(T0)
    day.pipeline.send(topics.REQUESTS, SESSION, request(day.pipeline))
    day.tick(T0 + 1_000)
    charger = ids.charger_key("t", "n", "c1")
    day.pipeline.send(topics.TRANSACTIONS, charger, started(T0 + 2_000))
    day.tick(T0 + 3_000)
    day.pipeline.send(topics.REQUESTS, SECOND, second_request(day.pipeline))
    day.tick(T0 + MINUTE + 1_000)
    assert released(day) == []


def test_what_happened_to_the_card_is_told_once_whatever_crashes():
    day = tapped_twice()
    said = len(day.pipeline.said[topics.VISITS])
    day.pipeline.crash()
    day.tick(T0 + 2 * MINUTE)
    visits = day.pipeline.said[topics.VISITS]
    assert len(visits) == said
    assert all(isinstance(one, CardVisit) for one in visits)
    assert [one.version for one in visits] == list(range(1, said + 1))
    assert visits[-1].sessions == [SESSION, SECOND]


def test_refusals_of_one_session_count_for_the_next():
    day = Day(answers=False)
    day.tick(T0)
    day.pipeline.send(topics.REQUESTS, SESSION, request(day.pipeline))
    day.tick(T0 + 1_000)
    (hold,) = day.commands(PlaceHold)
    day.pipeline.send(
        topics.RESPONSES,
        SESSION,
        AcquirerAnswered(
            tenant="t", session_id=SESSION, command_id=hold.command_id, kind=KINDS[PlaceHold],
            hold_id=hold.hold_id, acquirer_id=hold.acquirer_id, outcome="declined",
            amount_minor=0, currency="CHF", reason="lost_or_stolen", raw_code="43",
            source="executor", answered_at=T0 + 1_000,
        ),
    )  # fmt: skip
    day.tick(T0 + 2_000)
    day.pipeline.send(topics.REQUESTS, SECOND, second_request(day.pipeline))
    day.tick(T0 + MINUTE + 1_000)
    assert day.pipeline.said[topics.VISITS][-1].barred
    stores = [
        value
        for (stage, _), store in day.pipeline.stores.items()
        if stage == "sessions"
        for key, value in store.decoded()
        if key == b"s" + SECOND.encode()
    ]
    assert stores[0].visits["tok"].barred


def use(**changed):
    fields = {
        "tenant": "t", "site_id": "n", "card_token": "tok", "session_id": SESSION, "network": "n",
        "charger_id": "c1", "evse_uid": "e", "scheme": "visa", "event": "tapped",
        "requested_at": T0, "used_at": T0,
    }  # fmt: skip
    return CardUsed(**{**fields, **changed})


@pytest.mark.parametrize(
    ("fact", "key", "reason"),
    [(use(card_token="x"), VISIT, "wrong-key"), (None, VISIT, "wrong-topic")],
)
def test_what_does_not_belong_there_is_parked(fact, key, reason):
    pipeline = Pipeline()
    fact = request(pipeline) if fact is None else fact
    pipeline.send_bytes(topics.CARD_USES, key, codec.encode(fact))
    pipeline.run()
    ((_, bad),) = pipeline.parked
    assert isinstance(bad, BadRecord)
    assert bad.reason == reason


def test_books_are_kept_by_the_tokens_of_acquirers():
    day = tapped_twice()
    keys = {
        key
        for (stage, _), store in day.pipeline.stores.items()
        if stage == "visits"
        for key, _ in store.decoded()
    }
    assert keys == {CARD + VISIT.encode()}
