"""The broker itself: data, ownership, and what its owner's death does."""

import asyncio
import subprocess
import sys
import time

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from connectors.kafka.admin import TopicSpec, create_topics
from connectors.kafka.layout import prepare
from connectors.kafka.local import LocalKafka
from connectors.kafka.process import BrokerFailed
from connectors.kafka.state_lock import StateDirectoryInUse
from connectors.kafka.wait import wait_for_broker

pytestmark = pytest.mark.broker

OWNER = """
import pathlib, sys, time
from connectors.kafka.local import LocalKafka
broker = LocalKafka(pathlib.Path(sys.argv[1]))
broker.start()
print(broker.processes[0].pid, broker.processes[0].launcher_pid, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with LocalKafka(tmp_path_factory.mktemp("local")) as running:
        yield running


async def write(bootstrap, topic, value):
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        await producer.send_and_wait(topic, value)


async def values(bootstrap, topic, count):
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        return [(await consumer.getone()).value for _ in range(count)]


async def test_a_restart_keeps_data_address_and_identity(broker, unique):
    """After a clean stop and after a crash; started from a coroutine, with a loop running."""
    await create_topics(broker.bootstrap, [TopicSpec(name=unique, partitions=1)])
    before = broker.bootstrap
    await write(before, unique, b"first")
    assert broker.restart() == before
    await write(before, unique, b"second")
    broker.kill()
    assert broker.start() == before
    assert await values(before, unique, 2) == [b"first", b"second"]


async def test_a_broker_that_was_away_is_noticed_when_it_is_back(broker):
    broker.stop()
    said = asyncio.Queue()
    waiting = asyncio.create_task(wait_for_broker(broker.bootstrap, tell=said.put_nowait))
    assert (await said.get()).startswith(f"waiting for a Kafka broker at {broker.bootstrap}")
    await asyncio.to_thread(broker.start)
    await waiting
    while not said.empty():
        last = said.get_nowait()
    assert last == f"the Kafka broker at {broker.bootstrap} answers"


def test_starting_what_runs_changes_nothing(broker):
    pid = broker.processes[0].pid
    broker.start()
    assert broker.processes[0].pid == pid


def test_it_listens_on_loopback_only(broker):
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(broker.processes[0].pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) == 2
    assert set(listening) == {"127.0.0.1"}


def test_a_second_user_of_the_state_directory_is_refused(broker):
    directory = broker.processes[0].node.folder.parent
    with pytest.raises(StateDirectoryInUse, match=rf"{directory} is in use by process \d+"):
        LocalKafka(directory).start()
    assert broker.failure is None


def test_a_broker_that_ended_by_itself_is_reported_and_can_be_started(broker):
    psutil.Process(broker.processes[0].pid).kill()
    while broker.failure is None:
        time.sleep(0.02)
    assert "ended with code 137" in broker.failure
    broker.start()
    assert broker.failure is None


def test_no_broker_is_left_when_its_owner_is_killed(tmp_path):
    """And the next owner takes over at once: it waits for the old broker to be gone."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE
    ) as owner:
        processes = [psutil.Process(int(pid)) for pid in owner.stdout.readline().split()]
        owner.kill()
    with LocalKafka(tmp_path):
        assert not any(process.is_running() for process in processes)


def test_a_broker_that_cannot_start_says_why(tmp_path):
    node = prepare(tmp_path, port=None).nodes[0]
    node.data.mkdir(parents=True)
    (node.data / "meta.properties").write_text("version=1\nnode.id=7\ncluster.id=another\n")
    with pytest.raises(BrokerFailed, match=r"ended with code 1.*node\.id|node ?[iI]d"):
        LocalKafka(tmp_path).start()
    LocalKafka(tmp_path).stop()
