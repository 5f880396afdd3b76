"""A world for engine tests: topics of their own, the scenario worker, what is visible."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

PARTITIONS = 2
WITHIN = 120.0


class World:
    """Topics `{app_id}.a|b|c|ref|out|state|parked` and the workers on them."""

    def __init__(self, bootstrap: str, app_id: str, log: Path) -> None:
        self.bootstrap = bootstrap
        self.app_id = app_id
        self._log = log
        self._workers: list[subprocess.Popen[bytes]] = []

    @property
    def log(self) -> str:
        return self._log.read_text()

    async def create(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            names = ("a", "b", "c", "ref", "out", "state", "parked")
            await admin.create_topics([NewTopic(self.topic(n), PARTITIONS, 1) for n in names])
        finally:
            await admin.close()

    def topic(self, name: str) -> str:
        return f"{self.app_id}.{name}"

    def start(self, slot: int = 0, **options: object) -> subprocess.Popen[bytes]:
        script = Path(__file__).parent / "scenario" / "worker.py"
        chosen = [f"{key}={value}" for key, value in options.items()]
        command = [sys.executable, str(script), self.bootstrap, self.app_id, str(slot), *chosen]
        with self._log.open("ab") as log:
            worker = subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ))
        self._workers.append(worker)
        return worker

    async def ends(self, worker: subprocess.Popen[bytes]) -> int:
        """Its exit code."""
        await self.until(lambda: worker.poll() is not None)
        return worker.returncode

    def stop(self, *workers: subprocess.Popen[bytes]) -> None:
        for worker in workers or self._workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGTERM)
        for worker in workers or self._workers:
            worker.wait(15)

    def kill_all(self) -> None:
        for worker in self._workers:
            if worker.poll() is None:
                worker.kill()
            worker.wait()

    async def put(self, name: str, *values: bytes | None, partition: int = 0, **more: Any) -> None:
        """Keys are `k0`, `k1` ... unless `key` says otherwise."""
        transaction = more.pop("transaction", None)
        options = {"transactional_id": f"{self.app_id}-{transaction}"} if transaction else {}
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap, **options) as producer:
            if transaction:
                await producer.begin_transaction()
            for index, value in enumerate(values):
                key = more.get("key", b"k%d" % index)
                await producer.send_and_wait(self.topic(name), value, key, partition)
            if transaction:
                await (
                    producer.abort_transaction()
                    if more.get("abort")
                    else producer.commit_transaction()
                )

    async def read(self, name: str, isolation_level: str = "read_committed") -> list[Any]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            isolation_level=isolation_level,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        found = []
        async with consumer:
            places = [TopicPartition(self.topic(name), p) for p in range(PARTITIONS)]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            await consumer.seek_to_beginning(*places)
            while any([await consumer.position(place) < ends[place] for place in places]):
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    found += records
        return found

    async def said(self) -> list[str]:
        return [record.value.decode() for record in await self.read("out")]

    async def hears(self, count: int) -> list[str]:
        """What the stage said, once it said so much."""
        began = time.monotonic()
        while len(said := await self.said()) < count:
            assert time.monotonic() - began < WITHIN, f"{said}\n{self.log[-5000:]}"
            await asyncio.sleep(0.1)
        return said

    async def until(self, holds: Callable[[], bool | Awaitable[bool]]) -> None:
        began = time.monotonic()
        while True:
            now = holds()
            if now if isinstance(now, bool) else await now:
                return
            assert time.monotonic() - began < WITHIN, self.log[-5000:]
            await asyncio.sleep(0.1)


@pytest.fixture
async def world(kafka, unique, tmp_path):
    made = World(kafka.bootstrap, unique, tmp_path / "worker.log")
    await made.create()
    yield made
    made.kill_all()
