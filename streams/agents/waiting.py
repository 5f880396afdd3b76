"""Facts that wait for who they are about: told of when old, set aside beyond the horizon."""

import msgspec

from schemas import codec, topics
from schemas.facts import OrphanAged
from streams.core.gate import Kept
from streams.core.linking import AliasState, Waiting, why_waiting
from streams.engine.stage import Output

EARLY_MAX = 256
ORPHAN_AFTER_MS = 10 * 60 * 1000
HORIZON_MS = 400 * 24 * 60 * 60 * 1000  # the longest of chargeback, credit-CDR and retention
BEYOND = "beyond-horizon"
SET_ASIDE_MAX = 100  # keys a step of time, each with up to 256 facts; the others come with the next
_NOBODY = "no such session was requested"


def set_aside(
    key: bytes, source: tuple[str, int, int], value: bytes, reason: str, detail: str
) -> Output:
    """A fact that nobody claimed, parked like a refused one, with the bytes and key it came with.

    `source` is topic, partition and offset that it was read from.
    """
    topic, partition, offset = source
    headers = (
        ("reason", reason.encode()),
        ("detail", detail.encode()),
        ("topic", topic.encode()),
        ("partition", str(partition).encode()),
        ("offset", str(offset).encode()),
    )
    return Output(topics.PARKED, key, value, headers=headers)


def unclaimed(charging_id: str, kept: Kept, reason: str) -> Output:
    """A fact that nobody ever claimed is parked like a refused one: set aside, never dropped."""
    charger = charging_id.rpartition("/")[0].encode()
    source = (kept.topic, kept.partition, kept.offset)
    return set_aside(charger, source, kept.value, reason, "no session claimed its charging")


def orphan(alias: str, state: AliasState, waiting: Waiting, now_at: int) -> Output:
    told = OrphanAged(
        tenant=waiting.tenant,
        alias=alias,
        charging_id=waiting.charging_id,
        source_topic=waiting.fact.topic,
        source_partition=waiting.fact.partition,
        source_offset=waiting.fact.offset,
        occurred_at=waiting.occurred_at,
        aged_at=now_at,
        detail=why_waiting(state, waiting),
    )
    return Output(topics.DISCREPANCIES, alias.encode(), codec.encode(told))


class TooManyEarly(ValueError):
    """More facts wait for one session than is kept for it."""


class EarlyFact(msgspec.Struct, array_like=True, frozen=True):
    topic: str
    partition: int
    offset: int
    value: bytes


class EarlyFacts(msgspec.Struct, array_like=True, frozen=True):
    """All that waits for one session.

    `since_at` is the partition's time when the first came, `newest_at` when the last did.
    """

    tenant: str = ""
    since_at: int = 0
    facts: list[EarlyFact] = []
    is_told: bool = False
    newest_at: int = 0

    def added(self, one: EarlyFact, now_at: int) -> "EarlyFacts":
        if len(self.facts) >= EARLY_MAX:
            raise TooManyEarly(f"session_id: {EARLY_MAX} facts wait for it already")
        since_at, facts = self.since_at or now_at, [*self.facts, one]
        return EarlyFacts(self.tenant, since_at, facts, self.is_told, max(now_at, self.newest_at))

    def due_at(self, horizon_ms: int) -> int:
        """When to be looked at next: to be told of, then, after the horizon, to be set aside."""
        if self.is_told:
            return max(self.since_at, self.newest_at) + horizon_ms
        return self.since_at + ORPHAN_AFTER_MS

    def looked_at(self, now_at: int) -> "EarlyFacts":
        """Due: told of now, or, where they came before there was any time, waiting from now."""
        if self.since_at == 0:
            return msgspec.structs.replace(self, since_at=now_at)
        return msgspec.structs.replace(self, is_told=True)

    def set_aside(self, session_id: str) -> list[Output]:
        key = session_id.encode()
        return [
            set_aside(key, (one.topic, one.partition, one.offset), one.value, BEYOND, _NOBODY)
            for one in self.facts
        ]

    def orphans(self, session_id: str, now_at: int) -> list[Output]:
        return [
            Output(
                topics.DISCREPANCIES,
                session_id.encode(),
                codec.encode(
                    OrphanAged(
                        tenant=self.tenant,
                        alias=session_id,
                        charging_id=session_id,
                        source_topic=one.topic,
                        source_partition=one.partition,
                        source_offset=one.offset,
                        occurred_at=self.since_at,
                        aged_at=now_at,
                        detail=_NOBODY,
                    )
                ),
            )
            for one in self.facts
        ]
