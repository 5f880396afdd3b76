"""Turns without a broker: order, parking, blame, barriers."""

from dataclasses import replace
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.barrier import Hold, Holds
from streams.engine.batch import Applier, Culprit, Missing, SomeCulprit
from streams.engine.inbox import Inbox, Slice
from streams.engine.settings import EngineSettings
from streams.engine.stage import (
    BadRecord,
    Logic,
    NeedLookup,
    NeedReference,
    Output,
    Record,
    Stage,
    StateKind,
)
from streams.engine.state import StateStore
from streams.engine.transactions import murmur2_partition

LIMIT = 1_000
SETTINGS = EngineSettings(bootstrap="", app_id="t", max_output_bytes=100, max_state_bytes=50)


async def nobody():
    """Who was to be asked."""


class Text(msgspec.Struct, array_like=True, frozen=True):
    text: str | int


class Obeying(Logic):
    """Does what the value of the record says."""

    def __init__(self) -> None:
        self.applied: list[str] = []
        self.marked: list[tuple[int, str]] = []

    def is_barrier(self, record, view):
        return record.value == b"barrier"

    def step(self, record, view):
        match record.value:
            case b"bad":
                raise BadRecord("no-good", "as told")
            case b"bad later":
                view.put(b"s" + record.key, Text("half done"))
                raise BadRecord("no-good", "as told")
            case b"needs":
                raise NeedReference("tariffs", record.key)
            case b"asks":
                raise NeedLookup("schema 7", nobody)
            case b"large":
                return [Output("out", record.key, b"ok"), Output("out", record.key, b"x" * 101)]
            case b"not encodable":
                view.put(b"s" + record.key, Text(2**70))
            case b"large state":
                view.put(b"s" + record.key, Text("x" * 60))
            case _:
                view.put(b"s" + record.key, Text(record.value.decode()))
        self.applied.append(f"{record.topic}{record.offset}")
        return (Output("out", record.key, record.value),)

    def quarantine(self, record, reason, view):
        self.marked.append((record.offset, reason))
        view.put(b"q" + record.key, Text(reason))
        return (Output("alarms", record.key, reason.encode()),)


class AnyStage(Stage):
    def open(self, partition, references):
        return Obeying()


STAGE = AnyStage(
    name="s",
    version=1,
    inputs=("a", "b", "c"),
    state_topic="state",
    parked_topic="parked",
    partitions=4,
    kinds=(StateKind(prefix=b"s", type=Text), StateKind(prefix=b"q", type=Text)),
)


def never() -> bool:
    return False


class Bench:
    """One partition's inboxes and applier."""

    def __init__(self, stage: Stage = STAGE, **values: list[bytes]) -> None:
        self.logic = Obeying()
        self.store = StateStore(stage.kinds)
        self.applier = Applier(stage, SETTINGS, 0, self.store)
        self.applier.logic = self.logic
        self.holds = Holds(stage.inputs)
        self.inboxes = {topic: Inbox(topic, 0) for topic in stage.inputs}
        for topic, records in values.items():
            self.deliver(topic, records)

    def deliver(self, topic: str, values: list[bytes]) -> None:
        start = self.inboxes[topic].end
        records = [Record(topic, 0, start + i, b"k%d" % i, v) for i, v in enumerate(values)]
        part = Slice(topic, 0, 1, start, start + len(values), records)
        self.inboxes[topic].deliver(part, lambda: None)

    def turn(self, bad=None, limit: int = LIMIT):
        turn = self.applier.begin(limit)
        self.applier.go_on(turn, self.inboxes, self.holds, bad or {}, never)
        self.applier.finish(turn)
        return turn


def outputs(turn) -> list[bytes]:
    return [send.value for send in turn.sends if send.topic == "out"]


def test_records_of_an_input_are_applied_in_order():
    bench = Bench(a=[b"1", b"2", b"3"], b=[b"4"])
    turn = bench.turn()
    assert bench.logic.applied == ["a0", "a1", "a2", "b0"]
    assert turn.counts == {"a": 3, "b": 1}
    assert bench.store.encoded == {}, "nothing is real before the commit"


