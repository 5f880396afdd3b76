"""Silent chargers through the real logic of link: facts and ticks in, silences out."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec, ids, topics
from schemas.facts import (
    ChargerSeen,
    ChargerSilence,
    ChargingEnded,
    ChargingStarted,
    ChargingUpdated,
    LinkedFact,
    MeterReading,
    Tick,
    Watch,
)
from streams.agents.link import link_stage
from streams.engine.stage import Record
from streams.engine.state import StateStore, WorkingCopy

T0 = 1_790_000_000_000
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
SESSION = ids.session_id("t", "p", "REF")
CHARGER = {"tenant": "t", "network": "n/1", "charger_id": "c%2"}
ON = {**CHARGER, "evse_uid": "e"}
TOPIC = {
    MeterReading: topics.READINGS,
    Watch: topics.WATCHES,
    Tick: topics.TICKS,
}


class Ear:
    """Link on one partition; each record is a transaction of its own."""

    def __init__(self):
        self.stage = link_stage(1)
        self.log = []
        self.offset = 0
        self.said = []
        self.told = []
        self.crash()

    def crash(self):
        self.store = StateStore(self.stage.kinds)
        for offset, (key, value) in enumerate(self.log):
            self.store.load(key, value, offset)
        self.store.settle()
        self.logic = self.stage.open(0, None)
        self.logic.restored(self.store.decoded())

    def take(self, fact):
        topic = TOPIC.get(type(fact), topics.TRANSACTIONS)
        record = Record(topic, 0, self.offset, b"k", codec.encode(fact))
        self.offset += 1
        view = WorkingCopy(self.store)
        outputs = list(self.logic.step(record, view))
        assert not view.mutated(), "a state changed in place and was never put"
        changes = view.changes()
        self.store.commit(changes)
        self.logic.committed(view.touched)
        self.log.extend(changes.items())
        for one in outputs:
            if one.topic == topics.EVENTS:
                self._said(codec.decode(one.value))

    def _said(self, fact):
        if isinstance(fact, ChargerSilence):
            self.said.append(fact)
        if isinstance(fact, LinkedFact):
            self.told.append(codec.decode(fact.fact))

    def all(self, *facts):
        for fact in facts:
            self.take(fact)
        return self

    def ticks(self, from_at, until_at, every_ms=10 * SECOND):
        for at in range(from_at, until_at + 1, every_ms):
            self.take(tick(at))
        return self

    @property
    def states(self):
        return [one.state for one in self.said]


def tick(at):
    return Tick(partition=0, at=at)


def started(at, tx="x"):
    return ChargingStarted(
        **ON, transaction_id=tx, remote_start_id="", payment_kind="card", seq=0, energy_wh=0,
        offline=False, started_at=at,
    )  # fmt: skip


def watch(tx="x", version=1, *, closing=False, session=SESSION):
    return Watch(
        **CHARGER, transaction_id=tx, session_id=session, version=version,
        wake_energy_wh=10**9, wake_read_at=0, closing=closing,
    )  # fmt: skip


def reading(at, tx="x", energy=None):
    wh = (at - T0) // SECOND if energy is None else energy
    return MeterReading(**ON, transaction_id=tx, seq=-1, energy_wh=wh, power_w=-1, read_at=at)


def updated(at, tx="x"):
    return ChargingUpdated(
        **ON, transaction_id=tx, seq=-1, charging_state="charging", energy_wh=0, power_w=-1,
        offline=False, updated_at=at,
    )  # fmt: skip


def ended(at, tx="x"):
    return ChargingEnded(
        **ON, transaction_id=tx, seq=-1, energy_wh=(at - T0) // SECOND, reason="Local",
        offline=True, ended_at=at,
    )  # fmt: skip


def seen(at, kind="heartbeat"):
    return ChargerSeen(**CHARGER, kind=kind, status="", seen_at=at)


def running(minutes=10, every_ms=MINUTE, *, heartbeats=False):
    """A charging with a reading every `every_ms`, watched, and link's time beside it."""
    ear = Ear().all(started(T0), watch())
    for at in range(T0, T0 + minutes * MINUTE + 1, every_ms):
        ear.take(reading(at))
        if heartbeats:
            ear.take(seen(at))
        ear.take(tick(at))
    return ear


DARK_AT = T0 + 10 * MINUTE


def test_a_charging_that_tells_is_never_silent():
    assert running(300).said == []


