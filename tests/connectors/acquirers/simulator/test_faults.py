"""Each fault in real time (it really hangs) and in virtual time (it says so at once)."""

import time

import httpx
import pytest

from connectors.acquirers.simulator.messages import AuthoriseRequest, Card

AT = 1_767_225_600_000


def request_of(number, session):
    return AuthoriseRequest(
        merchant_reference=f"x{number}",
        amount_minor=100,
        currency="EUR",
        card=Card(card_token="t", scheme="visa"),
        metadata={"session_id": session},
    )


def on_capture(fault, **more):
    return {"fault_scripts": [{"fault": fault, "operation": "capture", **more}]}


async def place(counter, at=None):
    answer = await counter.authorise(5000, at=at)
    assert answer.status_code == 201
    return answer.json()["payment_reference"]


@pytest.mark.parametrize(
    ("fault", "told", "resent"),
    [("timeout_before", "not_found", False), ("timeout_after", "done", True)],
)
async def test_a_timeout_in_virtual_time(open_counter, fault, told, resent):
    counter = await open_counter(timeout_ms=7000, **on_capture(fault))
    hold = await place(counter, AT)
    silent = await counter.on(hold, "captures", 4000, reference="c1", at=AT + 5)
    assert (silent.status_code, silent.json()) == (504, {"simulated": "timeout"})
    assert silent.headers["Holdfast-Virtual-Answered-At"] == str(AT + 5 + 7000)
    assert (await counter.inquire("c1", AT + 8000))["outcome"] == told
    again = await counter.on(hold, "captures", 4000, reference="c1", at=AT + 9000)
    assert again.status_code == 201
    assert (again.headers.get("Idempotent-Replayed") == "true") is resent


@pytest.mark.parametrize(
    ("fault", "told"), [("timeout_before", "not_found"), ("timeout_after", "done")]
)
async def test_a_timeout_in_real_time_hangs_past_the_callers_patience(open_counter, fault, told):
    counter = await open_counter(hang_ms=60_000, **on_capture(fault))
    hold = await place(counter)
    began = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        await counter.on(hold, "captures", 4000, reference="c1", timeout_s=0.3)
    assert time.monotonic() - began >= 0.3
    assert (await counter.inquire("c1"))["outcome"] == told
    again = await counter.on(hold, "captures", 4000, reference="c1")
    assert again.status_code == 201, "the key is not in flight once its caller has gone"


@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after"])
async def test_a_patient_caller_is_cut_off_without_a_word(open_counter, fault):
    counter = await open_counter(hang_ms=50, **on_capture(fault))
    hold = await place(counter)
    with pytest.raises(httpx.TransportError) as cut:
        await counter.on(hold, "captures", 4000)
    assert not isinstance(cut.value, httpx.TimeoutException)


@pytest.mark.parametrize("at", [None, AT])
@pytest.mark.parametrize(
    ("fault", "transient", "told"),
    [("error500_before", "true", "not_found"), ("error500_after", None, "done")],
)
async def test_a_500(open_counter, at, fault, transient, told):
    counter = await open_counter(**on_capture(fault))
    hold = await place(counter, at)
    failed = await counter.on(hold, "captures", 4000, reference="c1", at=at)
    assert (failed.status_code, failed.json()["code"]) == (500, "internal_error")
    assert failed.headers.get("Transient-Error") == transient
    assert (await counter.inquire("c1", at))["outcome"] == told


async def test_a_late_answer_is_true_but_late(open_counter):
    counter = await open_counter(late_answer_ms=400, **on_capture("late_answer", times=2))
    hold = await place(counter, AT)
    virtual = await counter.on(hold, "captures", 4000, at=AT)
    assert virtual.status_code == 201
    assert virtual.headers["Holdfast-Virtual-Answered-At"] == str(AT + 400)
    began = time.monotonic()
    real = await counter.on(hold, "captures", 4000)
    assert (real.status_code, real.json()["code"]) == (422, "already_captured")
    assert time.monotonic() - began >= 0.4


async def test_real_time_really_takes_the_latency(open_counter):
    latency = {"least_ms": 200, "p50_ms": 200, "p95_ms": 200, "most_ms": 200}
    counter = await open_counter(latency=latency)
    began = time.monotonic()
    await counter.authorise()
    assert time.monotonic() - began >= 0.2
    virtual = await counter.authorise(at=AT)
    assert virtual.headers["Holdfast-Virtual-Answered-At"] == str(AT + 200)


async def test_inquiries_meet_faults_too(open_counter):
    script = {"fault": "timeout_before", "operation": "inquire"}
    counter = await open_counter(fault_scripts=[script])
    url, at = "/v1/main/operations/r1", {"Holdfast-Virtual-At": str(AT)}
    assert (await counter.client.get(url, headers=at)).status_code == 504
    assert (await counter.client.get(url, headers=at)).json()["outcome"] == "not_found"


def test_a_script_matches_by_metadata_and_strikes_the_nth(open_desk):
    script = {
        "fault": "error500_before", "operation": "authorise",
        "metadata": {"session_id": "s1"}, "nth": 2, "times": 2,
    }  # fmt: skip
    desk = open_desk(fault_scripts=[script])
    told = [desk.send(request_of(number, "s1")).status for number in range(4)]
    assert told == [201, 500, 500, 201]
    assert desk.send(request_of(9, "s2")).status == 201


def test_a_script_may_last_for_good(open_desk):
    desk = open_desk(fault_scripts=[{"fault": "error500_before", "times": 0}])
    assert {desk.send(request_of(1, "s1")).status for _ in range(5)} == {500}


def test_every_request_leaves_evidence_of_its_fate(open_desk):
    desk = open_desk(fault_scripts=[{"fault": "timeout_before"}])
    desk.send(request_of(1, "s1"))
    desk.send(request_of(1, "s1"))
    rows = desk.store.db.execute("SELECT merchant_reference, fault FROM arrivals").fetchall()
    assert rows == [("x1", "timeout_before"), ("x1", "")]
