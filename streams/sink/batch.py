"""Records of one partition on their way, and the range under which they are written. Pure.

The range is persisted in Kafka before the insert: as the metadata of the offset that the range
begins at. Whoever comes after finds it, reads exactly that range again and so builds the same batch
under the same token (design.md, section 5).
"""

import re
from typing import NamedTuple

from connectors.clickhouse.rows import Source

_PENDING = re.compile(r"^pending:(\d{1,19})$")


class Batch(NamedTuple):
    """`first` to `last`, both inclusive; offsets have gaps, so fewer records may be in it."""

    topic: str
    partition: int
    first: int
    last: int
    records: list[Source]
    persisted: bool

    @property
    def token(self) -> str:
        return f"{self.topic}:{self.partition}:{self.first}-{self.last}"


def pending(last: int) -> str:
    """The offset's metadata while the range up to `last` is being written."""
    return f"pending:{last}"


def pending_last(metadata: str) -> int | None:
    """The end of a range that may have been written, None when none is under way."""
    match = _PENDING.match(metadata)
    return None if match is None else int(match[1])


class Partition:
    """What waits of one partition. `begin`: everything below has been inserted.

    `replay_last`: a range from `begin` to there was persisted and must be written as one batch
    before anything after it. `read_to`: how far the partition has been read.
    """

    def __init__(self, topic: str, number: int, begin: int, replay_last: int | None) -> None:
        self.topic = topic
        self.number = number
        self.replay_last = replay_last
        self.read_to = begin
        self._begin = begin
        self._waiting: list[Source] = []

    @property
    def inserted_to(self) -> int:
        """Every record below this offset is in ClickHouse."""
        if self._waiting or self.replay_last is not None:
            return self._begin
        return self.read_to

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def add(self, records: list[Source]) -> list[Source]:
        """What of this is new. A partition may be read again from where it was committed."""
        known = self._waiting[-1].offset if self._waiting else self._begin - 1
        fresh = [one for one in records if one.offset > known]
        self._waiting.extend(fresh)
        return fresh

    def take(self) -> Batch | None:
        """The next batch, None when there is none yet. It stays here until `written`."""
        if self.replay_last is not None:
            if self.read_to <= self.replay_last:
                return None
            records = [one for one in self._waiting if one.offset <= self.replay_last]
            return self._batch(self._begin, self.replay_last, records, persisted=True)
        if not self._waiting:
            return None
        records = list(self._waiting)
        return self._batch(records[0].offset, records[-1].offset, records, persisted=False)

    def written(self, batch: Batch) -> None:
        self._waiting = self._waiting[len(batch.records) :]
        self._begin = batch.last + 1
        self.replay_last = None

    def _batch(self, first: int, last: int, records: list[Source], *, persisted: bool) -> Batch:
        return Batch(self.topic, self.number, first, last, records, persisted)
