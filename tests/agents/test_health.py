"""The health stage on its own logic and state codec: samples find their acquirer, once each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipeline import References
from test_link_and_sessions import SESSION, Day, request
from test_link_and_sessions import T0 as DAY_AT

from schemas import codec, ids, topics
from schemas.facts import AcquirerAnswered, AcquirerHealth, AcquirerSampled
from streams.agents.health import ACQUIRER, health_stage
from streams.agents.references import ReferencePins, health_table
from streams.core.health import AcquirerWindow, sampled, with_sample
from streams.core.routing import Breaker, admits
from streams.engine.stage import BadRecord, Record
from streams.engine.state import StateStore, WorkingCopy
from streams.reading import partition_of

T0 = 1_790_000_000_000
PARTITIONS = 3


class Stage:
    """All partitions of the stage; a turn takes so many records of one input at once."""

    def __init__(self, at_once=1):
        self.stage = health_stage(PARTITIONS)
        self.stores = [StateStore(self.stage.kinds) for _ in range(PARTITIONS)]
        self.logics = [self.stage.open(number, None) for number in range(PARTITIONS)]
        self.waiting = {}
        self.told = []
        self.at_once = at_once

    def send(self, topic, key, value):
        number = partition_of(key, PARTITIONS)
        self.waiting.setdefault((topic, number), []).append(Record(topic, number, 0, key, value))

    def run(self):
        while self.waiting:
            (topic, number), records = self.waiting.popitem()
            self.turn(number, records[: self.at_once])
            if records[self.at_once :]:
                self.waiting[topic, number] = records[self.at_once :]

    def turn(self, number, records):
        logic, store = self.logics[number], self.stores[number]
        view = WorkingCopy(store)
        for record in records:
            assert not list(logic.step(record, view))
        outputs = list(logic.finish(view))
        assert not view.mutated()
        store.commit(view.changes())
        logic.committed(view.touched)
        for one in outputs:
            if one.topic == topics.HEALTH:
                self.told.append(codec.decode(one.value))
            else:
                self.send(one.topic, one.key, one.value)

    def window(self, acquirer_id):
        name = ids.acquirer_key("t", acquirer_id).encode()
        number = partition_of(name, PARTITIONS)
        return WorkingCopy(self.stores[number]).get(ACQUIRER + name)


def answer(number, acquirer_id="a", outcome="done", at=T0, **more):
    session = f"s{number}"
    fields = {
        "tenant": "t",
        "session_id": session,
        "command_id": f"{session}/hold/1",
        "kind": "hold",
        "hold_id": f"{session}/hold/1",
        "acquirer_id": acquirer_id,
        "outcome": outcome,
        "amount_minor": 0,
        "currency": "EUR",
        "source": "executor",
        "answered_at": at,
        "issued_at": at - 700,
    }
    return AcquirerAnswered(**{**fields, **more})


def give(stage, facts):
    for fact in facts:
        stage.send(topics.RESPONSES, fact.session_id.encode(), codec.encode(fact))
    stage.run()


answers = st.lists(
    st.builds(
        answer,
        number=st.integers(0, 9),
        acquirer_id=st.sampled_from("ab"),
        outcome=st.sampled_from(["done", "declined", "unknown"]),
        at=st.integers(T0, T0 + 3_600_000),
    ),
    max_size=25,
)


@given(answers, st.integers(1, 5))
def test_every_answer_counts_once_at_its_acquirer_however_they_are_taken(facts, at_once):
    stage = Stage(at_once)
    give(stage, facts)
    for acquirer_id in "ab":
        plain = AcquirerWindow("t", acquirer_id)
        for fact in facts:
            if fact.acquirer_id == acquirer_id:
                plain = with_sample(plain, sampled(fact))
        found = stage.window(acquirer_id)
        if found is None:
            assert not plain.recent
            continue
        assert (found.minutes, found.recent) == (plain.minutes, plain.recent)
        assert found.last_technical_at == plain.last_technical_at
    versions = [one.version for one in stage.told if one.acquirer_id == "a"]
    assert versions == sorted(set(versions))


def test_an_outage_is_told():
    stage = Stage()
    give(stage, [answer(n, at=T0 + n) for n in range(3)])
    give(stage, [answer(n, outcome="unknown", at=T0 + 1_000 + n) for n in range(12)])
    last = stage.told[-1]
    assert (last.answers, last.technical, last.good_since) == (15, 12, 0)
    assert last.p95_ms == 800


def test_what_was_not_committed_is_not_said_twice():
    stage = Stage()
    logic, store = stage.logics[0], stage.stores[0]
    fact = answer(1)
    record = Record(topics.RESPONSES, 0, 0, fact.session_id.encode(), codec.encode(fact))
    view = WorkingCopy(store)
    logic.step(record, view)
    assert len(list(logic.finish(view))) == 1
    logic.aborted()
    view = WorkingCopy(store)
    logic.step(record, view)
    (said,) = logic.finish(view)
    assert len(codec.decode(said.value).answers) == 1


def test_nonsense_among_the_answers_is_for_sessions_to_park():
    stage = Stage()
    stage.turn(0, [Record(topics.RESPONSES, 0, 0, b"k", b"nonsense")])
    assert not stage.told


@pytest.mark.parametrize(
    ("key", "fact"),
    [
        (b"t/b", AcquirerSampled(tenant="t", acquirer_id="a", answers=[])),
        (b"s1", answer(1)),
    ],
)
def test_a_sample_that_is_none_is_parked(key, fact):
    logic = Stage().logics[0]
    record = Record(topics.HEALTH_SAMPLES, 0, 0, key, codec.encode(fact))
    with pytest.raises(BadRecord):
        logic.step(record, WorkingCopy(Stage().stores[0]))


def failing(acquirer_id):
    return AcquirerHealth(
        tenant="t", acquirer_id=acquirer_id, version=3, window_ms=900_000, answers=20, approved=1,
        declined=0, technical=19, p50_ms=800, p95_ms=6_500, good_since=0,
        last_technical_at=DAY_AT - 1_000, last_at=DAY_AT - 1_000,
    )  # fmt: skip


def test_a_session_is_opened_by_what_is_known_and_its_journal_keeps_it():
    day = Day()
    table = day.pipeline.references.items(topics.HEALTH)
    record = failing("sim-total")
    table[ids.acquirer_key("t", "sim-total").encode()] = codec.encode(record)
    asked = request(day.pipeline, acquirer_id="any")
    day.pipeline.send(topics.REQUESTS, SESSION, asked)
    day.pipeline.run()
    (placed,) = day.commands()
    residual = admits("open", "sim-total", SESSION, Breaker())
    assert placed.acquirer_id == ("sim-total" if residual else "sim-reverse")
    table.clear()  # by now the acquirer is well again
    day.tick(DAY_AT + 60_000)
    journals = day.pipeline.said[topics.JOURNAL]
    assert [one.health for one in journals] == [[record], *([[]] * (len(journals) - 1))]
    told_again = References({topics.HEALTH: health_table(journals[0].health)})
    assert ReferencePins(told_again).health("t") == {"sim-total": record}
