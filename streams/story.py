"""One session told from the topics: the same core over the same inputs, in the order journalled."""

from typing import NamedTuple

from aiokafka import AIOKafkaConsumer

from schemas import codec, topics
from schemas.facts import (
    AcquirerHealth,
    AppliedInput,
    Fact,
    LinkedFact,
    SessionJournal,
    SessionRequested,
)
from schemas.ledger import SessionLedger
from streams.agents.references import ReferencePins, health_table
from streams.core import pipe
from streams.core.pipe import Step
from streams.core.session import PaymentSession, TimeReached
from streams.reading import partition_of, record_at, records_of


class Told(NamedTuple):
    """One input as the session took it, and what it led to."""

    entry: AppliedInput
    fact: Fact | None
    step: Step | None


class _Table:
    """Reference topics as `engine.stage.References`, read once."""

    def __init__(self, tables: dict[str, dict[bytes, bytes]]) -> None:
        self._tables = tables

    def get(self, topic: str, key: bytes) -> bytes | None:
        return self._tables[topic].get(key)

    def require(self, topic: str, key: bytes) -> bytes | None:
        return self.get(topic, key)

    def items(self, topic: str) -> dict[bytes, bytes]:
        return self._tables[topic]


async def find_session(consumer: AIOKafkaConsumer, partitions: int, name: str) -> str | None:
    """The session id for an id or a terminal's reference (in any case), None when unknown."""
    wanted = name.casefold()
    found: str | None = None
    async for record in records_of(consumer, topics.LEDGER, range(partitions)):
        ledger = codec.decode(record.value)
        if isinstance(ledger, SessionLedger) and wanted in (
            ledger.session_id,
            ledger.authorization_reference.casefold(),
        ):
            found = ledger.session_id
    return found


class _Journal(NamedTuple):
    """The inputs in order, and how acquirers were doing when the session was opened."""

    applied: list[AppliedInput]
    health: list[AcquirerHealth]


async def _journal(consumer: AIOKafkaConsumer, partitions: int, session_id: str) -> _Journal:
    number = partition_of(session_id.encode(), partitions)
    found = _Journal([], [])
    async for record in records_of(consumer, topics.JOURNAL, [number]):
        if record.key == session_id.encode():
            journal = codec.decode(record.value)
            assert isinstance(journal, SessionJournal)
            found.applied.extend(journal.applied)
            found.health.extend(journal.health)
    return found


async def _references(consumer: AIOKafkaConsumer, journal: _Journal) -> _Table:
    """As they are by now; how acquirers are doing changes by the minute, and is taken as it was."""
    tables: dict[str, dict[bytes, bytes]] = {topics.HEALTH: health_table(journal.health)}
    for topic in (topics.TARIFFS, topics.POLICIES):
        tables[topic] = {
            record.key: record.value async for record in records_of(consumer, topic, [0])
        }
    return _Table(tables)


async def tell_story(consumer: AIOKafkaConsumer, partitions: int, session_id: str) -> list[Told]:
    """Apply the journalled inputs once more and keep every step. Writes nothing anywhere."""
    journal = await _journal(consumer, partitions, session_id)
    pins = ReferencePins(await _references(consumer, journal))
    session: PaymentSession | None = None
    told: list[Told] = []
    for entry in journal.applied:
        fact = await _input(consumer, entry)
        step = None
        if fact is not None:
            step = pipe.apply(session, fact, entry.clock_at, pins)
            session = step.session
        told.append(Told(entry, _inner(fact), step))
    return told


async def _input(consumer: AIOKafkaConsumer, entry: AppliedInput) -> Fact | None:
    if entry.topic == "":
        return TimeReached(at=entry.clock_at)
    record = await record_at(consumer, entry.topic, entry.partition, entry.offset)
    if record is None:
        return None
    try:
        return codec.decode(record.value)
    except codec.NotReadable:
        return None


def _inner(fact: Fact | None) -> Fact | None:
    return codec.decode(fact.fact) if isinstance(fact, LinkedFact) else fact


def requested(told: list[Told]) -> SessionRequested | None:
    return next((one.fact for one in told if isinstance(one.fact, SessionRequested)), None)
