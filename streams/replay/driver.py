"""The replay against a running pipeline: closed-loop, so that no decision comes late.

Virtual time moves on by one step only when every session partition has applied the step and no
answer is outstanding (`clock.applied.v1`), and when the gate has a watch for each charging that
began. Faster than the clock then means: nobody waits, not: somebody is overtaken.
"""

import asyncio
import time
from collections.abc import Callable

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from schemas import codec, topics
from schemas.commands import OfferAmount, ShowDeclined, StartCharging, StopCharging
from schemas.facts import ClockApplied, Tick, Watch
from schemas.ledger import SessionLedger
from streams.parked import parked_record
from streams.replay.chargers import Emission
from streams.replay.fleet import Fleet, started

_LISTENED = (
    topics.APPLIED,
    topics.CHARGER_COMMANDS,
    topics.TERMINAL_COMMANDS,
    topics.WATCHES,
    topics.LEDGER,
    topics.PARKED,
)
_HOUR_MS = 3_600_000
_QUIET_TAIL_MS = 10 * 60 * 1000
_STEP_GROWTH = 2

log = structlog.get_logger()


class Stalled(RuntimeError):
    """The pipeline did not apply a step within the patience given; the message says who waits."""


class ReplaySettings(msgspec.Struct, frozen=True, kw_only=True):
    bootstrap: str
    partitions: int
    begin_at: int
    step_ms: int = 30_000
    patience_s: int = 120
    tail_ms: int = 8 * 24 * _HOUR_MS


class Progress(msgspec.Struct):
    """Where the replay is; changed in place, read by whoever displays it; instants epoch ms.

    `parked`: its requests that were set aside, each with its reason.
    """

    now_at: int = 0
    steps: int = 0
    readings: int = 0
    requested: int = 0
    closed: int = 0
    outstanding: int = 0
    parked: list[str] = []


