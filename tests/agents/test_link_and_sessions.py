"""Whole sessions through the real logic of both stages, without a broker."""

import pytest
from pipeline import Pipeline

from schemas import codec, ids, topics
from schemas.commands import CaptureHold, PlaceHold, RaiseHold, ReleaseHold, StartCharging
from schemas.facts import (
    AcquirerAnswered,
    AcquirerNotified,
    ChargingEnded,
    ChargingStarted,
    LinkedFact,
    MeterReading,
    NoticeUnbound,
    OrphanAged,
    SessionRequested,
)
from streams.agents import sessions
from streams.agents.waiting import HORIZON_MS
from streams.replay.cards import draw

T0 = 1_767_600_000_000
MINUTE = 60_000
SESSION = ids.session_id("t", "p", "ref-1")
CHARGER = ids.charger_key("t", "n", "c1")
ON_CHARGER = {"tenant": "t", "network": "n", "charger_id": "c1", "evse_uid": "e"}
KINDS = {PlaceHold: "hold", RaiseHold: "raise", CaptureHold: "capture", ReleaseHold: "release"}


def request(pipeline, **changed):
    fields = {
        "tenant": "t", "session_id": SESSION, "provider": "p", "authorization_reference": "ref-1",
        "terminal_id": "term", "network": "n", "charger_id": "c1", "evse_uid": "e",
        "channel": "terminal", "role": "operator_side", "capture_by": "executor",
        "power_type": "DC", "power_max_w": 60_000, "scheme": "visa", "funding": "credit",
        "entry_mode": "contactless", "cvm": "cdcvm", "bin_country": "CH",
        "merchant_country": "CH", "card_token": "tok", "currency": "CHF",
        "acquirer_id": "sim-total", "tariff_id": "dc", "tariff_hash": pipeline.tariff_hash,
        "requested_at": T0,
    }  # fmt: skip
    return SessionRequested(**{**fields, **changed})


def started(at, seq=0, energy=1000):
    return ChargingStarted(
        **ON_CHARGER, transaction_id="x", remote_start_id=ids.remote_start_id(SESSION),
        payment_kind="card", seq=seq, energy_wh=energy, offline=False, started_at=at,
    )  # fmt: skip


def reading(at, seq, energy):
    return MeterReading(
        **ON_CHARGER, transaction_id="x", seq=seq, energy_wh=energy, power_w=60_000, read_at=at
    )


def ended(at, seq, energy):
    return ChargingEnded(
        **ON_CHARGER, transaction_id="x", seq=seq, energy_wh=energy, reason="Local",
        offline=False, ended_at=at,
    )  # fmt: skip


class Day:
    """A pipeline with an acquirer that says yes, or nothing."""

    def __init__(self, answers=True, more_policy="", **requested):
        self.pipeline = Pipeline(more_policy=more_policy)
        self.requested = requested
        self.answers = answers
        self.answered = set()
        self.now_at = T0

    def tick(self, at):
        self.now_at = at
        self.pipeline.tick(at)
        while self.answers and self._answer():
            self.pipeline.run()

    def _answer(self):
        fresh = [one for one in self.commands() if one.command_id not in self.answered]
        for one in fresh:
            self.answered.add(one.command_id)
            answer = AcquirerAnswered(
                tenant="t", session_id=one.session_id, command_id=one.command_id,
                kind=KINDS[type(one)], hold_id=one.hold_id, acquirer_id=one.acquirer_id,
                outcome="done", amount_minor=one.amount_minor, currency=one.currency,
                psp_reference="psp", expires_at=T0 + 5 * 86_400_000, source="executor",
                answered_at=self.now_at,
            )  # fmt: skip
            self.pipeline.send(topics.RESPONSES, one.session_id, answer)
        return fresh

    def commands(self, kind=object):
        return [one for one in self.pipeline.said[topics.COMMANDS] if isinstance(one, kind)]

    def ledger(self):
        return self.pipeline.said[topics.LEDGER][-1]

    def tell(self, *facts):
        for fact in facts:
            topic = topics.READINGS if isinstance(fact, MeterReading) else topics.TRANSACTIONS
            self.pipeline.send(topic, CHARGER, fact)

    def charge(self, minutes=30, crash_seed=None):
        """Half an hour at 60 kW: 30 kWh, 17.84 CHF gross."""
        self.pipeline.send(topics.REQUESTS, SESSION, request(self.pipeline, **self.requested))
        self.tick(T0)
        self.tell(started(T0 + 10_000))
        for minute in range(1, minutes):
            at = T0 + minute * MINUTE
            self.tell(reading(at, minute, 1000 + 1000 * minute))
            self.tick(at)
            if crash_seed is not None and draw(crash_seed, str(minute), "crash", 3) == 0:
                self.pipeline.crash()
        at = T0 + minutes * MINUTE
        self.tell(ended(at, minutes, 1000 + 1000 * minutes))
        self.tick(at)
        self.tick(at + MINUTE)


