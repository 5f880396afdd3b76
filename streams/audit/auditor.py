"""The auditor without a broker: records in, topics in any order; findings at the end of a pass.

What is loose at the end of one pass, and still at the end of the next, is a finding: a transaction
becomes visible partition by partition, and within a period all of it has.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import msgspec

from schemas import codec, topics
from schemas.facts import (
    ChargerSilence,
    ClockApplied,
    LinkedFact,
    OrphanAged,
    SessionJournal,
    Watch,
    Watermark,
)
from streams.audit.findings import Finding, Kind, finding
from streams.audit.following import OTHER_EDITION, Course, Followed, Following, Said
from streams.audit.gates import Bounds, Gates, Noted, Watched
from streams.audit.inputs import Flow, Inputs
from streams.audit.matching import Expected, Loose, Matching, Seen
from streams.audit.pins import JournalPins, Tables
from streams.audit.shelf import Drawer, Shelf
from streams.core.silence import Rhythm
from streams.engine.stage import Record

INPUTS = (
    topics.EVENTS,
    topics.REQUESTS,
    topics.RESPONSES,
    topics.VISIT_FACTS,
    topics.FISCAL_RESPONSES,
    topics.DECISIONS,
)
ORDERS = (
    topics.COMMANDS,
    topics.CHARGER_COMMANDS,
    topics.TERMINAL_COMMANDS,
    topics.OCPI_COMMANDS,
    topics.FISCAL_REQUESTS,
)
OUTPUTS = (
    *ORDERS,
    topics.LEDGER,
    topics.WATCHES,
    topics.ALIASES,
    topics.DISCREPANCIES,
    topics.CARD_USES,
)
REFERENCES = (topics.TARIFFS, topics.POLICIES)
_OF_CHARGERS = frozenset({topics.READINGS, topics.TRANSACTIONS})
_OF_LINK = frozenset(one.__name__ for one in (LinkedFact, ChargerSilence, Watermark))
_AT_ONCE = 200  # records of the journal: whoever runs this has a heart to beat in between


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One pass. `in_order`: nothing is found that was not mended since.

    Counts are since the auditor began: sessions of the journal and steps decided again; of the
    sessions `only_followed`, by the reason; commands that another edition issued; outputs met by
    their records; readings compared and watches they passed; silences of chargers that were told.
    `flows`: by partition of sessions, in = applied + repeated + parked + waiting.
    """

    in_order: bool
    passes: int
    sessions: int
    steps: int
    outputs: int
    readings: int
    crossings: int
    silences: int
    only_followed: dict[str, int]
    commands_of_others: int
    flows: dict[str, Flow]
    findings: list[Finding]


class Memory(msgspec.Struct):
    """All that the auditor knows beside its shelf and the reference topics.

    `issued`: by id what the journal issued and was not seen, its session; `ordered`: the other way
    round. `loose`: names of what had no counterpart at the end of the last pass.
    """

    inputs: Inputs = msgspec.field(default_factory=Inputs)
    matching: Matching = msgspec.field(default_factory=Matching)
    noted: Noted = msgspec.field(default_factory=Noted)
    course: Course = msgspec.field(default_factory=Course)
    issued: dict[str, str] = {}
    ordered: dict[str, str] = {}
    loose: frozenset[str] = frozenset()
    broken: list[Finding] = []
    passes: int = 0


