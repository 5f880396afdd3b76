"""One worker on a real broker: restore, parking, references, barriers, ticks, refusals."""

import asyncio
import signal
from collections import Counter

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import CommitFailedError

POSITIONS_KEY = b"\x00positions"

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]


async def test_a_killed_worker_goes_on_where_its_state_says(world):
    first = world.start()
    await world.put("a", b"x", b"x", b"x", key=b"k")
    assert (await world.hears(3))[-1] == "a0:2 x #3 restored 0"
    first.send_signal(signal.SIGKILL)
    await world.ends(first)
    await world.put("a", b"y", key=b"k")
    second = world.start()
    said = await world.hears(4)
    assert said[-1] == "a0:3 y #4 restored 1"
    world.stop(second)
    assert second.returncode == 0
    assert len(await world.said()) == 4


async def test_group_offsets_follow_for_lag_tools_and_are_not_believed(world):
    worker = world.start()
    await world.put("a", b"x", b"x")
    await world.hears(2)
    group = f"{world.app_id}-scenario"
    place = TopicPartition(world.topic("a"), 0)
    options = {"bootstrap_servers": world.bootstrap, "group_id": group}
    async with AIOKafkaConsumer(**options, enable_auto_commit=False) as consumer:

        async def told() -> bool:
            return await consumer.committed(place) == 2

        await world.until(told)
    world.stop(worker)
    async with AIOKafkaConsumer(**options, enable_auto_commit=False) as consumer:
        consumer.assign([place])

        async def moved() -> bool:
            try:
                await consumer.commit({place: 0})
            except CommitFailedError:
                return False  # the static member is remembered for a session time-out
            return True

        await world.until(moved)
    await world.put("a", b"y")
    world.start()
    assert (await world.hears(3))[-1] == "a0:2 y #2 restored 2"
    assert len(await world.said()) == 3, "the moved group would have made it start over"


async def test_only_culprits_are_parked_each_with_its_position(world):
    values = [
        b"x",
        b"bad",
        b"x",
        b"bad later",
        b"large",
        b"too large for msgpack",
        b"x",
        b"\xff",
    ]
    await world.put("a", *values[:-1])
    worker = world.start()
    said = await world.hears(7)
    assert sorted(said) == [
        "a0:0 x #1 restored 0",
        "a0:1 quarantined: no-good",
        "a0:2 x #1 restored 0",
        "a0:3 quarantined: no-good",
        "a0:4 quarantined: output-too-large",
        "a0:5 quarantined: state-not-encodable",
        "a0:6 x #1 restored 0",
    ]
    parked = {int(dict(r.headers)["offset"]): r for r in await world.read("parked")}
    assert {at: (r.key, r.value) for at, r in parked.items()} == {
        at: (b"k%d" % at, values[at]) for at in (1, 3, 4, 5)
    }
    details = {at: dict(r.headers) for at, r in parked.items()}
    assert {at: d["reason"].decode() for at, d in details.items()} == {
        1: "no-good",
        3: "no-good",
        4: "output-too-large",
        5: "state-not-encodable",
    }
    assert details[3]["detail"] == b"as told, later"
    state = {r.key: msgspec.msgpack.decode(r.value) for r in await world.read("state")}
    assert {key: state[key] for key in state if key.startswith(b"c")} == {
        b"ck%d" % at: [1, -1 if at in parked else 1] for at in range(7)
    }
    world.stop(worker)


async def test_an_error_no_record_is_to_blame_for_ends_the_process(world):
    await world.put("a", b"x", b"boom")
    worker = world.start()
    assert await world.ends(worker) == 70
    assert "ZeroDivisionError: as told" in world.log
    assert await world.said() == []
    assert await world.read("state") == []


async def test_references_are_read_up_to_now_before_a_miss_counts(world):
    await world.put("ref", b"old", key=b"early", partition=1)
    worker = world.start()
    await world.put("a", b"ref early", b"ref never")
    assert await world.hears(2) == [
        "a0:0 ref early is b'old' #1 restored 0",
        "a0:1 ref never is None #1 restored 0",
    ]
    for number in range(3):
        name = b"late-%d" % number
        await world.put("ref", b"new", key=name)
        await world.put("a", b"ref " + name)
        said = await world.hears(3 + number)
        assert said[-1].startswith(f"a0:{2 + number} ref late-{number} is b'new'")
    world.stop(worker)