def test_a_good_day_ends_with_one_capture_of_the_price_and_everything_given_back():
    day = Day()
    day.charge()
    (capture,) = day.commands(CaptureHold)
    assert capture.amount_minor == 1784
    assert capture.proof == "COMPLETE_TRANSACTION"
    ledger = day.ledger()
    assert ledger.phase == "closed"
    assert ledger.captured_minor == ledger.priced_minor == 1784
    assert ledger.approved_minor == ledger.captured_minor + ledger.released_minor
    assert day.pipeline.parked == []


def test_the_gate_lets_few_readings_through():
    day = Day()
    day.charge()
    linked = [one for one in day.pipeline.said[topics.EVENTS] if isinstance(one, LinkedFact)]
    readings = [one for one in linked if codec.record_name(one.fact) == "MeterReading"]
    assert 0 < len(readings) < 15


@pytest.mark.parametrize("seed", range(6))
def test_crashes_between_steps_change_no_outcome(seed):
    quiet, stormy = Day(), Day()
    quiet.charge()
    stormy.charge(crash_seed=seed)
    assert stormy.commands() == quiet.commands()
    assert stormy.ledger() == quiet.ledger()


def test_a_record_of_nonsense_is_parked_and_its_neighbours_are_applied():
    day = Day()
    day.pipeline.send_bytes(topics.READINGS, CHARGER, b"\x01nonsense")
    day.tell(reading(T0 + MINUTE, 1, 5000), reading(T0 + 2 * MINUTE, 2, 4000))
    day.pipeline.send(topics.REQUESTS, SESSION, request(day.pipeline))
    day.tick(T0)
    reasons = [bad.reason for _, bad in day.pipeline.parked]
    assert reasons == ["undecodable", "falling-register"]
    assert len(day.commands(PlaceHold)) == 1


def test_a_spike_is_parked_and_its_number_counts_and_the_session_ends_as_it_was():
    """60 kW at most: true readings go on after it, and the end is whole."""
    day = Day()
    day.pipeline.send(topics.REQUESTS, SESSION, request(day.pipeline))
    day.tick(T0)
    day.tell(started(T0 + 10_000))
    for minute, energy in ((1, 1_500), (2, 5_000_000), (3, 3_000)):
        day.tell(reading(T0 + minute * MINUTE, minute, energy))
        day.tick(T0 + minute * MINUTE)
    day.tell(ended(T0 + 4 * MINUTE, 4, 4_000))
    day.tick(T0 + 4 * MINUTE)
    assert [bad.reason for _, bad in day.pipeline.parked] == ["implausible-register"]
    (capture,) = day.commands(CaptureHold)
    assert capture.energy_wh == 3000
    assert day.commands(RaiseHold) == []


