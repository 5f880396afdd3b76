"""State that is done with: of it only its place in the state topic stays in memory."""

from collections.abc import Callable
from typing import Any

_SETTLE_AT = 10_000  # values that were loaded wait for their verdict whole, and at most so many


class Frozen(Exception):
    """`key` is cold: it has to be read back before a step may ask for it."""

    def __init__(self, key: bytes) -> None:
        super().__init__(key)
        self.key = key


class Cold:
    """Which keys left memory, and where in the state topic their newest records are.

    Compaction never removes the newest record of a key, only the owner of the partition writes
    newer ones, and it learns their offsets from the commit: a place is good until it is replaced.
    """

    __slots__ = ("fresh", "places", "rules", "thawed")

    def __init__(self) -> None:
        self.rules: dict[int, Callable[[Any], bool]] = {}
        self.places: dict[bytes, int] = {}
        self.thawed: dict[bytes, int] = {}
        self.fresh: dict[bytes, int] = {}

    def forget(self, key: bytes) -> None:
        self.places.pop(key, None)
        self.fresh.pop(key, None)

    def loaded(self, key: bytes, offset: int) -> bool:
        """Whether it is time to settle."""
        self.fresh[key] = offset
        return len(self.fresh) >= _SETTLE_AT
