"""Sessions: every fact of a payment in, its decisions out. A pipe around `streams.core.pipe`.

One partition owns its sessions, the facts that came before their session, and its time: the least
watermark over all link partitions. What a passing instant calls for is found by `Schedule`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from schemas import codec, topics
from schemas.decisions import (
    LinkConfirmed,
    LinkRejected,
    RefundDecided,
    ReleaseDecided,
    TakeoverDecided,
)
from schemas.facts import (
    AcquirerAnswered,
    AcquirerNotified,
    CardRead,
    ChargerSilence,
    ClockApplied,
    Fact,
    HoldReported,
    LinkedFact,
    SessionRequested,
    VisitSeen,
    Watermark,
)
from schemas.fiscal import ReceiptSettled
from streams.agents import waiting
from streams.agents.clocks import NEVER, Marks
from streams.agents.journal import Journal, edition
from streams.agents.link import decoded
from streams.agents.references import ReferencePins
from streams.agents.routes import output, outputs
from streams.agents.tally import Tally
from streams.agents.waiting import BEYOND, HORIZON_MS, SET_ASIDE_MAX, EarlyFact, EarlyFacts
from streams.core import pipe
from streams.core.learn import check
from streams.core.pipe import Step
from streams.core.schedule import Schedule
from streams.core.session import (
    PaymentSession,
    Quarantined,
    QuarantineLifted,
    ReferenceReused,
    SessionUnknown,
    TimeReached,
    is_over,
    outstanding,
)
from streams.engine.stage import (
    BadRecord,
    Logic,
    Output,
    Record,
    References,
    Stage,
    StateKind,
    View,
)

SESSION = b"s"
EARLY = b"e"
MARKS = b"m"
_MARKS_KEY = b"m"
RETRY_HEADER = "retry-of"
_REUSED = "reference-reused"
_TIME_ITSELF = ("", -1, -1)
_AGAIN_MS = 60 * 1000
_AHEAD_MAX_MS = 24 * 60 * 60 * 1000  # a backlog may hold our time back, but not by days
_TAKEN: dict[str, tuple[type[Fact], ...]] = {
    topics.EVENTS: (Watermark, LinkedFact, ChargerSilence),
    topics.REQUESTS: (SessionRequested, HoldReported, CardRead),
    topics.RESPONSES: (AcquirerAnswered, AcquirerNotified),
    topics.VISIT_FACTS: (VisitSeen,),
    topics.FISCAL_RESPONSES: (ReceiptSettled,),
    topics.DECISIONS: (
        LinkConfirmed,
        LinkRejected,
        RefundDecided,
        ReleaseDecided,
        TakeoverDecided,
    ),
}


class SessionsLogic(Logic):
    """One partition of sessions."""

    def __init__(
        self,
        partition: int,
        partitions: int,
        references: References,
        horizon_ms: int = HORIZON_MS,
        rules: str = "",
    ) -> None:
        self._partition = partition
        self._partitions = partitions
        self._horizon_ms = horizon_ms
        self._pins = ReferencePins(references)
        self._schedule = Schedule()
        self._tally = Tally()
        self._journal = Journal(partition, rules or edition())
        self._set_aside = 0  # keys in this step of time
        self._looked_at: tuple[Record, Watermark] | None = None

    # --- the engine's calls ---

    def restored(self, states: Iterator[tuple[bytes, Any]]) -> None:
        for key, value in states:
            if isinstance(value, PaymentSession):
                self._plan(key, value)
            elif isinstance(value, EarlyFacts):
                self._schedule.plan(key, value.due_at(self._horizon_ms))
        self.committed({})

    def is_barrier(self, record: Record, view: View) -> bool:
        if record.topic != topics.EVENTS or codec.record_name(record.value) != "Watermark":
            return False
        marks = self._marks(view)
        try:
            mark = decoded(record)
            assert isinstance(mark, Watermark)
            self._looked_at = (record, mark)
            return self._noted(marks, mark).applied_at > marks.applied_at
        except BadRecord:
            return False  # its step parks it

    def step(self, record: Record, view: View) -> Iterable[Output]:
        looked_at = self._looked_at  # marks come by the thousand, and each is asked about first
        fact = looked_at[1] if looked_at and looked_at[0] is record else decoded(record)
        if not isinstance(fact, _TAKEN[record.topic]):
            name = type(fact).__name__
            raise BadRecord("wrong-topic", f"{name} does not belong on {record.topic}")
        if isinstance(fact, Watermark):
            return self._mark(fact, view)
        session_id = getattr(fact, "session_id", "")
        if session_id.encode() != record.key:
            raise BadRecord("wrong-key", f"session_id: {session_id!r} is not the key")
        if isinstance(fact, SessionRequested | HoldReported):
            _check_instant(fact, self._marks(view).applied_at)
        said = self._fact(fact, record, session_id, view)
        # Only now: what was set aside must be known before anything is decided again.
        return [*said, *self._lifted(record, session_id, view)]

    def finish(self, view: View) -> Iterable[Output]:
        return [*map(output, self._journal.records()), *self._clock(view)]

    def committed(self, touched: Mapping[bytes, Any]) -> None:  # noqa: ARG002 - planned as we went
        self._schedule.committed()
        self._tally.committed()
        self._journal.clear()

    def aborted(self) -> None:
        self._schedule.aborted()
        self._tally.aborted()
        self._journal.clear()

    def quarantine(self, record: Record, reason: str, view: View) -> Iterable[Output]:
        """The session of a parked input gets no commands until it is retried.

        Not where somebody else used its reference, or long after its end: the session is sound.
        """
        session_id = record.key.decode("utf-8", "replace")
        session = view.get(SESSION + record.key)
        if session is None or reason in (_REUSED, BEYOND):
            return ()
        fact = Quarantined(ref=_ref(record.topic, record.partition, record.offset))
        source = (record.topic, record.partition, record.offset)
        try:
            said = self._applied(session_id, session, fact, source, view)
        except BadRecord:
            return ()  # its policy is gone, or its figures are absurd: it commands nothing as is
        # A retry that was set aside again stands for the first one, which nobody retries any more.
        return [*said, *self._lifted(record, session_id, view)]

    # --- facts ---

    def _fact(self, fact: Fact, record: Record, session_id: str, view: View) -> list[Output]:
        key = SESSION + session_id.encode()
        session: PaymentSession | None = view.get(key)
        if session is not None:
            self._check_horizon(session, view)
        source = (record.topic, record.partition, record.offset)
        try:
            said = self._applied(session_id, session, fact, source, view)
        except SessionUnknown:
            return self._early(fact, record, session_id, view)
        except ReferenceReused as error:
            raise BadRecord(_REUSED, str(error)) from error
        except codec.NotReadable as error:
            raise BadRecord(error.reason, error.detail) from error
        if session is None:
            said += self._came_early(session_id, view)
        return said

    def _check_horizon(self, session: PaymentSession, view: View) -> None:
        after_ms = self._marks(view).applied_at - session.closed_at
        if session.closed_at and after_ms > self._horizon_ms:
            raise BadRecord(BEYOND, f"closed_at: {after_ms} ms before the time of this fact")

    def _applied(
        self,
        session_id: str,
        session: PaymentSession | None,
        fact: Fact,
        source: tuple[str, int, int],
        view: View,
    ) -> list[Output]:
        clock_at = self._marks(view).applied_at
        step = pipe.apply(session, fact, clock_at, self._pins)
        said = _written(step)
        key = SESSION + session_id.encode()
        view.put(key, step.session)
        self._plan(key, step.session)
        self._journal.applied(step, source, clock_at)
        if session is None:
            self._journal.opened(step, self._pins.health(step.session.request.tenant))
        return said

    def _plan(self, key: bytes, session: PaymentSession) -> None:
        self._schedule.plan(key, session.deadline)
        self._tally.plan(key, outstanding(session))

    # --- facts that came before their session ---

    def _early(self, fact: Fact, record: Record, session_id: str, view: View) -> list[Output]:
        _check_early(fact)
        key = EARLY + session_id.encode()
        early: EarlyFacts = view.get(key) or EarlyFacts(tenant=getattr(fact, "tenant", ""))
        one = EarlyFact(record.topic, record.partition, record.offset, record.value)
        try:
            more = early.added(one, self._marks(view).applied_at)
        except waiting.TooManyEarly as error:
            raise BadRecord("too-many-waiting", str(error)) from error
        view.put(key, more)
        self._schedule.plan(key, more.due_at(self._horizon_ms))
        return []

    def _came_early(self, session_id: str, view: View) -> list[Output]:
        key = EARLY + session_id.encode()
        early: EarlyFacts | None = view.get(key)
        if early is None:
            return []
        view.delete(key)
        self._schedule.plan(key, None)
        said: list[Output] = []
        for one in early.facts:
            session = view.get(SESSION + session_id.encode())
            source = (one.topic, one.partition, one.offset)
            said += self._applied(session_id, session, codec.decode(one.value), source, view)
        return said

    def _waited(self, key: bytes, now_at: int, view: View) -> list[Output]:
        """Told of when old, and set aside beyond the horizon, so many at a time."""
        early: EarlyFacts = view.get(key)
        session_id = key[1:].decode()
        if early.is_told:
            if self._set_aside >= SET_ASIDE_MAX:
                self._schedule.plan(key, now_at + 1)
                return []
            self._set_aside += 1
            view.delete(key)
            return early.set_aside(session_id)
        after = early.looked_at(now_at)
        view.put(key, after)
        self._schedule.plan(key, after.due_at(self._horizon_ms))
        return after.orphans(session_id, now_at) if after.is_told else []

    # --- retries of parked inputs ---

    def _lifted(self, record: Record, session_id: str, view: View) -> list[Output]:
        refs = [
            value.decode("utf-8", "replace")
            for name, value in record.headers
            if name == RETRY_HEADER and value
        ]
        session: PaymentSession | None = view.get(SESSION + session_id.encode())
        if not refs or session is None:
            return []
        source = (record.topic, record.partition, record.offset)
        fact = QuarantineLifted(ref=refs[0])
        return self._applied(session_id, session, fact, source, view)

    # --- time ---

    def _marks(self, view: View) -> Marks:
        marks: Marks = view.get(_MARKS_KEY) or Marks()
        return marks

    def _noted(self, marks: Marks, mark: Watermark) -> Marks:
        if mark.link_partitions != self._partitions or mark.link_partition >= self._partitions:
            raise BadRecord(
                "impossible-field",
                f"link_partitions: {mark.link_partitions} where {self._partitions} are",
            )
        return marks.noted(mark.link_partition, mark.link_partitions, mark.at)

    def _mark(self, mark: Watermark, view: View) -> list[Output]:
        before = self._marks(view)
        after = self._noted(before, mark)
        if after == before:
            return []
        view.put(_MARKS_KEY, after)
        self._set_aside = 0
        said: list[Output] = []
        while (key := self._schedule.take_due(after.applied_at)) is not None:
            said += self._due(key, after.applied_at, view)
        return said

    def _due(self, key: bytes, now_at: int, view: View) -> list[Output]:
        if key[:1] == EARLY:
            return self._waited(key, now_at, view)
        session: PaymentSession = view.get(key)
        fact = TimeReached(at=now_at)
        try:
            return self._applied(session.session_id, session, fact, _TIME_ITSELF, view)
        except BadRecord:
            # One session that cannot go on must not stop the time of all others.
            self._schedule.plan(key, now_at + _AGAIN_MS)
            return []

    def _clock(self, view: View) -> list[Output]:
        at = self._marks(view).applied_at
        if at == NEVER or not self._tally.changed(at):
            return []
        applied = ClockApplied(
            partition=self._partition,
            partitions=self._partitions,
            at=at,
            outstanding=self._tally.total,
            oldest=self._tally.some(),
        )
        key = str(self._partition).encode()
        return [Output(topics.APPLIED, key, codec.encode(applied), self._partition)]


def _written(step: Step) -> list[Output]:
    """Raises BadRecord where figures outgrow the contract: one session waits, not its partition."""
    try:
        return outputs(step)
    except codec.NotWritable as error:
        raise BadRecord("impossible-field", str(error)) from error


def _check_instant(request: SessionRequested | HoldReported, clock_at: int) -> None:
    """A terminal whose clock is far ahead: its hold would be past its own expiry when approved."""
    name = "placed_at" if isinstance(request, HoldReported) else "requested_at"
    ahead_ms = max(request.requested_at, getattr(request, name)) - clock_at
    if clock_at != NEVER and ahead_ms > _AHEAD_MAX_MS:
        raise BadRecord("impossible-field", f"{name}: {ahead_ms} ms ahead of the time")


def _check_early(fact: Fact) -> None:
    """What cannot be applied is parked now: later it would be in the way of the request itself."""
    try:
        check(fact)
        if isinstance(fact, LinkedFact):
            codec.decode(fact.fact)
    except codec.NotReadable as error:
        raise BadRecord(error.reason, error.detail) from error


def _ref(topic: str, partition: int, offset: int) -> str:
    return f"{topic}/{partition}/{offset}"


@dataclass(frozen=True, kw_only=True)
class SessionsStage(Stage):
    """Sessions as the engine runs it. Facts are parked `horizon_ms` after a session was closed.

    `rules`: the edition that the journal tells of; empty: this program's own.
    """

    horizon_ms: int = HORIZON_MS
    rules: str = ""

    def open(self, partition: int, references: References) -> SessionsLogic:
        return SessionsLogic(partition, self.partitions, references, self.horizon_ms, self.rules)

    def keys_of(self, record: Record) -> tuple[bytes, ...]:
        return (SESSION + record.key,)


def sessions_stage(partitions: int, horizon_ms: int = HORIZON_MS) -> SessionsStage:
    return SessionsStage(
        horizon_ms=horizon_ms,
        name="sessions",
        version=4,
        inputs=(
            topics.EVENTS,
            topics.REQUESTS,
            topics.RESPONSES,
            topics.VISIT_FACTS,
            topics.FISCAL_RESPONSES,
            topics.DECISIONS,
        ),
        state_topic=topics.SESSIONS_STATE,
        parked_topic=topics.PARKED,
        partitions=partitions,
        kinds=(
            StateKind(prefix=SESSION, type=PaymentSession, is_cold=is_over),
            StateKind(prefix=EARLY, type=EarlyFacts),
            StateKind(prefix=MARKS, type=Marks),
        ),
        references=(topics.TARIFFS, topics.POLICIES, topics.HEALTH),
        barrier_topics=frozenset({topics.EVENTS}),
        check_keys=frozenset({topics.REQUESTS, topics.RESPONSES, topics.DECISIONS}),
    )
