"""What waits for a partition on one of its inputs."""

from collections import deque
from collections.abc import Callable

from streams.engine.errors import SliceGap
from streams.engine.stage import Record

_SLICES_MAX = 24  # a slice is what was fetched at once: 4 MiB, or one larger batch


class Slice:
    """One fetched run of one input partition: `[start, end)`, offsets with gaps.

    `end` may lie behind the last record, or the records be none at all, where the log holds
    markers, aborted records or compacted ones. `epoch` is the assignment it was fetched under.
    """

    __slots__ = ("end", "epoch", "partition", "records", "start", "topic")

    def __init__(
        self, topic: str, partition: int, epoch: int, start: int, end: int, records: list[Record]
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.epoch = epoch
        self.start = start
        self.end = end
        self.records = records


class Inbox:
    """Records delivered and not yet applied, and the offset after them.

    Slices must join without a gap: the fetcher's position before and after each is known, so a
    silent reset of the position (retention, a lost seek) shows here.
    """

    __slots__ = ("_slices", "end", "records", "topic")

    def __init__(self, topic: str, position: int) -> None:
        self.topic = topic
        self.end = position
        self.records: list[Record] = []
        self._slices: deque[tuple[int, Callable[[], object]]] = deque()

    def is_full(self, max_records: int) -> bool:
        """Whether to fetch no more for now; slices count, for a record may be as large as one.

        Never with nothing to apply: slices of markers alone wait for a record behind them.
        """
        waiting = len(self.records)
        return waiting >= max_records or (waiting > 0 and len(self._slices) >= _SLICES_MAX)

    @property
    def position(self) -> int:
        """The next offset to apply."""
        return self.records[0].offset if self.records else self.end

    def position_after(self, count: int) -> int:
        """The next offset to apply once `count` of the waiting records are applied."""
        return self.records[count].offset if count < len(self.records) else self.end

    def deliver(self, part: Slice, ack: Callable[[], object]) -> None:
        """Raises `SliceGap`."""
        if part.start != self.end:
            raise SliceGap(
                f"{part.topic}/{part.partition}: a slice begins at {part.start},"
                f" expected {self.end}"
            )
        self.records.extend(part.records)
        self.end = part.end
        self._slices.append((part.end, ack))

    def drop(self, count: int) -> None:
        """Forget `count` applied records; ack the slices that end at or before the position."""
        del self.records[:count]
        position = self.position
        slices = self._slices
        while slices and slices[0][0] <= position:
            slices.popleft()[1]()

    def rewind(self, position: int) -> None:
        """Forget everything delivered; the fetcher is about to seek to `position`."""
        self.records.clear()
        self._slices.clear()
        self.end = position
