"""The executor on a real broker against the real simulator: each fault, each promise."""

import asyncio
import socket
import time
from contextlib import asynccontextmanager
from itertools import groupby

import pytest
from aiokafka.errors import KafkaError

from connectors.acquirers.executor import run_executor
from schemas.codec import encode
from schemas.facts import MeterReading

pytestmark = pytest.mark.broker


def effects(simulator, command):
    """Ledger lines of one command that did something."""
    lines = simulator.operations(merchant_reference=command.idempotency_key)
    return [line for line in lines if line.outcome == "done"]


def fault(name, **where):
    return {"fault_scripts": ({"fault": name, **where},)}


async def test_a_session_from_hold_to_capture(bench, simulate, issue):
    simulator = simulate()
    one = await bench(simulator)
    session = issue()
    async with one.executor():
        place = session.place(5000)
        await one.give(place)
        placed = await one.answer(place.command_id)
        assert (placed.outcome, placed.amount_minor, placed.kind) == ("done", 5000, "hold")
        assert placed.expires_at > placed.answered_at > 0
        psp = placed.psp_reference
        steps = [session.raise_(psp, 1, 5000, 2000), session.capture(psp, 6100)]
        await one.give(*steps)
        answers = await one.answers(3)
    assert [(a.kind, a.outcome, a.amount_minor, a.source) for a in answers] == [
        ("hold", "done", 5000, "executor"),
        ("raise", "done", 7000, "executor"),
        ("capture", "done", 6100, "executor"),
    ]
    (hold,) = simulator.holds()
    assert (hold.captured_minor, hold.released_minor, hold.open_minor) == (6100, 900, 0)


async def test_lower_and_release(bench, simulate, issue):
    simulator = simulate()
    one = await bench(simulator)
    session = issue()
    async with one.executor():
        await one.give(session.place(5000))
        psp = (await one.answers(1))[0].psp_reference
        await one.give(session.lower(psp, 1, 5000, 1500), session.release(psp, 3500))
        answers = await one.answers(3)
    assert [(a.kind, a.amount_minor) for a in answers[1:]] == [("lower", 3500), ("release", 3500)]
    (hold,) = simulator.holds()
    assert (hold.released_minor, hold.open_minor) == (5000, 0)


async def test_captured_money_is_refunded_once_for_one_cause_and_never_above_it(
    bench, simulate, issue
):
    simulator = simulate()
    one = await bench(simulator)
    session = issue()
    async with one.executor():
        await one.give(session.place(5000))
        psp = (await one.answers(1))[0].psp_reference
        refund = session.refund(psp, 700)
        await one.give(session.capture(psp, 2000), refund, refund)
        await one.give(session.refund(psp, 1400, cause="too-much"))
        await one.give(session.inquire(refund.command_id, "refund", psp_reference=psp))
        answers = await one.answers(6)
    refunds = [a for a in answers if a.kind == "refund"]
    assert [(a.outcome, a.amount_minor, a.reason) for a in refunds] == [
        ("done", 700, ""),
        ("done", 700, ""),
        ("failed", 0, "above_captured"),
        ("done", 700, ""),
    ]
    (hold,) = simulator.holds()
    assert (hold.captured_minor, hold.refunded_minor) == (2000, 700)


@pytest.mark.parametrize("convention", ["TOTAL", "DELTA"])
async def test_raises_by_the_accounts_convention(bench, simulate, issue, convention):
    simulator = simulate(amount_convention=convention)
    one = await bench(simulator, account={"convention": convention})
    session = issue()
    async with one.executor():
        await one.give(session.place(5000))
        psp = (await one.answers(1))[0].psp_reference
        await one.give(session.raise_(psp, 1, 5000, 2000), session.raise_(psp, 2, 7000, 1000))
        answers = await one.answers(3)
    assert [a.amount_minor for a in answers] == [5000, 7000, 8000]
    (hold,) = simulator.holds()
    assert hold.held_minor == 8000


