"""One turn of one partition as a value: apply what waits to a working copy, sends included.

Pure and synchronous: no Kafka here, so a turn can be thrown away and taken again at no cost.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from streams.engine.barrier import Holds
from streams.engine.inbox import Inbox
from streams.engine.parking import parked
from streams.engine.settings import EngineSettings
from streams.engine.stage import (
    BadRecord,
    Logic,
    NeedLookup,
    NeedReference,
    Output,
    Record,
    Stage,
)
from streams.engine.state import StateStore, WorkingCopy
from streams.engine.transactions import Send, murmur2_partition

Place = tuple[str, int]
"""Input topic and offset of a record."""

_SEEN_KEYS_MAX = 1_000_000  # keys remembered for the partition check; then it starts over


class Culprit(Exception):
    """The record at `place` is at fault and its step had begun: take the turn again without it.

    `done` records were applied before it.
    """

    def __init__(self, place: Place, done: int, bad: BadRecord) -> None:
        super().__init__(place, bad)
        self.place = place
        self.done = done
        self.bad = bad


class SomeCulprit(Exception):
    """Some record of the turn is at fault; record by record will tell which.

    `counts` says how many records of each input the turn took.
    """

    def __init__(self, counts: Mapping[str, int], bad: BadRecord) -> None:
        super().__init__(bad)
        self.counts = counts
        self.bad = bad


class Missing(Exception):
    """The record at `place` needs something that is not known yet."""

    def __init__(self, place: Place, need: NeedReference | NeedLookup) -> None:
        super().__init__(place, need)
        self.place = place
        self.need = need


class Turn:
    """What a turn did so far, to be made real after the commit or forgotten."""

    __slots__ = (
        "armed", "changes", "counts", "limit", "met",
        "parked", "placed", "sends", "touched", "view",
    )  # fmt: skip

    def __init__(self, view: WorkingCopy, limit: int) -> None:
        self.view = view
        self.limit = limit
        self.counts: dict[str, int] = {}
        self.sends: list[Send] = []
        self.touched: Mapping[bytes, Any] = {}
        self.changes: dict[bytes, bytes | None] = {}
        self.placed: Mapping[bytes, int] = {}  # where the commit has put the changes
        self.parked = 0
        self.armed = False  # a hold was made, which may be due at once
        self.met: list[tuple[str, int]] = []  # barriers at the head, for whose ends to ask

    @property
    def records(self) -> int:
        return sum(self.counts.values())


class Applier:
    """Takes turns over the inboxes of one partition. Holds nothing of a turn between turns."""

    def __init__(
        self, stage: Stage, settings: EngineSettings, partition: int, store: StateStore
    ) -> None:
        self._stage = stage
        self._settings = settings
        self._partition = partition
        self._store = store
        self._several = len(stage.inputs) > 1
        self.seen_keys: set[bytes] = set()
        self.logic: Logic  # set by the task once the stage is open

    def begin(self, limit: int) -> Turn:
        """A turn of at most `limit` records."""
        return Turn(WorkingCopy(self._store), limit)

    def go_on(
        self,
        turn: Turn,
        inboxes: Mapping[str, Inbox],
        holds: Holds,
        bad: Mapping[Place, BadRecord],
        enough: Callable[[], bool],
    ) -> None:
        """Apply what waits, until the turn is full or `enough` says so; `bad` are parked unread.

        Something is applied, however soon it is enough, where anything may be.

        The inputs take turns of a few records, so that a full one does not starve the others.
        Holds that have come due are released; barriers newly met are left in `turn.met`.
        Raises `Culprit`, `Missing`, and whatever else the logic raises.
        """
        run = _Run(self, turn, bad)
        left = turn.limit - turn.records
        positions = {
            topic: inbox.position_after(turn.counts.get(topic, 0))
            for topic, inbox in inboxes.items()
        }
        moved = True
        # A starved process may be late before a turn begins. One that takes nothing is followed by
        # no other until something new comes, so its partition would stand meanwhile.
        while moved and left > 0 and not (turn.counts and enough()):
            moved = False
            for topic, inbox in inboxes.items():
                before = turn.counts.get(topic, 0)
                run.input(inbox, holds, positions, min(left, self._stage.stretch))
                count = turn.counts.get(topic, 0)
                positions[topic] = inbox.position_after(count)
                if count != before:
                    left -= count - before
                    moved = True

    def finish(self, turn: Turn) -> None:
        """Let the logic add to the turn, encode the state. Raises `SomeCulprit`."""
        if not turn.counts:
            return
        view = turn.view
        try:
            self.send_all(self.logic.finish(view), turn.sends)
            turn.changes = view.changes()
        except BadRecord as bad:
            raise SomeCulprit(turn.counts, bad) from bad
        except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
            found = BadRecord("state-not-encodable", repr(error))
            raise SomeCulprit(turn.counts, found) from error
        limit = self._settings.max_state_bytes
        for key, value in turn.changes.items():
            if value is not None and len(value) > limit:
                found = BadRecord("state-too-large", f"{key!r}: {len(value)} bytes")
                raise SomeCulprit(turn.counts, found)
        if self._settings.strict_views and (mutated := view.mutated()):
            raise AssertionError(f"changed in place without a put: {mutated}")
        turn.touched = view.touched

    def send_all(self, produced: Iterable[Output], sends: list[Send]) -> None:
        """Raises `BadRecord` for an output that the broker would refuse."""
        limit = self._settings.max_output_bytes
        for out in produced:
            if len(out.value) + len(out.key or b"") > limit:
                raise BadRecord("output-too-large", f"{out.topic}: {len(out.value)} bytes")
            sends.append(Send(out.topic, out.partition, out.key, out.value, list(out.headers)))

    def check_key(self, record: Record) -> None:
        """Raise `BadRecord` for a key that murmur2 puts elsewhere; for keys not in `seen_keys`."""
        key = record.key
        home = murmur2_partition(key, self._stage.partitions)
        if home != self._partition:
            raise BadRecord("wrong-partition", f"murmur2 puts this key into partition {home}")
        if len(self.seen_keys) >= _SEEN_KEYS_MAX:
            self.seen_keys.clear()
        self.seen_keys.add(key)

    def park(self, record: Record, bad: BadRecord, turn: Turn) -> None:
        turn.parked += 1
        stage = self._stage
        turn.sends.append(parked(record, bad, stage.parked_topic, self._settings.max_parked_bytes))
        self.send_all(self.logic.quarantine(record, bad.reason, turn.view), turn.sends)

    def barrier_topics(self) -> frozenset[str]:
        if not self._several:
            return frozenset()
        topics = self._stage.barrier_topics
        return frozenset(self._stage.inputs) if topics is None else topics

    @property
    def checked_topics(self) -> frozenset[str]:
        return self._stage.check_keys


class _Run:
    """The inner loop of a turn, with its state at hand."""

    __slots__ = ("_applier", "_bad", "_barriers", "_checked", "_turn", "_view")

    def __init__(self, applier: Applier, turn: Turn, bad: Mapping[Place, BadRecord]) -> None:
        self._applier = applier
        self._turn = turn
        self._view = turn.view
        self._bad = bad
        self._barriers = applier.barrier_topics()
        self._checked = applier.checked_topics

    def input(self, inbox: Inbox, holds: Holds, positions: Mapping[str, int], limit: int) -> None:
        """Apply what of `inbox` may be applied now, at most `limit` records."""
        topic, turn = inbox.topic, self._turn
        start = turn.counts.get(topic, 0)
        if limit <= 0 or start >= len(inbox.records) or any(topic == met for met, _ in turn.met):
            return
        due = False
        hold = holds.get(topic)
        if hold is not None:
            if not hold.is_due(positions):
                return
            due = True
            holds.release(topic)
        records = inbox.records[start : start + limit]
        done = self._records(topic, records, due=due)
        if done:
            turn.counts[topic] = start + done
        if done < len(records):
            turn.met.append((topic, records[done].offset))

    def _records(self, topic: str, records: list[Record], *, due: bool) -> int:
        """Apply `records` up to the first barrier; how many. `due`: the first is free to go."""
        view, turn, bad = self._view, self._turn, self._bad
        step = self._applier.logic.step
        is_barrier = self._applier.logic.is_barrier if topic in self._barriers else None
        sends, send_all = turn.sends, self._applier.send_all
        right_keys = self._applier.seen_keys if topic in self._checked else None
        mark = len(sends)
        for index, record in enumerate(records):
            view.used = False
            try:
                if bad and (known := bad.get((topic, record.offset))) is not None:
                    raise known
                if right_keys is not None and record.key not in right_keys:
                    self._applier.check_key(record)
                if is_barrier is not None and not due and is_barrier(record, view):
                    return index
                due = False
                produced = step(record, view)
                if produced:
                    send_all(produced, sends)
                    mark = len(sends)
            except BadRecord as error:
                due = False
                del sends[mark:]
                self._bad_record(record, index, error)
                mark = len(sends)
            except (NeedReference, NeedLookup) as need:
                raise Missing((topic, record.offset), need) from need
        return len(records)

    def _bad_record(self, record: Record, index: int, error: BadRecord) -> None:
        if self._view.used:
            done = self._turn.records + index
            raise Culprit((record.topic, record.offset), done, error) from error
        self._applier.park(record, error, self._turn)