def test_a_turn_stops_at_its_limit():
    bench = Bench(a=[b"1", b"2", b"3"], b=[b"4"])
    assert bench.turn(limit=2).counts == {"a": 2}


def test_a_full_input_does_not_starve_the_others():
    bench = Bench(a=[b"1"] * 5_000, b=[b"2"] * 10)
    turn = bench.turn(limit=1_000)
    assert turn.counts == {"a": 990, "b": 10}


def test_a_turn_that_takes_too_long_takes_no_more():
    bench = Bench(a=[b"1"] * 5_000, b=[b"2"] * 5_000)
    answers = iter([False, True])
    turn = bench.applier.begin(LIMIT)
    bench.applier.go_on(turn, bench.inboxes, bench.holds, {}, lambda: next(answers))
    assert turn.counts == {"a": 400, "b": 400}


def test_a_turn_that_is_late_before_it_begins_takes_something():
    """Else nothing would wake its partition before something new comes: it stood for minutes."""
    bench = Bench(a=[b"1"], b=[b"barrier"])
    turn = bench.applier.begin(LIMIT)
    bench.applier.go_on(turn, bench.inboxes, bench.holds, {}, lambda: True)
    assert turn.counts == {"a": 1}
    assert turn.met == [("b", 0)]


def test_a_record_found_bad_at_once_is_parked_between_its_neighbours():
    bench = Bench(a=[b"1", b"bad", b"3"])
    turn = bench.turn()
    assert outputs(turn) == [b"1", b"3"]
    (parked,) = [send for send in turn.sends if send.topic == "parked"]
    assert (parked.key, parked.value) == (b"k1", b"bad")
    assert dict(parked.headers) == {
        "reason": b"no-good",
        "detail": b"as told",
        "topic": b"a",
        "partition": b"0",
        "offset": b"1",
    }
    assert bench.logic.marked == [(1, "no-good")]
    assert set(turn.changes) == {b"sk0", b"qk1", b"sk2"}


def test_a_record_found_bad_late_is_named_and_left_out_the_second_time():
    bench = Bench(a=[b"1", b"bad later", b"3"])
    with pytest.raises(Culprit) as raised:
        bench.turn()
    assert (raised.value.place, raised.value.done) == (("a", 1), 1)
    turn = bench.turn(bad={raised.value.place: raised.value.bad})
    assert outputs(turn) == [b"1", b"3"]
    assert turn.parked == 1
    assert b"sk1" not in turn.changes


def test_an_output_that_the_broker_would_refuse_blames_its_record():
    bench = Bench(a=[b"1", b"large", b"3"])
    turn = bench.turn()
    assert outputs(turn) == [b"1", b"3"]
    (parked,) = [send for send in turn.sends if send.topic == "parked"]
    assert dict(parked.headers)["reason"] == b"output-too-large"


@pytest.mark.parametrize(
    ("value", "reason"),
    [(b"not encodable", "state-not-encodable"), (b"large state", "state-too-large")],
)
def test_state_that_cannot_be_stored_blames_some_record_of_the_turn(value, reason):
    bench = Bench(a=[b"1", value])
    with pytest.raises(SomeCulprit) as raised:
        bench.turn()
    assert raised.value.bad.reason == reason
    assert raised.value.counts == {"a": 2}


def test_a_missing_reference_says_who_needs_what():
    bench = Bench(a=[b"1", b"needs"])
    with pytest.raises(Missing) as raised:
        bench.turn()
    assert raised.value.place == ("a", 1)
    assert (raised.value.need.topic, raised.value.need.key) == ("tariffs", b"k1")


def test_what_only_others_can_tell_is_waited_for_outside_of_the_turn():
    bench = Bench(a=[b"1", b"asks"])
    with pytest.raises(Missing) as raised:
        bench.turn()
    assert raised.value.place == ("a", 1)
    assert (raised.value.need.key, raised.value.need.look_up) == ("schema 7", nobody)


