"""The load of the soak: two inputs, one written in transactions of which some are aborted."""

import asyncio
import random
from collections import Counter

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2

PARTITIONS = 4
KEYS = 200
_TRANSACTION_RECORDS = 100
_PLAIN_RECORDS = 30
_PAUSE = 0.05
_ABORTED = 0.15


def partition_of(key: bytes) -> int:
    return int(murmur2(key) & 0x7FFFFFFF) % PARTITIONS


def keys_by_partition() -> list[list[bytes]]:
    keys: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
    for number in range(KEYS):
        key = b"key-%d" % number
        keys[partition_of(key)].append(key)
    return keys


class Load:
    """Runs until `stop`. `acknowledged` counts the committed records of `a` by partition."""

    def __init__(self, bootstrap: str, app_id: str, seed: int) -> None:
        self._bootstrap = bootstrap
        self._app_id = app_id
        self._chance = random.Random(seed)
        self._stop = asyncio.Event()
        self._keys = keys_by_partition()
        self.acknowledged: Counter[int] = Counter()
        self.sent_b: Counter[int] = Counter()

    def stop(self) -> None:
        self._stop.set()

    async def run(self) -> None:
        both = {"bootstrap_servers": self._bootstrap}
        in_transactions = AIOKafkaProducer(**both, transactional_id=f"{self._app_id}-load")
        plain = AIOKafkaProducer(**both)
        async with in_transactions, plain:
            while not self._stop.is_set():
                await self._write_a(in_transactions)
                await self._write_b(plain)
                await asyncio.sleep(_PAUSE)

    async def _write_a(self, producer: AIOKafkaProducer) -> None:
        aborted = self._chance.random() < _ABORTED
        counts: Counter[int] = Counter()
        await producer.begin_transaction()
        futures = []
        for _ in range(_TRANSACTION_RECORDS):
            partition = self._chance.randrange(PARTITIONS)
            counts[partition] += 1
            key = self._chance.choice(self._keys[partition])
            value = b"aborted" if aborted else b"x"
            topic = f"{self._app_id}.a"
            futures.append(await producer.send(topic, value, key=key, partition=partition))
        await asyncio.gather(*futures)
        if aborted:
            await producer.abort_transaction()
            return
        await producer.commit_transaction()
        self.acknowledged += counts

    async def _write_b(self, producer: AIOKafkaProducer) -> None:
        futures = []
        for index in range(_PLAIN_RECORDS):
            partition = self._chance.randrange(PARTITIONS)
            key = self._chance.choice(self._keys[partition])
            value = b"!%d" % self.acknowledged[partition] if index % 15 == 0 else b"y"
            self.sent_b[partition] += 1
            topic = f"{self._app_id}.b"
            futures.append(await producer.send(topic, value, key=key, partition=partition))
        await asyncio.gather(*futures)
