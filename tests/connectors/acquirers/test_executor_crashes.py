"""kill -9, restarts and rebalances: whatever happens, one effect a command at the acquirer."""

import asyncio
import os
import random
import signal
from collections import Counter

import pytest

from connectors.acquirers.settings import HttpSettings

pytestmark = [pytest.mark.broker, pytest.mark.kill]
PATIENT = HttpSettings(read_timeout_s=20, total_s=25)  # a busy machine is no unknown outcome
QUICK = {"least_ms": 5, "p50_ms": 20, "p95_ms": 40, "most_ms": 60}


def done_lines(simulator) -> Counter:
    lines = simulator.operations()
    return Counter(line.merchant_reference for line in lines if line.outcome == "done")


async def acted(simulator, count: int, within_s: float = 60) -> None:
    """Until the acquirer's ledger has so many lines."""
    async with asyncio.timeout(within_s):
        while True:
            summary = await asyncio.to_thread(simulator.summary)
            if sum(sum(of.values()) for of in summary.operations.values()) >= count:
                return
            await asyncio.sleep(0.02)


async def every_answer(one, places):
    """By command, the outcomes that were written, once each command has one."""
    wanted = {place.command_id for place in places}
    count = len(places)
    async with asyncio.timeout(90):
        while True:
            answers = await one.answers(count, within_s=60)
            if {a.command_id for a in answers} == wanted:
                return answers
            count = len(answers) + 1


@pytest.mark.parametrize("remembers", [True, False])
async def test_killed_in_the_middle_again_and_again(bench, simulate, issue, tmp_path, remembers):
    """The acquirer forgets keys after a millisecond here: only asking first can save us."""
    chance = random.Random(remembers)
    simulator = simulate(latency=QUICK, key_retention_ms=1)
    memory = tmp_path / "memory.sqlite" if remembers else None
    one = await bench(simulator, http=PATIENT, partitions=2, memory=memory)
    places = [issue(number).place(1000 + number) for number in range(160)]
    await one.give(*places)
    for kill in range(4):
        child = one.child()
        await acted(simulator, 30 * kill + chance.randint(5, 30))
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    one.child()
    answers = await every_answer(one, places)
    assert {a.outcome for a in answers} == {"done"}
    assert done_lines(simulator) == {place.idempotency_key: 1 for place in places}


async def test_what_was_sent_before_a_crash_is_asked_after(bench, simulate, issue):
    """Killed while the acquirer has acted and has not answered: no second hold, and its answer."""
    scripts = ({"fault": "timeout_after", "operation": "authorise"},)
    simulator = simulate(key_retention_ms=1, fault_scripts=scripts)
    one = await bench(simulator)
    place = issue().place(4200)
    child = one.child()
    await one.give(place)
    await acted(simulator, 1)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    async with one.executor():
        (answer,) = await one.answers(1)
    assert (answer.command_id, answer.resolves) == (place.command_id, "")
    assert (answer.outcome, answer.amount_minor, answer.source) == ("done", 4200, "inquiry")
    assert done_lines(simulator) == {place.idempotency_key: 1}


async def test_a_group_without_offsets_repeats_no_effect(bench, simulate, issue):
    simulator = simulate(key_retention_ms=1)
    one = await bench(simulator, http=PATIENT, memory=None)
    places = [issue(number).place() for number in range(20)]
    async with one.executor():
        await one.give(*places)
        await one.answers(20)
    fresh = one.having(group_id=f"{one.settings.group_id}-fresh")
    async with one.executor(fresh):
        answers = await one.answers(40)
    assert Counter(a.command_id for a in answers) == {place.command_id: 2 for place in places}
    assert {a.outcome for a in answers} == {"done"}
    assert done_lines(simulator) == {place.idempotency_key: 1 for place in places}


async def test_a_second_executor_joins_under_load(bench, simulate, issue):
    simulator = simulate(latency=QUICK)
    one = await bench(simulator, http=PATIENT, partitions=4, sessions_at_once=4)
    second = one.having(instance_id=f"{one.settings.instance_id}-b", memory=None)
    places = [issue(number).place() for number in range(400)]
    async with one.executor():
        await one.give(*places[:200])
        await acted(simulator, 50)
        async with one.executor(second):
            await one.give(*places[200:])
            answers = await every_answer(one, places)
    assert {a.outcome for a in answers} == {"done"}
    assert done_lines(simulator) == {place.idempotency_key: 1 for place in places}


async def test_a_zombie_wakes_up_beside_its_successor(bench, simulate, issue):
    simulator = simulate(latency=QUICK)
    one = await bench(simulator, http=PATIENT, partitions=2, sessions_at_once=4)
    places = [issue(number).place() for number in range(300)]
    child = one.child()
    await one.give(*places)
    await acted(simulator, 40)
    os.killpg(child.pid, signal.SIGSTOP)
    successor = one.having(instance_id=f"{one.settings.instance_id}-b", memory=None)
    async with one.executor(successor):
        await acted(simulator, 120)
        os.killpg(child.pid, signal.SIGCONT)
        answers = await every_answer(one, places)
    assert {a.outcome for a in answers} <= {"done", "unknown"}
    assert done_lines(simulator) == {place.idempotency_key: 1 for place in places}
