"""The fault plan: what each row of the table does to the pipeline while the load goes on."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import msgspec
from aiokafka import TopicPartition
from harness import STAGES, World
from harness_load import Load, Steps

from connectors.clickhouse.rows import SUNK
from schemas.topics import TOPICS
from streams.crash_points import EXECUTOR_POINTS, SINK_POINTS, STAGE_POINTS
from streams.demo.report import report
from streams.reading import reader
from streams.sink.asking import SinkAway

CRASH_POINTS = (
    *(f"{stage}.{point}" for stage in STAGES for point in STAGE_POINTS),
    *(f"executor.{point}" for point in EXECUTOR_POINTS),
    *(f"sink.{point}" for point in SINK_POINTS),
)
RECOVERY_BAR_S = 15.0
_SINK_WITHIN_S = 90
_LOST = ("missing", "lost", "not-linked", "crossing-missed")


class Result(msgspec.Struct, kw_only=True):
    """One row. `recoveries`: each fault, and seconds until a later step is applied by everybody."""

    row: str
    seed: int
    faults: int = 0
    sessions: int = 0
    taken: int = 0
    applied: int = 0
    parked: int = 0
    lost: int = 0
    duplicates: int = 0
    recoveries: list[tuple[str, float]] = []
    seconds: float = 0.0
    note: str = ""
    problems: list[str] = []

    @property
    def p95(self):
        ordered = sorted(seconds for _, seconds in self.recoveries)
        return ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)] if ordered else None

    @property
    def worst(self):
        return max(self.recoveries, key=lambda one: one[1], default=("", 0.0))

    @property
    def ok(self):
        return not (self.lost or self.duplicates or self.problems)


class Scene(msgspec.Struct):
    """What a script has to do its work with, and where it notes what it saw."""

    world: World
    steps: Steps
    chance: random.Random
    result: Result

    async def fault(self, what, at_s):
        """A fault began at this instant: note how long until all is well again."""
        self.result.faults += 1
        self.result.recoveries.append((what, await self.steps.recovered(at_s)))


Script = Callable[[Scene], Awaitable[None]]


class Row(msgspec.Struct, kw_only=True):
    """`bar_s`: the longest p95 of recovery, None: no bar. `workers`: processes a stage at first."""

    name: str
    script: Script
    what: str
    nodes: int = 1
    bar_s: float | None = RECOVERY_BAR_S
    silence_s: float = 5.0
    workers: int = 1


# --- scripts ---


async def crashed(scene, at, nth=1):
    """One death at a crash point, and the recovery from it."""
    died_s = await scene.world.crash(at, nth)
    if not at.startswith("sink."):
        await scene.fault(at, died_s)
        return
    scene.result.faults += 1
    scene.result.recoveries.append((at, await sink_caught_up(scene.world) - died_s))


async def crash_points(scene):
    await scene.steps.more(10)
    for at in CRASH_POINTS:
        for _ in range(3):
            await crashed(scene, at, scene.chance.randrange(1, 3))
            await scene.steps.more(2)


async def storm(scene, kills=30):
    """Whoever it is, wherever it stands, some seconds apart."""
    await scene.steps.more(10)
    for _ in range(kills):
        name = scene.chance.choice(scene.world.names())
        await scene.fault(name, scene.world.signal(name))
        await asyncio.sleep(scene.chance.uniform(0.5, 3.0))


async def stopped(scene):
    """Supervised: the silent one is killed and replaced."""
    for name in ("sessions-0", "link-0", "executor"):
        await scene.steps.more(10)
        await scene.fault(f"stop {name}", scene.world.signal(name, SIGSTOP))


async def zombies(scene):
    """Not replaced: its partitions move when its session ends, and then it comes back."""
    for name in ("sessions-0", "link-1", "sessions-1"):
        await scene.steps.more(10)
        began_s = scene.world.signal(name, SIGSTOP)
        await scene.fault(f"stop {name}", began_s)
        await asyncio.sleep(max(0.0, began_s + 20 - time.monotonic()))
        await scene.fault(f"go on {name}", scene.world.signal(name, SIGCONT))


async def rebalanced(scene):
    """1 to 3 to 1, twice."""
    world = scene.world
    for _ in range(2):
        for slot in (1, 2):
            await scene.steps.more(5)
            began_s = time.monotonic()
            await asyncio.to_thread(world.run, f"worker-{slot}", world.workers(slot))
            await scene.fault(f"{slot + 1} workers", began_s)
            await asyncio.sleep(8)
        for slot in (2, 1):
            began_s = time.monotonic()
            await asyncio.to_thread(world.end, f"worker-{slot}")
            await scene.fault(f"{slot} workers", began_s)
            await scene.steps.more(5)


async def broker_restarts(scene):
    """Once in order, twice as a crash."""
    broker = scene.world.broker
    for down in (broker.stop, broker.kill, broker.kill):
        await scene.steps.more(10)
        began_s = time.monotonic()
        await asyncio.to_thread(down)
        await asyncio.to_thread(broker.start)
        await scene.fault(down.__name__, began_s)


async def rolled(scene):
    """Each of three nodes in turn, stopped in order, started again when the others go on."""
    broker = scene.world.broker
    for node in range(len(broker.processes)):
        await scene.steps.more(5)
        began_s = time.monotonic()
        await asyncio.to_thread(broker.stop_node, node)
        await scene.fault(f"node {node} down", began_s)
        began_s = time.monotonic()
        await asyncio.to_thread(broker.start_node, node)
        await scene.fault(f"node {node} up", began_s)


async def acquirer_bad(scene):
    """Cut off, slow, and answering after everybody has given up on it."""
    proxy = scene.world.to_acquirer
    for what, hurt, lasts_s in (
        ("cut", proxy.cut, 8),
        ("slow", lambda: proxy.slow(1.5), 12),
        ("late", lambda: proxy.late(12), 25),
    ):
        await scene.steps.more(10)
        hurt()
        await asyncio.sleep(lasts_s)
        healed_s = time.monotonic()
        proxy.pass_on()
        await scene.fault(f"after {what}", healed_s)


async def acquirer_crashes(scene):
    """Its process dies in the middle of everything; its books are on disk."""
    acquirer = scene.world.acquirer
    for _ in range(3):
        await scene.steps.more(10)
        killed_s = time.monotonic()
        await asyncio.to_thread(acquirer.kill)
        await asyncio.sleep(scene.chance.uniform(0.5, 5))
        await asyncio.to_thread(acquirer.start)
        await scene.fault("acquirer killed", killed_s)


ROWS = {
    row.name: row
    for row in (
        Row(name="crash-points", script=crash_points, what="kill -9 at each crash point, 3 times"),
        Row(name="storm", script=storm, what="30 kills -9 of anybody"),
        Row(name="stopped", script=stopped, what="SIGSTOP; the supervisor replaces it"),
        Row(
            name="zombie",
            script=zombies,
            what="SIGSTOP for 20 s, then SIGCONT",
            silence_s=120.0,
            workers=2,
        ),
        Row(name="rebalance", script=rebalanced, what="workers 1 to 3 to 1, twice"),
        Row(name="broker", script=broker_restarts, what="the broker stopped once, killed twice"),
        Row(name="roll", script=rolled, what="three nodes rolled one by one", nodes=3, bar_s=None),
        Row(name="acquirer", script=acquirer_bad, what="the acquirer cut, slow, late"),
        Row(name="acquirer-crash", script=acquirer_crashes, what="the acquirer killed 3 times"),
    )
}


# --- a row, run ---


def run_row(row, seed, base, **given):
    """Raises nothing that a row may find: what went wrong is in its `problems`."""
    began_s = time.monotonic()
    result = Result(row=row.name, seed=seed)
    try:
        with World(base, seed, nodes=row.nodes, **given) as world:
            for slot in range(row.workers):
                world.run(f"worker-{slot}", world.workers(slot, silence_s=row.silence_s))
            world.run("others", world.others())
            asyncio.run(disturbed(world, row.script, result))
            checked(world, result)
    except Exception as error:  # noqa: BLE001 - a table has all its rows
        result.problems.append(f"{type(error).__name__}: {error}"[:2000])
    if row.bar_s is not None and (result.p95 or 0) > row.bar_s:
        result.problems.append(f"recovery p95 {result.p95:.1f} s, bar {row.bar_s:.0f} s")
    result.seconds = time.monotonic() - began_s
    return result


async def disturbed(world, script, result):
    """Day after day until the script is through, then that day to its end; its money compared."""
    scene = Scene(world, Steps(), random.Random(result.seed), result)
    disturbing = asyncio.create_task(script(scene))
    try:
        while True:
            load = Load(world, world.days, scene.steps)
            await load.run()
            await asyncio.to_thread(compared, world, load, result)
            if disturbing.done():
                break
        disturbing.result()
    finally:
        disturbing.cancel()
    scene.result.note = f"{len(scene.steps.taken)} steps, p95 {scene.steps.p95():.2f} s"


def compared(world, load, result):
    """Each session of the day against the acquirer's own books and the price of what it took."""
    world.acquirer.move_clock(load.progress.now_at)
    found = report(load.fleet, load.ledgers, world.oracle(), 0)
    result.sessions += found.sessions
    result.lost += found.unfinished_sessions + found.wrong_amount_sessions
    result.problems += found.problems[:5]
    result.problems += [f"{found.open_minor} still open"] if found.open_minor else []
    duplicates = found.duplicate_captures + found.captures_above_hold
    result.duplicates = max(result.duplicates, duplicates)  # counted over the whole ledger


