"""One session told from the topics: the same core over the same inputs, in the order journalled."""

import re
from collections import defaultdict
from contextlib import suppress
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord

from schemas import codec, topics
from schemas.facts import (
    AcquirerHealth,
    AppliedInput,
    Fact,
    HoldReported,
    LinkedFact,
    PolicyPublished,
    SessionJournal,
    SessionRequested,
)
from schemas.ledger import SessionLedger
from streams.agents.references import ReferencePins, health_table
from streams.core import pipe
from streams.core.pipe import Step
from streams.core.session import PaymentSession, ReferenceReused, SessionUnknown, TimeReached
from streams.engine.stage import BadRecord
from streams.reading import partition_of, records_at, records_of

_SESSION_ID = re.compile(r"[0-9a-f]{32}")

_UNFIT = (codec.NotReadable, codec.NotWritable)

_Place = tuple[str, int, int]  # topic, partition, offset
_Tables = dict[str, dict[bytes, bytes]]


class Told(NamedTuple):
    """One input as the session took it, and what it led to; `trouble` says why to nothing."""

    entry: AppliedInput
    fact: Fact | None
    step: Step | None
    trouble: str = ""


class Story(NamedTuple):
    """All inputs of a session in their order, and its ledger as it was last published."""

    told: list[Told]
    ledger: SessionLedger | None


class _Table:
    """Reference topics as `engine.stage.References`, read once."""

    def __init__(self, tables: _Tables) -> None:
        self._tables = tables

    def get(self, topic: str, key: bytes) -> bytes | None:
        return self._tables[topic].get(key)

    def require(self, topic: str, key: bytes) -> bytes | None:
        return self.get(topic, key)

    def items(self, topic: str) -> dict[bytes, bytes]:
        return self._tables[topic]


async def find_story(consumer: AIOKafkaConsumer, partitions: int, name: str) -> Story | None:
    """The story of a session id or of a terminal's reference, in any case; None when unknown."""
    wanted = name.casefold()
    if _SESSION_ID.fullmatch(wanted):  # most likely an id: then nothing has to be searched
        story = await tell_story(consumer, partitions, wanted)
        if story.told:
            return story
    session_id = await _of_reference(consumer, partitions, wanted)
    return None if session_id is None else await tell_story(consumer, partitions, session_id)


async def tell_story(consumer: AIOKafkaConsumer, partitions: int, session_id: str) -> Story:
    """Apply the journalled inputs once more and keep every step. Writes nothing anywhere."""
    ledger = await _ledger(consumer, partitions, session_id)
    entries, health = await _journal(consumer, partitions, session_id)
    pins = ReferencePins(_Table(await _references(consumer, ledger, health)))
    records = await _inputs(consumer, entries)
    session: PaymentSession | None = None
    told: list[Told] = []
    for entry in entries:
        one = _applied(session, entry, records, pins)
        session = session if one.step is None else one.step.session
        told.append(one)
    return Story(told, ledger)


async def _of_reference(consumer: AIOKafkaConsumer, partitions: int, wanted: str) -> str | None:
    """The session last requested under this reference."""
    found: SessionRequested | HoldReported | None = None
    async for record in records_of(consumer, topics.REQUESTS, range(partitions)):
        fact = _fact(record)
        if not isinstance(fact, SessionRequested | HoldReported):
            continue
        is_wanted = fact.authorization_reference.casefold() == wanted
        if is_wanted and (found is None or fact.requested_at >= found.requested_at):
            found = fact
    return None if found is None else found.session_id


async def _of_session(
    consumer: AIOKafkaConsumer, topic: str, partitions: int, session_id: str
) -> list[Fact]:
    """What `topic` holds of one session: its own partition is all that is read."""
    key = session_id.encode()
    found = [
        _fact(record)
        async for record in records_of(consumer, topic, [partition_of(key, partitions)])
        if record.key == key
    ]
    return [fact for fact in found if fact is not None]


async def _ledger(
    consumer: AIOKafkaConsumer, partitions: int, session_id: str
) -> SessionLedger | None:
    facts = await _of_session(consumer, topics.LEDGER, partitions, session_id)
    return next((fact for fact in reversed(facts) if isinstance(fact, SessionLedger)), None)


class _Journal(NamedTuple):
    """The inputs in order, and how acquirers were doing when the session was opened."""

    applied: list[AppliedInput]
    health: list[AcquirerHealth]


async def _journal(consumer: AIOKafkaConsumer, partitions: int, session_id: str) -> _Journal:
    facts = await _of_session(consumer, topics.JOURNAL, partitions, session_id)
    found = [fact for fact in facts if isinstance(fact, SessionJournal)]
    return _Journal(
        [one for fact in found for one in fact.applied],
        [one for fact in found for one in fact.health],
    )


async def _references(
    consumer: AIOKafkaConsumer, ledger: SessionLedger | None, health: list[AcquirerHealth]
) -> _Tables:
    """Tariffs and policies; of these the version that the session was opened with, if it is there.

    The newest of today would tell the story of a session that never was; how acquirers are doing
    changes by the minute, and is taken as it was.
    """
    tables: _Tables = {topics.HEALTH: health_table(health)}
    for topic in (topics.TARIFFS, topics.POLICIES):
        tables[topic] = {
            record.key: record.value
            async for record in records_of(consumer, topic, [0])
            if record.key is not None and record.value is not None
        }
    policies = tables[topics.POLICIES]
    pinned = {key: value for key, value in policies.items() if _is_pinned(value, ledger)}
    return {**tables, topics.POLICIES: pinned or policies}


def _is_pinned(value: bytes, ledger: SessionLedger | None) -> bool:
    with suppress(codec.NotReadable):
        policy = codec.decode(value)
        return (
            ledger is not None
            and isinstance(policy, PolicyPublished)
            and (policy.tenant, policy.version) == (ledger.tenant, ledger.policy_version)
        )
    return False


async def _inputs(
    consumer: AIOKafkaConsumer, entries: list[AppliedInput]
) -> dict[_Place, ConsumerRecord]:
    """The journalled records that are still there, each partition read once."""
    wanted: dict[tuple[str, int], list[int]] = defaultdict(list)
    for entry in entries:
        if entry.topic:
            wanted[entry.topic, entry.partition].append(entry.offset)
    found: dict[_Place, ConsumerRecord] = {}
    for (topic, partition), offsets in wanted.items():
        records = await records_at(consumer, topic, partition, offsets)
        found.update(((topic, partition, offset), one) for offset, one in records.items())
    return found


def _applied(
    session: PaymentSession | None,
    entry: AppliedInput,
    records: dict[_Place, ConsumerRecord],
    pins: ReferencePins,
) -> Told:
    fact: Fact | None = TimeReached(at=entry.clock_at)
    if entry.topic:
        record = records.get((entry.topic, entry.partition, entry.offset))
        fact = None if record is None else _fact(record)
    if fact is None:
        return Told(entry, None, None, "no longer there, or never readable")
    try:
        step = pipe.apply(session, fact, entry.clock_at, pins)
        return Told(entry, _inner(fact), step)
    except (BadRecord, SessionUnknown, ReferenceReused, *_UNFIT) as error:
        detail = " ".join(str(part) for part in error.args)
        return Told(entry, fact, None, f"cannot be applied again: {detail}")


def _fact(record: ConsumerRecord) -> Fact | None:
    with suppress(codec.NotReadable):
        return codec.decode(record.value or b"")
    return None


def _inner(fact: Fact) -> Fact:
    return codec.decode(fact.fact) if isinstance(fact, LinkedFact) else fact
