"""The feeds' part of the benchmark: exactly once, from their topic to ours, on one process."""

import asyncio
import os
import time

import msgspec

from schemas import topics
from streams.bench.feeds import (
    FEEDS,
    PROMISED,
    THEIRS,
    FeedName,
    FeedScene,
    messages,
    stage_of,
    written_to,
)
from streams.bench.ground import Ground
from streams.bench.measure import Measured
from streams.bench.proof import WrongResult
from streams.bench.sides import Tell, run_side
from streams.bench.staged import StagedRun
from streams.reading import reader, records_of

PARTITIONS = 4


class FeedCost(msgspec.Struct, frozen=True, kw_only=True):
    """One feed: messages a second of one core, and what is promised of it.

    `messages` were read, exactly once, and became `facts`, counted on our topics.
    """

    feed: str
    messages: int
    facts: int
    per_cpu_second: int
    per_wall_second: int
    promised: int
    transactions: int
    max_rss_mb: int


def feed_costs(
    bootstrap: str, scene: FeedScene, side: tuple[str, ...], tell: Tell
) -> list[FeedCost]:
    """Raises WrongResult, SideFailed; the topics are removed however it ends."""
    return [_cost(bootstrap, name, scene, (side, tell)) for name in FEEDS]


def _cost(
    bootstrap: str, name: FeedName, scene: FeedScene, run: tuple[tuple[str, ...], Tell]
) -> FeedCost:
    side, tell = run
    prefix = f"holdfast-bench-{name}-{os.getpid()}-{time.time_ns() // 1_000_000}"
    ground = Ground(bootstrap, prefix, PARTITIONS)
    stage = stage_of(name, PARTITIONS)
    ours = written_to()
    try:
        asyncio.run(_filled(ground, name, scene, ours))
        renamed = {one: ground.named(one) for one in (THEIRS, *ours)}
        renamed[stage.state_topic] = ground.named("state")
        wanted = StagedRun(
            bootstrap=bootstrap, app_id=prefix, topics=renamed, records=scene.records(name)
        )
        measured = run_side(side, name, wanted)
        facts = asyncio.run(_checked(ground, measured, name, scene))
    finally:
        asyncio.run(ground.remove())
    tell(f"{name}: {measured.records / measured.cpu_s:,.0f} messages a CPU second")
    return FeedCost(
        feed=name,
        messages=measured.records,
        facts=facts,
        per_cpu_second=round(measured.records / measured.cpu_s),
        per_wall_second=round(measured.records / measured.wall_s),
        promised=PROMISED[name],
        transactions=measured.transactions,
        max_rss_mb=measured.max_rss_mb,
    )


async def _filled(ground: Ground, name: FeedName, scene: FeedScene, ours: list[str]) -> None:
    await ground.make([THEIRS, "state", *ours])
    await ground.fill_raw(THEIRS, messages(name, scene))


async def _checked(ground: Ground, measured: Measured, name: FeedName, scene: FeedScene) -> int:
    """A feed that parks is fast, and no measure."""
    parked = sum((await ground.ends(topics.PARKED)).values())
    facts = measured.outputs - await _told_of_drift(ground)
    if parked or facts != scene.facts(name):
        what = f"{facts} facts, not {scene.facts(name)}; {parked} records parked"
        raise WrongResult(f"{name}: {what}")
    return facts


async def _told_of_drift(ground: Ground) -> int:
    """Records that are no facts, but counts of what was seen."""
    async with reader(ground.bootstrap) as consumer:
        told = records_of(consumer, ground.named(topics.DRIFT), range(PARTITIONS))
        return len([one async for one in told])
