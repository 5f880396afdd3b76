"""Facts that name a session which nobody has requested yet: they wait, and are told of when old."""

import msgspec

from schemas import codec, topics
from schemas.facts import OrphanAged
from streams.engine.stage import Output

EARLY_MAX = 256
ORPHAN_AFTER_MS = 10 * 60 * 1000


class TooManyEarly(ValueError):
    """More facts wait for one session than is kept for it."""


class EarlyFact(msgspec.Struct, array_like=True, frozen=True):
    topic: str
    partition: int
    offset: int
    value: bytes


class EarlyFacts(msgspec.Struct, array_like=True, frozen=True):
    """All that waits for one session. `since_at` is the partition's time when the first came."""

    tenant: str = ""
    since_at: int = 0
    facts: list[EarlyFact] = []
    is_told: bool = False

    def added(self, one: EarlyFact, now_at: int) -> "EarlyFacts":
        if len(self.facts) >= EARLY_MAX:
            raise TooManyEarly(f"session_id: {EARLY_MAX} facts wait for it already")
        return EarlyFacts(self.tenant, self.since_at or now_at, [*self.facts, one], self.is_told)

    def due_at(self) -> int | None:
        return None if self.is_told else self.since_at + ORPHAN_AFTER_MS

    def looked_at(self, now_at: int) -> "EarlyFacts":
        """Due: told of now, or, where they came before there was any time, waiting from now."""
        if self.since_at == 0:
            return msgspec.structs.replace(self, since_at=now_at)
        return msgspec.structs.replace(self, is_told=True)

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
                        detail="no such session was requested",
                    )
                ),
            )
            for one in self.facts
        ]
