"""The fault plan: what each row of the table does to the pipeline while the load goes on."""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import msgspec
from harness import STAGES, NeverReached, World, owned
from harness_checks import Result, checked, compared, sink_caught_up
from harness_load import Load, Steps

from schemas import topics
from streams.crash_points import EXECUTOR_POINTS, SINK_POINTS, STAGE_POINTS

CRASH_POINTS = (
    *(f"{stage}.{point}" for stage in STAGES for point in STAGE_POINTS),
    *(f"executor.{point}" for point in EXECUTOR_POINTS),
    *(f"sink.{point}" for point in SINK_POINTS),
)
RECOVERY_BAR_S = 15.0
_LONG_STEP_S = 2.0
_MONEY_WITHIN_S = 240.0


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

    async def fault(self, what, at_s, began_s=None):
        """A fault, from `began_s` on if that is not `at_s`: how long until a step that began after
        `at_s` is applied by everybody."""
        seconds = await self.steps.recovered(at_s)
        began_s = at_s if began_s is None else began_s
        self.note(what, at_s + seconds - began_s, began_s)

    def note(self, what, seconds, at_s):
        """`at_s`: since when; what the supervisor and the load saw in between is told with it."""
        self.result.recoveries.append((what, seconds))
        between = [
            *((at, f"{name} {word}") for at, word, name in self.world.happened),
            *((end, "step") for began, end in self.steps.taken if end - began > _LONG_STEP_S),
        ]
        saw = [f"{word} {at - at_s:.1f}" for at, word in sorted(between) if at >= at_s - 0.1]
        told = f"{self.result.row} {len(self.result.recoveries)}: {what}, {seconds:.1f} s"
        self.tell(f"{told} ({', '.join(saw)})" if saw else told)

    async def written(self, topic, since):
        """Wait until more than `since` was written there: there is something to hurt."""
        until_s = time.monotonic() + _MONEY_WITHIN_S
        while await self.world.ends(topic) <= since:
            if time.monotonic() > until_s:
                raise NeverReached(f"nothing came to {topic}")
            await asyncio.sleep(0.2)

    async def signed_again(self, what, at_s):
        """Whoever signs was disturbed: note how long until the next receipt is there."""
        await self.written(topics.FISCAL_RESPONSES, await self.world.ends(topics.FISCAL_RESPONSES))
        self.note(what, time.monotonic() - at_s, at_s)

    async def hurt(self, proxy, harm, lasts_s, topic):
        """Harm whoever stands behind a proxy for so long, and until a command was under way."""
        written, held, began_s = await self.world.ends(topic), proxy.held, time.monotonic()
        harm()
        await self.written(topic, written)
        if proxy.delays:
            await self.world.until(lambda: proxy.held > held, "nothing was held up")
        await asyncio.sleep(max(0.0, began_s + lasts_s - time.monotonic()))


Script = Callable[[Scene], Awaitable[None]]


class Row(msgspec.Struct, kw_only=True):
    """`bar_s`: the longest p95 of recovery, None: no bar. `workers`: processes a stage at first.

    `partitions`: of four the assignor leaves two to each of two workers, and none to a third.
    """

    name: str
    script: Script
    what: str
    nodes: int = 1
    partitions: int = 4
    beside: str = ""
    bar_s: float | None = RECOVERY_BAR_S
    silence_s: float = 5.0
    workers: int = 1


# --- scripts ---


async def crashed(scene, at, nth=1):
    """One death at a crash point, and the recovery from it."""
    await _gone(scene, at, await scene.world.crash(at, nth))


async def _gone(scene, what, died_s):
    """Somebody died. Steps wait neither for the sink (of it: until it holds all there is) nor for
    receipts."""
    if what.startswith("sink"):
        scene.note(what, await sink_caught_up(scene.world) - died_s, died_s)
    elif what.startswith("fiscal"):
        await scene.signed_again(what, died_s)
    else:
        await scene.fault(what, died_s)


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
        await _gone(scene, name, scene.world.signal(name))
        await asyncio.sleep(scene.chance.uniform(0.5, 3.0))


