"""The inputs of sessions as they came, until the journal says what became of them.

Conservation, by partition: in = applied + repeated + parked + waiting, and at rest nothing waits.
`repeated` changed nothing; the marks of time are counted apart.
"""

import msgspec

from schemas import codec, topics
from streams.engine.stage import Record

Place = tuple[str, int, int]  # topic, partition, offset

RETRY_HEADER = "retry-of"
_NOT_QUARANTINED = frozenset({"reference-reused", "beyond-horizon"})


class Flow(msgspec.Struct):
    """Counts of one partition of sessions."""

    taken: int = 0
    applied: int = 0
    repeated: int = 0
    parked: int = 0
    waiting: int = 0
    lost: int = 0


class Input(msgspec.Struct, array_like=True, frozen=True):
    """`session_id`: the key that it came with. `retry_of`: what was parked before."""

    session_id: str
    value: bytes
    retry_of: str = ""


class Inputs(msgspec.Struct):
    """What waits to be told of by the journal, by place; it is kept in the checkpoint whole."""

    waiting: dict[Place, Input] = {}
    flows: dict[int, Flow] = {}
    parked: dict[Place, str] = {}
    taken_to: dict[tuple[str, int], int] = {}
    taken_from: dict[tuple[str, int], int] = {}
    retried: dict[Place, str] = {}

    def flow(self, partition: int) -> Flow:
        return self.flows.setdefault(partition, Flow())

    def take(self, record: Record) -> None:
        where = (record.topic, record.partition)
        self.taken_from.setdefault(where, record.offset)
        self.taken_to[where] = record.offset
        if record.topic == topics.EVENTS and codec.record_name(record.value) == "Watermark":
            return
        place = (*where, record.offset)
        flow = self.flow(record.partition)
        flow.taken += 1
        if place in self.parked:
            flow.parked += 1
        headers = dict(record.headers)
        retry_of = headers.get(RETRY_HEADER, b"").decode("utf-8", "replace")
        if retry_of:
            self.retried[place] = retry_of
        session_id = record.key.decode("utf-8", "replace")
        if place not in self.parked:
            self.waiting[place] = Input(session_id, record.value, retry_of)

    def park(self, place: Place, reason: str) -> None:
        """It was refused, or waited in vain."""
        if place in self.parked:
            return
        self.parked[place] = reason
        if self.waiting.pop(place, None) is not None:
            self.flow(place[1]).parked += 1

    def quarantined(self, place: Place) -> bool:
        """Whether its being parked is what its session was told."""
        return self.parked.get(place, "reference-reused") not in _NOT_QUARANTINED

    def apply(self, place: Place) -> Input | None:
        """The input that the journal names; None: never seen here, or applied already."""
        found = self.waiting.pop(place, None)
        if found is not None:
            self.flow(place[1]).applied += 1
        return found

    def repeat(self, partition: int) -> None:
        """What was applied last changed nothing."""
        flow = self.flow(partition)
        flow.applied -= 1
        flow.repeated += 1

    def lifted(self, place: Place) -> str:
        """What the second effect of a retried record lifts; empty: it has none."""
        return self.retried.pop(place, "")

    def is_due(self, place: Place) -> bool:
        """Whether what stood at `place`, if anything, has been taken."""
        return self.taken_to.get(place[:2], -1) >= place[2]

    def is_gone(self, place: Place) -> bool:
        """Whether it stood before the first record that there still was."""
        return place[2] < self.taken_from.get(place[:2], place[2] + 1)
