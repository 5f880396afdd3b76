"""What the contract tests share: a short hand for plain Kafka, a stock Faust app and our own."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from faust.transport.drivers import aiokafka as faust_driver

from streams.engine import driver
from streams.engine.settings import EngineSettings
from streams.engine.stage import Stage
from streams.engine.worker import build_app

NAIVE = Path(__file__).parent / "naive"
_numbers = count()


class Nothing(Stage):
    def open(self, partition, references):
        raise NotImplementedError


@dataclass(frozen=True)
class Wire:
    """Plain aiokafka, one client a call; slow and without surprises."""

    bootstrap: str

    @staticmethod
    def name(hint: str) -> str:
        return f"contract-{os.getpid()}-{int(time.time())}-{next(_numbers)}-{hint}"

    @asynccontextmanager
    async def admin(self):
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    async def topic(self, name: str, partitions: int = 1, **configs: object) -> str:
        wanted = {key.replace("_", "."): str(value) for key, value in configs.items()}
        async with self.admin() as admin:
            await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=wanted)])
        return name

    @asynccontextmanager
    async def producer(self, transactional_id: str | None = None, **settings: object):
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap, transactional_id=transactional_id, **settings
        )
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    async def put(self, topic: str, *values: bytes, partition: int | None = None) -> None:
        async with self.producer() as producer:
            for value in values:
                await producer.send_and_wait(topic, value, partition=partition)

    @asynccontextmanager
    async def consumer(self, *topics: str, **settings: object):
        given = {"enable_auto_commit": False, "auto_offset_reset": "earliest"} | settings
        consumer = AIOKafkaConsumer(*topics, bootstrap_servers=self.bootstrap, **given)
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    async def read(
        self, topic: str, isolation_level: str = "read_committed", partition: int = 0
    ) -> list:
        """Every record of one partition up to the end as this isolation level has it now."""
        place = TopicPartition(topic, partition)
        found = []
        async with self.consumer(isolation_level=isolation_level) as consumer:
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            end = (await consumer.end_offsets([place]))[place]
            while await consumer.position(place) < end:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += records
        return found

    async def values(self, *where: str, **how: str | int) -> list[bytes]:
        return [record.value for record in await self.read(*where, **how)]

    async def broker_config(self, name: str) -> str:
        """As any broker has it: they are configured alike."""
        async with self.admin() as admin:
            node = next(iter(admin._client.cluster.brokers())).nodeId
        return (await self._configs(ConfigResourceType.BROKER, str(node)))[name]

    async def topic_configs(self, topic: str) -> dict[str, str]:
        async def found():
            return await self._configs(ConfigResourceType.TOPIC, topic)

        return await self.until(found)  # a new topic is not known everywhere at once

    async def _configs(self, kind, name: str) -> dict[str, str]:
        async with self.admin() as admin:
            answers = await admin.describe_configs([ConfigResource(kind, name)])
        return {entry[0]: entry[1] for answer in answers for entry in answer.resources[0][4]}

    async def group_reaches(self, group: str, topic: str, offset: int) -> bool:
        """A transaction's offsets appear a moment after its commit has returned."""

        async def reached():
            return await self.committed(group, topic) == offset

        return await self.until(reached)

    @staticmethod
    async def until(condition, within_s: float = 120.0):
        """Await `condition` until it gives something true; that, or the last it gave."""
        deadline = time.monotonic() + within_s
        while True:
            value = await condition()
            if value or time.monotonic() > deadline:
                return value
            await asyncio.sleep(0.25)

    @contextmanager
    def running(self, script: str, *arguments: str, log: Path, **env: str):
        """A naive program as a process; killed at the end, for none of them deserves better."""
        with (
            log.open("ab") as output,
            subprocess.Popen(
                [sys.executable, self.naive(script), *arguments],
                env={**os.environ, "BOOTSTRAP": self.bootstrap, **env},
                stdout=output,
                stderr=subprocess.STDOUT,
            ) as process,
        ):
            try:
                yield process
            finally:
                process.kill()

    @staticmethod
    def free_port() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    @staticmethod
    def naive(script: str) -> str:
        return str(NAIVE / script)

    async def committed(self, group: str, topic: str) -> int | None:
        async with self.consumer(group_id=group) as consumer:
            return await consumer.committed(TopicPartition(topic, 0))


@pytest.fixture(scope="session")
def wire_to():
    """For fixtures that outlive one test: `wire_to(kafka)`."""
    return lambda kafka: Wire(kafka.bootstrap)


@pytest.fixture
def wire(kafka) -> Wire:
    return Wire(kafka.bootstrap)


@pytest.fixture
def stage():
    return Nothing(
        name="nothing",
        version=1,
        inputs=("a", "b"),
        state_topic="state",
        parked_topic="parked",
        partitions=3,
        kinds=(),
    )


def with_consumer(app):
    """Faust makes its consumer, with a loop for a thread of its own, when first asked for it."""
    thread = app.consumer._thread
    yield app
    thread.thread_loop.close()


@pytest.fixture
async def ours(stage, tmp_path):
    settings = EngineSettings(bootstrap="127.0.0.1:1", app_id="app", slot=2, datadir=tmp_path)
    for app in with_consumer(build_app(stage, settings, "app-nothing", lambda _: None)):
        yield app


@pytest.fixture
async def stock():
    for app in with_consumer(faust.App("stock", broker="kafka://127.0.0.1:1", store="memory://")):
        yield app


@pytest.fixture
def consumer_settings(monkeypatch):
    """The keyword arguments that a driver's thread gives to `AIOKafkaConsumer`."""

    def of(app, thread_type):
        given = {}
        made = SimpleNamespace(AIOKafkaConsumer=lambda **settings: given.update(settings))
        monkeypatch.setattr(faust_driver, "aiokafka", made)
        monkeypatch.setattr(driver, "AIOKafkaConsumer", made.AIOKafkaConsumer)
        thread = thread_type.__new__(thread_type)
        thread.app = app
        thread.consumer = SimpleNamespace(in_transaction=False)
        thread._create_worker_consumer(app.transport)
        return given

    return of