def test_a_register_that_began_anew_is_not_captured_by_begin_and_end():
    """Begun at 1000, read at 3000, began anew and ended at 4000: more flowed than 3000 Wh."""
    day = Day()
    day.pipeline.send(topics.REQUESTS, SESSION, request(day.pipeline))
    day.tick(T0)
    day.tell(started(T0 + 10_000))
    for minute, energy in ((1, 1_500), (2, 3_000), (3, 20)):
        day.tell(reading(T0 + minute * MINUTE, minute, energy))
        day.tick(T0 + minute * MINUTE)
    day.tell(ended(T0 + 6 * MINUTE, 4, 4_000))
    day.tick(T0 + 30 * MINUTE)
    assert [bad.reason for _, bad in day.pipeline.parked] == ["falling-register"]
    assert day.commands(CaptureHold) == []
    assert day.ledger().phase == "proving"


def test_an_input_that_cannot_be_read_quarantines_its_session_until_it_is_retried():
    day = Day()
    day.pipeline.send(topics.REQUESTS, SESSION, request(day.pipeline))
    day.tick(T0)
    day.pipeline.send_bytes(topics.RESPONSES, SESSION, b"broken")
    day.tick(T0 + MINUTE)
    assert day.ledger().phase == "quarantined"
    ((record, _),) = day.pipeline.parked
    ref = f"{record.topic}/{record.partition}/{record.offset}".encode()
    answer = AcquirerAnswered(
        tenant="t", session_id=SESSION, command_id=f"{SESSION}/hold/1", kind="hold",
        hold_id=f"{SESSION}/hold/1", acquirer_id="sim-total", outcome="done", amount_minor=2000,
        currency="CHF", source="webhook", answered_at=T0,
    )  # fmt: skip
    day.pipeline.send(topics.RESPONSES, SESSION, answer, headers=(("retry-of", ref),))
    day.tick(T0 + 2 * MINUTE)
    assert day.ledger().phase != "quarantined"


def test_the_reference_of_another_driver_is_parked_and_the_session_goes_on():
    day = Day()
    day.pipeline.send(topics.REQUESTS, SESSION, request(day.pipeline))
    other = request(day.pipeline, terminal_id="another-terminal")
    day.pipeline.send(topics.REQUESTS, SESSION, other)
    day.tick(T0)
    assert [bad.reason for _, bad in day.pipeline.parked] == ["reference-reused"]
    assert day.ledger().phase != "quarantined"
    assert len(day.pipeline.said[topics.CHARGER_COMMANDS]) == 1


def test_an_answer_before_its_session_waits_and_a_stranger_is_told_of_as_an_orphan():
    day = Day(answers=False)
    stranger = "0" * 32
    for session in (SESSION, stranger):
        answer = AcquirerAnswered(
            tenant="t", session_id=session, command_id=f"{session}/hold/1", kind="hold",
            hold_id=f"{session}/hold/1", acquirer_id="sim-total", outcome="done",
            amount_minor=2000, currency="CHF", source="webhook", answered_at=T0,
        )  # fmt: skip
        day.pipeline.send(topics.RESPONSES, session, answer)
    day.tick(T0)
    day.pipeline.send(topics.REQUESTS, SESSION, request(day.pipeline))
    day.tick(T0 + 20 * MINUTE)
    starts = day.pipeline.said[topics.CHARGER_COMMANDS]
    assert isinstance(starts[0], StartCharging), "the early approval counted"
    orphans = [
        one for one in day.pipeline.said[topics.DISCREPANCIES] if isinstance(one, OrphanAged)
    ]
    assert [one.alias for one in orphans] == [stranger]


def test_a_charging_nobody_started_is_told_of_as_an_orphan_once():
    day = Day()
    day.tell(started(T0))
    for minute in (1, 11, 30):
        day.tick(T0 + minute * MINUTE)
    orphans = day.pipeline.said[topics.DISCREPANCIES]
    assert [type(one) for one in orphans] == [OrphanAged]


