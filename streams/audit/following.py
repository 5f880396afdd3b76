"""Sessions decided again, in the order of their journal, by the very same core.

A step that another edition of the rules decided, as its journal says, is decided again, too; where
that gives the same, well; where not, the session is only *followed* from then on: issued commands
are facts, and newer rules never change them (see README.md, "Two editions").
"""

from collections.abc import Iterator
from itertools import islice, takewhile
from typing import NamedTuple

import msgspec

from schemas import codec, topics
from schemas.facts import AppliedInput, Fact, SessionJournal
from streams.agents.routes import outputs
from streams.audit.findings import Finding, finding
from streams.audit.inputs import Inputs, Place
from streams.audit.pins import JournalPins
from streams.audit.shelf import Drawer
from streams.core import pipe
from streams.core.pipe import Step
from streams.core.session import (
    PaymentSession,
    Quarantined,
    QuarantineLifted,
    ReferenceReused,
    SessionUnknown,
    TimeReached,
)
from streams.engine.stage import BadRecord, Output

_UNFIT = (BadRecord, SessionUnknown, ReferenceReused, codec.NotReadable, codec.NotWritable)
_OF_PARKED = (Quarantined, QuarantineLifted)  # the input itself counts as parked, or counted before
OTHER_EDITION = "decided by another edition of the rules"
GONE = "an input is no longer there"
DIFFERS = "it was decided otherwise: see its finding"


class Followed(msgspec.Struct, array_like=True, frozen=True):
    """One session. `mixed`: another edition decided of it, too; `why`: only followed, and why.

    `edition`: of the auditor that came to this state; after an upgrade it is another one's.
    """

    session: PaymentSession | None = None
    mixed: bool = False
    why: str = ""
    edition: str = ""


class Due(msgspec.Struct, array_like=True, frozen=True):
    """When a session is to be decided again, by its partition's time; `last`: an input of it."""

    at: int
    partition: int
    last: str


class Course(msgspec.Struct):
    """How far it is; counts since the auditor began. Kept in the checkpoint whole.

    `stopped`: by session why it is only followed. `applied`: by partition the newest time that the
    stage says it has applied. `of_others`: commands that another edition issued.
    """

    queues: dict[int, list[SessionJournal]] = {}
    findings: list[Finding] = []
    stopped: dict[str, str] = {}
    due: dict[str, Due] = {}
    applied: dict[int, int] = {}
    sessions: int = 0
    steps: int = 0
    of_others: int = 0


class Said(NamedTuple):
    """What one record of the journal should have led to; `version` of a ledger, else 0."""

    session_id: str
    issued: tuple[str, ...]
    outputs: list[tuple[Output, int]]