async def test_a_decline_is_a_no_with_its_reason(bench, simulate, issue):
    simulator = simulate(cards={"tok_1": {"decline_authorise": "51"}})
    one = await bench(simulator)
    async with one.executor():
        await one.give(issue().place())
        (answer,) = await one.answers(1)
    assert (answer.outcome, answer.reason, answer.raw_code) == (
        "declined",
        "insufficient_funds",
        "51",
    )


@pytest.mark.parametrize(
    "doubt",
    [
        ("timeout_before", "timeout", 0),
        ("timeout_after", "timeout", 1),
        ("error500_before", "transient_error", 0),
        ("error500_after", "server_error", 1),
    ],
    ids=lambda doubt: doubt[0],
)
@pytest.mark.parametrize("virtual", [False, True])
async def test_a_doubtful_answer_is_unknown_and_the_inquiry_knows(
    bench, simulate, issue, doubt, virtual
):
    name, reason, acted = doubt
    simulator = simulate(**fault(name, operation="authorise"))
    one = await bench(simulator, virtual_time=virtual)
    session = issue(issued_at=int(time.time() * 1000))
    place = session.place(5000)
    ask = session.inquire(place.command_id, "hold")
    async with one.executor():
        await one.give(place)
        first = await one.answer(place.command_id)
        assert (first.outcome, first.reason) == ("unknown", reason)
        assert len(effects(simulator, place)) == acted
        await one.give(ask)
        answer = await one.answer(ask.command_id)
    assert (answer.resolves, answer.source, answer.kind) == (place.command_id, "inquiry", "hold")
    assert answer.outcome == ("done" if acted else "not_found")
    assert answer.amount_minor == (5000 if acted else 0)
    assert len(effects(simulator, place)) == acted


@pytest.mark.parametrize("name", ["timeout_before", "timeout_after", "error500_after"])
@pytest.mark.parametrize("retention_ms", [1, 86_400_000])
async def test_a_resend_has_one_effect_also_past_the_keys_window(
    bench, simulate, issue, name, retention_ms
):
    simulator = simulate(key_retention_ms=retention_ms, **fault(name, operation="authorise"))
    one = await bench(simulator, virtual_time=True)
    session = issue()
    place = session.place(5000)
    resend = session.resend(place, "hold", issued_at=place.issued_at + 60_000)
    async with one.executor():
        await one.give(place, resend)
        answer = await one.answer(resend.command_id)
    assert (answer.outcome, answer.amount_minor) == ("done", 5000)
    assert answer.resolves == place.command_id
    assert answer.answered_at >= resend.issued_at
    assert len(effects(simulator, place)) == 1
    assert len(list(simulator.holds())) == 1


async def test_an_unknown_outcome_is_never_resent_by_itself(bench, simulate, issue):
    simulator = simulate(**fault("timeout_before", operation="authorise", times=0))
    one = await bench(simulator, virtual_time=True)
    place = issue().place()
    async with one.executor():
        await one.give(place)
        await one.answers(1)
        await asyncio.sleep(1)
        assert len(await one.answers(1)) == 1
    assert effects(simulator, place) == []
    assert await one.committed() == 1


async def test_virtual_instants_are_the_acquirers(bench, simulate, issue):
    latency = {"least_ms": 800, "p50_ms": 800, "p95_ms": 800, "most_ms": 800}
    script = fault("timeout_after", operation="raise")
    simulator = simulate(latency=latency, timeout_ms=9_000, **script)
    one = await bench(simulator, virtual_time=True)
    session = issue()
    place = session.place()
    began = time.monotonic()
    async with one.executor():
        await one.give(place)
        placed = await one.answer(place.command_id)
        step = session.raise_(placed.psp_reference, 1, 5000, 1000, issued_at=place.issued_at + 5)
        await one.give(step)
        raised = await one.answer(step.command_id)
    assert placed.answered_at == place.issued_at + 800
    assert (raised.outcome, raised.answered_at) == ("unknown", step.issued_at + 9_000)
    assert time.monotonic() - began < 8, "nobody waits for virtual time"


