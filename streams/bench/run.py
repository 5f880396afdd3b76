"""The benchmark: both sides in turn, each in a process of its own, on the same readings."""

import asyncio
import os
import statistics
import time
from dataclasses import dataclass

import msgspec

from schemas import topics
from streams.bench import scene
from streams.bench.deciding import CoreCost, core_cost
from streams.bench.feeding import FeedCost, feed_costs
from streams.bench.feeds import FeedScene
from streams.bench.ground import Ground
from streams.bench.measure import Measured
from streams.bench.plain import PlainRun
from streams.bench.proof import WrongResult, check_state
from streams.bench.scene import Scene
from streams.bench.sides import Tell, run_side
from streams.bench.staged import StagedRun
from streams.core.strategy_policy import Policy
from streams.engine.stage import Stage

EXACTLY_ONCE = "exactly-once, every send awaited"
NO_GUARANTEE = "none: a crash loses the dict"
BAR = 0.6


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One side's `runs`, with the medians of their rates.

    `per_cpu_second` and `per_wall_second` are records a second; `slice_median` and `slice_max`
    records applied at a time; `transactions` are those of one run; `state_per_record` is how many
    state records were written a record read; `max_rss_mb` the most memory that any run held.
    `guarantee` says what a crash would do.
    """

    guarantee: str
    per_cpu_second: int
    per_wall_second: int
    slice_median: int
    slice_max: int
    transactions: int
    state_per_record: float
    max_rss_mb: int
    runs: list[Measured]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What `holdfast bench --json` prints.

    `ratio` is `link` to `baseline` a CPU second, of the medians; `ratios` the same of each pair of
    runs; `bar` what `ratio` must reach. Each run reads `readings` records. `keys` chargings hold
    the newest value that was sent, checked after every run of link. `load` is the machine's
    one-minute load average before each pair; `core` are single calls of `decide` and `price`;
    `feeds` what operators' own topics cost on their way in.
    """

    readings: int
    keys: int
    link: Side
    baseline: Side
    ratio: float
    ratios: list[float]
    bar: float
    load: list[float]
    core: CoreCost
    feeds: list[FeedCost] = []


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """`side` is the command that runs one side in a process; it reads its run from stdin."""

    bootstrap: str
    scene: Scene
    pairs: int
    policy: Policy
    side: tuple[str, ...]
    feeds: FeedScene | None = None


class Bench:
    """One benchmark of `stage`, which must be link, on topics of its own."""

    def __init__(self, plan: Plan, stage: Stage, tell: Tell) -> None:
        self._plan = plan
        self._stage = stage
        self._tell = tell
        self._prefix = f"holdfast-bench-{os.getpid()}-{time.time_ns() // 1_000_000}"
        self._ground = Ground(plan.bootstrap, self._prefix, stage.partitions)

    def run(self) -> Result:
        """Raises WrongResult, SideFailed; the topics are removed however it ends."""
        link: list[Measured] = []
        plain: list[Measured] = []
        load: list[float] = []
        keys = 0
        try:
            asyncio.run(self.prepare())
            for number in range(self._plan.pairs):
                load.append(round(os.getloadavg()[0], 2))
                link.append(self.link(number))
                keys = asyncio.run(self._checked(number))
                self._say("link", link[-1])
                plain.append(self.plain())
                self._say("baseline", plain[-1])
        finally:
            asyncio.run(self._ground.remove())
        result = _result(self._plan, keys, link, plain, load)
        return msgspec.structs.replace(result, feeds=self._fed())

    def _say(self, side: str, run: Measured) -> None:
        self._tell(f"{side}: {run.records / run.cpu_s:,.0f} readings a CPU second")

    def _fed(self) -> list[FeedCost]:
        plan = self._plan
        if plan.feeds is None:
            return []
        return feed_costs(plan.bootstrap, plan.feeds, plan.side, self._tell)

    # --- the ground ---

    async def prepare(self) -> None:
        """Topics, chargings bound by their watches, readings, and that state once for each run."""
        plan, ground = self._plan, self._ground
        states = [f"state-{number}" for number in range(plan.pairs)]
        await ground.make([*self._names(), "state", *states])
        self._tell(f"opening {plan.scene.chargings:,} chargings")
        await ground.fill(topics.WATCHES, scene.watches(plan.scene))
        await asyncio.to_thread(self._open_chargings)
        await ground.copy("state", states)
        self._tell(f"writing {plan.scene.readings:,} readings")
        await ground.fill(topics.READINGS, scene.readings(plan.scene))

    def _names(self) -> list[str]:
        """The topics that the stage reads and those that it may write to."""
        written = [one.name for one in topics.TOPICS if self._stage.name in one.written_by]
        own = {*self._stage.inputs, self._stage.parked_topic, *written}
        return sorted(own - {self._stage.state_topic})

    def _open_chargings(self) -> None:
        self._side("link", self._staged("opening", "state", self._plan.scene.chargings))

    # --- the sides ---

    def _staged(self, name: str, state: str, records: int) -> StagedRun:
        renamed = {one: self._ground.named(one) for one in self._names()}
        return StagedRun(
            bootstrap=self._plan.bootstrap,
            app_id=f"{self._prefix}-{name}",
            topics={**renamed, self._stage.state_topic: self._ground.named(state)},
            records=records,
        )

    def link(self, number: int) -> Measured:
        state = f"state-{number}"
        return self._side("link", self._staged(f"run-{number}", state, self._plan.scene.readings))

    async def _checked(self, number: int) -> int:
        return await check_state(self._ground, self._stage, f"state-{number}", self._plan.scene)

    def plain(self) -> Measured:
        wanted = PlainRun(
            bootstrap=self._plan.bootstrap,
            topic=self._ground.named(topics.READINGS),
            partitions=self._stage.partitions,
            records=self._plan.scene.readings,
        )
        measured = self._side("baseline", wanted)
        if measured.digest != scene.digest(scene.expected(self._plan.scene)):
            raise WrongResult("the baseline's dict is not what was sent")
        return measured

    def _side(self, name: str, wanted: StagedRun | PlainRun) -> Measured:
        return run_side(self._plan.side, name, wanted)


def _result(
    plan: Plan, keys: int, link: list[Measured], plain: list[Measured], load: list[float]
) -> Result:
    of_link, of_plain = _side_of(link, EXACTLY_ONCE), _side_of(plain, NO_GUARANTEE)
    return Result(
        readings=plan.scene.readings,
        keys=keys,
        link=of_link,
        baseline=of_plain,
        ratio=round(of_link.per_cpu_second / of_plain.per_cpu_second, 3),
        ratios=[
            round((one.records / one.cpu_s) / (other.records / other.cpu_s), 3)
            for one, other in zip(link, plain, strict=True)
        ],
        bar=BAR,
        load=load,
        core=core_cost(plan.policy),
    )


def _side_of(runs: list[Measured], guarantee: str) -> Side:
    slices = [size for one in runs for size in one.slices]
    return Side(
        guarantee=guarantee,
        per_cpu_second=round(statistics.median(one.records / one.cpu_s for one in runs)),
        per_wall_second=round(statistics.median(one.records / one.wall_s for one in runs)),
        slice_median=round(statistics.median(slices)),
        slice_max=max(slices),
        transactions=round(statistics.median(one.transactions for one in runs)),
        state_per_record=round(
            statistics.median(one.state_records / one.records for one in runs), 3
        ),
        max_rss_mb=max(one.max_rss_mb for one in runs),
        runs=runs,
    )