def test_a_programming_error_is_nobodys_record():
    bench = Bench(a=[b"\xff"])
    with pytest.raises(UnicodeDecodeError):
        bench.turn()


def test_keys_in_the_wrong_partition_are_parked():
    stage = replace(STAGE, check_keys=frozenset({"a"}))
    bench = Bench(stage, a=[b"1"] * 12)
    turn = bench.turn()
    at_home = [i for i in range(12) if murmur2_partition(b"k%d" % i, 4) == 0]
    assert bench.logic.applied == [f"a{i}" for i in at_home]
    reasons = {dict(s.headers)["reason"] for s in turn.sends if s.topic == "parked"}
    assert reasons == {b"wrong-partition"}
    assert turn.parked == 12 - len(at_home) > 0


def test_keys_are_not_checked_where_not_asked_for():
    assert Bench(a=[b"1"] * 12).turn().parked == 0


def test_a_barrier_waits_with_all_behind_it():
    bench = Bench(a=[b"1", b"barrier", b"3"], b=[b"4"])
    turn = bench.turn()
    assert bench.logic.applied == ["a0", "b0"]
    assert turn.met == [("a", 1)]


def test_a_barrier_passes_once_the_others_reached_their_ends():
    bench = Bench(a=[b"barrier", b"2"])
    bench.holds.add(Hold("a", 0, {"b": 2, "c": 0}))
    bench.deliver("b", [b"x"])
    bench.turn()
    assert bench.logic.applied == ["b0"]
    bench.inboxes["b"].deliver(Slice("b", 0, 1, 1, 2, []), lambda: None)  # a marker at the end
    bench.turn()
    assert bench.logic.applied == ["b0", "b0", "a0", "a1"]
    assert not bench.holds


def test_a_stage_with_one_input_has_no_barriers():
    bench = Bench(replace(STAGE, inputs=("a",)), a=[b"barrier"])
    assert bench.turn().counts == {"a": 1}


def test_only_named_topics_are_asked_for_barriers():
    bench = Bench(replace(STAGE, barrier_topics=frozenset({"b"})), a=[b"barrier"], b=[b"barrier"])
    assert bench.turn().met == [("b", 0)]


def test_a_bad_barrier_is_parked_without_waiting():
    bench = Bench(a=[b"barrier"])
    turn = bench.turn(bad={("a", 0): BadRecord("no-good")})
    assert (turn.parked, turn.met) == (1, [])


value_lists = st.lists(st.sampled_from([b"x", b"barrier", b"bad"]), max_size=6)


@given(a=value_lists, b=value_lists, c=value_lists, seed=st.integers(0, 2**32))
def test_no_arrangement_of_barriers_is_a_deadlock(a, b, c, seed):
    """Whatever comes in whichever pieces, each record is applied once and in order."""
    order = Random(seed)
    bench = Bench()
    logs = {"a": a, "b": b, "c": c}
    total = sum(len(log) for log in logs.values())
    seen: list[str] = []
    idle = 0
    while sum(inbox.position for inbox in bench.inboxes.values()) < total:
        assert idle < 1_000, "stuck"
        idle += 1
        for topic in order.sample(sorted(logs), 3):
            at = bench.inboxes[topic].end
            bench.deliver(topic, logs[topic][at : at + order.randrange(3)])
        turn = bench.applier.begin(LIMIT)
        bench.applier.go_on(turn, bench.inboxes, bench.holds, {}, never)
        while turn.met:
            met, turn.met = turn.met, []
            for held, offset in met:
                ends = {other: len(logs[other]) for other in bench.holds.others(held)}
                bench.holds.add(Hold(held, offset, ends))
            bench.applier.go_on(turn, bench.inboxes, bench.holds, {}, never)
        idle = 0 if turn.records else idle
        for name, count in turn.counts.items():
            bench.inboxes[name].drop(count)
        seen += bench.logic.applied
        bench.logic.applied.clear()
    for name, log in logs.items():
        good = [f"{name}{i}" for i, value in enumerate(log) if value != b"bad"]
        assert [place for place in seen if place[0] == name] == good