async def stopped(scene):
    """Supervised: the silent one is killed and replaced."""
    for name in ("sessions-0", "link-0", "executor"):
        await scene.steps.more(10)
        stopped_s = scene.world.signal(name, SIGSTOP)
        await scene.world.until(
            lambda since_s=stopped_s, name=name: scene.world.died(name, since_s),
            f"{name} stands still and nobody kills it",
        )
        await scene.fault(f"stop {name}", stopped_s)


async def zombies(scene):
    """Not replaced: its partitions move when its session ends, and then it comes back."""
    world = scene.world
    for name, other in (
        ("sessions-0", "sessions-1"),
        ("link-1", "link-0"),
        ("sessions-1", "sessions-0"),
    ):
        await scene.steps.more(10)
        has_all = partial(_has_all, world, other)
        began_s = world.signal(name, SIGSTOP)
        await scene.fault(f"stop {name}", began_s)
        await world.until(has_all, f"{other} does not get all of {name}")
        await asyncio.sleep(max(0.0, began_s + 20 - time.monotonic()))
        await scene.fault(f"go on {name}", world.signal(name, SIGCONT))
        await world.until(lambda ask=has_all: not ask(), f"{name} gets nothing again")


def _has_all(world, name):
    return len(owned(world.log(name))) == world.settings.kafka.partitions


async def rebalanced(scene):
    """1 to 3 to 1."""
    world = scene.world
    for slot in (1, 2):
        await scene.steps.more(5)
        await world.hire(slot)
        await world.takes_part(slot)
        # While it loads its modules nobody waits for it: it disturbs from its first beat.
        joins_s = min(world.began_to_beat(f"{stage}-{slot}") for stage in STAGES)
        await scene.fault(f"{slot + 1} workers", time.monotonic(), joins_s)
    for slot in (2, 1):
        await scene.steps.more(5)
        began_s = time.monotonic()
        await world.dismiss(slot)
        await scene.fault(f"{slot} workers", time.monotonic(), began_s)
    for name in (f"{stage}-0" for stage in STAGES):
        await world.until(partial(_has_all, world, name), f"{name} does not get all again")


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
        await scene.fault(f"node {node} down", time.monotonic(), began_s)
        began_s = time.monotonic()
        await asyncio.to_thread(broker.start_node, node)
        await scene.world.in_sync()
        await scene.fault(f"node {node} up", time.monotonic(), began_s)


async def acquirer_bad(scene):
    """Cut off, slow, and answering after everybody has given up on it."""
    proxy = scene.world.to_acquirer
    for what, harm, lasts_s in (
        ("cut", proxy.cut, 8),
        ("slow", lambda: proxy.slow(1.5), 12),
        ("late", lambda: proxy.late(12), 25),
    ):
        await scene.steps.more(5)
        await scene.hurt(proxy, harm, lasts_s, topics.COMMANDS)
        healed_s = time.monotonic()
        proxy.pass_on()
        await scene.fault(f"after {what}", healed_s)


async def acquirer_crashes(scene):
    """Its process dies before it hears a request, after it acted and before anybody hears of it,
    and while requests come as they come. Its books are on disk; recovery counts from when it is
    back."""
    world, proxy = scene.world, scene.world.to_acquirer
    for what, harm in (
        ("before a request", lambda: proxy.slow(600)),
        ("before its answer", lambda: proxy.late(600)),
        ("anywhen", proxy.pass_on),
    ):
        await scene.steps.more(5)
        await scene.hurt(proxy, harm, 0, topics.COMMANDS)
        began_s = time.monotonic()
        await asyncio.to_thread(world.acquirer.kill)
        proxy.cut()  # what was held up died with it
        await asyncio.to_thread(world.acquirer.start)
        proxy.pass_on()
        back_s = time.monotonic()
        await scene.fault(f"killed {what}, away {back_s - began_s:.0f} s", back_s)


