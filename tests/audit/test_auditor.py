"""The auditor over whole sessions, without a broker: in order, and tampered with."""

import msgspec
import pytest
from auditworld import AuditedDay, audited, references_of
from test_link_and_sessions import SESSION, T0, reading, request

from schemas import codec, topics
from schemas.decisions import LinkRejected
from schemas.facts import AcquirerAnswered, LinkedFact
from streams.agents.journal import edition
from streams.audit.auditor import INPUTS, ORDERS, OUTPUTS, Auditor
from streams.audit.following import OTHER_EDITION
from streams.audit.shelf import Shelf
from streams.core import opening, pipe

MINUTE = 60_000


@pytest.fixture(scope="module")
def day():
    """Two raises by crossings, a capture; everything said yes to."""
    day = AuditedDay(funding="debit")
    day.charge(minutes=60)
    return day


def test_what_came_out_of_the_real_stages_is_in_order(day):
    report = audited(day.pipeline)
    assert report.findings == []
    assert report.in_order
    assert report.sessions == 1
    assert report.steps > 10
    assert report.crossings == 2
    assert report.only_followed == {}


def test_every_input_is_accounted_for(day):
    flows = audited(day.pipeline).flows
    assert sum(flow.taken for flow in flows.values()) > 10
    for flow in flows.values():
        assert flow.taken == flow.applied + flow.repeated + flow.parked
        assert flow.lost == flow.waiting == 0


def test_what_is_told_again_is_counted_apart():
    day = AuditedDay(funding="debit")
    day.charge(minutes=60)
    before = audited(day.pipeline).flows
    answers = [one for one in day.pipeline.records if one.topic == topics.RESPONSES]
    for one in answers:
        day.pipeline.send_bytes(one.topic, one.key.decode(), one.value)
    day.pipeline.run()
    flows = audited(day.pipeline).flows
    for partition, flow in flows.items():
        assert flow.taken == flow.applied + flow.repeated + flow.parked
        assert flow.applied == before[partition].applied
    again = [flows[partition].repeated - one.repeated for partition, one in before.items()]
    assert sum(again) == len(answers) > 2


def without(victim):
    return lambda record: None if record is victim else record


def with_value(victim, value):
    return lambda record: (
        msgspec.structs.replace(record, value=value) if record is victim else record
    )


def of(day, *names):
    return [one for one in day.pipeline.records if one.topic in names]


def named(record):
    fact = codec.decode(record.value)
    return fact.command_id if record.topic in ORDERS else type(fact).__name__


def test_each_command_that_the_auditor_does_not_see_is_missing(day):
    for victim in of(day, *ORDERS):
        (found,) = audited(day.pipeline, without(victim)).findings
        assert (found.kind, found.what) == ("missing", named(victim))
        assert found.repair == f"holdfast audit --emit {found.what} --yes"


def test_every_other_record_that_is_not_there_is_missing_but_an_old_ledger(day):
    ledgers = of(day, topics.LEDGER)
    for victim in of(day, *(name for name in OUTPUTS if name not in ORDERS)):
        found = [(one.kind, one.what) for one in audited(day.pipeline, without(victim)).findings]
        is_compacted = victim in ledgers[:-1]
        assert found[:1] == ([] if is_compacted else [("missing", named(victim))])


def test_one_look_is_not_yet_a_finding_and_the_second_is(day):
    view = without(of(day, topics.COMMANDS)[0])
    assert audited(day.pipeline, view, passes=1).in_order
    assert not audited(day.pipeline, view, passes=2).in_order


def test_another_record_of_the_same_name_is_not_loose_for_the_second_time(day):
    """Ledgers come with every step: each of them is looked at twice."""
    first, second = of(day, topics.LEDGER)[:2]
    auditor = Auditor(Shelf(), edition())
    auditor.take(first)
    assert auditor.settle({}, {}).in_order
    explained = [*references_of(day.pipeline), *of(day, *INPUTS), of(day, topics.JOURNAL)[0]]
    for record in (*explained, second):
        auditor.take(record)
    assert auditor.settle({}, {}).in_order
    assert "SessionLedger" in [one.what for one in auditor.settle({}, {}).findings]


def test_each_command_with_another_body_is_changed_and_the_field_is_named(day):
    for victim in of(day, topics.COMMANDS):
        fact = codec.decode(victim.value)
        other = codec.encode(msgspec.structs.replace(fact, amount_minor=fact.amount_minor + 1))
        (found,) = audited(day.pipeline, with_value(victim, other)).findings
        assert (found.kind, found.what) == ("changed", fact.command_id)
        assert "amount_minor" in found.detail