async def test_a_barrier_passes_over_markers_and_aborted_records(world):
    """Every input's tail is something that no reader is ever shown."""
    worker = world.start()
    await world.put("a", b"barrier", key=b"first")  # the other input is empty
    assert (await world.hears(1))[0].startswith("a0:0 barrier")
    await world.put("b", b"x", transaction="upstream")
    await world.put("b", b"never", transaction="upstream", abort=True)
    await world.put("a", b"barrier", key=b"second")
    said = await world.hears(3)
    assert [line.split(" ")[0] for line in said] == ["a0:0", "b0:0", "a0:1"]
    await world.put("b", b"y", b"never", transaction="upstream", abort=True)
    await world.put("b", b"z")
    await world.put("a", b"barrier", b"barrier", b"x", key=b"third")
    await world.put("b", b"barrier", key=b"third")
    await world.hears(8)
    world.stop(worker)


async def test_a_barrier_waits_for_what_was_there_before_it(world):
    for round_of in range(20):
        await world.put("b", *[b"x"] * 5, key=b"%d" % round_of, transaction="upstream")
    await world.put("a", b"barrier")
    worker = world.start()
    said = await world.hears(101)
    assert said[-1].startswith("a0:0 barrier")
    world.stop(worker)


async def test_an_open_transaction_upstream_holds_back_nothing_else(world):
    worker = world.start()
    options = {"bootstrap_servers": world.bootstrap, "transactional_id": world.app_id}
    async with AIOKafkaProducer(**options) as producer, producer.transaction():
        await producer.send_and_wait(world.topic("b"), b"x", b"k", 0)
        await world.put("a", b"barrier")
        assert (await world.hears(1))[0].startswith("a0:0 barrier")
    assert (await world.hears(2))[1].startswith("b0:0 x")
    world.stop(worker)


async def test_each_owner_ticks_into_its_own_partition(world):
    worker = world.start(ticks=1)
    said = await world.hears(8)
    world.stop(worker)
    ticks = await world.read("b")
    assert {(r.partition, r.value) for r in ticks} == {
        (p, b"tick of partition %d" % p) for p in (0, 1)
    }
    assert all("tick of partition" in line for line in said)


async def test_positions_are_saved_now_and_then_where_nothing_changes(world):
    worker = world.start()
    await world.put("a", b"nothing", b"nothing")

    async def saved() -> bool:
        found = [r for r in await world.read("state") if r.key == POSITIONS_KEY]
        at = {(r.partition): msgspec.msgpack.decode(r.value)[3] for r in found}
        return at.get(0, {}).get(world.topic("a")) == 2

    await world.until(saved)
    assert {r.key for r in await world.read("state")} == {POSITIONS_KEY}
    world.stop(worker)


async def _with_state(world) -> None:
    worker = world.start()
    await world.put("a", b"x")
    await world.hears(1)
    world.stop(worker)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"version": 0}, "written by scenario version 1; this code is version 0"),
        ({"inputs": "a,b,c"}, "that takes a new version"),
        ({"kind": 0}, "version"),
    ],
)
async def test_state_that_does_not_fit_the_code_is_refused(world, options, why):
    if "kind" in options:
        await world.put("state", msgspec.msgpack.encode([2, 1]), key=b"ck")
        await world.put("state", msgspec.msgpack.encode([1, "scenario", 1, {}]), key=POSITIONS_KEY)
        options = {}
    else:
        await _with_state(world)
    worker = world.start(**options)
    assert await world.ends(worker) == 78
    assert why in world.log


async def test_state_without_positions_is_refused(world):
    await _with_state(world)
    await world.put("state", None, key=POSITIONS_KEY)
    assert await world.ends(world.start()) == 78
    assert "holds state but no positions" in world.log


async def test_inputs_that_lost_records_are_refused(world):
    await world.put("state", msgspec.msgpack.encode([1, 1]), key=b"ck")
    beyond = {world.topic("a"): 5, world.topic("b"): 0}
    positions = msgspec.msgpack.encode([1, "scenario", 1, beyond])
    await world.put("state", positions, key=POSITIONS_KEY)
    assert await world.ends(world.start()) == 78
    assert "the next record to apply is 5" in world.log


async def test_two_workers_share_and_keep_what_they_keep(world):
    one = world.start(0)
    await world.put("a", b"x")
    await world.put("a", b"x", partition=1)
    await world.hears(2)
    two = world.start(1)
    await world.until(lambda: world.log.count("assigned partitions [") >= 3)
    await world.put("a", b"y")
    await world.put("a", b"y", partition=1)
    await world.hears(4)
    restored = Counter(
        line.split("partition ")[1][0] for line in world.log.splitlines() if "restored in" in line
    )
    assert sorted(restored.values()) == [1, 2], "one partition moved, the other was kept"
    one.send_signal(signal.SIGKILL)
    await asyncio.sleep(0)
    await world.put("a", b"z")
    await world.put("a", b"z", partition=1)
    said = await world.hears(6)
    assert Counter(line.split(" ")[0] for line in said) == Counter(
        f"a{p}:{o}" for p in (0, 1) for o in (0, 1, 2)
    )
    world.stop(two)
