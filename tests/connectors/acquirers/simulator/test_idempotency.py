"""One key, one act; and what happens once the key is forgotten."""

import asyncio

import msgspec

from connectors.acquirers.simulator.messages import Answer, CaptureRequest, LowerRequest

FAST = {"remainder": "REVERSE_AFTER_CAPTURE", "captures": "never_final", "key_retention_ms": 1000}


def capture_of(amount):
    return CaptureRequest(merchant_reference="cap-1", amount_minor=amount, currency="EUR")


def test_the_same_key_and_body_is_answered_from_memory(open_desk):
    desk = open_desk(**FAST)
    hold = desk.place(5000)
    first = desk.send(capture_of(1000), hold)
    again = desk.send(capture_of(1000), hold)
    assert (first.is_replayed, again.is_replayed) == (False, True)
    assert (again.status, again.body) == (201, first.body)
    assert desk.hold(hold).captured == 1000


def test_the_same_key_for_another_body_or_path_is_a_conflict(open_desk):
    desk = open_desk(**FAST)
    hold, other = desk.place(5000), desk.place(5000)
    desk.send(capture_of(1000), hold)
    for reply in (desk.send(capture_of(999), hold), desk.send(capture_of(1000), other)):
        assert reply.status == 409
        assert b"idempotency_conflict" in reply.body
    assert desk.summary().sums["EUR"].captured_minor == 1000


def test_declines_and_refusals_are_remembered_too(open_desk):
    desk = open_desk(**FAST)
    hold = desk.place(5000)
    refused = desk.send(capture_of(9000), hold)
    desk.raise_(hold, 10_000)
    again = desk.send(capture_of(9000), hold)
    assert refused.status == again.status == 422
    assert again.is_replayed, "by now it could be done, but the stored answer stands"


def test_a_forgotten_key_lets_a_capture_act_twice(open_desk):
    desk = open_desk(**FAST)
    hold = desk.place(5000)
    desk.send(capture_of(1000), hold)
    desk.wait(999)
    assert desk.send(capture_of(1000), hold).is_replayed
    desk.wait(1)
    assert not desk.send(capture_of(1000), hold).is_replayed
    assert desk.hold(hold).captured == 2000
    assert desk.summary().duplicate_captures == 1
    assert desk.inquire("cap-1").times_done == 2


def test_a_stored_500_is_replayed_although_it_was_done(open_desk):
    script = {"fault": "error500_after", "operation": "capture"}
    desk = open_desk(fault_scripts=[script])
    hold = desk.place(5000)
    for is_replayed in (False, True):
        reply = desk.send(capture_of(1000), hold)
        assert (reply.status, reply.is_replayed, reply.is_transient) == (500, is_replayed, False)
    inquiry = desk.inquire("cap-1")
    assert (inquiry.outcome, inquiry.answer.amount_minor) == ("done", 1000)


def test_a_500_before_acting_is_transient_or_stored_by_setting(open_desk):
    script = {"fault": "error500_before", "operation": "capture"}
    desk = open_desk(fault_scripts=[script])
    hold = desk.place(5000)
    first = desk.send(capture_of(1000), hold)
    assert (first.status, first.is_transient) == (500, True)
    assert desk.inquire("cap-1").outcome == "not_found"
    assert desk.send(capture_of(1000), hold).status == 201

    desk = open_desk(fault_scripts=[script], error500_before_is_stored=True)
    hold = desk.place(5000)
    assert desk.send(capture_of(1000), hold).status == 500
    again = desk.send(capture_of(1000), hold)
    assert (again.status, again.is_replayed) == (500, True)
    assert desk.inquire("cap-1").outcome == "not_found"


def test_the_key_is_the_accounts_not_the_operations(open_desk):
    desk = open_desk()
    hold = desk.place(5000)
    desk.send(capture_of(1000), hold, key="k")
    lowered = LowerRequest(merchant_reference="low-1", amount_minor=10, currency="EUR")
    assert desk.send(lowered, hold, key="k").status == 409


async def test_over_http_a_replay_says_so_and_needs_a_key(open_counter):
    counter = await open_counter()
    first = await counter.authorise(reference="r1")
    again = await counter.authorise(reference="r1")
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    keyless = await counter.client.post("/v1/main/holds", json={})
    assert keyless.status_code == 400


async def test_over_http_the_path_is_part_of_what_the_key_stands_for(open_counter):
    counter = await open_counter()
    holds = [(await counter.authorise()).json()["payment_reference"] for _ in range(2)]
    statuses = [(await counter.on(one, "captures", 10, reference="c")).status_code for one in holds]
    assert statuses == [201, 409]


async def test_over_http_the_same_key_in_flight_is_refused(open_counter):
    slow = {"least_ms": 800, "p50_ms": 800, "p95_ms": 800, "most_ms": 800}
    counter = await open_counter(latency=slow)
    both = await asyncio.gather(*(counter.authorise(reference="r1") for _ in range(2)))
    assert sorted(one.status_code for one in both) == [201, 409]
    conflict = min(both, key=lambda one: -one.status_code)
    assert conflict.json()["code"] == "in_progress"
    later = await counter.authorise(reference="r1")
    assert msgspec.json.decode(later.content, type=Answer).outcome == "done"