class Following:
    """The journal's records by partition, applied as soon as what they name was taken."""

    def __init__(
        self,
        course: Course,
        sessions: Drawer[Followed],
        inputs: Inputs,
        pins: JournalPins,
        edition: str,
    ) -> None:
        self._course = course
        self._sessions = sessions
        self._inputs = inputs
        self._pins = pins
        self._edition = edition

    def take(self, partition: int, journal: SessionJournal) -> None:
        self._course.queues.setdefault(partition, []).append(journal)

    def knows(self, session_id: str) -> bool:
        return self._sessions.get(session_id) is not None

    def is_only_followed(self, session_id: str) -> bool:
        found = self._sessions.get(session_id)
        return found is not None and found.why != ""

    def is_mixed(self, session_id: str) -> bool:
        found = self._sessions.get(session_id)
        return found is not None and found.mixed

    def only_follow(self, session_id: str, why: str) -> None:
        found = self._sessions.get(session_id) or Followed()
        if not found.why:
            self._sessions.put(session_id, msgspec.structs.replace(found, session=None, why=why))
            self._course.stopped[session_id] = why
            self._course.due.pop(session_id, None)

    def advance(self, most: int, *, final: bool = False) -> list[Said]:
        """What can be decided by now. `final`: what was not taken by now will not come."""
        said: list[Said] = []
        for queue in self._course.queues.values():
            ready = takewhile(lambda one: final or self._is_ready(one), queue)
            batch = [self._record(one) for one in islice(ready, most - len(said))]
            del queue[: len(batch)]
            said += batch
        return said

    def _is_ready(self, journal: SessionJournal) -> bool:
        return all(
            not one.topic or self._inputs.is_due((one.topic, one.partition, one.offset))
            for one in journal.applied
        )

    def _record(self, journal: SessionJournal) -> Said:
        session_id = journal.session_id
        known = self._sessions.get(session_id)
        if known is None:
            self._course.sessions += 1
            known = Followed(edition=self._edition)
        mixed = known.mixed or {journal.rules, known.edition} != {self._edition}
        said, session, why = self._decided(journal, known)
        issued = tuple(journal.issued)
        self._course.of_others += len(issued) if journal.rules != self._edition else 0
        decided = tuple(_ids(said))
        if not why and decided != issued:
            why = OTHER_EDITION if mixed else DIFFERS
            if not mixed:
                self._differs(session_id, decided, issued)
        if why and not known.why:
            self._course.stopped[session_id] = why
        after = Followed(None if why else session, mixed, why, self._edition)
        self._sessions.put(session_id, after)
        self._plan(journal, after)
        return Said(session_id, issued, [] if why else [*_outputs(said)])

    def _plan(self, journal: SessionJournal, after: Followed) -> None:
        """Which instant nobody may pass by: not where other rules chose it."""
        at = after.session.deadline if after.session is not None and not after.mixed else None
        if at is None:
            self._course.due.pop(journal.session_id, None)
            return
        known = self._course.due.get(journal.session_id)
        places = [
            f"{one.topic}/{one.partition}/{one.offset}" for one in journal.applied if one.topic
        ]
        last = places[-1] if places else known.last if known is not None else ""
        self._course.due[journal.session_id] = Due(at, journal.partition, last)

    def overdue(self) -> Iterator[Finding]:
        """Instants that a partition's time has passed, and its session was not decided of."""
        for session_id, one in self._course.due.items():
            if one.at <= self._course.applied.get(one.partition, 0):
                detail = f"due at {one.at}"
                yield finding("overdue", topics.JOURNAL, session_id, one.last, detail)

    def _differs(self, session_id: str, decided: tuple[str, ...], issued: tuple[str, ...]) -> None:
        detail = (
            f"decided {', '.join(decided) or 'nothing'}, issued {', '.join(issued) or 'nothing'}"
        )
        what = next(iter({*decided} ^ {*issued}), session_id)
        found = finding("decided-otherwise", topics.JOURNAL, session_id, what, detail)
        self._course.findings.append(found)

    def _decided(
        self, journal: SessionJournal, known: Followed
    ) -> tuple[list[Step], PaymentSession | None, str]:
        """The steps, the session after them, and why it is only followed from here on, if so."""
        session, why = known.session, known.why
        self._pins.go_by(journal)
        steps: list[Step] = []
        last: Place = ("", -1, -1)
        for entry in journal.applied:
            place = (entry.topic, entry.partition, entry.offset)
            fact = self._fact(journal.session_id, entry, is_second=place == last)
            last = place
            if why or fact is None:
                why = why or GONE
                continue
            try:
                step = pipe.apply(session, fact, entry.clock_at, self._pins)
            except _UNFIT as error:
                why = self._unfit(journal, known, entry, error)
                continue
            self._course.steps += 1
            if session is not None and entry.topic and not isinstance(fact, _OF_PARKED):
                self._count(session, step, entry.partition)
            session = step.session
            steps.append(step)
        return steps, session, why

    def _unfit(
        self, journal: SessionJournal, known: Followed, entry: AppliedInput, error: Exception
    ) -> str:
        if isinstance(error, SessionUnknown):
            return GONE  # its journal does not begin with its beginning
        if known.mixed or journal.rules != self._edition:
            return OTHER_EDITION
        what = f"{entry.topic}/{entry.partition}/{entry.offset}"
        detail = " ".join(str(part) for part in error.args)
        self._course.findings.append(
            finding("decided-otherwise", topics.JOURNAL, journal.session_id, what, detail)
        )
        return DIFFERS

    def _count(self, before: PaymentSession, step: Step, partition: int) -> None:
        """Of the inputs taken those that changed nothing are told apart."""
        if step.session == msgspec.structs.replace(before, clock_at=step.session.clock_at):
            self._inputs.repeat(partition)

    def _fact(self, session_id: str, entry: AppliedInput, *, is_second: bool) -> Fact | None:
        """What was applied; None where it is gone."""
        if not entry.topic:
            return TimeReached(at=entry.clock_at)
        place = (entry.topic, entry.partition, entry.offset)
        name = "/".join(map(str, place))
        if is_second:
            return self._lifted(session_id, place)
        if self._inputs.quarantined(place):
            return Quarantined(ref=name)
        found = self._inputs.apply(place)
        if found is not None:
            return _read(found.value)
        if not self._inputs.is_gone(place):
            self._course.findings.append(finding("applied-twice", entry.topic, session_id, name))
        return None

    def _lifted(self, session_id: str, place: Place) -> Fact | None:
        ref = self._inputs.lifted(place)
        if ref:
            return QuarantineLifted(ref=ref)
        name = "/".join(map(str, place))
        self._course.findings.append(finding("applied-twice", place[0], session_id, name))
        return None


def _read(value: bytes) -> Fact | None:
    try:
        return codec.decode(value)
    except codec.NotReadable:
        return None


def _ids(steps: list[Step]) -> Iterator[str]:
    return (command.command_id for step in steps for command in step.commands)


def _outputs(steps: list[Step]) -> Iterator[tuple[Output, int]]:
    for step in steps:
        version = step.ledger.version if step.ledger is not None else 0
        for one in outputs(step):
            yield one, version if one.topic == topics.LEDGER else 0