def test_silent_after_its_own_rhythm_and_told_once():
    ear = running().ticks(DARK_AT, DARK_AT + 2 * HOUR)
    assert ear.states == ["silent"]
    found = ear.said[0]
    assert found.told_at == DARK_AT + 5 * MINUTE + 10 * SECOND
    assert (found.version, found.read_at, found.session_id) == (1, DARK_AT, SESSION)
    assert (found.tenant, found.allowed_ms) == ("t", 5 * MINUTE)


def test_who_tells_seldom_may_be_silent_longer():
    ear = running(60, every_ms=15 * MINUTE).ticks(T0 + HOUR, T0 + HOUR + 45 * MINUTE)
    assert ear.states == []
    assert ear.ticks(T0 + HOUR + 46 * MINUTE, T0 + HOUR + 46 * MINUTE).states == ["silent"]


def test_without_any_rhythm_the_ceiling_decides():
    ear = Ear().all(started(T0), watch()).ticks(T0, T0 + 45 * MINUTE)
    assert ear.states == []
    assert ear.ticks(T0 + 46 * MINUTE, T0 + 46 * MINUTE).states == ["silent"]


def test_what_the_gate_kept_back_goes_on_with_the_silence():
    ear = running().all(reading(DARK_AT + MINUTE))
    assert ear.told[-1] != reading(DARK_AT + MINUTE)
    ear.ticks(DARK_AT, DARK_AT + 7 * MINUTE)
    assert ear.told[-1] == reading(DARK_AT + MINUTE)


def test_one_outage_is_no_rhythm_and_two_are():
    ear = running()
    back_at = DARK_AT + 10 * MINUTE
    ear.ticks(DARK_AT, back_at).all(reading(back_at), tick(back_at + MINUTE))
    assert ear.states == ["silent", "heard"]
    again_at = back_at + 10 * MINUTE
    ear.ticks(back_at, again_at).all(reading(again_at), tick(again_at + MINUTE))
    assert ear.states == ["silent", "heard"] * 2
    assert ear.ticks(again_at, again_at + 25 * MINUTE, MINUTE).states == ["silent", "heard"] * 2


def test_heard_again_when_what_was_kept_has_caught_up():
    ear = running().ticks(DARK_AT, DARK_AT + 30 * MINUTE)
    now_at = DARK_AT + 30 * MINUTE
    for minute in range(1, 20):
        ear.all(reading(DARK_AT + minute * MINUTE), tick(now_at + minute * SECOND))
    ear.ticks(now_at + 20 * SECOND, now_at + 60 * SECOND)
    assert ear.states == ["silent"]  # what it tells of is ten minutes old
    for minute in range(20, 31):
        ear.take(reading(DARK_AT + minute * MINUTE))
    assert ear.ticks(now_at + MINUTE, now_at + 2 * MINUTE).states == ["silent", "heard"]


def test_an_end_that_arrives_late_ends_the_silence_at_the_next_tick():
    ear = running().ticks(DARK_AT, DARK_AT + 3 * DAY, HOUR)
    ear.all(ended(DARK_AT + 20 * MINUTE), tick(DARK_AT + 3 * DAY + SECOND))
    assert ear.states == ["silent", "heard"]
    assert ear.ticks(DARK_AT + 3 * DAY, DARK_AT + 4 * DAY, HOUR).states == ["silent", "heard"]


def test_no_silence_once_its_session_waits_for_it_no_longer():
    ear = running().all(watch(version=2, closing=True))
    assert ear.ticks(DARK_AT, DARK_AT + HOUR).states == []
    ear = running().ticks(DARK_AT, DARK_AT + HOUR).all(watch(version=2, closing=True))
    assert ear.ticks(DARK_AT + HOUR, DARK_AT + 2 * HOUR).states == ["silent", "heard"]


def test_nothing_is_said_of_a_charging_that_no_session_claims():
    ear = Ear().all(started(T0), reading(T0 + MINUTE), reading(T0 + 2 * MINUTE))
    assert ear.ticks(T0, T0 + 2 * HOUR).states == []


def test_heartbeats_go_on_and_readings_do_not():
    ear = running(heartbeats=True)
    for minute in range(1, 60):
        at = DARK_AT + minute * MINUTE
        ear.all(seen(at), tick(at))
    assert ear.states == ["unread", "lost"]
    unread, lost = ear.said
    assert unread.told_at == DARK_AT + 6 * MINUTE
    assert lost.told_at == DARK_AT + 36 * MINUTE
    assert unread.seen_at > unread.read_at == DARK_AT


