"""State that left memory: what is kept of it, and that it comes back as it was committed."""

import asyncio
import signal
from collections import Counter

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.engine.cold import Frozen
from streams.engine.stage import StateKind
from streams.engine.state import StateStore, WorkingCopy
from streams.engine.thaw import PlaceLost, read_back


class Pot(msgspec.Struct, array_like=True, frozen=True):
    wh: int
    over: bool = False


KINDS = (
    StateKind(prefix=b"p", type=Pot, is_cold=lambda pot: pot.over),
    StateKind(prefix=b"w", type=Pot),
)


class Log:
    """A store and the state topic beside it, one commit a call."""

    def __init__(self):
        self.store = StateStore(KINDS)
        self.records = []

    def put(self, **values):
        view = WorkingCopy(self.store)
        for key, value in values.items():
            view.delete(key.encode()) if value is None else view.put(key.encode(), value)
        self.commit(view)

    def commit(self, view):
        changes = view.changes()
        self.store.commit(changes)
        base = len(self.records)
        self.store.placed(view.touched, {key: base + n for n, key in enumerate(changes)})
        self.store.refreeze()
        self.records += changes.items()

    def thaw(self, key):
        self.store.thaw({key: self.records[self.store.cold.places[key]][1]})

    def restored(self):
        store = StateStore(KINDS)
        for offset, (key, value) in enumerate(self.records):
            store.load(key, value, offset)
        store.settle()
        return store


@pytest.fixture
def log():
    return Log()


def test_what_is_over_leaves_memory_and_only_that(log):
    log.put(p1=Pot(1), p2=Pot(2, over=True), w1=Pot(3, over=True))
    assert dict(log.store.decoded()) == {b"p1": Pot(1), b"w1": Pot(3, over=True)}
    assert log.store.cold.places == {b"p2": 1}
    assert len(log.store) == 3


def test_a_step_cannot_take_a_cold_key_for_an_unknown_one(log):
    log.put(p1=Pot(1, over=True))
    with pytest.raises(Frozen):
        WorkingCopy(log.store).get(b"p1")
    assert WorkingCopy(log.store).get(b"p2") is None


def test_looked_at_only_it_goes_back_to_its_place(log):
    log.put(p1=Pot(1, over=True))
    log.thaw(b"p1")
    view = WorkingCopy(log.store)
    assert view.get(b"p1") == Pot(1, over=True)
    log.commit(view)
    assert log.store.cold.places == {b"p1": 0}
    assert log.store.encoded == {}


def test_changed_it_is_at_its_new_place_or_warm_again(log):
    log.put(p1=Pot(1, over=True))
    log.thaw(b"p1")
    log.put(p1=Pot(2, over=True))
    assert log.store.cold.places == {b"p1": 1}
    log.thaw(b"p1")
    log.put(p1=Pot(3))
    assert log.store.cold.places == {}
    assert dict(log.store.decoded()) == {b"p1": Pot(3)}


def test_deleted_it_is_gone(log):
    log.put(p1=Pot(1, over=True))
    log.put(p1=None)
    assert len(log.store) == len(log.restored()) == 0


def test_a_place_that_kafka_did_not_tell_keeps_the_value_in_memory(log):
    view = WorkingCopy(log.store)
    view.put(b"p1", Pot(1, over=True))
    log.store.commit(view.changes())
    log.store.placed(view.touched, {b"p1": -1})
    assert dict(log.store.decoded()) == {b"p1": Pot(1, over=True)}


def test_a_restore_finds_the_same(log, monkeypatch):
    monkeypatch.setattr("streams.engine.cold._SETTLE_AT", 3)
    for n in range(20):
        log.put(
            **{f"p{n % 4}": Pot(n, over=n % 3 == 0), f"p{n % 7}": None if n % 5 == 0 else Pot(n)}
        )
    again = log.restored()
    assert again.encoded == log.store.encoded
    assert again.cold.places == log.store.cold.places
    assert again.cold.places


# --- on a broker ---

broker = [pytest.mark.broker, pytest.mark.timeout(600)]


