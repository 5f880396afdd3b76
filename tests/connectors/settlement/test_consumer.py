"""The reference consumer on a real broker, killed and restarted: one effect a command."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiokafka import AIOKafkaProducer
from commandworld import Issue, Wire

from connectors.acquirers.settings import HttpSettings
from connectors.settlement.consumer import run_consumer
from connectors.settlement.settings import SettlementSettings
from schemas.codec import encode
from schemas.facts import MeterReading

pytestmark = pytest.mark.broker
CHILD = """
import asyncio, sys
from pydantic import SecretStr
from connectors.settlement.endpoint import run_at
from connectors.settlement.settings import SettlementSettings

settings = SettlementSettings.model_validate_json(sys.argv[1])
secret = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
asyncio.run(run_at(settings, sys.argv[2], secret, asyncio.Event()))
"""


class Till:
    """The operator's endpoint over HTTP: what it did counts, twice too; it checks no key."""

    def __init__(self) -> None:
        self.effects: Counter[str] = Counter()
        self.answers: dict[str, dict] = {}
        self.answer_after_s = 0.0
        self._wanted = 0
        self._reached = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        command = await request.json()
        self.effects[command["command_id"]] += 1
        if self.effects.total() >= self._wanted:
            self._reached.set()
        told = {"outcome": "done", "amount_minor": command["amount_minor"]}
        self.answers[command["idempotency_key"]] = told
        await asyncio.sleep(self.answer_after_s)
        return web.json_response(told)

    async def acted(self, count: int) -> None:
        """Until it has done so many."""
        self._wanted = count
        self._reached = asyncio.Event()
        if self.effects.total() < count:
            await asyncio.wait_for(self._reached.wait(), 120)

    async def tell(self, request: web.Request) -> web.Response:
        known = self.answers.get(request.match_info["key"])
        if known is None:
            return web.json_response({"outcome": "not_found"}, status=404)
        return web.json_response(known)


@pytest.fixture
async def till():
    one = Till()
    application = web.Application()
    application.add_routes([web.post("/commands", one.take), web.get("/commands/{key}", one.tell)])
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield one
    await runner.cleanup()


@pytest.fixture
async def wire(kafka, unique, make_topic, book_place):
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, linger_ms=2)
    await producer.start()
    topics = {
        f"{name}_topic": await make_topic(name, partitions=2)
        for name in ("commands", "responses", "parked")
    }
    settings = SettlementSettings(
        bootstrap=kafka.bootstrap,
        group_id=unique,
        instance_id=f"{unique}-0",
        book=book_place,
        lease_s=0.5,
        http=HttpSettings(read_timeout_s=20, total_s=25),
        **topics,
    )
    one = Wire(settings, producer)
    yield one
    one.kill_all()
    await producer.stop()


def child(wire, till):
    plain = wire.settings.model_dump(mode="json")
    plain["book"] = wire.settings.book.get_secret_value()
    arguments = [json.dumps(plain), till.url]
    process = subprocess.Popen([sys.executable, "-c", CHILD, *arguments], start_new_session=True)
    wire.children.append(process)
    return process


@asynccontextmanager
async def consumer(wire, handler):
    """In this process, from ready to stopped."""
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(run_consumer(wire.settings, handler, stop=stop, on_ready=ready.set))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait([waiting, task], return_when=asyncio.FIRST_COMPLETED)
    try:
        yield
    finally:
        stop.set()
        waiting.cancel()
        await task


def operator(number, **common):
    return Issue(f"{number:032x}", **({"performer": "operator"} | common))


async def test_commands_of_the_operator_are_settled_and_no_others(wire, bank):
    own, other = operator(1).capture("psp", 900), operator(2, performer="executor").capture("p", 5)
    reading = MeterReading(
        tenant="demo", network="n", charger_id="c", evse_uid="1", transaction_id="t",
        seq=1, energy_wh=1, power_w=-1, read_at=1,
    )  # fmt: skip
    conflicting = operator(1).capture("psp", 901)
    async with consumer(wire, bank):
        await wire.give(other, own, own, conflicting)
        await wire._producer.send_and_wait(
            wire.settings.commands_topic, key=b"?", value=encode(reading)
        )
        answers = await wire.answers(2)
        parked = await wire.parked(2)
    assert [(one.command_id, one.outcome, one.source) for one in answers] == [
        (own.command_id, "done", "consumer")
    ] * 2
    assert bank.effects == [own.command_id]
    reasons = {dict(record.headers)["reason"] for record in parked}
    assert reasons == {b"conflict", b"unexpected-record"}


@pytest.mark.kill
async def test_killed_in_the_middle_again_and_again(wire, till, book_place):
    """The endpoint checks no key, so each second sending would count."""
    chance = random.Random(7)
    till.answer_after_s = 0.02
    captures = [operator(number).capture("psp", 1000 + number) for number in range(120)]
    await wire.give(*captures)
    for kill in range(4):
        process = child(wire, till)
        await till.acted(min(20 * kill + chance.randint(5, 20), 110))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    child(wire, till)
    wanted_ids, count = {one.command_id for one in captures}, len(captures)
    async with asyncio.timeout(90):
        while {one.command_id for one in await wire.answers(count, 60)} != wanted_ids:
            count += 1
    assert till.effects == Counter(wanted_ids)
    answers = await wire.answers(count)
    amounts = {one.command_id: one.amount_minor for one in captures}
    assert all(
        (one.outcome, one.amount_minor) == ("done", amounts[one.command_id]) for one in answers
    )
