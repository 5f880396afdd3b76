"""Link, sessions and fiscal as they run, without Kafka: queues, turns, transactions and crashes.

The logic, the state store and the working copy are the real ones. What is simulated is what Kafka
and the machine do to them: what waits is taken in any order across topics and in order within a
partition, a transaction is thrown away or committed, and memory is lost before or after that.
"""

from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

from schemas import codec, topics
from schemas.facts import Fact
from streams.agents.fiscal import fiscal_stage
from streams.agents.link import link_stage
from streams.agents.sessions import sessions_stage
from streams.core.session import PaymentSession
from streams.engine.stage import BadRecord, Logic, Output, Record, References, Stage
from streams.engine.state import StateStore, WorkingCopy
from streams.reading import partition_of
from streams.simulation.chance import Chance

_OVERHEARD = frozenset({topics.FISCAL_REQUESTS, topics.FISCAL_RESPONSES})
"""What one stage says to another, and the checker has to hear."""


class Parked(NamedTuple):
    """A record that was set aside, and why."""

    topic: str
    partition: int
    offset: int
    key: bytes
    reason: str


class _Place:
    """One partition of one stage."""

    def __init__(self, stage: Stage, number: int, references: References) -> None:
        self.stage = stage
        self.number = number
        self.references = references
        self.barriers = stage.barrier_topics or frozenset()
        self.queues: dict[str, deque[Record]] = {}  # of inputs where something waits
        self.latest: dict[bytes, bytes] = {}
        self.logic: Logic
        self.store: StateStore
        self.open()

    def open(self) -> None:
        """As after a restart: from the state topic alone."""
        self.store = StateStore(self.stage.kinds)
        for key, value in self.latest.items():
            self.store.load(key, value, 0)
        self.store.settle()
        self.logic = self.stage.open(self.number, self.references)
        self.logic.restored(self.store.decoded())

    def thaw(self, records: Sequence[Record]) -> None:
        cold = self.store.cold.places
        if cold:
            asked = [key for one in records for key in self.stage.keys_of(one) if key in cold]
            self.store.thaw({key: self.latest[key] for key in asked})

    def view(self, records: Sequence[Record]) -> WorkingCopy:
        self.thaw(records)
        return WorkingCopy(self.store)

    def commit(self, view: WorkingCopy, changes: dict[bytes, bytes | None]) -> None:
        self.store.commit(changes)
        self.logic.committed(view.touched)
        self.store.placed(view.touched, dict.fromkeys(changes, 0))
        self.store.refreeze()
        for key, value in changes.items():
            if value is None:
                self.latest.pop(key, None)
            else:
                self.latest[key] = value