class TestReadBack:
    pytestmark = broker

    async def test_values_are_read_at_their_places_however_far_apart(
        self, kafka, make_topic, monkeypatch
    ):
        topic = await make_topic("state")
        async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
            sent = [
                await producer.send(topic, b"v%d" % n, b"k%d" % n, partition=0)
                for n in range(6_000)
            ]
            await asyncio.gather(*sent)
        places = {b"k%d" % n: n for n in (5_999, 3, 4, 2_500)}
        values = await read_back(kafka.bootstrap, topic, 0, places)
        assert values == {key: b"v%d" % n for key, n in places.items()}
        monkeypatch.setattr("streams.engine.thaw._STOP_AFTER", 0)
        assert await read_back(kafka.bootstrap, topic, 0, places) == {b"k3": b"v3"}
        with pytest.raises(PlaceLost):
            await read_back(kafka.bootstrap, topic, 0, {b"k1": 2})


@pytest.mark.parametrize("options", [{}, {"blind": 1}], ids=["told", "blind"])
class TestWorker:
    pytestmark = broker

    async def test_cold_state_is_there_when_it_is_asked_for(self, world, options):
        world.start(cold=2, **options)
        for count in range(1, 5):
            await world.put("a", b"x", key=b"k")
            assert (await world.hears(count))[-1].endswith(f"#{count} restored 0")

    async def test_after_a_kill_too_and_a_bad_record_beside(self, world, options):
        first = world.start(cold=2, **options)
        await world.put("a", b"x", b"x", b"x", key=b"k")
        await world.put("a", b"x", key=b"warm")
        await world.hears(4)
        first.send_signal(signal.SIGKILL)
        await world.ends(first)
        await world.put("a", b"bad", b"x", b"bad later", b"x", key=b"k")
        world.start(cold=2, **options)
        said = await world.hears(8)
        assert [one.split(" ", 1)[1] for one in said[4:]] == [
            "quarantined: no-good",
            "x #0 restored 1",
            "quarantined: no-good",
            "x #0 restored 1",
        ]

    async def test_a_backlog_over_cold_keys_and_kills_counts_right(self, world, options):
        keys, rounds = 60, 8
        for _ in range(rounds):
            async with AIOKafkaProducer(bootstrap_servers=world.bootstrap) as producer:
                sent = [
                    await producer.send(world.topic(name), b"x", b"k%d" % n, partition=n % 2)
                    for n in range(keys)
                    for name in "ab"
                ]
                await asyncio.gather(*sent)
            worker = world.start(cold=1, **options)
            await asyncio.sleep(1.5)
            worker.kill()
            await world.ends(worker)
        world.start(cold=1, **options)
        said = await world.hears(2 * keys * rounds)
        assert len(said) == 2 * keys * rounds
        counts = Counter(one.split("#")[1].split()[0] for one in said)
        assert counts == {str(n): keys for n in range(1, 2 * rounds + 1)}


@pytest.mark.broker
@pytest.mark.timeout(600)
async def test_compaction_takes_no_place_away(world):
    admin = AIOKafkaAdminClient(bootstrap_servers=world.bootstrap)
    await admin.start()
    eager = {
        "cleanup.policy": "compact", "segment.ms": "500", "min.cleanable.dirty.ratio": "0.01",
        "max.compaction.lag.ms": "1000", "delete.retention.ms": "100",
    }  # fmt: skip
    await admin.delete_topics([world.topic("state")])
    await world.until(lambda: _gone(admin, world.topic("state")))
    await admin.create_topics([NewTopic(world.topic("state"), 2, 1, topic_configs=eager)])
    await admin.close()
    world.start(cold=1)
    await world.put("a", b"x", b"x", b"x", b"x", key=b"k")
    await world.put("a", b"x", key=b"other")
    await world.hears(5)

    async def compacted() -> bool:
        await world.put("a", b"x", key=b"filler")  # rolls segments: the active one is not cleaned
        records = await world.read("state")
        return sum(record.key == b"ck" for record in records) == 1

    await world.until(compacted)
    before = len(await world.said())
    await world.put("a", b"x", key=b"k")
    await world.put("a", b"x", key=b"other")
    said = await world.hears(before + 2)
    assert [one.split(" ", 1)[1] for one in said[-2:]] == ["x #5 restored 0", "x #2 restored 0"]


async def _gone(admin, topic):
    return topic not in await admin.list_topics()