def checked(world, result):
    """The auditor over all topics, then topics, ClickHouse and the acquirer against each other."""
    audit = world.audited()
    for flow in audit["flows"].values():
        result.taken += flow["taken"]
        result.applied += flow["applied"]
        result.parked += flow["parked"]
        result.lost += flow["waiting"] + flow["lost"]
    for one in audit["findings"]:
        result.lost += one["kind"] in _LOST
        result.duplicates += one["kind"] not in _LOST
        result.problems.append(f"audit: {one['kind']} {one['topic']} {one['what']} {one['detail']}")
    verified = world.verified()
    result.problems += [f"verify: {one}" for one in verified.differences[:5]]
    result.problems += [f"verify waits: {one}" for one in verified.waiting[:5]]


async def sink_caught_up(world):
    """The instant at which everything that the topics hold now is in ClickHouse."""
    parts = [
        (topic.name, number)
        for topic in TOPICS
        if topic.name in SUNK
        for number in range(topic.partitions(world.settings.kafka.partitions))
    ]
    async with reader(world.bootstrap) as consumer:
        ends = await consumer.end_offsets([TopicPartition(*part) for part in parts])
    until_s = time.monotonic() + _SINK_WITHIN_S
    while True:
        try:
            positions = await asyncio.to_thread(lambda: world.sink().positions())
        except SinkAway:
            positions = {}
        behind = {
            f"{part.topic}/{part.partition}": (
                positions.get(part.topic, {}).get(part.partition),
                end,
            )
            for part, end in ends.items()
            if positions.get(part.topic, {}).get(part.partition, -1) < end
        }
        if not behind:
            return time.monotonic()
        if time.monotonic() > until_s:
            raise AssertionError(f"the sink does not catch up: at, end {behind}")
        await asyncio.sleep(0.1)


def fresh(base, row, seed):
    folder = Path(base) / f"{row}-{seed}"
    folder.mkdir(parents=True)
    return folder
