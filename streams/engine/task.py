"""One partition of a stage: turns, each of them one transaction, for as long as it is owned."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import NamedTuple, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced

from streams.engine.barrier import Hold, Holds
from streams.engine.batch import Applier, Culprit, Missing, Place, SomeCulprit, Turn
from streams.engine.cold import Frozen
from streams.engine.errors import SliceGap
from streams.engine.inbox import Inbox, Slice
from streams.engine.pacing import Pacer
from streams.engine.positions import POSITIONS_KEY, encode_positions
from streams.engine.references import ReferenceReader
from streams.engine.settings import Commit, EngineSettings
from streams.engine.stage import LOOK_UP_WITHIN_S, BadRecord, Logic, NeedReference, Stage
from streams.engine.state import StateStore
from streams.engine.thaw import read_back
from streams.engine.transactions import StateRecords, Transactions

log = logging.getLogger(__name__)

_GROUP_OFFSETS_EVERY = 1.0  # seconds; for lag tools only, and two round trips
_TIDY_SLACK = 0.005  # seconds; a timer may fire a hair early
_TO_FINISH = 0.7  # of the time a revocation may take; the rest is for the abort
_TURN_WITHIN = 0.300  # seconds after which a turn takes no more, however much waits
_THAW_MAX = 500  # keys read back for one turn; scattered ones take some milliseconds each
_THAWED_MAX = 2_000  # keys read back that may wait in memory for the records that need them
_LIMIT_AFTER_CULPRIT = 64  # records; each culprit costs a second run of the turn it is found in


class Inputs(Protocol):
    """What a task asks of the fetching side."""

    async def end_offsets(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """`read_committed` ends as of now."""

    def set_full(self, place: TopicPartition, *, full: bool) -> None:
        """Fetch no more (or again) from `place`."""


class Worker(NamedTuple):
    """What the partitions of one process share."""

    stage: Stage
    settings: EngineSettings
    inputs: Inputs
    references: ReferenceReader
    pacer: Pacer
    group: str
    fatal: Callable[["PartitionTask | None", BaseException], None]


class PartitionTask:
    """Owns state, positions and producer of one partition from its restore to its revocation.

    A turn in flight is finished or given up by `pause`; after a give-up (`spoilt`) the outcome
    of its transaction is unknown here, and the partition must be restored from the state topic.
    """

    def __init__(
        self, worker: Worker, partition: int, transactions: Transactions, store: StateStore
    ) -> None:
        self.partition = partition
        self.epoch = 0
        self.spoilt = False
        self.transactions = transactions
        self._worker = worker
        self._stage = worker.stage
        self._settings = worker.settings
        self._store = store
        self._holds = Holds(worker.stage.inputs)
        self._applier = Applier(worker.stage, worker.settings, partition, store)
        self._inboxes: dict[str, Inbox] = {}
        self._work = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self.turn_began = 0.0  # on the event loop's clock; 0 between turns
        self._open = False
        self._single = 0  # records still to be taken one by one, to find a culprit
        self._limit = worker.settings.max_records
        self._asked: tuple[Place, str, bytes | str] | None = None
        self._bad: dict[Place, BadRecord] = {}
        self._positions_saved: dict[str, int] = {}
        self._positions_saved_at = 0.0
        self._group_told: dict[str, int] = {}
        self._group_told_at = 0.0
        self._tidy: asyncio.TimerHandle | None = None

    def open(self, logic: Logic, positions: dict[str, int]) -> None:
        """`positions` has every input, in the stage's order of inputs."""
        self._applier.logic = logic
        self._inboxes = {t: Inbox(t, positions[t]) for t in self._stage.inputs}
        logic.restored(self._store.decoded())

    @property
    def positions(self) -> dict[str, int]:
        return {topic: inbox.position for topic, inbox in self._inboxes.items()}

    def start(self, epoch: int) -> None:
        """Take turns from now on, on slices of this epoch only."""
        assert not self.spoilt
        assert self._running is None
        self.epoch = epoch
        self._open = True
        self._running = asyncio.create_task(self._run(), name=f"partition-{self.partition}")

    async def pause(self, within: float) -> None:
        """Take no more turns; finish the one in flight within so many seconds or give it up."""
        self._open = False
        running, self._running = self._running, None
        if running is not None:
            if not self.turn_began:
                running.cancel()
            _, late = await asyncio.wait([running], timeout=within * _TO_FINISH)
            if late:
                self.spoilt = True
                running.cancel()
                await asyncio.wait([running], timeout=within * (1 - _TO_FINISH))
        self._forget_waiting()

    def deliver(self, part: Slice, ack: Callable[[], object]) -> None:
        """Slices of another epoch are dropped; their records will be fetched again."""
        if part.epoch != self.epoch or not self._open:
            return
        try:
            self._inboxes[part.topic].deliver(part, ack)
        except SliceGap as gap:
            self._worker.fatal(self, gap)
            return
        self._mark_full()
        self._work.set()

    def _forget_waiting(self) -> None:
        for inbox in self._inboxes.values():
            inbox.rewind(inbox.position)
        self._holds.clear()
        self._bad.clear()
        self._single = 0
        if self._tidy is not None:
            self._tidy.cancel()
        self._work.clear()

    def _mark_full(self) -> None:
        limit = self._settings.max_records
        for topic, inbox in self._inboxes.items():
            place = TopicPartition(topic, self.partition)
            self._worker.inputs.set_full(place, full=inbox.is_full(limit))

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._open:
                await self._work.wait()
                wait = self._worker.pacer.wait(self.partition, loop.time())
                if wait > 0 and not self._enough():
                    await asyncio.sleep(wait)
                self._work.clear()
                self.turn_began = loop.time()
                try:
                    again = await self._turn()
                finally:
                    self.turn_began = 0.0
                if again:
                    self._work.set()
                    await asyncio.sleep(0)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, this worker must go
            self.spoilt = True
            self._worker.fatal(self, error)

    def _enough(self) -> bool:
        waiting = sum(len(inbox.records) for inbox in self._inboxes.values())
        return waiting >= self._settings.max_records

    async def _turn(self) -> bool:
        """One turn over what waits; whether more can be done at once."""
        began = asyncio.get_running_loop().time()
        limit = 1 if self._single else self._limit
        if self._store.cold.places:
            limit = await self._thaw_ahead(limit)
            if not limit:
                return True
        turn = await self._take(limit, began + _TURN_WITHIN)
        if turn is None:
            return True
        sent = await self._make_real(turn, began)
        self._after(turn, began, sent=sent)
        progress = turn.records or turn.armed
        return bool(progress) and any(inbox.records for inbox in self._inboxes.values())

    async def _take(self, limit: int, until: float) -> Turn | None:
        """A turn to make real, or None where it must be taken again."""
        try:
            return await self._taken(limit, until)
        except Culprit as culprit:
            self._forget_turn()
            self._blame(culprit.place, culprit.bad)
            self._limit = max(culprit.done + 1, _LIMIT_AFTER_CULPRIT)
        except SomeCulprit as some:
            self._forget_turn()
            self._search(some)
        except Missing as missing:
            self._forget_turn()
            await self._refer(missing)
        except Frozen as frozen:
            self._forget_turn()
            await self._thaw({frozen.key: self._store.cold.places[frozen.key]})
        return None

    async def _thaw_ahead(self, limit: int) -> int:
        """Read back what the waiting records will ask for; how many of them that is enough for.

        0: not all was read in the time that a turn may take.
        """
        cold, keys_of = self._store.cold.places, self._stage.keys_of
        wanted: dict[bytes, int] = {}
        for inbox in self._inboxes.values():
            for index, record in enumerate(islice(inbox.records, limit)):
                if len(wanted) >= _THAW_MAX:
                    limit = max(index, 1)
                    break
                wanted.update((key, cold[key]) for key in keys_of(record) if key in cold)
        if wanted:
            await self._thaw(wanted)
        return limit if cold.keys().isdisjoint(wanted) else 0

    def _let_go(self, turn: Turn) -> None:
        """What waiting records will ask for stays a while: it would be read again at once."""
        store = self._store
        store.placed(turn.touched, turn.placed)
        waits = any(inbox.records for inbox in self._inboxes.values())
        if not waits or len(store.cold.thawed) > _THAWED_MAX:
            store.refreeze()

    async def _thaw(self, places: Mapping[bytes, int]) -> None:
        topic, partition = self._stage.state_topic, self.partition
        bootstrap = self._settings.bootstrap
        self._store.thaw(await read_back(bootstrap, topic, partition, places))

    async def _taken(self, limit: int, until: float) -> Turn:
        """Apply what waits; ask for the ends at each barrier and go on where they are reached.

        A turn goes on past barriers for a bounded time, so that many of them share a transaction.
        """
        loop = asyncio.get_running_loop()

        def enough() -> bool:
            return loop.time() >= until

        turn = self._applier.begin(limit)
        self._applier.go_on(turn, self._inboxes, self._holds, self._bad, enough)
        while turn.met:
            await self._arm(turn)
            self._applier.go_on(turn, self._inboxes, self._holds, self._bad, enough)
        if turn.counts:
            self._settings.reached("decode")
        self._applier.finish(turn)
        return turn

    def _forget_turn(self) -> None:
        """Barriers that the turn had released are met again, and wait for ends as of then."""
        self._applier.logic.aborted()
        self._holds.clear()

    def _blame(self, place: Place, bad: BadRecord) -> None:
        if place in self._bad:
            raise RuntimeError(f"{place} is parked and still fails: {bad!r}") from bad
        self._bad[place] = bad

    def _search(self, some: SomeCulprit) -> None:
        """Go record by record over what the failed turn held; a turn of one has its culprit."""
        count = sum(some.counts.values())
        if count > 1:
            self._single = count
            return
        (topic,) = some.counts
        self._blame((topic, self._inboxes[topic].records[0].offset), some.bad)

    async def _refer(self, missing: Missing) -> None:
        """Wait for what the record asks for; one that asks again for the same is parked."""
        need = missing.need
        topic = need.topic if isinstance(need, NeedReference) else ""
        asked = (missing.place, topic, need.key)
        if asked == self._asked:
            said = f"{topic} has no {need.key!r}" if topic else f"{need.key!r} was not found"
            reason = "reference-missing" if topic else "lookup-missing"
            self._blame(missing.place, BadRecord(reason, said))
            return
        self._asked = asked
        if isinstance(need, NeedReference):
            await self._worker.references.refresh(need.topic, need.key)
            return
        async with asyncio.timeout(LOOK_UP_WITHIN_S):
            await need.look_up()

    async def _arm(self, turn: Turn) -> None:
        """Ask for the ends that each barrier met in this turn has to wait for."""
        met, turn.met = turn.met, []
        turn.armed = True
        for topic, offset in met:
            others = [TopicPartition(t, self.partition) for t in self._holds.others(topic)]
            ends = await self._worker.inputs.end_offsets(others) if others else {}
            self._holds.add(Hold(topic, offset, {tp.topic: end for tp, end in ends.items()}))

    async def _make_real(self, turn: Turn, now: float) -> bool:
        """Commit what the turn did, if it did anything worth a transaction."""
        positions = {
            topic: inbox.position_after(turn.counts.get(topic, 0))
            for topic, inbox in self._inboxes.items()
        }
        if not turn.changes and not turn.sends and not self._positions_due(positions, now):
            self._tidy_later(positions)
            return False
        placed = await self._commit(turn, positions, now)
        self._positions_saved = positions
        self._positions_saved_at = now
        self._store.commit(turn.changes)
        if self._store.cold.rules:
            turn.placed = dict(zip(turn.changes, placed, strict=False))
        self._worker.pacer.committed(self.partition, now)
        self._tidy_later(positions)
        return True

    def _positions_due(self, positions: dict[str, int], now: float) -> bool:
        """Whether unchanged state is to be committed for the sake of the positions alone."""
        if positions != self._positions_saved:
            return now >= self._positions_saved_at + self._settings.positions_every_ms / 1000
        return positions != self._group_told and now >= self._group_told_at + _GROUP_OFFSETS_EVERY

    def _tidy_later(self, positions: dict[str, int]) -> None:
        """Wake for positions that no further record will carry to the state topic or the group."""
        if self._tidy is not None:
            self._tidy.cancel()
            self._tidy = None
        if positions != self._positions_saved:
            at = self._positions_saved_at + self._settings.positions_every_ms / 1000
        elif positions != self._group_told:
            at = self._group_told_at + _GROUP_OFFSETS_EVERY
        else:
            return
        self._tidy = asyncio.get_running_loop().call_at(at + _TIDY_SLACK, self._work.set)

    async def _commit(self, turn: Turn, positions: dict[str, int], now: float) -> list[int]:
        """The offsets of `turn.changes`, in their order, and then that of the positions."""
        topic, partition = self._stage.state_topic, self.partition
        saved: dict[bytes, bytes | None] = {POSITIONS_KEY: encode_positions(self._stage, positions)}
        state = StateRecords(topic, partition, turn.changes | saved)
        offsets: dict[TopicPartition, int] = {}
        if now - self._group_told_at >= _GROUP_OFFSETS_EVERY:
            self._group_told_at = now
            self._group_told = positions
            offsets = {TopicPartition(t, partition): at for t, at in positions.items()}
        return await self.transactions.commit(state, turn.sends, offsets, self._worker.group)

    def _after(self, turn: Turn, began: float, *, sent: bool) -> None:
        for topic, count in turn.counts.items():
            self._inboxes[topic].drop(count)
        self._applier.logic.committed(turn.touched)
        if self._store.cold.rules:
            self._let_go(turn)
        self._mark_full()
        self._single = max(0, self._single - turn.records)
        self._limit = min(2 * self._limit, self._settings.max_records)
        if self._bad:
            positions = self.positions
            self._bad = {p: bad for p, bad in self._bad.items() if p[1] >= positions[p[0]]}
        observe = self._settings.observe
        if observe is not None and turn.records:
            seconds = asyncio.get_running_loop().time() - began
            counts = (len(turn.changes), len(turn.sends) - turn.parked, turn.parked)
            observe(Commit(self.partition, turn.records, *counts, seconds, sent))


def is_fenced(error: BaseException) -> bool:
    """Whether another owner of the partition has taken over its transactional id."""
    return isinstance(error, ProducerFenced)