def test_with_heartbeats_alone_a_charger_that_never_gave_readings_is_heard():
    ear = Ear().all(started(T0), watch())
    for minute in range(1, 300):
        ear.all(seen(T0 + minute * MINUTE), tick(T0 + minute * MINUTE))
    assert ear.states == []


def test_back_with_a_new_boot_and_no_memory():
    ear = running(heartbeats=True).ticks(DARK_AT, DARK_AT + 2 * HOUR)
    boot_at = DARK_AT + 2 * HOUR
    ear.take(seen(boot_at, "boot"))
    for minute in range(60):
        ear.all(seen(boot_at + minute * MINUTE), tick(boot_at + minute * MINUTE + SECOND))
    assert ear.states == ["silent", "unread", "lost"]
    waited_ms = ear.said[-1].told_at - boot_at
    assert 30 * MINUTE < waited_ms <= 32 * MINUTE  # it had its time to send what it kept
    ear.all(reading(boot_at + 2 * HOUR), tick(boot_at + 2 * HOUR + MINUTE))
    assert ear.states[-1] == "heard"


def test_two_chargings_at_one_charger_one_of_them_tells():
    other = ids.session_id("t", "p", "OTHER")
    ear = Ear().all(started(T0), watch(), started(T0, "y"), watch("y", session=other))
    for minute in range(60):
        at = T0 + minute * MINUTE
        facts = [reading(at, "y"), tick(at)]
        ear.all(*facts if minute > 10 else [reading(at), *facts])
    # Its charger is there, by the other charging's readings: unread, not silent.
    assert ear.states == ["unread", "lost"]
    assert {one.session_id for one in ear.said} == {SESSION}


def test_a_status_of_the_charging_is_a_sign_of_life():
    ear = running()
    for minute in range(1, 60):
        ear.all(updated(DARK_AT + minute * MINUTE), tick(DARK_AT + minute * MINUTE))
    assert ear.states == []


def test_a_charger_that_nobody_hears_of_is_forgotten_in_the_end():
    ear = Ear().all(seen(T0))
    assert len(ear.store) == 1
    ear.ticks(T0, T0 + 15 * DAY, HOUR)
    assert len(ear.store) == 0


@pytest.mark.parametrize("seed", range(20))
def test_crashes_change_nothing_of_what_is_said(seed):
    chance = random.Random(seed)
    facts = list(_story(chance))
    whole, broken = Ear(), Ear()
    for fact in facts:
        whole.take(fact)
        broken.take(fact)
        if chance.random() < 0.1:
            broken.crash()
    assert broken.said == whole.said


def _story(chance):
    yield started(T0)
    yield watch()
    at = T0
    for _ in range(200):
        at += chance.choice([20 * SECOND, MINUTE, MINUTE, 8 * MINUTE, 90 * MINUTE])
        if chance.random() < 0.7:
            yield reading(at)
        if chance.random() < 0.3:
            yield seen(at, chance.choice(["heartbeat", "boot"]))
        yield tick(at)


PLAN = st.lists(
    st.tuples(st.sampled_from(["read", "beat", "boot", "tell", "quiet"]), st.integers(1, 40)),
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@given(PLAN, st.randoms(use_true_random=False))
def test_silences_do_not_depend_on_how_topics_mix_between_two_ticks_nor_on_repeats(plan, chance):
    """Each topic keeps its order; which of them link reads first, and how often, is chance."""
    plain, mixed = Ear().all(started(T0), watch()), Ear().all(started(T0), watch())
    at, waiting = T0, {"readings": [], "transactions": []}
    for kind, minutes in plan:
        at += minutes * MINUTE
        facts = {
            "read": [("readings", reading(at))],
            "beat": [("transactions", seen(at))],
            "boot": [("transactions", seen(at, "boot"))],
            "tell": [("transactions", updated(at))],
        }.get(kind, [])
        for topic, fact in facts:
            plain.take(fact)
            waiting[topic] += [fact] * chance.randint(1, 2)
        if chance.random() < 0.6:
            plain.take(tick(at))
            _drained(mixed, waiting, chance)
            mixed.take(tick(at))
    assert mixed.said == plain.said
    versions = [one.version for one in plain.said]
    assert versions == list(range(1, len(versions) + 1))
    states = ["heard", *plain.states]
    assert all(one != other for one, other in itertools.pairwise(states))


def _drained(ear, waiting, chance):
    while any(waiting.values()):
        topic = chance.choice([name for name, facts in waiting.items() if facts])
        ear.take(waiting[topic].pop(0))
