"""Feed: an operator's own topic in, facts on ours out, exactly once. `FEEDS.md` is its manual.

One partition of theirs is one task: what their messages leave for the next ones (open calls, parts
of objects) is kept in a state topic of this feed with as many partitions as their topic has. What
is refused is parked from here and not by the engine: one message may be refused in part, and a
feed of many bad ones must not cost a second run for each.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from connectors.feeding import Note, Refused
from connectors.lag import ALARM_MS
from connectors.registry.known import KnownSchemas
from connectors.stripping import clean, clean_text
from schemas import topics
from streams.agents import feed_drift
from streams.agents.feed_drift import Drift
from streams.agents.feed_envelope import NotLocated, Opener
from streams.agents.feed_keys import Keys
from streams.agents.feed_mapping import Feed
from streams.agents.feed_sources import Source, Taken
from streams.agents.feed_tally import FeedTally
from streams.engine.parking import parked
from streams.engine.stage import (
    BadRecord,
    Logic,
    NeedLookup,
    Output,
    Record,
    References,
    Stage,
    View,
)

log = logging.getLogger(__name__)

_PARKED_MAX = 880_000  # bytes, headers apart; above it the parked record is a pointer
_STRETCH = 4  # records before others have their turn: each may take long, and is bounded itself
_TRACEBACKS_MAX = 20  # a partition: one broken message shows what is wrong as well as a million
_PROBLEMS_MAX = 20

NewSource = Callable[[], Source]


def state_topic(name: str) -> str:
    """The state topic of the feed of that name."""
    return f"holdfast.feed-{name}-state.v1"


class Where(NamedTuple):
    """The partition, and what is known of what should be on it.

    `homes`: where each key was first seen, by this process. `keys`: what theirs say of where a
    charger's messages go, None where nothing hangs on it.
    """

    partition: int
    homes: dict[bytes, int]
    keys: Keys | None


class FeedLogic(Logic):
    """One partition of a feed."""

    def __init__(
        self,
        opener: Opener,
        source: Source,
        tally: FeedTally,
        drift: Drift,
        where: Where,
    ) -> None:
        self._opener = opener
        self._source = source
        self._tally = tally
        self._drift = drift
        self._partition, self._homes, self._keys = where
        self._late: dict[tuple[str, str], bool] = {}
        self._broken = 0

    def restored(self, states: Iterator[tuple[bytes, Any]]) -> None:
        for key, state in states:
            if key[:1] == feed_drift.PARTY:
                self._drift.restored(key, state)
            else:
                self._at_home(key)

    def step(self, record: Record, view: View) -> list[Output]:
        taken = self.taken(record, view)
        if self._keys is not None and taken.outputs:
            odd = self._keys.odd(record, taken.outputs[0].key or b"")
            if odd is not None:
                taken.notes.append(odd)
        self._tally.took(taken.partner, len(taken.outputs), taken.refused, taken.notes, taken.lags)
        self._drift.took(taken, record.timestamp_at)
        if taken.refused:
            return [*taken.outputs, set_aside(record, taken.refused)]
        return taken.outputs

    def taken(self, record: Record, view: View) -> Taken:
        """What becomes of one record. Raises NeedLookup, BadRecord never."""
        try:
            document = self._opener.open(record)
            if document is None:
                return Taken("", [], [], [Note("tombstone")], [])
            return self._source.take(record, document, view)
        except NotLocated as wrong:
            return Taken("", [], [wrong.refused], [], [])
        except NeedLookup:
            raise
        except Exception as error:  # other people's bytes, see below
            # Other people's bytes: what breaks a translator must not stop their whole feed.
            self._broken += 1
            if self._broken <= _TRACEBACKS_MAX:
                log.exception("%s/%d/%d", record.topic, record.partition, record.offset)
            refused = Refused("untranslatable", "", type(error).__name__)
            return Taken("", [], [refused], [], [])

    def finish(self, view: View) -> list[Output]:
        return self._drift.finish(view)

    def committed(self, touched: Mapping[bytes, Any]) -> None:
        self._drift.committed(touched)
        for key in touched:
            if key[:1] != feed_drift.PARTY:
                self._at_home(key)
        for partner, kind, lag_ms in self._tally.committed():
            self._tell_lag(partner, kind, lag_ms)

    def aborted(self) -> None:
        self._tally.aborted()
        self._drift.aborted()

    def _at_home(self, key: bytes) -> None:
        """Told where another partition has it, too, also by what that one left before."""
        if self._homes.setdefault(key, self._partition) == self._partition:
            return
        log.warning(
            "%r comes on partition %d and on %d: what one message leaves for the next is not found",
            key[1:],
            self._homes[key],
            self._partition,
        )
        self._homes[key] = self._partition
        self._tally.split()

    def _tell_lag(self, partner: str, kind: str, lag_ms: int) -> None:
        """Once when it begins and once when it ends."""
        late = lag_ms > ALARM_MS
        if self._late.get((partner, kind), False) is late:
            return
        self._late[partner, kind] = late
        if late:
            log.warning(
                "%s of %s lags by %d s, beyond the alarm line", kind, partner, lag_ms // 1000
            )
        else:
            log.info("%s of %s is in time again", kind, partner)


def set_aside(record: Record, refused: list[Refused]) -> Output:
    """The bytes on the parked topic, untouched but for card numbers, and why.

    The header `masked` says how many numbers were taken out; the bytes are then not the sender's.
    """
    details = [f"{one.field}: {one.problem}" if one.field else one.problem for one in refused]
    detail, _ = clean_text("; ".join(details[:_PROBLEMS_MAX]))
    masked = 0
    if len(record.value) <= _PARKED_MAX:
        value, masked = clean(record.value)
        if masked:
            record = Record(
                record.topic,
                record.partition,
                record.offset,
                record.key,
                value,
                record.headers,
                record.timestamp_at,
                record.nulls,
            )
    send = parked(record, BadRecord(refused[0].reason, detail), topics.PARKED, _PARKED_MAX)
    headers = [*send.headers, ("masked", str(masked).encode())] if masked else send.headers
    return Output(send.topic, send.key, send.value or b"", None, tuple(headers))


@dataclass(frozen=True, kw_only=True)
class FeedStage(Stage):
    """A feed as the engine runs it; `new_source` makes what one partition translates by."""

    feed: Feed
    new_source: NewSource
    known: KnownSchemas | None
    tenant: str
    homes: dict[bytes, int]

    def open(self, partition: int, references: References) -> FeedLogic:  # noqa: ARG002 - none
        opener = Opener(self.feed, self.known)
        mapping = self.feed.mapping
        tally = FeedTally(mapping.name)
        keys = None
        if self.partitions > 1 and mapping.source != "acquirer":
            keys = Keys(of_chargers=mapping.source == "ocpp")
        drift = Drift(mapping.name, mapping.source, self.tenant)
        return FeedLogic(
            opener, self.new_source(), tally, drift, Where(partition, self.homes, keys)
        )


def feed_stage(
    feed: Feed,
    topic: str,
    partitions: int,
    new_source: NewSource,
    known: KnownSchemas | None,
    tenant: str,
) -> FeedStage:
    """The stage over their `topic`, which has `partitions` partitions.

    `tenant`: whose the messages are that say so nowhere.
    """
    kinds = (*new_source().kinds, feed_drift.KIND)
    name = feed.mapping.name
    return FeedStage(
        name=f"feed-{name}",
        version=1,
        inputs=(topic,),
        state_topic=state_topic(name),
        parked_topic=topics.PARKED,
        partitions=partitions,
        kinds=kinds,
        stretch=_STRETCH,
        feed=feed,
        new_source=new_source,
        known=known,
        tenant=tenant,
        homes={},
    )