class Turns:
    """The stages of one world. `events`: records applied or parked, but for those that tell time.

    `said` is called with what leaves the stages, once and only if its transaction was committed.
    """

    def __init__(
        self,
        partitions: int,
        references: References,
        chance: Chance,
        said: Callable[[Output], None],
    ) -> None:
        self._partitions = partitions
        self._chance = chance
        self._said = said
        self._offsets: dict[tuple[str, int], int] = {}
        made = (link_stage(partitions), sessions_stage(partitions), fiscal_stage(partitions))
        self._places = [
            _Place(stage, number, references) for stage in made for number in range(partitions)
        ]
        self._readers = {
            (topic, place.number): (index, place.queues)
            for index, place in enumerate(self._places)
            for topic in place.stage.inputs
        }
        self._numbers: dict[bytes, int] = {}  # of the partitions of keys
        self._waiting: set[int] = set()
        self.batch = 1
        self.crashes = 0
        self.crashed = 0
        self.events = 0
        self.taken: dict[tuple[str, int], int] = {}
        self.parked: list[Parked] = []
        self.deadlines: dict[bytes, int] = {}

    def send(self, topic: str, key: str, fact: Fact, partition: int | None = None) -> None:
        self.send_bytes(topic, key.encode(), codec.encode(fact), partition)

    def send_bytes(
        self, topic: str, key: bytes, value: bytes, partition: int | None = None
    ) -> tuple[str, int, int]:
        """Append a record to its partition; where it stands."""
        number = self._number(key) if partition is None else partition
        place = (topic, number)
        offset = self._offsets.get(place, 0)
        self._offsets[place] = offset + 1
        index, queues = self._readers[place]
        queue = queues.get(topic)
        if queue is None:
            queue = queues[topic] = deque()
            self._waiting.add(index)
        queue.append(Record(topic, number, offset, key, value))
        return topic, number, offset

    def _number(self, key: bytes) -> int:
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = partition_of(key, self._partitions)
        return number

    def run(self) -> None:
        """Until nothing waits anywhere."""
        waiting = self._waiting
        while waiting:
            index = self._chance.one_of(sorted(waiting)) if len(waiting) > 1 else min(waiting)
            place = self._places[index]
            self._turn(place)
            if not place.queues:
                waiting.discard(index)

    def ends(self) -> dict[tuple[str, int], int]:
        """How many records each partition was given."""
        return dict(self._offsets)

    # --- one turn ---

    def _turn(self, place: _Place) -> None:
        runs: list[list[Record]] = []
        held: list[deque[Record]] = []
        view = WorkingCopy(place.store)
        for topic, queue in place.queues.items():
            run = self._run(place, topic, queue, view)
            if run:
                runs.append(run)
            else:
                held.append(queue)
        if not runs:
            runs = [[held[0][0]]]
        elif len(runs) > 1:
            runs = self._chance.shuffled(runs)
        if len(runs) > 1 and self._chance.happens(500):
            runs = runs[:1]
        records = [record for run in runs for record in run]
        self._apply(place, records, view)
        for run in runs:
            self._took(place, run)

    def _took(self, place: _Place, run: Sequence[Record]) -> None:
        """These of one input were applied or parked, and their transaction stands."""
        topic = run[0].topic
        queue, at = place.queues[topic], (topic, place.number)
        for _ in run:
            queue.popleft()
        if not queue:
            del place.queues[topic]
        self.taken[at] = self.taken.get(at, 0) + len(run)

    def _run(
        self, place: _Place, topic: str, queue: deque[Record], view: WorkingCopy
    ) -> list[Record]:
        """What may be taken of one input now: up to the first barrier."""
        limit = self.batch if self.batch == 1 else self._chance.between(1, self.batch)
        if topic not in place.barriers:
            return list(islice(queue, limit))
        run: list[Record] = []
        for record in islice(queue, limit):
            if place.logic.is_barrier(record, view):
                break
            run.append(record)
            if codec.record_name(record.value) == "Watermark":
                break
        return run

    def _apply(
        self, place: _Place, records: Sequence[Record], view: WorkingCopy | None = None
    ) -> None:
        """All in one transaction; where one of them is at fault, each in its own.

        `view`: one that nothing was put into.
        """
        fate = self._fate()
        place.thaw(records)
        view = view or WorkingCopy(place.store)
        try:
            outputs = self._steps(place, records, view)
        except BadRecord as bad:
            place.logic.aborted()
            place.store.refreeze()
            if len(records) > 1:
                for record in records:
                    self._apply(place, [record])
                return
            record = records[0]
            parked = Parked(record.topic, record.partition, record.offset, record.key, bad.reason)
            self.parked.append(parked)
            view = place.view(records)
            outputs = list(place.logic.quarantine(record, bad.reason, view))
            outputs += place.logic.finish(view)
        changes = view.changes()
        if fate == "before":  # nothing of it ever was; the records are still there
            self._crash(place, records)
            return
        place.commit(view, changes)
        if fate == "after":
            place.open()
        self._publish(records, view, outputs)

    def _crash(self, place: _Place, records: Sequence[Record]) -> None:
        self.parked = [
            one
            for one in self.parked
            if (one.topic, one.partition, one.offset)
            not in {(record.topic, record.partition, record.offset) for record in records}
        ]
        if self._chance.happens(500):
            place.open()
        else:
            place.logic.aborted()
            place.store.refreeze()
        self._apply(place, records)

    def _fate(self) -> str:
        if not self.crashes or not self._chance.happens(self.crashes):
            return ""
        self.crashed += 1
        return "before" if self._chance.happens(600) else "after"

    @staticmethod
    def _steps(place: _Place, records: Sequence[Record], view: WorkingCopy) -> list[Output]:
        outputs: list[Output] = []
        for record in records:
            outputs += place.logic.step(record, view)
        outputs += place.logic.finish(view)
        return outputs

    def _publish(
        self, records: Sequence[Record], view: WorkingCopy, outputs: Sequence[Output]
    ) -> None:
        self.events += sum(not _tells_time(record) for record in records)
        for key, value in view.touched.items():
            if isinstance(value, PaymentSession):
                self._plan(key, value.deadline)
        for output in outputs:
            assert output.key is not None, "what a stage of ours says has a key"
            number = output.partition
            if number is None:
                number = self._number(output.key)
            if (output.topic, number) in self._readers:
                self.send_bytes(output.topic, output.key, output.value, number)
                if output.topic in _OVERHEARD:
                    self._said(output)
            else:
                self._said(output)

    def _plan(self, key: bytes, deadline: int | None) -> None:
        if deadline is None:
            self.deadlines.pop(key, None)
        else:
            self.deadlines[key] = deadline


def _tells_time(record: Record) -> bool:
    if record.topic != topics.EVENTS:
        return record.topic == topics.TICKS
    return codec.record_name(record.value) == "Watermark"
