"""The time as a topic: the owner of a partition produces it to that partition."""

import asyncio
import logging
import time

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.engine.stage import Ticker

log = logging.getLogger(__name__)


class TickProducer:
    """One producer for all ticks of a process.

    Ticks are facts about the clock, not decisions: two owners during a hand-over may both send
    some, so they carry no transaction.
    """

    def __init__(self, ticker: Ticker, bootstrap: str) -> None:
        self._ticker = ticker
        self._producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def open(self) -> None:
        await self._producer.start()

    async def close(self) -> None:
        self.stop_all()
        await self._producer.stop()

    def start(self, partition: int) -> None:
        assert partition not in self._tasks
        self._tasks[partition] = asyncio.create_task(self._tick(partition))

    def stop_all(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()

    async def _tick(self, partition: int) -> None:
        ticker, period = self._ticker, self._ticker.period_ms
        last_at = 0
        while True:
            now_at = max(last_at, time.time_ns() // 1_000_000)
            last_at = now_at
            key, value = ticker.encode(partition, now_at)
            try:
                await self._producer.send_and_wait(
                    ticker.topic, key=key, value=value, partition=partition
                )
            except KafkaError as error:
                log.warning("tick for partition %d not sent: %r", partition, error)
            behind = time.time_ns() // 1_000_000 - now_at
            await asyncio.sleep(max(0, period - behind) / 1000)