def test_what_nobody_should_have_said_is_extra(day):
    command = of(day, topics.COMMANDS)[0]
    twice = msgspec.structs.replace(command, offset=999)
    records = [*day.pipeline.records, twice]
    (found,) = audited_records(day, records).findings
    assert (found.kind, found.what) == ("extra", named(command))


def audited_records(day, records, view=lambda record: record):
    kept, day.pipeline.records = day.pipeline.records, records
    try:
        return audited(day.pipeline, view)
    finally:
        day.pipeline.records = kept


def test_a_command_said_again_mends_the_finding(day):
    victim = of(day, topics.COMMANDS)[-1]
    records = [one for one in day.pipeline.records if one is not victim]
    again = msgspec.structs.replace(victim, offset=999)
    assert audited_records(day, [*records, again]).in_order


def test_a_crossing_that_woke_nobody_is_missed(day):
    """The newest watch's, where the topics end there: a later watch takes an older one's place."""
    linked = [
        (number, codec.decode(record.value))
        for number, record in enumerate(day.pipeline.records)
        if record.topic == topics.EVENTS and codec.record_name(record.value) == LinkedFact.__name__
    ]
    crossing = next(at for at, (_, fact) in enumerate(linked) if fact.crossing)
    upto, _ = linked[crossing - 1]  # the reading just before it went with it
    (found,) = audited_records(day, day.pipeline.records[:upto]).findings
    assert found.kind == "crossing-missed"
    assert found.what.startswith(topics.READINGS)


def test_an_end_that_never_reached_its_session_is_not_linked(day):
    ends = [
        one
        for one in of(day, topics.EVENTS)
        if isinstance(fact := codec.decode(one.value), LinkedFact)
        and codec.record_name(fact.fact) == "ChargingEnded"
    ]
    upto = day.pipeline.records.index(ends[0])
    found = audited_records(day, day.pipeline.records[:upto]).findings
    assert [one.kind for one in found] == ["not-linked"]


def test_an_input_that_passed_by_with_no_effect_is_lost(day):
    answer = of(day, topics.RESPONSES)[-1]
    passed = msgspec.structs.replace(answer, offset=answer.offset + 1)
    (found,) = audited_records(day, [*day.pipeline.records, passed]).findings
    assert found.kind == "lost"
    assert found.repair == f"holdfast audit --again {found.what} --yes"


def answered(session_id=SESSION):
    return AcquirerAnswered(
        tenant="t", session_id=session_id, command_id=f"{session_id}/hold/1", kind="hold",
        hold_id=f"{session_id}/hold/1", acquirer_id="sim-total", outcome="done", amount_minor=2000,
        currency="CHF", source="webhook", answered_at=T0,
    )  # fmt: skip


def test_parked_inputs_early_facts_quarantine_and_retry_are_followed():
    day = AuditedDay()
    day.pipeline.send(topics.RESPONSES, SESSION, answered())  # before its session
    day.pipeline.send_bytes(topics.REQUESTS, "nobody", b"\x00nonsense")
    day.pipeline.send(topics.REQUESTS, SESSION, request(day.pipeline))
    day.tick(T0)
    day.tell(reading(T0 + MINUTE, 1, 5000), reading(T0 + 2 * MINUTE, 2, 4000))
    day.pipeline.send_bytes(topics.RESPONSES, SESSION, b"broken")
    day.tick(T0 + MINUTE)
    refused = [record for record, _ in day.pipeline.parked if record.topic == topics.RESPONSES]
    ref = f"{refused[0].topic}/{refused[0].partition}/{refused[0].offset}".encode()
    day.pipeline.send(topics.RESPONSES, SESSION, answered(), headers=(("retry-of", ref),))
    day.tick(T0 + 2 * MINUTE)
    nobody = "a" * 32
    day.pipeline.send(topics.RESPONSES, nobody, answered(nobody))
    day.tick(T0 + 3 * MINUTE)
    report = audited(day.pipeline)
    assert report.findings == []
    assert report.only_followed == {}
    flows = report.flows.values()
    assert sum(flow.parked for flow in flows) == 2
    assert sum(flow.waiting for flow in flows) == 1
    for flow in flows:
        assert flow.taken == flow.applied + flow.repeated + flow.parked + flow.waiting


def test_crashes_between_steps_are_in_order():
    day = AuditedDay()
    day.charge(crash_seed=3)
    assert audited(day.pipeline).findings == []