class Auditor:
    """Not thread-safe. `edition`: of the rules that this program has. `memory`: goes on from it.

    `rhythm`: link's, by which a charger is silent.
    """

    def __init__(
        self,
        shelf: Shelf,
        edition: str,
        memory: Memory | None = None,
        rhythm: Rhythm | None = None,
    ) -> None:
        self._tables = Tables()
        self.memory = memory or Memory()
        self._course = self.memory.course
        self._inputs = self.memory.inputs
        self._matching = self.memory.matching
        self._sessions = Drawer(shelf, "session", Followed)
        pins = JournalPins(self._tables)
        self._following = Following(self._course, self._sessions, self._inputs, pins, edition)
        self._chargings = Drawer(shelf, "charging", Watched, 50_000)
        self._gates = Gates(self.memory.noted, self._chargings, shelf, rhythm or Rhythm())
        self._take: dict[str, Callable[[Record], None]] = {
            topics.READINGS: self._gates.reading,
            topics.TRANSACTIONS: self._transaction,
            topics.JOURNAL: self._journal,
            topics.PARKED: self._parked,
            topics.APPLIED: self._clock,
            **dict.fromkeys(INPUTS, self._inputs.take),
            **dict.fromkeys(OUTPUTS, self._output),
            **dict.fromkeys(ORDERS, self._order),
            **dict.fromkeys(REFERENCES, self._reference),
            topics.EVENTS: self._event,
            topics.WATCHES: self._watch,
        }

    def take(self, record: Record) -> None:
        """One record of any topic that is audited."""
        if record.topic in _OF_CHARGERS:
            self._gates.ears.begins(record.topic, record.partition, record.offset)
        if record.topic != topics.READINGS or self._is_believed(record):
            self._take[record.topic](record)
        else:
            self._gates.refused(record)

    def advance(self, *, final: bool = False) -> bool:
        """Decide some of what can be decided by now; whether there may be more.

        `final`: everything visible was taken, so what is not there is not waited for.
        """
        said = self._following.advance(_AT_ONCE, final=final)
        for one in said:
            self._said(one)
        return len(said) == _AT_ONCE

    def settle(self, link: Bounds, sessions: Bounds) -> Report:
        """The end of a pass: everything visible was taken, readings up to `link`.

        `link` and `sessions`: what the two stages had applied before the ends were asked for.
        """
        while self.advance(final=True):
            pass
        self.memory.passes += 1
        loose = dict(self._all_loose(link, sessions))
        old = [one for name, one in loose.items() if name in self.memory.loose]
        found = _once([*old, *self.memory.broken, *self._course.findings])
        self.memory.loose = frozenset(loose)
        return self._report(found)

    def flush(self) -> None:
        """Write to the shelf what is not there yet."""
        self._sessions.flush()
        self._chargings.flush()
        self._gates.ears.flush()

    @property
    def behind(self) -> dict[str, int]:
        """How much waits in memory, by what it waits for: the reader slows down by it."""
        return {
            "journal": sum(len(queue) for queue in self._course.queues.values()),
            "inputs": len(self._inputs.waiting),
            "outputs": len(self._matching.seen),
        }

    # --- records ---

    def _reference(self, record: Record) -> None:
        self._tables.put(record.topic, record.key, record.value)

    def _is_believed(self, record: Record) -> bool:
        return (record.topic, record.partition, record.offset) not in self._inputs.parked

    def _parked(self, record: Record) -> None:
        headers = {name: value.decode("utf-8", "replace") for name, value in record.headers}
        if not headers.keys() >= {"topic", "partition", "offset", "reason"}:
            return
        place = (headers["topic"], int(headers["partition"]), int(headers["offset"]))
        self._inputs.park(place, headers["reason"])
        self._gates.parked(place)

    def _transaction(self, record: Record) -> None:
        if self._is_believed(record):
            self._gates.transaction(record)

    def _journal(self, record: Record) -> None:
        journal = codec.decode(record.value)
        assert isinstance(journal, SessionJournal)
        self._following.take(record.partition, journal)

    def _clock(self, record: Record) -> None:
        fact = codec.decode(record.value)
        assert isinstance(fact, ClockApplied)
        self._course.applied[fact.partition] = fact.at

    def _event(self, record: Record) -> None:
        self._inputs.take(record)
        if codec.record_name(record.value) not in _OF_LINK:
            return
        match codec.decode(record.value):
            case LinkedFact() as fact:
                self._gates.linked(fact)
            case ChargerSilence() as fact:
                place = f"{record.topic}/{record.partition}/{record.offset}"
                self._gates.ears.silence(fact, place)
            case Watermark() as fact:
                self._gates.ears.marked(fact, record.partition)
            case _:
                pass

    def _watch(self, record: Record) -> None:
        self._output(record)
        fact = codec.decode(record.value)
        assert isinstance(fact, Watch)
        self._gates.watch(fact, record)

    def _output(self, record: Record) -> None:
        if codec.record_name(record.value) == OrphanAged.__name__:
            return  # link says it too, and it is about no session
        place = f"{record.topic}/{record.partition}/{record.offset}"
        self._matching.see(record.topic, record.key, Seen(place, record.value))

    def _order(self, record: Record) -> None:
        """A command: there once, as the journal says, and with the body that its hash covers."""
        self._output(record)
        fact = codec.decode(record.value)
        command_id = getattr(fact, "command_id", "")
        session_id = getattr(fact, "session_id", "")
        told = getattr(fact, "body_hash", "")
        if told and codec.body_hash(fact) != told:
            detail = "its body is not what its hash covers"
            self.memory.broken.append(
                finding("changed", record.topic, session_id, command_id, detail)
            )
        if self.memory.issued.pop(command_id, None) is None:
            self.memory.ordered[command_id] = session_id

    # --- what is loose ---

    def _said(self, said: Said) -> None:
        for command_id in said.issued:
            if self.memory.ordered.pop(command_id, None) is None:
                self.memory.issued[command_id] = said.session_id
        for one, version in said.outputs:
            expected = Expected(said.session_id, one.value, version)
            self._matching.expect(one.topic, one.key or b"", expected)

    def _all_loose(self, link: Bounds, sessions: Bounds) -> Iterator[tuple[str, Finding]]:
        missing = [*self._matching.loose_expected()]
        for one in missing:
            if self._following.is_mixed(one.session_id):  # issued by other rules: a fact as it is
                self._following.only_follow(one.session_id, OTHER_EDITION)
                self._matching.forget_expected(one.session_id)
        yield from self._unmatched([*self._matching.loose_expected()])
        loose = (
            self._unordered(),
            self._gates.misses(link),
            self._gates.ears.findings(link),
            self._lost(sessions),
            self._following.overdue(),
        )
        for found in chain(*loose):
            yield f"{found.kind}/{found.session_id}/{found.what}/{found.detail}", found

    def _unmatched(self, missing: list[Loose]) -> Iterator[tuple[str, Finding]]:
        extra: dict[tuple[str, str], list[Loose]] = {}
        for one in [*self._matching.loose_seen()]:
            if self._following.is_only_followed(one.session_id):
                self._matching.forget_seen(one.key)
            else:
                extra.setdefault((one.key[0], one.what), []).append(one)
        for one in missing:
            others = extra.get((one.key[0], one.what))
            other = others.pop() if others else None
            kind: Kind = "missing" if other is None else "changed"
            detail = _differing(one, other)
            yield _name(one), finding(kind, one.key[0], one.session_id, one.what, detail)
        for one in (each for ones in extra.values() for each in ones):
            yield _name(one), finding("extra", one.key[0], one.session_id, one.what)

    def _unordered(self) -> Iterator[Finding]:
        """What holds of every session, whoever decided of it: each id that was issued is there."""
        for command_id, session_id in self.memory.issued.items():
            detail = "the journal has it"
            yield finding("missing", "", session_id, command_id, detail)
        for command_id, session_id in self.memory.ordered.items():
            detail = "the journal does not have it"
            yield finding("extra", "", session_id, command_id, detail)

    def _lost(self, sessions: Bounds) -> Iterator[Finding]:
        for place, one in self._inputs.waiting.items():
            is_passed = place[2] < sessions.get(place[:2], 0)
            if is_passed and self._following.knows(one.session_id):
                name = "/".join(map(str, place))
                yield finding("lost", place[0], one.session_id, name)

    def _report(self, found: list[Finding]) -> Report:
        course = self._course
        reasons = [*course.stopped.values()]
        return Report(
            in_order=not found,
            passes=self.memory.passes,
            sessions=course.sessions,
            steps=course.steps,
            outputs=self._matching.matched,
            readings=self.memory.noted.readings,
            crossings=self.memory.noted.crossed,
            silences=self.memory.noted.heard.told,
            only_followed={reason: reasons.count(reason) for reason in sorted({*reasons})},
            commands_of_others=course.of_others,
            flows=_flows(self._inputs, (one for one in found if one.kind == "lost")),
            findings=found,
        )