async def test_an_acquirer_that_is_away_was_not_told_anything(bench, simulate, issue):
    """A hold may then be asked for elsewhere; anything else is asked after once it is back."""
    simulator = simulate()
    one = await bench(simulator)
    session = issue()
    place = session.place()
    raised = session.raise_("pay_1", 1, 5000, 1000, issued_at=place.issued_at + 5)
    simulator.stop()
    async with one.executor():
        await one.give(place)
        answer = await one.answer(place.command_id)
        await one.give(raised)
        other = await one.answer(raised.command_id)
    assert (answer.outcome, answer.reason) == ("failed", "not_sent")
    assert (other.outcome, other.reason) == ("unknown", "not_sent")


async def test_an_acquirer_that_dies_over_a_request_leaves_it_unknown(bench, simulate, issue):
    simulator = simulate(**fault("timeout_after", operation="authorise"))
    one = await bench(simulator)
    place = issue().place()
    async with one.executor():
        await one.give(place)
        await asyncio.sleep(0.5)
        simulator.kill()
        answer = await one.answer(place.command_id)
    assert answer.outcome == "unknown"
    assert answer.reason in ("connection_lost", "timeout")


async def test_other_performers_are_left_alone(bench, simulate, issue):
    simulator = simulate()
    one = await bench(simulator)
    others = [
        issue(number, performer=who).place()
        for number, who in enumerate(("operator", "terminal_provider", "station"))
    ]
    own = issue(9).place()
    async with one.executor():
        await one.give(*others, own)
        answers = await one.answers(1)
    assert [a.command_id for a in answers] == [own.command_id]
    assert len(list(simulator.holds())) == 1
    assert await one.committed() == 4


async def test_the_same_id_with_another_body_is_a_conflict(bench, simulate, issue):
    simulator = simulate()
    one = await bench(simulator)
    session = issue()
    async with one.executor():
        await one.give(session.place(5000))
        await one.answers(1)
    other = session.place(9000)
    async with one.executor():  # also after a restart
        await one.give(other, issue(2).place(100))
        answers = await one.answers(2)
        (parked,) = await one.parked(1)
    assert [a.amount_minor for a in answers] == [5000, 100]
    marks = dict(parked.headers)
    assert marks["reason"] == b"conflict"
    assert (marks["topic"], marks["partition"], marks["offset"]) == (
        one.settings.commands_topic.encode(),
        b"0",
        b"1",
    )
    assert parked.value == encode(other)
    assert sorted(hold.held_minor for hold in simulator.holds()) == [100, 5000]


async def test_what_cannot_be_read_is_parked_and_the_next_goes_on(bench, simulate, issue):
    simulator = simulate()
    one = await bench(simulator)
    reading = MeterReading(
        tenant="demo", network="n", charger_id="c", evse_uid="e", transaction_id="t",
        seq=0, energy_wh=0, power_w=0, read_at=0,
    )  # fmt: skip
    place = issue(3).place()
    broken = issue(4).place(idempotency_key="k" * 36)
    bad = [b"\x01nonsense", encode(place)[:-1], encode(reading), encode(broken), b""]
    async with one.executor():
        await one.give(*bad, place)
        answers = await one.answers(1)
        parked = await one.parked(len(bad))
    assert [a.command_id for a in answers] == [place.command_id]
    assert [record.value for record in parked] == bad
    reasons = [dict(record.headers)["reason"].decode() for record in parked]
    assert reasons == [
        "undecodable",
        "undecodable",
        "unexpected-record",
        "wrong-key",
        "undecodable",
    ]
    assert await one.committed() == 6


