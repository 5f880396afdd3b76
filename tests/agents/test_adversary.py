"""Records that nobody should ever write, and retries: no stage may die of them, no money move."""

import pytest
from pipeline import Pipeline
from test_link_and_sessions import (
    MINUTE,
    SESSION,
    T0,
    Day,
    ended,
    reading,
    request,
    started,
)

from schemas import codec, ids, topics
from schemas.commands import CaptureHold
from schemas.facts import AcquirerAnswered, LinkedFact, Watch, Watermark

HOLD = f"{SESSION}/hold/1"
STRAY_WATCH = Watch(
    tenant="t", network="n", charger_id="c1", transaction_id="x", session_id=SESSION, version=1,
    wake_energy_wh=1, wake_read_at=0, closing=False,
)  # fmt: skip


def answer(command_id=HOLD, **changed):
    fields = {
        "tenant": "t", "session_id": SESSION, "command_id": command_id, "kind": "hold",
        "hold_id": HOLD, "acquirer_id": "sim-total", "outcome": "done", "amount_minor": 2000,
        "currency": "CHF", "source": "webhook", "answered_at": T0,
    }  # fmt: skip
    return AcquirerAnswered(**{**fields, **changed})


def ref_of(record):
    return f"{record.topic}/{record.partition}/{record.offset}".encode()


def opened():
    day = Day()
    day.pipeline.send(topics.REQUESTS, SESSION, request(day.pipeline))
    day.tick(T0)
    return day


def reasons(day):
    return [bad.reason for _, bad in day.pipeline.parked]


@pytest.mark.parametrize("topic", [topics.RESPONSES, topics.EVENTS, topics.REQUESTS])
@pytest.mark.parametrize("known", [True, False])
def test_a_record_of_another_kind_is_parked_whether_its_session_is_known_or_not(topic, known):
    """A settlement consumer that writes a wrong record must not stop a partition for ever."""
    day = opened() if known else Day()
    day.pipeline.send(topic, SESSION, STRAY_WATCH)
    day.tick(T0 + MINUTE)
    day.pipeline.send(topics.REQUESTS, SESSION, request(day.pipeline))
    day.tick(T0 + 2 * MINUTE)
    assert reasons(day) == ["wrong-topic"]


def test_time_is_told_on_its_own_topic_only():
    day = opened()
    mark = Watermark(link_partition=0, link_partitions=2, at=T0 + 400 * 86_400_000)
    for partition in range(2):
        day.pipeline.send(topics.RESPONSES, "0", mark, partition)
    day.tick(T0 + MINUTE)
    assert reasons(day) == ["wrong-topic"] * 2


@pytest.mark.parametrize(
    "mark", [Watermark(link_partition=7, link_partitions=2, at=T0), b"broken", b""]
)
def test_an_impossible_watermark_is_parked_and_time_goes_on(mark):
    day = opened()
    good = codec.encode(Watermark(link_partition=0, link_partitions=2, at=T0))
    value = good[:10] + mark if isinstance(mark, bytes) else codec.encode(mark)
    day.pipeline.send_bytes(topics.EVENTS, "0", value, 0)
    day.tick(T0 + MINUTE)
    assert len(day.pipeline.parked) == 1
    assert day.pipeline.said[topics.APPLIED][-1].at == T0 + MINUTE


def test_an_early_fact_that_cannot_be_applied_is_parked_before_its_session_comes():
    day = Day(answers=False)
    broken = LinkedFact(
        tenant="t", session_id=SESSION, charging_id="t/n/c1/x", source_topic="s",
        source_partition=0, source_offset=0, crossing=0, sequence_complete=False, fact=b"junk",
    )  # fmt: skip
    day.pipeline.send(topics.EVENTS, SESSION, broken)
    day.pipeline.send(topics.RESPONSES, SESSION, answer(kind="capture"))
    day.tick(T0)
    assert sorted(reasons(day)) == ["contradiction", "undecodable"]
    day.pipeline.send(topics.REQUESTS, SESSION, request(day.pipeline))
    day.tick(T0 + MINUTE)
    assert len(day.commands()) == 1


def test_a_retry_header_of_nonsense_harms_nobody():
    day = opened()
    headers = (("retry-of", b"\xff\xfe"), ("retry-of", None), ("retry-of", b""))
    day.pipeline.send(topics.RESPONSES, SESSION, answer(), headers=headers)
    day.tick(T0 + MINUTE)
    assert day.pipeline.parked == []


def other_charging(kind, at, seq, energy):
    known = {started: started(at, seq, energy), ended: ended(at, seq, energy)}[kind]
    fields = {name: getattr(known, name) for name in known.__struct_fields__}
    return type(known)(**{**fields, "transaction_id": "second"})


def linked_second(kind, at, seq, energy, *, complete=False):
    return LinkedFact(
        tenant="t", session_id=SESSION, charging_id=ids.charging_id("t", "n", "c1", "second"),
        source_topic="s", source_partition=0, source_offset=seq, crossing=0,
        sequence_complete=complete, fact=codec.encode(other_charging(kind, at, seq, energy)),
    )  # fmt: skip


