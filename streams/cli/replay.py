"""`holdfast replay FILE`: recorded sessions into a running pipeline, on the clock or faster."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from connectors.kafka.wait import wait_for_broker
from schemas import codec, topics
from schemas.facts import ClockApplied
from streams.app import agree_on_framing, publish, wall_at
from streams.cli.screen import (
    PROBLEM,
    UNREACHABLE,
    USAGE,
    Json,
    err,
    fail,
    print_json,
    quiet,
    settings_or_exit,
    tell,
)
from streams.demo.run import BEGIN_AT, STEP_MS, WINDOW_MS, DemoSettings, build_fleet
from streams.demo.scenery import tariffs
from streams.reading import reader, records_of
from streams.replay import recorded
from streams.replay.driver import ClosedLoop, OnTheClock, Progress, ReplaySettings, Stalled
from streams.replay.recorded import Recorded
from streams.settings import Settings
from streams.stack import running_bootstrap

_PATIENCE_S = 30
_SHOWN_EVERY = 100
_SHOWN_PARKED = 10
_STALLED = (
    "Faster than the clock it needs workers that wait for its ticks: `holdfast up` is started with"
    " HOLDFAST_CLOCK__SOURCE=replay too."
)


def register(app: typer.Typer) -> None:
    app.command(
        "replay",
        help="Replay recorded sessions into a running pipeline: on the clock, or, where its clock"
        " is the replay's (HOLDFAST_CLOCK__SOURCE=replay), as fast as it decides.",
    )(replay)


def replay(
    file: Annotated[Path, typer.Argument(help="CSV of ours or EPFL's, or ACN-Data JSON.")],
    seed: Annotated[int, typer.Option(help="Cards and targets.")] = 1,
    bad_days: Annotated[int, typer.Option(min=0, max=100, help="Percent that goes dark.")] = 0,
    window_minutes: Annotated[
        int, typer.Option(min=0, help="Fold arrivals into so many minutes; 0: as recorded.")
    ] = WINDOW_MS // 60_000,
    json: Json = False,
) -> None:
    quiet()
    settings = settings_or_exit()
    try:
        sessions = recorded.read_file(file)
    except recorded.RecordingWrong as wrong:
        fail(str(wrong), USAGE)
    bootstrap = settings.kafka.bootstrap or running_bootstrap(settings.state_dir)
    if not bootstrap:
        fail("no pipeline runs here: start `holdfast up` first", UNREACHABLE)
    asyncio.run(agree_on_framing(settings))
    err.print(
        f"{len(sessions)} sessions. Real: arrival, stay, end of charging, energy, peak power. "
        f"Filled in: the power curve between, the card. Arrivals folded into {window_minutes} min.",
        soft_wrap=True,
    )
    wanted = DemoSettings(seed=seed, bad_days_percent=bad_days)
    try:
        progress = asyncio.run(
            _replay(settings, bootstrap, wanted, sessions, window_minutes * 60_000)
        )
    except Stalled as problem:
        fail(f"{problem}\n{_STALLED}", PROBLEM)
    _tell_end(progress, len(sessions))
    if json:
        print_json(progress)
    raise typer.Exit(PROBLEM if progress.parked else 0)


def _tell_end(progress: Progress, sessions: int) -> None:
    err.print(
        f"{progress.requested} of {sessions} sessions requested, {progress.closed} closed,"
        f" {progress.readings} readings",
        soft_wrap=True,
    )
    for line in progress.parked[:_SHOWN_PARKED]:
        err.print(f"parked: {line}", style="red", markup=False, soft_wrap=True)
    if progress.parked:
        err.print(f"{len(progress.parked)} requests were set aside: see `holdfast parked list`")


async def _replay(
    settings: Settings,
    bootstrap: str,
    wanted: DemoSettings,
    sessions: list[Recorded],
    window_ms: int,
) -> Progress:
    await wait_for_broker(bootstrap, tell=tell, within_s=_PATIENCE_S)
    on_the_clock = settings.clock.source == "wall"
    begin_at = wall_at() if on_the_clock else await _virtual_begin(settings, bootstrap)
    fleet = build_fleet(settings, wanted, sessions, begin_at, window_ms)
    await publish(bootstrap, [*tariffs(settings.tenant, begin_at).values()])
    wanted_replay = ReplaySettings(
        bootstrap=bootstrap,
        partitions=settings.kafka.partitions,
        begin_at=begin_at,
        step_ms=1_000 if on_the_clock else STEP_MS,
    )
    kind = OnTheClock if on_the_clock else ClosedLoop
    loop = kind(wanted_replay, fleet, _show)
    await loop.run()
    return loop.progress


async def _virtual_begin(settings: Settings, bootstrap: str) -> int:
    """After all time that this pipeline has applied: its time never goes back."""
    applied = BEGIN_AT
    async with reader(bootstrap) as consumer:
        partitions = range(settings.kafka.partitions)
        async for record in records_of(consumer, topics.APPLIED, partitions):
            fact = codec.decode(record.value)
            assert isinstance(fact, ClockApplied)
            applied = max(applied, fact.at)
    return applied


def _show(progress: Progress) -> None:
    if progress.steps % _SHOWN_EVERY == 0:
        tell(f"{progress.requested} requested, {progress.closed} closed, {progress.readings} read")
