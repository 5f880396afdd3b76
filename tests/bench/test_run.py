"""Both sides on a few readings: what they hold at the end is right, or there is no result.

No test here looks at how long anything took.
"""

import asyncio
import sys
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from schemas import topics
from streams.agents.link import CHARGING, link_stage
from streams.bench import scene
from streams.bench.ground import Ground
from streams.bench.proof import WrongResult, check_state
from streams.bench.run import Bench, Plan, Result
from streams.bench.scene import Scene
from streams.bench.sides import SideFailed
from streams.core.gate import Charging
from streams.core.strategy import parse_policy
from streams.engine.stage import StateKind
from streams.engine.state import StateCodec

pytestmark = pytest.mark.broker

PARTITIONS = 4  # of `holdfast bench`, whose hidden command runs the sides
SMALL = Scene(chargings=30, rounds=5)
POLICY = parse_policy((Path(__file__).parents[1] / "policies" / "matrix.toml").read_text())
CODEC = StateCodec(StateKind(prefix=CHARGING, type=Charging))
SIDE = (sys.executable, "-m", "streams", "bench-side")


def a_bench(bootstrap, side=SIDE):
    plan = Plan(bootstrap=bootstrap, scene=SMALL, pairs=1, policy=POLICY, side=side)
    return Bench(plan, link_stage(PARTITIONS), lambda _: None)


async def left_behind(bench, bootstrap):
    """Topics of this benchmark that are still there."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        prefix = bench._ground.named("")
        return [one for one in await admin.list_topics() if one.startswith(prefix)]
    finally:
        await admin.close()


def test_both_sides_read_all_and_their_topics_are_gone(kafka):
    bench = a_bench(kafka.bootstrap)
    result = bench.run()
    assert (result.readings, result.keys) == (SMALL.readings, SMALL.chargings)
    (link,), (plain,) = result.link.runs, result.baseline.runs
    assert link.records == plain.records == sum(link.slices) == sum(plain.slices) == SMALL.readings
    assert plain.digest == scene.digest(scene.expected(SMALL))
    assert link.transactions >= 1
    assert SMALL.chargings <= link.state_records <= SMALL.readings
    assert (plain.transactions, plain.state_records) == (0, 0)
    assert result.ratios == [result.ratio]
    assert msgspec.json.decode(msgspec.json.encode(result), type=Result) == result
    assert asyncio.run(left_behind(bench, kafka.bootstrap)) == []


async def written(bootstrap, topic, records):
    """Each a partition, a key and what is to stand there, None for nothing."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for partition, key, value in records:
            data = None if value is None else CODEC.encode(value)
            await producer.send_and_wait(topic, data, key, partition=partition)
    finally:
        await producer.stop()


async def verdict(ground, stage):
    with pytest.raises(WrongResult) as wrong:
        await check_state(ground, stage, "state", SMALL)
    return str(wrong.value)


async def test_a_state_that_is_not_what_was_sent_is_no_result(kafka):
    """One charging 1 Wh off, then with a number too few, then gone; and no position is right."""
    stage, ground = link_stage(PARTITIONS), Ground(kafka.bootstrap, "test-proof", PARTITIONS)
    every = [0, SMALL.rounds - 1]
    right = [
        (number % PARTITIONS, CHARGING + name.encode(), Charging(energy_wh=energy, runs=every))
        for number, (name, energy) in enumerate(scene.expected(SMALL).items())
    ]
    partition, key, charging = right[0]
    name, energy = key[1:].decode(), charging.energy_wh
    topic = ground.named("state")
    await ground.make(["state", topics.READINGS])
    try:
        await written(kafka.bootstrap, topic, right)
        begin = "4 of the state wrong: partition 0 stands at None, its readings end at 0"
        assert (await verdict(ground, stage)).startswith(begin)
        for value, says in [
            (Charging(energy_wh=energy + 1, runs=every), f"is at {energy + 1} Wh"),
            (Charging(energy_wh=energy, runs=[0, every[1] - 1]), "has counted [0, 3]"),
            (None, "has no state"),
        ]:
            await written(kafka.bootstrap, topic, [(partition, key, value)])
            assert (await verdict(ground, stage)).startswith(f"5 of the state wrong: {name} {says}")
    finally:
        await ground.remove()


def test_a_side_that_dies_says_why(kafka):
    dies = (sys.executable, "-c", "import sys; sys.exit('no such luck')")
    bench = a_bench(kafka.bootstrap, side=dies)
    with pytest.raises(SideFailed, match="link ended with 1:\nno such luck"):
        bench.run()
    assert asyncio.run(left_behind(bench, kafka.bootstrap)) == []