def waiting_keys(pipeline):
    return [
        key
        for store in pipeline.stores.values()
        for key in store.encoded
        if key[:1] in (b"a", b"e")
    ]


@pytest.mark.parametrize("crash", [False, True])
def test_what_waited_for_nobody_is_set_aside_beyond_the_horizon_a_bounded_number_a_tick(
    crash, monkeypatch
):
    """One fact waits for an alias at link, two answers for sessions that never come."""
    monkeypatch.setattr(sessions, "SET_ASIDE_MAX", 1)
    day = Day(answers=False)
    strangers = [stranger * 32 for stranger in "01"]
    for session in strangers:
        answer = AcquirerNotified(
            tenant="t", session_id=session, hold_id=f"{session}/hold/1", acquirer_id="sim-total",
            event="capture_failed", amount_minor=1784, currency="CHF", occurred_at=T0,
        )  # fmt: skip
        day.pipeline.send(topics.RESPONSES, session, answer)
    day.tell(started(T0))
    for at in (0, 20 * MINUTE, HORIZON_MS - MINUTE):
        day.tick(T0 + at)
    kept = [one for one in day.pipeline.aside if dict(one[2])["reason"] == b"beyond-horizon"]
    assert (len(waiting_keys(day.pipeline)), kept) == (3, [])
    if crash:
        day.pipeline.crash()
    for minute in range(22):
        day.tick(T0 + HORIZON_MS + minute * MINUTE)
    beyond = [one for one in day.pipeline.aside if dict(one[2])["reason"] == b"beyond-horizon"]
    assert {key.decode() for key, _, _ in beyond} == {CHARGER, *strangers}
    assert len(beyond) == len(strangers) + 1
    assert waiting_keys(day.pipeline) == []


def test_a_charging_that_nobody_claims_for_days_is_set_aside_and_can_be_sent_again():
    day = Day()
    day.tell(started(T0))
    for days in (0, 3):
        day.tick(T0 + days * 86_400_000)
    ((key, value, headers),) = day.pipeline.aside
    assert (key, codec.decode(value)) == (CHARGER.encode(), started(T0))
    assert dict(headers)["reason"] == b"never-claimed"


def test_time_is_the_least_of_all_link_partitions():
    day = Day()
    day.tick(T0)
    applied = day.pipeline.said[topics.APPLIED]
    assert {(one.partition, one.at) for one in applied} == {(0, T0), (1, T0)}
    assert all(one.outstanding == 0 for one in applied)


def refused_capture(at):
    return AcquirerNotified(
        tenant="t", session_id=SESSION, hold_id=f"{SESSION}/hold/1", acquirer_id="sim-total",
        event="capture_failed", command_id=f"{SESSION}/capture/1", amount_minor=1784,
        currency="CHF", occurred_at=at,
    )  # fmt: skip


def cold_keys(pipeline):
    return [key for store in pipeline.stores.values() for key in store.cold.places]


@pytest.mark.parametrize("crash", [False, True])
def test_a_closed_session_leaves_memory_and_a_late_fact_opens_it_again(crash):
    day = Day()
    day.charge()
    if crash:
        day.pipeline.crash()
    key = b"s" + SESSION.encode()
    assert cold_keys(day.pipeline) == [key]
    assert not any(key in store.encoded for store in day.pipeline.stores.values())
    day.answers = False
    day.pipeline.send(topics.RESPONSES, SESSION, refused_capture(T0 + 90 * MINUTE))
    day.tick(T0 + 91 * MINUTE)
    assert day.ledger().phase != "closed"
    assert cold_keys(day.pipeline) == []
    assert day.pipeline.parked == []


def test_a_fact_beyond_the_horizon_is_parked_and_changes_nothing():
    day = Day()
    day.charge()
    last = day.ledger()
    day.tick(last.closed_at + HORIZON_MS + MINUTE)
    day.pipeline.send(topics.RESPONSES, SESSION, refused_capture(T0 + 90 * MINUTE))
    day.tick(day.now_at + MINUTE)
    assert [bad.reason for _, bad in day.pipeline.parked] == ["beyond-horizon"]
    assert day.ledger() == last
    assert len(day.commands(CaptureHold)) == 1