async def fiscal_bad(scene):
    """Its service cut off, slow, too late; its executor killed around the call."""
    proxy = scene.world.to_fiscal
    for what, harm, lasts_s in (
        ("cut", proxy.cut, 8),
        ("slow", lambda: proxy.slow(1.0), 12),
        ("late", lambda: proxy.late(12), 20),
    ):
        await scene.steps.more(5)
        await scene.hurt(proxy, harm, lasts_s, topics.FISCAL_COMMANDS)
        healed_s = time.monotonic()
        proxy.pass_on()
        await scene.signed_again(f"after {what}", healed_s)
    for at in ("fiscal.before_call", "fiscal.after_call", "fiscal.before_commit"):
        for _ in range(scene.times):
            await crashed(scene, at)


async def clickhouse_bad(scene):
    """Cut off, slow, answers lost after they landed. Nobody but the sink may notice."""
    proxy, steps = scene.world.to_clickhouse, scene.steps
    await steps.more(40)
    quiet_s = steps.p95()
    began_s = time.monotonic()
    for what, harm, lasts_s in (
        ("cut", proxy.cut, 12),
        ("slow", lambda: proxy.slow(0.5), 15),
        ("late", lambda: proxy.late(6), 15),
        ("lost", proxy.cut, 3),  # what was late is under way: it landed, and nobody hears of it
    ):
        await scene.hurt(proxy, harm, lasts_s, topics.LEDGER)
        if what != "late":
            healed_s = time.monotonic()
            proxy.pass_on()
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
        Row(name="acquirer", script=acquirer_bad, what="the acquirer cut, slow, late"),
        Row(name="acquirer-crash", script=acquirer_crashes, what="the acquirer killed 3 times"),
        Row(
            name="zombie",
            script=zombies,
            what="SIGSTOP for 20 s, then SIGCONT",
            silence_s=120.0,
            workers=2,
        ),
        Row(name="broker", script=broker_restarts, what="the broker stopped once, killed twice"),
        Row(name="rebalance", script=rebalanced, what="workers 1 to 3 to 1", partitions=6),
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
        Row(name="roll", script=rolled, what="three nodes rolled one by one", nodes=3, bar_s=None),
    )
}


# --- rows, run ---


def run_row(row, seed, base, tell=lambda _: None, times=3, **given):
    """One row on a stack of its own."""
    return next(run_rows([row], seed, base, tell, times, **given))


def run_rows(rows, seed, base, tell=lambda _: None, times=3, **given):
    """Each row's result as soon as it is through. Rows that ask for the same stack follow each
    other on one; after a row that found anything but slowness the next has a new one."""
    shared = None
    with ExitStack() as exits:
        for row in rows:
            began_s = time.monotonic()
            result = Result(row=row.name, seed=seed, began_at=int(time.time()))
            try:
                wanted = {"nodes": row.nodes, "beside": row.beside, "partitions": row.partitions}
                if wanted != shared:
                    exits.close()
                    folder = fresh(base, row.name, seed)
                    world = exits.enter_context(World(folder, seed, **wanted, **given))
                    world.run("others", world.others())
                    shared = wanted
                chance = random.Random(f"{seed}/{row.name}")
                scene = Scene(world, Steps(), chance, result, tell, times)
                asyncio.run(disturbed(scene, row))
                checked(world, result)
            except Exception as error:  # noqa: BLE001 - a table has all its rows
                result.problems.append(f"{type(error).__name__}: {error}"[:2000])
            if not result.ok:
                shared = None
            if row.bar_s is not None and (result.p95 or 0) > row.bar_s:
                result.problems.append(f"recovery p95 {result.p95:.1f} s, bar {row.bar_s:.0f} s")
            result.seconds = time.monotonic() - began_s
            result.load = os.getloadavg()[1]
            yield result


async def disturbed(scene, row):
    """Day after day until the script is through, then that day to its end; its money compared."""
    world, result = scene.world, scene.result
    await world.staff(row.workers, row.silence_s)
    disturbing = asyncio.create_task(row.script(scene))
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
