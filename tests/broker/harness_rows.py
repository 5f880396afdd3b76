"""The fault plan: what each row of the table does to the pipeline while the load goes on."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import msgspec
from harness import STAGES, World
from harness_checks import Result, checked, compared, sink_caught_up
from harness_load import Load, Steps

from streams.crash_points import EXECUTOR_POINTS, SINK_POINTS, STAGE_POINTS

CRASH_POINTS = (
    *(f"{stage}.{point}" for stage in STAGES for point in STAGE_POINTS),
    *(f"executor.{point}" for point in EXECUTOR_POINTS),
    *(f"sink.{point}" for point in SINK_POINTS),
)
RECOVERY_BAR_S = 15.0


class Scene(msgspec.Struct):
    """What a script has to do its work with, and where it notes what it saw.

    `times`: how often each crash point is met; of a storm's kills there are ten times as many.
    """

    world: World
    steps: Steps
    chance: random.Random
    result: Result
    tell: Callable[[str], None]
    times: int

    async def fault(self, what, at_s):
        """A fault began at this instant: note how long until all is well again."""
        self.note(what, await self.steps.recovered(at_s), at_s)

    def note(self, what, seconds, at_s):
        """`at_s`: since when; what the supervisor and the load saw in between is told with it."""
        self.result.recoveries.append((what, seconds))
        between = [
            *((at, f"{name} {word}") for at, word, name in self.world.happened if at >= at_s - 0.1),
            *((end, f"step of {end - began:.1f} s") for began, end in self.steps.taken),
        ]
        saw = [f"{word} {at - at_s:+.1f}" for at, word in sorted(between) if at >= at_s - 0.1]
        told = f"{self.result.row} {len(self.result.recoveries)}: {what}, {seconds:.1f} s"
        self.tell(f"{told} ({', '.join(saw)})")


Script = Callable[[Scene], Awaitable[None]]


class Row(msgspec.Struct, kw_only=True):
    """`bar_s`: the longest p95 of recovery, None: no bar. `workers`: processes a stage at first."""

    name: str
    script: Script
    what: str
    nodes: int = 1
    beside: str = ""
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
    scene.note(at, await sink_caught_up(scene.world) - died_s, died_s)


async def crash_points(scene):
    await scene.steps.more(10)
    for _ in range(scene.times):
        for at in CRASH_POINTS:
            await crashed(scene, at, scene.chance.randrange(1, 3))
            await scene.steps.more(2)


async def storm(scene, kills=0):
    """Whoever it is, wherever it stands, some seconds apart."""
    await scene.steps.more(10)
    for _ in range(kills or 10 * scene.times):
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
    """Once in order, twice as a crash; recovery counts from when it answers again."""
    broker = scene.world.broker
    for down in (broker.stop, broker.kill, broker.kill):
        await scene.steps.more(10)
        began_s = time.monotonic()
        await asyncio.to_thread(down)
        await asyncio.to_thread(broker.start)
        back_s = time.monotonic()
        await scene.fault(f"{down.__name__}, away {back_s - began_s:.0f} s", back_s)


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


async def fiscal_bad(scene):
    """Its service cut off, slow, too late; its executor killed around the call."""
    proxy = scene.world.to_fiscal
    for what, hurt, lasts_s in (
        ("cut", proxy.cut, 8),
        ("slow", lambda: proxy.slow(1.0), 12),
        ("late", lambda: proxy.late(12), 20),
    ):
        await scene.steps.more(10)
        began_s = time.monotonic()
        hurt()
        await asyncio.sleep(lasts_s)
        proxy.pass_on()
        await scene.fault(f"{what}, and healed", max(began_s, time.monotonic()))
    for at in ("fiscal.before_call", "fiscal.after_call", "fiscal.before_commit"):
        for _ in range(scene.times):
            await crashed(scene, at)


async def clickhouse_bad(scene):
    """Cut off, slow, answers lost after they landed. Nobody but the sink may notice."""
    proxy, steps = scene.world.to_clickhouse, scene.steps
    await steps.more(40)
    quiet_s = steps.p95()
    began_s = time.monotonic()
    for what, hurt, lasts_s in (
        ("cut", proxy.cut, 12),
        ("slow", lambda: proxy.slow(0.5), 15),
        ("late", lambda: proxy.late(6), 15),
        ("lost", proxy.cut, 3),  # what was late is under way: it landed, and nobody hears of it
    ):
        hurt()
        await asyncio.sleep(lasts_s)
        if what != "late":
            proxy.pass_on()
            healed_s = time.monotonic()
            scene.note(f"after {what}", await sink_caught_up(scene.world) - healed_s, healed_s)
    bad_s = steps.p95(began_s)
    scene.result.note = f"a step's p95 {quiet_s:.2f} s before, {bad_s:.2f} s while it was bad"
    if bad_s > 3 * quiet_s + 0.5:
        scene.result.problems.append("the money path was slower while ClickHouse was away")


ROWS = {
    row.name: row
    for row in (
        Row(name="crash-points", script=crash_points, what="kill -9 at each crash point"),
        Row(name="storm", script=storm, what="kill -9 of anybody"),
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
        Row(
            name="fiscal",
            script=fiscal_bad,
            what="the fiscal service cut, slow, late",
            beside="fiscal",
        ),
        Row(
            name="clickhouse",
            script=clickhouse_bad,
            what="ClickHouse cut, slow, late",
            beside="clickhouse",
            bar_s=None,
        ),
        Row(name="acquirer-crash", script=acquirer_crashes, what="the acquirer killed 3 times"),
    )
}


# --- a row, run ---


def run_row(row, seed, base, tell=lambda _: None, times=3, **given):
    """Raises nothing that a row may find: what went wrong is in its `problems`."""
    began_s = time.monotonic()
    result = Result(row=row.name, seed=seed)
    try:
        with World(base, seed, nodes=row.nodes, beside=row.beside, **given) as world:
            for slot in range(row.workers):
                world.run(f"worker-{slot}", world.workers(slot, silence_s=row.silence_s))
            world.run("others", world.others())
            scene = Scene(world, Steps(), random.Random(seed), result, tell, times)
            asyncio.run(disturbed(scene, row.script))
            checked(world, result)
    except Exception as error:  # noqa: BLE001 - a table has all its rows
        result.problems.append(f"{type(error).__name__}: {error}"[:2000])
    if row.bar_s is not None and (result.p95 or 0) > row.bar_s:
        result.problems.append(f"recovery p95 {result.p95:.1f} s, bar {row.bar_s:.0f} s")
    result.seconds = time.monotonic() - began_s
    return result


async def disturbed(scene, script):
    """Day after day until the script is through, then that day to its end; its money compared."""
    world, result = scene.world, scene.result
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
    said = f"{len(scene.steps.taken)} steps, p95 {scene.steps.p95():.2f} s"
    result.note = result.note or said


def fresh(base, row, seed):
    folder = Path(base) / f"{row}-{seed}"
    folder.mkdir(parents=True)
    return folder
