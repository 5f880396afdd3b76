"""The fiscal executor on a real broker, killed and restarted: each receipt once, in order."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys

import pytest
import stamina
from aiokafka import AIOKafkaProducer
from commandworld import Wire
from receiptworld import sign

from connectors.acquirers.settings import HttpSettings
from connectors.fiscal.executor import run_fiscal_executor
from connectors.fiscal.settings import FiscalSettings
from connectors.fiscal.simulator.books import verify
from schemas import ids
from schemas.codec import encode

pytestmark = pytest.mark.broker
CHILD = """
import asyncio, sys
from connectors.fiscal.executor import run_fiscal_executor
from connectors.fiscal.settings import FiscalSettings
asyncio.run(run_fiscal_executor(FiscalSettings.model_validate_json(sys.argv[1])))
"""
CHAINS = ("ATU1", "ATU2")


@pytest.fixture
async def wire(kafka, unique, make_topic, fiscal, token):
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, linger_ms=2)
    await producer.start()
    service = fiscal(latency_ms=10)
    topics = {
        f"{name}_topic": await make_topic(name, partitions=2)
        for name in ("commands", "responses", "parked")
    }
    accounts = {
        chain: service.account.model_copy(update={"cashbox_id": f"box-{chain}"}) for chain in CHAINS
    }
    settings = FiscalSettings(
        bootstrap=kafka.bootstrap, accounts=accounts, group_id=unique,
        instance_id=f"{unique}-0", http=HttpSettings(read_timeout_s=20, total_s=25),
        retry_first_s=0.1, virtual_time=True, **topics,
    )  # fmt: skip
    one = Wire(settings, producer)
    one.service = service
    yield one
    one.kill_all()
    await producer.stop()


async def give(wire, *signs):
    for one in signs:
        await wire._producer.send_and_wait(
            wire.settings.commands_topic,
            key=ids.chain_key(one.tenant, one.chain).encode(),
            value=encode(one),
        )


def child(wire, token):
    plain = wire.settings.model_dump(mode="json")
    for account in plain["accounts"].values():
        account["access_token"] = token
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, json.dumps(plain)], start_new_session=True
    )
    wire.children.append(process)
    return process


async def until_signed(wire, count):
    """The service is another process: it can only be asked."""
    async for attempt in stamina.retry_context(
        on=AssertionError,
        attempts=None,
        timeout=120,
        wait_initial=0.02,
        wait_max=0.02,
        wait_jitter=0,
    ):
        with attempt:
            assert len(await asyncio.to_thread(wire.service.journal)) >= count


async def test_what_cannot_be_signed_is_parked_and_its_chain_goes_on(wire):
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(run_fiscal_executor(wire.settings, stop=stop, on_ready=ready.set))
    await asyncio.wait_for(ready.wait(), 120)
    await wire.give(b"nonsense")
    await give(wire, sign(1, chain="nobody"), sign(2, chain="ATU1"))
    (answer,) = await wire.answers(1)
    parked = await wire.parked(2)
    stop.set()
    await task
    assert (answer.chain, answer.outcome) == ("ATU1", "signed")
    reasons = {dict(record.headers)["reason"] for record in parked}
    assert reasons == {b"undecodable", b"no-fiscal-account"}


@pytest.mark.kill
async def test_killed_in_the_middle_again_and_again(wire, token):
    chance = random.Random(3)
    signs = [sign(number, chain=CHAINS[number % 2]) for number in range(1, 101)]
    await give(wire, *signs)
    for kill in range(4):
        process = child(wire, token)
        await until_signed(wire, 18 * kill + chance.randint(3, 15))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    child(wire, token)
    wanted, count = {one.command_id for one in signs}, len(signs)
    async with asyncio.timeout(90):
        while {one.command_id for one in await wire.answers(count, 60)} != wanted:
            count += 1
    answers = await wire.answers(count)
    assert {one.outcome for one in answers} == {"signed"}
    journal = wire.service.journal()
    for chain in CHAINS:
        queue = [one for one in journal if one.queue == f"box-{chain}"]
        assert verify(queue)
        assert [one.reference for one in queue] == [
            one.operation_key for one in signs if one.chain == chain
        ]
