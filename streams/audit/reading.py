"""One pass of the auditor over a cluster: what may be read so far, in an order that it can follow.

The stages' own positions are asked for first, then the journal's ends, then, a little later, all
others: whatever the journal says has come out by then is visible.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, GroupLoadInProgressError
from aiokafka.structs import OffsetAndMetadata

from schemas import topics
from streams.audit.auditor import INPUTS, OUTPUTS, REFERENCES, Auditor, Report
from streams.audit.checkpoint import Positions
from streams.core.silence import Rhythm
from streams.engine.stage import Record

View = Callable[[Record], Record | None]
Keep = Callable[[Positions], None]

_PHASES: tuple[tuple[str, ...], ...] = (
    (topics.PARKED, *REFERENCES),
    (topics.TRANSACTIONS,),
    (topics.READINGS, topics.JOURNAL, topics.APPLIED, *INPUTS, *OUTPUTS),
)
_OF_LINK = frozenset({topics.TRANSACTIONS, topics.READINGS})
_MOST_BEHIND = 50_000  # records in memory that wait for their counterpart on another topic
_RECORDS = 5_000
_AT_ONCE = 500
_ASKED = 30
_KEEP_S = 30.0  # between checkpoints within a pass
# Read whole by every reader, or of no use but for its newest record.
_NOT_KEPT = frozenset(REFERENCES)
_MAY_BE_GONE = frozenset({*REFERENCES, topics.APPLIED})


class PlaceGone(RuntimeError):
    """A topic no longer has the place that the auditor was at."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """The cluster. `settle_s`: how long a transaction may take to be visible everywhere.

    `rhythm`: link's, by which a charger is silent.
    """

    bootstrap: str
    app_id: str
    partitions: int
    settle_s: float = 1.0
    rhythm: Rhythm = Rhythm()


class _Until(msgspec.Struct):
    """Where one pass ends, and what the stages had applied when it began."""

    link: dict[tuple[str, int], int]
    sessions: dict[tuple[str, int], int]
    ends: dict[TopicPartition, int]


class Reader:
    """Goes on where its last pass ended. `view`: what it sees of each record, None: nothing.

    `positions`: where the auditor's memory is; `keep`: called with them where both can be kept.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        scope: Scope,
        auditor: Auditor,
        view: View | None = None,
    ) -> None:
        self._consumer = consumer
        self._scope = scope
        self._auditor = auditor
        self._view = view
        self._positions: dict[TopicPartition, int] = {}
        self._keep: Keep | None = None
        self._kept_s = 0.0

    def go_on(self, positions: Positions, keep: Keep) -> None:
        self._positions = {TopicPartition(*place): at for place, at in positions.items()}
        self._keep = keep
        self._kept_s = time.monotonic()

    def keep(self) -> None:
        if self._keep is not None:
            self._keep(
                {
                    (part.topic, part.partition): at
                    for part, at in self._positions.items()
                    if part.topic not in _NOT_KEPT
                }
            )
            self._kept_s = time.monotonic()

    async def one_pass(self) -> Report:
        """Raises PlaceGone."""
        until = await self._until()
        for phase in _PHASES:
            await self._read([part for part in until.ends if part.topic in phase], until.ends)
        await self._decide(final=True)
        report = self._auditor.settle(until.link, until.sessions)
        self.keep()
        return report

    async def _until(self) -> _Until:
        link = await self._applied("link")
        sessions = await self._applied("sessions")
        first = self._parts([topics.JOURNAL, topics.APPLIED])
        journal = await self._consumer.end_offsets(first)
        await asyncio.sleep(self._scope.settle_s)
        names = {name for phase in _PHASES for name in phase}
        parts = self._parts(sorted(names - {topics.JOURNAL, topics.APPLIED}))
        ends = {**await self._consumer.end_offsets(parts), **journal}
        begins = await self._consumer.beginning_offsets([*ends])
        for part, begin in begins.items():
            self._positions[part] = self._position(part, begin, ends[part])
        for part, end in ends.items():
            if part.topic in _OF_LINK:
                ends[part] = min(end, link.get((part.topic, part.partition), 0))
        return _Until(link, sessions, ends)

    def _position(self, part: TopicPartition, begin: int, end: int) -> int:
        known = self._positions.get(part)
        if known is None or (known < begin and part.topic in _MAY_BE_GONE):
            return begin
        if not begin <= known <= end:
            raise PlaceGone(f"{part.topic}/{part.partition}/{known}: there are {begin} to {end}")
        return known

    def _parts(self, names: Iterable[str]) -> list[TopicPartition]:
        wanted = self._scope.partitions
        return [
            TopicPartition(name, number)
            for name in names
            for number in range(topics.BY_NAME[name].partitions(wanted))
        ]

    async def _applied(self, stage: str) -> dict[tuple[str, int], int]:
        """Where a stage stands, by its group: told in its transactions, so never ahead of them."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._scope.bootstrap)
        await admin.start()
        try:
            group = f"{self._scope.app_id}-{stage}"
            found = await self._asked(admin, group)
        finally:
            await admin.close()
        return {(part.topic, part.partition): at.offset for part, at in found.items()}

    async def _asked(
        self, admin: AIOKafkaAdminClient, group: str
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        """A cluster that has just begun knows for a while nobody who keeps a group."""
        for _ in range(_ASKED):
            with suppress(GroupCoordinatorNotAvailableError, GroupLoadInProgressError):
                return dict(await admin.list_consumer_group_offsets(group))
            await asyncio.sleep(self._scope.settle_s)
        return dict(await admin.list_consumer_group_offsets(group))

    async def _read(self, parts: list[TopicPartition], ends: dict[TopicPartition, int]) -> None:
        behind = {part for part in parts if self._positions[part] < ends[part]}
        if not behind:
            return
        self._consumer.assign(sorted(behind))
        for part in behind:
            self._consumer.seek(part, self._positions[part])
        while behind:
            found = await self._consumer.getmany(timeout_ms=100, max_records=_RECORDS)
            for part, records in found.items():
                await self._take(records, ends[part])
            await self._decide(final=False)
            for part in behind:
                self._positions[part] = min(await self._consumer.position(part), ends[part])
            behind = {part for part in behind if self._positions[part] < ends[part]}
            self._slow_down(behind, stuck=not found)
            if time.monotonic() - self._kept_s > _KEEP_S:
                self.keep()

    async def _decide(self, *, final: bool) -> None:
        while self._auditor.advance(final=final):  # noqa: ASYNC110 - the heart is to beat
            await asyncio.sleep(0)

    async def _take(self, records: Sequence[ConsumerRecord], end: int) -> None:
        for number, one in enumerate(records, 1):
            if one.offset >= end:
                return
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)  # the heart is to beat
            record = Record(
                one.topic,
                one.partition,
                one.offset,
                one.key or b"",
                one.value or b"",
                tuple(one.headers),
            )
            seen = record if self._view is None else self._view(record)
            if seen is not None:
                self._auditor.take(seen)

    def _slow_down(self, behind: set[TopicPartition], *, stuck: bool) -> None:
        """No side may run away from the others: memory holds what is between them."""
        waiting = self._auditor.behind
        full: set[str] = set()
        if waiting["journal"] > _MOST_BEHIND:
            full.add(topics.JOURNAL)
        if waiting["inputs"] > _MOST_BEHIND:
            full.update(INPUTS)
        if waiting["outputs"] > _MOST_BEHIND:
            full.update(OUTPUTS)
        held = {part for part in behind if part.topic in full}
        if stuck or held == behind:
            held = set()
        self._consumer.resume(*behind)
        self._consumer.pause(*held)