class ClosedLoop:
    """Drives one fleet. `ledgers` is the newest public view of every session seen."""

    def __init__(
        self, settings: ReplaySettings, fleet: Fleet, on_step: Callable[[Progress], None]
    ) -> None:
        self._settings = settings
        self._fleet = fleet
        self._on_step = on_step
        self._applied: dict[int, ClockApplied] = {}
        self._watched: set[str] = set()
        self._due: list[Emission] = []
        self._expected: set[str] = set()
        self._turned_away: set[str] = set()
        self.progress = Progress(now_at=settings.begin_at)
        self.ledgers: dict[str, SessionLedger] = {}

    async def run(self) -> None:
        """Until every session is closed, or the tail is over. Raises Stalled."""
        settings = self._settings
        self._producer = AIOKafkaProducer(
            bootstrap_servers=settings.bootstrap, acks="all", enable_idempotence=True, linger_ms=5
        )
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            fetch_max_wait_ms=250,
        )
        await self._producer.start()
        try:
            await self._listen()
            await self._steps()
        finally:
            await self._consumer.stop()
            await self._producer.stop()

    async def _listen(self) -> None:
        await self._consumer.start()
        parts = [
            TopicPartition(topic, number)
            for topic in _LISTENED
            for number in range(self._settings.partitions)
        ]
        self._consumer.assign(parts)
        await self._consumer.seek_to_end(*parts)
        for part in parts:  # the lazily resolved end must be the end before our first step
            await self._consumer.position(part)

    async def _steps(self) -> None:
        now_at, step_ms = self._settings.begin_at, self._settings.step_ms
        tail_from = 0
        while True:
            now_at += step_ms
            await self._wait_for(now_at)
            await self._step(now_at)
            if not self._fleet.finished:
                continue
            if self._all_closed():
                return
            tail_from = tail_from or now_at
            if now_at - tail_from > self._settings.tail_ms:
                return
            if now_at - tail_from > _QUIET_TAIL_MS:
                step_ms = min(step_ms * _STEP_GROWTH, _HOUR_MS)

    async def _wait_for(self, now_at: int) -> None:
        """Faster than the clock nobody waits for the wall."""

    def _all_closed(self) -> bool:
        return all(
            (ledger := self.ledgers.get(session)) is not None and ledger.phase == "closed"
            for session in self._fleet.drivers.keys() - self._turned_away
        )

    async def _step(self, now_at: int) -> None:
        caused = [one for one in self._due if one.arrives_at <= now_at]
        self._due = [one for one in self._due if one.arrives_at > now_at]
        emissions = [*caused, *self._fleet.until(now_at)]
        self._expected.update(started(emissions))
        await self._send(emissions)
        await self._tick(now_at)
        await self._settle(now_at)
        self._note_progress(now_at)

    async def _send(self, emissions: list[Emission]) -> None:
        futures = [
            await self._producer.send(one.topic, codec.encode(one.fact), one.key.encode())
            for one in emissions
        ]
        for future in futures:
            await future

    async def _tick(self, now_at: int) -> None:
        futures = []
        for partition in range(self._settings.partitions):
            tick = codec.encode(Tick(partition=partition, at=now_at))
            key = str(partition).encode()
            futures.append(await self._producer.send(topics.TICKS, tick, key, partition))
        for future in futures:
            await future

    async def _settle(self, now_at: int) -> None:
        """Wait for the step's end, then take the commands that it made."""
        loop = asyncio.get_running_loop()
        patience = loop.time() + self._settings.patience_s
        while not self._settled(now_at):
            if loop.time() > patience:
                raise Stalled(self._who_waits(now_at))
            await self._hear(now_at, timeout_ms=50)
        await self._hear_to_the_end(now_at)

    def _settled(self, now_at: int) -> bool:
        if len(self._applied) < self._settings.partitions:
            return False
        applied = all(one.at >= now_at and one.outstanding == 0 for one in self._applied.values())
        return applied and self._expected <= self._watched

    def _who_waits(self, now_at: int) -> str:
        behind = {
            number: (self._applied[number].at - now_at, self._applied[number].oldest)
            for number in sorted(self._applied)
        }
        unwatched = sorted(self._expected - self._watched)[:5]
        return f"step {now_at} not applied: partitions {behind}, chargings unwatched {unwatched}"

    async def _hear(self, now_at: int, timeout_ms: int) -> None:
        batches = await self._consumer.getmany(timeout_ms=timeout_ms)
        for records in batches.values():
            for record in records:
                if record.topic == topics.PARKED:
                    self._set_aside(record)
                else:
                    self._heard(codec.decode(record.value), now_at)

    async def _hear_to_the_end(self, now_at: int) -> None:
        """What was committed before `clock.applied` is readable: read up to the ends seen now."""
        parts = self._consumer.assignment()
        ends = await self._consumer.end_offsets(parts)
        while True:
            behind = [part for part in parts if await self._consumer.position(part) < ends[part]]
            if not behind:
                return
            await self._hear(now_at, timeout_ms=20)

    def _set_aside(self, record: ConsumerRecord) -> None:
        """A request of ours that was parked: nobody is to be waited for on its account."""
        one = parked_record(record)
        if one is None or one.topic != topics.REQUESTS:
            return
        session = one.key.decode("utf-8", "replace")
        if self._fleet.turned_away(session):
            self._turned_away.add(session)
            self.progress.parked.append(f"{one.ref}: {one.reason} {one.detail}")

    def _heard(self, record: object, now_at: int) -> None:
        match record:
            case ClockApplied():
                self._applied[record.partition] = record
            case Watch():
                self._watched.add(record.transaction_id)
            case SessionLedger():
                self.ledgers[record.session_id] = record
            case StartCharging() | StopCharging() | ShowDeclined() | OfferAmount():
                self._due.extend(self._fleet.command(record, now_at))
            case _:
                pass

    def _note_progress(self, now_at: int) -> None:
        progress = self.progress
        progress.now_at = now_at
        progress.steps += 1
        progress.readings = self._fleet.readings
        progress.requested = len(self.ledgers)
        progress.closed = sum(one.phase == "closed" for one in self.ledgers.values())
        self._on_step(progress)


class OnTheClock(ClosedLoop):
    """The same in real time: the workers' own ticks move the time, nobody is waited for."""

    async def _wait_for(self, now_at: int) -> None:
        await asyncio.sleep(max(0.0, now_at / 1000 - time.time()))

    async def _tick(self, now_at: int) -> None:
        pass

    async def _settle(self, now_at: int) -> None:
        await self._hear_to_the_end(now_at)
