"""What a feed has seen of others' words: counted exactly once, told on `feed.drift.v1`.

Counts are state like any other: of each party (network, partner or account; a charger's make) one
record in the feed's state topic holds what was ever seen and the counts of the span under way.
What a transaction adds is put together in memory and merged into it once, before the commit.

All is bounded: so many parties a partition, so many marks each, so many characters; what is beyond
is counted as `(others)` and `more`. The time is that of the records, hour by hour.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import msgspec

from connectors.feeding import Note, Refused
from connectors.stripping import clean_text
from schemas import codec, ids, topics
from schemas.drift import FeedMark, FeedSeen, FeedSource, MarkKind
from streams.engine.stage import Output, StateKind, View

PARTY = b"d"
HOUR_MS = 3_600_000
MARKS_MAX = 300  # of a party: an acquirer's webhook has a hundred fields
PARTIES_MAX = 200  # on a partition
OTHERS = "(others)"
NOT_LOCATED = "(not located)"  # the mapping did not find whose message it is
_TEXT_MAX = 100
_LATE_HOURS = 24  # what is behind by more was not late: the clock before it was wrong
_NAMES_MAX = 5_000  # then they start over
_YEAR_2100_MS = 4_102_444_800_000
_INDEX = re.compile(r"\[\d+\]")
_NO_WORD = re.compile(r"Invalid enum value '([^']*)'")
_FIELDS = frozenset({"unknown-field"})
_WORDS = frozenset({"unknown-word", "unknown-sample"})

Mark = tuple[MarkKind, str]


class Seen(msgspec.Struct, array_like=True, gc=False):
    """One mark: when first, and in how many messages of the span."""

    first_at: int
    count: int = 0


class Party(msgspec.Struct, array_like=True):
    """What was seen of one party. Fields are only ever appended, with defaults.

    `marks` by their kind, in the order first seen; the rest is of the span under way, which began
    at `from_at` (0: nothing was seen since the last was told) and is of the hour `hour`.
    """

    tenant: str = ""
    partner: str = ""
    make: str = ""
    hour: int = 0
    accepted: int = 0
    refused: int = 0
    from_at: int = 0
    to_at: int = 0
    marks: dict[MarkKind, dict[str, Seen]] = {}


KIND = StateKind(prefix=PARTY, type=Party)


class Message(Protocol):
    """What a message adds: who sent it, and its marks besides those of notes and refusals."""

    @property
    def tenant(self) -> str: ...
    @property
    def partner(self) -> str: ...
    @property
    def make(self) -> str: ...
    @property
    def marks(self) -> tuple[Mark, ...]: ...
    @property
    def refused(self) -> list[Refused]: ...
    @property
    def notes(self) -> list[Note]: ...


class _Added:
    """What a transaction adds to one party in one hour."""

    __slots__ = ("accepted", "from_at", "groups", "refused", "to_at")

    def __init__(self, at: int) -> None:
        self.accepted = 0
        self.refused = 0
        self.from_at = self.to_at = at
        self.groups: dict[tuple[Mark, ...], Seen] = {}  # many messages have the same marks

    def group(self, marks: tuple[Mark, ...], at: int) -> None:
        seen = self.groups.get(marks)
        if seen is None:
            self.groups[marks] = Seen(at, 1)
        else:
            seen.count += 1
            seen.first_at = min(seen.first_at, at)

    def marks(self) -> dict[Mark, Seen]:
        found: dict[Mark, Seen] = {}
        for marks, group in self.groups.items():
            for mark in marks:
                seen = found.setdefault(mark, Seen(group.first_at))
                seen.count += group.count
                seen.first_at = min(seen.first_at, group.first_at)
        return found


class Drift:
    """The counts of one partition of a feed."""

    def __init__(self, feed: str, source: FeedSource, tenant: str) -> None:
        self._feed = feed
        self._source = source
        self._tenant = tenant
        self._added: dict[tuple[str, str, str, int], _Added] = {}
        self._open: dict[bytes, int] = {}  # of every party known: the hour of its span, 0: none
        self._hour = self._hour_planned = 0
        self._names: dict[Note | Refused, tuple[Mark, ...]] = {}

    # --- message by message ---

    def took(self, message: Message, at: int) -> None:
        """One message; `at`: of its record in Kafka, epoch ms."""
        at = min(max(at, 1), _YEAR_2100_MS)
        who = (message.tenant, message.partner, message.make, at // HOUR_MS)
        added = self._added.get(who)
        if added is None:
            added = self._added[who] = _Added(at)
        added.from_at = min(added.from_at, at)
        added.to_at = max(added.to_at, at)
        if message.refused:
            added.refused += 1
        else:
            added.accepted += 1
        marks = message.marks
        if message.notes or message.refused:
            marks = (*marks, *self._marks(message.notes), *self._marks(message.refused))
            marks = tuple(dict.fromkeys(marks))  # in how many messages, not how often
        added.group(marks, at)

    def _marks(self, told: Iterable[Note | Refused]) -> Iterator[Mark]:
        for one in told:
            known = self._names.get(one)
            if known is None:
                if len(self._names) >= _NAMES_MAX:
                    self._names.clear()
                known = self._names[one] = tuple(_named(one))
            yield from known

    def aborted(self) -> None:
        """Forget what this transaction adds."""
        self._added.clear()

    # --- transaction by transaction ---

    def finish(self, view: View) -> list[Output]:
        """Merge what the transaction adds; tell the spans that end with it."""
        told: list[FeedSeen] = []
        fresh: set[bytes] = set()
        for (tenant, partner, make, hour), added in self._added.items():
            party = self._party(view, (tenant, partner, make), fresh)
            if party.from_at and party.hour != _hour_after(party.hour, hour):
                told.append(self._ended(party))
            party.hour = _hour_after(party.hour, hour)
            if _merge(party, added):
                told.append(self._ended(party))
        told += self._overdue(view)
        self._added.clear()
        return [self._output(one) for one in told]

    def _party(self, view: View, who: tuple[str, str, str], fresh: set[bytes]) -> Party:
        """Its state, to be changed; of one too many that of all others."""
        tenant, partner, make = who
        who = (_text(tenant) or self._tenant, _text(partner) or NOT_LOCATED, _text(make))
        key = self._key(*who)
        if key not in self._open and len(self._open) + len(fresh - {key}) >= PARTIES_MAX:
            who = (self._tenant, OTHERS, "")
            key = self._key(*who)
        party: Party | None = view.change(key)
        if party is None:
            party = Party(*who)
            view.put(key, party)
            fresh.add(key)
        return party

    def _key(self, *who: str) -> bytes:
        tenant, partner, make = who
        return PARTY + ids.feed_key(tenant, self._feed, partner, make).encode()

    def _overdue(self, view: View) -> list[FeedSeen]:
        """The spans of those who have been silent since their hour."""
        newest = max((hour for *_, hour in self._added), default=0)
        hour = _hour_after(self._hour, newest)
        if hour == self._hour:
            return []
        self._hour_planned = hour
        late = [key for key, of in self._open.items() if of and of < hour]
        parties = [view.change(key) for key in late]
        return [self._ended(one) for one in parties if one.from_at and one.hour < hour]

    def _ended(self, party: Party) -> FeedSeen:
        """The span under way as it is told; from here on it is empty."""
        marks = []
        for what, named in party.marks.items():
            for detail, seen in named.items():
                if seen.count:
                    told = FeedMark(
                        what=what, detail=detail, count=seen.count, first_at=seen.first_at
                    )
                    marks.append(told)
                    seen.count = 0
        found = FeedSeen(
            tenant=party.tenant,
            feed=self._feed,
            source=self._source,
            partner=party.partner,
            make=party.make,
            accepted=party.accepted,
            refused=party.refused,
            marks=marks,
            from_at=party.from_at,
            to_at=party.to_at,
        )
        party.accepted = party.refused = party.from_at = party.to_at = 0
        return found

    def _output(self, seen: FeedSeen) -> Output:
        key = ids.feed_key(seen.tenant, seen.feed, seen.partner, seen.make)
        return Output(topics.DRIFT, key.encode(), codec.encode(seen))

    def committed(self, touched: Mapping[bytes, Any]) -> None:
        """What is on record now."""
        self._hour = self._hour_planned
        for key, party in touched.items():
            if isinstance(party, Party):
                self.restored(key, party)

    def restored(self, key: bytes, party: Party) -> None:
        """One party as it stands in the state."""
        self._open[key] = party.hour if party.from_at else 0


def _hour_after(before: int, hour: int) -> int:
    """Hours go forwards, so that what comes late opens none anew."""
    return hour if hour > before or before - hour > _LATE_HOURS else before


def _merge(party: Party, added: _Added) -> bool:
    """Whether there is anything new in it."""
    party.accepted += added.accepted
    party.refused += added.refused
    party.from_at = min(party.from_at or added.from_at, added.from_at)
    party.to_at = max(party.to_at, added.to_at)
    news = False
    known = sum(map(len, party.marks.values()))
    for (what, detail), seen in added.marks().items():
        found = party.marks.setdefault(what, {}).get(detail)
        if found is None and known >= MARKS_MAX:
            what, detail = "more", ""  # noqa: PLW2901 - counted there instead
            found = party.marks.setdefault(what, {}).get(detail)
        if found is None:
            found = party.marks[what][detail] = Seen(seen.first_at)
            known += 1
            news = True
        found.count += seen.count
    return news


def _named(one: Note | Refused) -> Iterator[Mark]:
    """The marks of a note or refusal, with places in lists left out."""
    if isinstance(one, Refused):
        yield "refusal", _text(f"{one.reason} {one.field}".strip())
        if (word := _NO_WORD.match(one.problem)) is not None:
            yield "word", _text(f"{one.field}={word[1]}")
    elif one.kind in _FIELDS:
        yield "field", _text(one.detail)
    elif one.kind in _WORDS:
        path, _, word_told = one.detail.partition(" ")
        yield "word", _text(f"{path.removesuffix(':')}={word_told}")
    else:
        yield "note", _text(one.kind)


def _text(text: str) -> str:
    """What may be kept of others' words: short, and no card's number."""
    return clean_text(_INDEX.sub("[]", text))[0][:_TEXT_MAX]
