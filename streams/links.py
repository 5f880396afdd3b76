"""Proposals of links, read from the topics: facts that aged without a session, and the ledger.

Nothing is kept: a proposal is what orphans, sessions and decisions come to at this moment. One that
was rejected is not proposed again, one whose alias was bound since is none any more.
"""

from collections import defaultdict
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer

from schemas import codec, topics
from schemas.decisions import LinkConfirmed, LinkRejected
from schemas.facts import AliasBound, Fact, OrphanAged
from schemas.ledger import SessionLedger
from streams.core.proposals import LinkProposal, proposals
from streams.reading import records_at, records_of

_Place = tuple[str, int, int]


class _Known(NamedTuple):
    orphans: dict[_Place, OrphanAged]
    ledgers: dict[str, SessionLedger]
    bound: dict[str, list[AliasBound]]
    decided: dict[str, LinkConfirmed | LinkRejected]


async def proposed(consumer: AIOKafkaConsumer, partitions: int) -> list[LinkProposal]:
    """What waits for a decision, oldest first."""
    known = await _known(consumer, partitions)
    waiting = {
        place: one for place, one in known.orphans.items() if not _is_bound(one, known.bound)
    }
    facts = await _facts(consumer, waiting)
    ledgers = list(known.ledgers.values())
    found = [
        proposal
        for place, orphan in waiting.items()
        if place in facts
        for proposal in proposals(orphan, facts[place], ledgers)
        if proposal.proposal_id not in known.decided
    ]
    return sorted(found, key=lambda one: (one.occurred_at, one.source_offset, one.begins_apart_ms))


def confirmation(one: LinkProposal, by: tuple[str, str], at: int) -> LinkConfirmed:
    """The decision for it; `by`: who and why."""
    return LinkConfirmed(
        tenant=one.tenant,
        session_id=one.session_id,
        proposal_id=one.proposal_id,
        alias=one.alias,
        bound_from=one.bound_from,
        bound_to=one.bound_to,
        source_topic=one.source_topic,
        source_partition=one.source_partition,
        source_offset=one.source_offset,
        who=by[0],
        why=by[1],
        evidence=one.evidence,
        decided_at=at,
    )


def rejection(one: LinkProposal, by: tuple[str, str], at: int) -> LinkRejected:
    """The decision against it; `by`: who and why."""
    return LinkRejected(
        tenant=one.tenant,
        session_id=one.session_id,
        proposal_id=one.proposal_id,
        source_topic=one.source_topic,
        source_partition=one.source_partition,
        source_offset=one.source_offset,
        who=by[0],
        why=by[1],
        evidence=one.evidence,
        decided_at=at,
    )


async def _known(consumer: AIOKafkaConsumer, partitions: int) -> _Known:
    known = _Known({}, {}, defaultdict(list), {})
    for topic in (topics.DISCREPANCIES, topics.LEDGER, topics.ALIASES, topics.DECISIONS):
        async for record in records_of(consumer, topic, range(partitions)):
            _take(known, _read(record.value))
    return known


def _take(known: _Known, fact: Fact | None) -> None:
    match fact:
        case OrphanAged():
            known.orphans[fact.source_topic, fact.source_partition, fact.source_offset] = fact
        case SessionLedger():
            known.ledgers[fact.session_id] = fact
        case AliasBound():
            known.bound[fact.alias].append(fact)
        case LinkConfirmed() | LinkRejected():
            known.decided[fact.proposal_id] = fact
        case _:
            pass


def _is_bound(orphan: OrphanAged, bound: dict[str, list[AliasBound]]) -> bool:
    """Its session was found since: exactly one is meant at that time."""
    found = {
        one.session_id
        for one in bound.get(orphan.alias, [])
        if one.bound_from <= orphan.occurred_at < one.bound_to
    }
    return len(found) == 1


async def _facts(
    consumer: AIOKafkaConsumer, orphans: dict[_Place, OrphanAged]
) -> dict[_Place, Fact]:
    """The facts themselves, as far as they are still there; each partition is read once."""
    wanted: dict[tuple[str, int], list[int]] = defaultdict(list)
    for topic, partition, offset in orphans:
        wanted[topic, partition].append(offset)
    found: dict[_Place, Fact] = {}
    for (topic, partition), offsets in wanted.items():
        records = await records_at(consumer, topic, partition, offsets)
        for offset, record in records.items():
            fact = _read(record.value)
            if fact is not None:
                found[topic, partition, offset] = fact
    return found


def _read(value: bytes | None) -> Fact | None:
    try:
        return codec.decode(value or b"")
    except codec.NotReadable:
        return None  # parked where it was read first
