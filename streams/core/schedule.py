"""When whom to ask again: a heap of instants a stage derives from its state, safe under aborts.

What a transaction plans counts at once within it and is forgotten when it is aborted. Entries that
were overtaken stay in the heap until they surface: cheaper than searching for them.
"""

import heapq


class Schedule:
    """Keys with at most one instant each, handed out in order of (instant, key)."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, bytes]] = []
        self._fixed: dict[bytes, int] = {}
        self._planned: dict[bytes, int | None] = {}
        self._taken: list[tuple[int, bytes]] = []

    def __len__(self) -> int:
        return len(self._fixed)

    def _instant(self, key: bytes) -> int | None:
        return self._planned[key] if key in self._planned else self._fixed.get(key)

    def plan(self, key: bytes, at: int | None) -> None:
        """From now on `key` is due at `at`, or never."""
        if self._instant(key) == at:
            return
        self._planned[key] = at
        if at is not None:
            heapq.heappush(self._heap, (at, key))

    def take_due(self, now_at: int) -> bytes | None:
        """The next key due by `now_at`, None when there is no more. It is due no longer then."""
        while self._heap and self._heap[0][0] <= now_at:
            at, key = heapq.heappop(self._heap)
            if self._fixed.get(key) == at:  # also when overtaken by a plan: an abort revives it
                self._taken.append((at, key))
            if self._instant(key) == at:
                self._planned[key] = None
                return key
        return None

    def committed(self) -> None:
        for key, at in self._planned.items():
            if at is None:
                self._fixed.pop(key, None)
            else:
                self._fixed[key] = at
        self._planned.clear()
        self._taken.clear()

    def aborted(self) -> None:
        self._planned.clear()
        for at, key in self._taken:
            heapq.heappush(self._heap, (at, key))
        self._taken.clear()
