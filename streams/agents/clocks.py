"""The time of a session partition: the least that all link partitions have drained up to."""

import msgspec

NEVER = 0


class Marks(msgspec.Struct, array_like=True, frozen=True):
    """The newest watermark of each link partition, and the time that was applied."""

    by_link: list[int] = []
    applied_at: int = NEVER

    def noted(self, partition: int, partitions: int, at: int) -> "Marks":
        """With this watermark; a lower one than the known changes nothing."""
        marks = [*self.by_link, *([NEVER] * (partitions - len(self.by_link)))]
        marks[partition] = max(marks[partition], at)
        return Marks(marks, max(self.applied_at, min(marks)))
