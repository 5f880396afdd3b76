"""Virtual time, and the way of each fact to its topic: late, twice, but in order by key and topic.

A fact of one producer overtakes none of its own on the same topic; across topics and producers
anything goes.
"""

import heapq
from collections.abc import Callable

from schemas import codec
from schemas.facts import Fact
from streams.simulation.chance import Chance
from streams.simulation.plans import T0

TENANT = "t"
NETWORK = "n"
_SOON_MS = 2_000


class Sky:
    """The clock of one world and all that is under way in it."""

    def __init__(self, chance: Chance, put: Callable[[str, str, bytes, Fact], None]) -> None:
        self.now_at = T0
        self.slowest_ms = _SOON_MS
        self.repeats = 0
        self._chance = chance
        self._put = put
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self._last_at: dict[tuple[str, str], int] = {}

    # --- time ---

    @property
    def next_at(self) -> int | None:
        return self._heap[0][0] if self._heap else None

    def at(self, when_at: int, what: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._heap, (max(when_at, self.now_at), self._order, what))

    def after(self, wait_ms: int, what: Callable[[], None]) -> None:
        self.at(self.now_at + wait_ms, what)

    def step(self) -> None:
        """The next thing happens."""
        self.now_at, _, what = heapq.heappop(self._heap)
        what()

    # --- the way of facts ---

    def lag_ms(self) -> int:
        """Mostly soon; three in a hundred take up to the longest of this world."""
        if self._chance.happens(30):
            return self._chance.skewed(_SOON_MS, self.slowest_ms)
        return self._chance.between(10, _SOON_MS)

    def deliver(
        self, topic: str, key: str, fact: Fact, arrived: Callable[[], None] | None = None
    ) -> None:
        """Put a fact on its way; `arrived` is called when it stands in its topic, each time."""
        value = codec.encode(fact)

        def put() -> None:
            self._put(topic, key, value, fact)
            if arrived is not None:
                arrived()

        place = (topic, key)
        when_at = max(self.now_at + self.lag_ms(), self._last_at.get(place, 0))
        self._last_at[place] = when_at
        self.at(when_at, put)
        if self.repeats and self._chance.happens(self.repeats):
            self.at(when_at + self._chance.skewed(0, self.slowest_ms), put)