def quarantined_day():
    """A session whose input was parked while it charged, and which has ended since."""
    day = opened()
    day.tell(started(T0 + 10_000), reading(T0 + MINUTE, 1, 2000))
    day.pipeline.send_bytes(topics.EVENTS, SESSION, b"broken")
    day.tick(T0 + MINUTE)
    day.tell(ended(T0 + 2 * MINUTE, 2, 3000))
    day.tick(T0 + 3 * MINUTE)
    assert day.ledger().phase == "quarantined"
    return day


def test_a_retried_fact_is_known_before_anything_is_decided():
    """The parked one was a second charging: a capture before it would have missed its price."""
    day = quarantined_day()
    ((record, _),) = day.pipeline.parked
    second = linked_second(started, T0 + 90_000, 0, 3000)
    headers = (("retry-of", ref_of(record)),)
    day.pipeline.send(topics.EVENTS, SESSION, second, headers=headers)
    day.tick(T0 + 4 * MINUTE)
    assert day.commands(CaptureHold) == []
    end = linked_second(ended, T0 + 5 * MINUTE, 1, 6000, complete=True)
    day.pipeline.send(topics.EVENTS, SESSION, end)
    day.tick(T0 + 5 * MINUTE)
    (capture,) = day.commands(CaptureHold)
    assert capture.energy_wh == 5000


def test_a_retry_that_is_parked_again_leaves_one_thing_to_retry():
    day = quarantined_day()
    ((first, _),) = day.pipeline.parked
    headers = (("retry-of", ref_of(first)),)
    day.pipeline.send_bytes(topics.EVENTS, SESSION, b"broken still", headers=headers)
    day.tick(T0 + 4 * MINUTE)
    assert day.ledger().phase == "quarantined"
    (_, (again, _)) = day.pipeline.parked
    headers = (("retry-of", ref_of(again)),)
    second = linked_second(started, T0 + 90_000, 0, 3000)
    day.pipeline.send(topics.EVENTS, SESSION, second, headers=headers)
    day.tick(T0 + 5 * MINUTE)
    assert day.ledger().phase != "quarantined"


def test_a_session_whose_policy_is_gone_stops_no_clock_but_its_own():
    day = Day(answers=False)
    pipeline: Pipeline = day.pipeline
    pipeline.send(topics.REQUESTS, SESSION, request(pipeline))
    day.tick(T0)
    policies = pipeline.references.items(topics.POLICIES)
    known = dict(policies)
    policies.clear()
    pipeline.crash()
    for minute in (10, 20):
        day.tick(T0 + minute * MINUTE)
    pipeline.send(topics.RESPONSES, SESSION, answer())
    day.tick(T0 + 30 * MINUTE)
    assert reasons(day) == ["no-policy"]
    assert pipeline.said[topics.APPLIED][-1].at == T0 + 30 * MINUTE
    policies.update(known)
    day.tick(T0 + 40 * MINUTE)
    assert pipeline.said[topics.TERMINAL_COMMANDS], "it goes on where it stood"


def test_figures_that_outgrow_the_contract_are_parked_and_the_partition_goes_on():
    """Two chargings with registers at the edge: their sum is no energy that a ledger can carry."""
    day = Day()
    day.pipeline.send(topics.REQUESTS, SESSION, request(day.pipeline, power_max_w=10**8))
    day.tick(T0)
    begun_at = T0 - 400 * 86_400_000  # at that power it could just be
    for number, transaction in enumerate(("a", "b")):
        for seq, energy in ((0, 0), (1, 10**12)):
            fact = started(begun_at, seq) if seq == 0 else ended(T0 + MINUTE, seq, energy)
            fields = {name: getattr(fact, name) for name in fact.__struct_fields__}
            fields |= {"transaction_id": transaction, "energy_wh": energy}
            one = LinkedFact(
                tenant="t", session_id=SESSION, charging_id=f"t/n/c1/{transaction}",
                source_topic="s", source_partition=0, source_offset=10 * number + seq,
                crossing=0, sequence_complete=True, fact=codec.encode(type(fact)(**fields)),
            )  # fmt: skip
            day.pipeline.send(topics.EVENTS, SESSION, one)
    day.tick(T0 + MINUTE)
    assert reasons(day) == ["impossible-field"]
    assert day.ledger().phase == "quarantined"
    assert day.commands(CaptureHold) == []


def test_a_request_of_a_terminal_with_a_clock_days_ahead_is_parked():
    """Approved, its hold would have counted as lapsed at once, and never been given back."""
    day = Day()
    day.tick(T0)
    far = request(day.pipeline, requested_at=T0 + 9 * 86_400_000)
    day.pipeline.send(topics.REQUESTS, SESSION, far)
    day.tick(T0 + MINUTE)
    assert (reasons(day), day.commands()) == (["impossible-field"], [])
