"""Seeded chance: the one place where numbers are drawn from. The same seed, the same world."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """Draws of one part of one world; parts draw apart, so that one more draw changes no other."""

    def __init__(self, seed: int, part: str) -> None:
        self._random = random.Random(f"{seed}/{part}")  # noqa: S311 - chance is what this is made of

    def happens(self, per_mille: int) -> bool:
        return self._random.random() * 1000 < per_mille

    def between(self, least: int, most: int) -> int:
        """A whole number, both ends included."""
        return least + int(self._random.random() * (most - least + 1))

    def one_of(self, what: Sequence[T]) -> T:
        return what[int(self._random.random() * len(what))]

    def shuffled(self, what: Sequence[T]) -> list[T]:
        mixed = list(what)
        self._random.shuffle(mixed)
        return mixed

    def skewed(self, least: int, most: int) -> int:
        """Mostly near `least`, seldom near `most`: as delays are."""
        share = self._random.random() ** 6
        return least + int(share * (most - least + 1))