def _name(one: Loose) -> str:
    """Of one record: several may read alike to people."""
    topic, key, digest = one.key
    return f"{topic}/{key.hex()}/{digest.hex()}"


def _once(found: list[Finding]) -> list[Finding]:
    """One command, one finding of a kind: the one with a topic is the one that says most."""
    named: dict[tuple[str, str, str], Finding] = {}
    for one in sorted(found, key=lambda one: one.topic == ""):
        name = one.what if "/" in one.what else f"{one.topic} {one.what}"
        named.setdefault((one.kind, one.session_id, name), one)
    return sorted(named.values())


def _flows(inputs: Inputs, lost: Iterable[Finding]) -> dict[str, Flow]:
    for flow in inputs.flows.values():
        flow.waiting = flow.lost = 0
    for _, partition, _ in inputs.waiting:
        inputs.flow(partition).waiting += 1
    for one in lost:
        inputs.flow(int(one.what.split("/")[1])).lost += 1
    return {
        str(number): msgspec.structs.replace(flow) for number, flow in sorted(inputs.flows.items())
    }


def _differing(one: Loose, other: Loose | None) -> str:
    """The names of the fields that differ."""
    if other is None or one.fact is None or other.fact is None:
        return ""
    ours, theirs = (msgspec.to_builtins(each.fact, builtin_types=(bytes,)) for each in (one, other))
    names = [name for name in ours if ours[name] != theirs.get(name)]
    return ", ".join(f"{name}: {ours[name]} expected, {theirs.get(name)} there" for name in names)