class UpgradedDay(AuditedDay):
    """Older rules until minute ten, which choose another `field` than today's; then today's."""

    def __init__(self, monkeypatch, field, *, told=True):
        super().__init__(funding="debit")
        self.field = field
        self.patch = monkeypatch
        monkeypatch.setattr(pipe, "pin", self._pin)
        if told:
            self.pipeline.decided_by("older")

    def _pin(self, *known):
        pinned = opening.pin(*known)
        more = {self.field: getattr(pinned.choice, self.field) + 100}
        choice = msgspec.structs.replace(pinned.choice, **more)
        return msgspec.structs.replace(pinned, choice=choice)

    def tick(self, at):
        if at == T0 + 10 * MINUTE:
            self.patch.undo()
            self.pipeline.decided_by("")
        super().tick(at)


FIELDS = pytest.mark.parametrize("field", ["first_minor", "step_minor"])


@FIELDS
def test_an_upgrade_over_an_open_session_changes_no_command_and_raises_no_alarm(monkeypatch, field):
    """`step_minor` shows only in a raise, long after the upgrade."""
    day = UpgradedDay(monkeypatch, field)
    day.charge(minutes=60)
    ids = [one.command_id for one in day.commands()]
    assert len(ids) == len({*ids}) == 4
    report = audited(day.pipeline)
    assert report.findings == []
    assert report.only_followed == {OTHER_EDITION: 1}


@FIELDS
def test_other_decisions_by_what_says_that_it_is_the_same_edition_are_an_alarm(monkeypatch, field):
    day = UpgradedDay(monkeypatch, field, told=False)
    day.charge(minutes=60)
    assert not audited(day.pipeline).in_order


@FIELDS
def test_what_is_only_followed_is_still_there_once_with_its_body(monkeypatch, field):
    day = UpgradedDay(monkeypatch, field)
    day.charge(minutes=60)
    for victim in of(day, topics.COMMANDS):
        fact = codec.decode(victim.value)
        other = codec.encode(msgspec.structs.replace(fact, amount_minor=fact.amount_minor + 1))
        for view, kind in ((without(victim), "missing"), (with_value(victim, other), "changed")):
            (found,) = audited(day.pipeline, view).findings
            assert (found.kind, found.what) == (kind, fact.command_id)


def test_a_session_that_two_editions_decided_alike_is_verified():
    day = AuditedDay(funding="debit")
    day.pipeline.decided_by("older")
    day.charge(minutes=60)
    report = audited(day.pipeline)
    assert report.findings == []
    assert report.only_followed == {}
    assert report.outputs > 20


def moved_on(day, after_ms):
    """What sessions says of its time: it has passed all that there was by so much."""
    said = of(day, topics.APPLIED)[-1]
    at = codec.decode(said.value).at + after_ms
    value = codec.encode(msgspec.structs.replace(codec.decode(said.value), at=at))
    return msgspec.structs.replace(said, offset=said.offset + 1, value=value)


def test_an_instant_that_passed_and_nobody_was_told_is_overdue():
    """A deadline that a stage forgot leaves no other trace: nothing is journalled of it."""
    waiting = AuditedDay()
    waiting.pipeline.send(topics.REQUESTS, SESSION, request(waiting.pipeline))
    waiting.tick(T0)
    records = waiting.pipeline.records
    assert audited(waiting.pipeline).in_order
    (found,) = audited_records(waiting, [*records, moved_on(waiting, 24 * 60 * MINUTE)]).findings
    assert (found.kind, found.session_id) == ("overdue", SESSION)
    assert found.repair == f"holdfast audit --again {found.what} --yes"
    waiting.tick(T0 + 24 * 60 * MINUTE)
    assert audited(waiting.pipeline).in_order


def test_what_a_person_decided_is_an_input_like_any_other(day):
    """Applied by sessions, told by its journal: its session goes on being decided again."""
    decided = AuditedDay()
    decided.charge(minutes=5)
    rejection = LinkRejected(
        tenant="t", session_id=SESSION, proposal_id="p-1", source_topic=topics.OCPI_CDRS,
        source_partition=0, source_offset=7, who="operator", why="another car", evidence="plate",
        decided_at=T0,
    )  # fmt: skip
    decided.pipeline.send(topics.DECISIONS, SESSION, rejection)
    decided.tick(T0 + 60 * MINUTE)
    report = audited(decided.pipeline)
    assert report.findings == []
    assert report.only_followed == {}
