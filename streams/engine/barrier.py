"""Barriers: a record that waits until the other inputs are applied up to where they stood.

A hold is made of the ends that the other inputs had when the barrier record came to the head of
its input. Holds form a queue by arrival: a later hold does not wait for the input that an
earlier one holds back, for that one may wait for it. So the last hold of a queue waits only for
inputs that flow, the one before it only for those and for it, and none waits for ever.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Hold(NamedTuple):
    """`topic` is held back at `offset` until each input in `ends` is applied to its end."""

    topic: str
    offset: int
    ends: Mapping[str, int]

    def is_due(self, positions: Mapping[str, int]) -> bool:
        return all(positions[topic] >= end for topic, end in self.ends.items())


class Holds:
    """The holds of one partition, in the order in which they were met."""

    def __init__(self, inputs: Iterable[str]) -> None:
        self._inputs = tuple(inputs)
        self._holds: dict[str, Hold] = {}

    def __bool__(self) -> bool:
        return bool(self._holds)

    def get(self, topic: str) -> Hold | None:
        return self._holds.get(topic)

    def others(self, topic: str) -> tuple[str, ...]:
        """The inputs that a barrier on `topic` met now has to wait for."""
        return tuple(t for t in self._inputs if t != topic and t not in self._holds)

    def add(self, hold: Hold) -> None:
        assert hold.topic not in self._holds, "an input has one head"
        self._holds[hold.topic] = hold

    def release(self, topic: str) -> None:
        del self._holds[topic]

    def clear(self) -> None:
        self._holds.clear()