async def test_a_resend_of_something_else_is_parked(bench, simulate, issue):
    simulator = simulate()
    one = await bench(simulator)
    session = issue()
    place = session.place(5000)
    stranger = issue(2).place(7000)
    resend = session.resend(place, "hold", instead=encode(stranger))
    async with one.executor():
        await one.give(resend)
        (parked,) = await one.parked(1)
    assert dict(parked.headers)["reason"] == b"unusable-original"
    assert list(simulator.holds()) == []


async def test_a_hold_without_a_reference_cannot_be_raised(bench, simulate, issue):
    one = await bench(simulate())
    async with one.executor():
        await one.give(issue().raise_("", 1, 5000, 1000), issue(2, acquirer_id="other").place())
        answers = await one.answers(2)
    assert {(a.outcome, a.reason) for a in answers} == {
        ("failed", "no_psp_reference"),
        ("failed", "unknown_acquirer"),
    }


async def test_sessions_side_by_side_each_in_order(bench, simulate, issue):
    """A slow acquirer: 20 sessions of 4 commands take the time of one session, not of twenty."""
    latency = {"least_ms": 400, "p50_ms": 400, "p95_ms": 400, "most_ms": 400}
    simulator = simulate(latency=latency)
    one = await bench(simulator, partitions=4)
    sessions = [issue(number) for number in range(20)]
    async with one.executor():
        await one.give(*(session.place() for session in sessions))
        psp = {a.session_id: a.psp_reference for a in await one.answers(20)}
        began = time.monotonic()
        for step in (1, 2, 3):
            await one.give(
                *(s.raise_(psp[s.session], step, 4000 + 1000 * step, 1000) for s in sessions)
            )
        await one.give(*(session.capture(psp[session.session], 8000) for session in sessions))
        answers = await one.answers(100)
        took = time.monotonic() - began
    assert all(a.outcome == "done" for a in answers)
    by_session = sorted(answers, key=lambda a: a.session_id)  # stable: the order of the topic
    for _, of_one in groupby(by_session, key=lambda a: a.session_id):
        assert [a.amount_minor for a in of_one] == [5000, 6000, 7000, 8000, 8000]
    assert took < 20 * 4 * 0.400 / 2
    assert simulator.summary().unbalanced_holds == 0


async def test_a_broker_that_is_away_is_waited_for(bench, simulate, issue):
    one = await bench(simulate())
    with socket.socket() as nowhere:  # bound and not listening: refused, and nobody else's
        nowhere.bind(("127.0.0.1", 0))
        away = one.having(bootstrap=f"127.0.0.1:{nowhere.getsockname()[1]}")
        stop = asyncio.Event()
        waiting = asyncio.create_task(run_executor(away, stop=stop))
        await asyncio.sleep(1.5)
        assert not waiting.done()
        stop.set()
        await asyncio.wait_for(waiting, 10)


@asynccontextmanager
async def kept(settings):
    """Started again when it ends, as a supervisor does: a broker may refuse who is displaced."""

    async def keep():
        while not stop.is_set():
            try:
                await run_executor(settings, stop=stop)
            except* KafkaError:  # what an executor raises ends its process
                await asyncio.sleep(0.2)

    stop = asyncio.Event()
    keeping = asyncio.create_task(keep())
    yield
    stop.set()
    await keeping


async def test_two_processes_of_one_name_repeat_no_effect(bench, simulate, issue):
    """Somebody's mistake: they displace each other for ever, and still money stays whole.

    How far two get that hinder each other is chance's: what is left, one of them alone does.
    """
    simulator = simulate()
    one = await bench(simulator)
    places = [issue(number).place() for number in range(30)]
    async with kept(one.having(memory=None)):
        async with kept(one.settings):
            for place in places:
                await one.give(place)
                await asyncio.sleep(0.1)
        await one.answer(places[-1].command_id, within_s=120)
    for place in places:
        assert len(effects(simulator, place)) == 1
