"""What should have come out against what did: a multiset on each side, of what is not yet matched.

Records are compared by their bytes, which is cheap; only what finds no counterpart is decoded.
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple, TypeVar

import msgspec

from schemas import codec
from schemas.commands import Command
from schemas.facts import Fact

T = TypeVar("T")
Key = tuple[str, bytes, bytes]  # topic, key, digest of the value


class Expected(msgspec.Struct, array_like=True, frozen=True):
    """`version` of a ledger: later ones take its place, on its topic too; else 0."""

    session_id: str
    value: bytes
    version: int = 0


class Seen(msgspec.Struct, array_like=True, frozen=True):
    place: str
    value: bytes


class Loose(NamedTuple):
    """What has no counterpart on the other side."""

    key: Key
    session_id: str
    what: str
    fact: Fact | None


def key_of(topic: str, key: bytes, value: bytes) -> Key:
    return topic, key, hashlib.blake2b(value, digest_size=16).digest()


def name_of(fact: Fact) -> str:
    """How a record is named to people: a command by its id."""
    return fact.command_id if isinstance(fact, Command) else type(fact).__name__


class Matching(msgspec.Struct):
    """Both sides; what meets its counterpart is forgotten. Kept in the checkpoint whole."""

    expected: dict[Key, list[Expected]] = {}
    seen: dict[Key, list[Seen]] = {}
    matched: int = 0
    versions: dict[tuple[str, bytes], list[Key]] = {}

    def expect(self, topic: str, key: bytes, one: Expected) -> None:
        found = key_of(topic, key, one.value)
        if _taken(self.seen, found) is None:
            self.expected.setdefault(found, []).append(one)
            if one.version:
                self.versions.setdefault((topic, key), []).append(found)
        else:
            self._met(found, one)

    def see(self, topic: str, key: bytes, one: Seen) -> None:
        found = key_of(topic, key, one.value)
        expected = _taken(self.expected, found)
        if expected is None:
            self.seen.setdefault(found, []).append(one)
        else:
            self._met(found, expected)

    def _met(self, key: Key, one: Expected) -> None:
        self.matched += 1
        if one.version:
            self._forget_older(key[:2], one.version)

    def _forget_older(self, place: tuple[str, bytes], version: int) -> None:
        """A compacted topic need not have what it was told before its newest value."""
        waiting = [key for key in self.versions.pop(place, ()) if key in self.expected]
        later = [key for key in waiting if self.expected[key][0].version > version]
        for key in waiting:
            if key not in later:
                del self.expected[key]
        if later:
            self.versions[place] = later

    def forget_expected(self, session_id: str) -> None:
        """Of this session nothing is known any more that could be expected."""
        for key, ones in list(self.expected.items()):
            left = [one for one in ones if one.session_id != session_id]
            if left:
                self.expected[key] = left
            else:
                del self.expected[key]

    def forget_seen(self, key: Key) -> None:
        self.seen.pop(key, None)

    def loose_expected(self) -> Iterator[Loose]:
        for key, ones in self.expected.items():
            fact = _read(ones[0].value)
            what = name_of(fact) if fact is not None else ""
            for one in ones:
                yield Loose(key, one.session_id, what, fact)

    def loose_seen(self) -> Iterator[Loose]:
        for key, ones in self.seen.items():
            fact = _read(ones[0].value)
            session_id = getattr(fact, "session_id", "") or key[1].decode("utf-8", "replace")
            for one in ones:
                yield Loose(key, session_id, name_of(fact) if fact else one.place, fact)


def _taken(side: dict[Key, list[T]], key: Key) -> T | None:
    ones = side.get(key)
    if ones is None:
        return None
    one = ones.pop(0)
    if not ones:
        del side[key]
    return one


def _read(value: bytes) -> Fact | None:
    try:
        return codec.decode(value)
    except codec.NotReadable:
        return None