def unbound(event, alias, **fields):
    """What an acquirer says without our metadata, as the webhooks' receiver writes it."""
    common = {
        "tenant": "t", "alias": alias, "acquirer_id": "sim-total", "outcome": "done",
        "merchant_reference": "", "psp_reference": "psp", "amount_minor": 0, "currency": "CHF",
        "occurred_at": T0 + 1_000,
    }  # fmt: skip
    return NoticeUnbound(event=event, **{**common, **fields})


def tell_unbound(pipeline, fact):
    pipeline.send(topics.LOOKUPS, fact.alias, fact)
    pipeline.run()


def test_a_webhook_that_names_no_session_finds_it_by_the_reference_of_its_hold():
    day = Day(answers=False)
    day.pipeline.send(topics.REQUESTS, SESSION, request(day.pipeline))
    day.tick(T0)
    (place,) = day.commands(PlaceHold)
    alias = ids.reference_alias("t", place.idempotency_key)
    amount = place.amount_minor
    key = place.idempotency_key
    tell_unbound(day.pipeline, unbound("hold", alias, merchant_reference=key, amount_minor=amount))
    assert day.ledger().approved_minor == amount
    # and by the name that the acquirer gave it all that follows
    tell_unbound(
        day.pipeline, unbound("hold_lapsed", ids.psp_alias("t", "psp"), amount_minor=amount)
    )
    assert day.ledger().lapsed_minor == amount


def test_a_hold_that_a_terminal_placed_is_told_to_its_session_and_so_is_its_capture():
    day = Day()
    day.pipeline.send(topics.REQUESTS, SESSION, request(day.pipeline))
    day.tick(T0)
    minted = ids.reference_alias("t", "ref-1")
    tell_unbound(
        day.pipeline,
        unbound(
            "hold", minted, merchant_reference="ref-1", psp_reference="term", amount_minor=5000
        ),
    )
    tell_unbound(
        day.pipeline,
        unbound("capture", ids.psp_alias("t", "term"), psp_reference="term", amount_minor=1234),
    )
    told = [one for one in day.pipeline.said[topics.DISCREPANCIES] if one.session_id == SESSION]
    assert {(one.kind, one.amount_minor) for one in told} == {
        ("held-unasked", 5000),
        ("captured-unasked", 1234),
    }
    assert day.ledger().captured_minor == 0


def test_a_webhook_that_came_before_its_name_was_known_waits_for_it():
    day = Day(answers=False)
    tell_unbound(
        day.pipeline, unbound("chargeback_opened", ids.psp_alias("t", "psp"), amount_minor=70)
    )
    day.answers = True
    day.pipeline.send(topics.REQUESTS, SESSION, request(day.pipeline))
    day.tick(T0)
    kinds = {one.kind for one in day.pipeline.said[topics.DISCREPANCIES]}
    assert "chargeback" in kinds


def test_a_webhook_of_nobodys_payment_ages_into_an_orphan():
    day = Day(answers=False)
    stranger = ids.psp_alias("t", "stranger")
    tell_unbound(day.pipeline, unbound("capture", stranger, psp_reference="stranger"))
    day.tick(T0 + 3 * 86_400_000)
    (orphan,) = list(day.pipeline.said[topics.DISCREPANCIES])
    assert isinstance(orphan, OrphanAged)
    assert orphan.alias == stranger


def test_a_webhook_under_anothers_alias_is_parked():
    day = Day(answers=False)
    fact = unbound("capture", ids.psp_alias("t", "psp"))
    day.pipeline.send(topics.LOOKUPS, "another", fact)
    day.pipeline.run()
    assert len(day.pipeline.parked) == 1
