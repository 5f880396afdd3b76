"""`holdfast bench`: what the guarantees of the hot path cost, against doing without them."""

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer

from connectors.kafka.local import LocalKafka
from connectors.kafka.wait import wait_for_broker
from streams.agents.link import link_stage
from streams.bench.feeding import PARTITIONS, FeedCost
from streams.bench.feeds import FeedName, FeedScene, stage_of
from streams.bench.plain import PlainRun, run_plain
from streams.bench.proof import WrongResult
from streams.bench.run import Bench, Plan, Result, Side
from streams.bench.scene import Scene
from streams.bench.sides import SideFailed
from streams.bench.staged import StagedRun, run_staged
from streams.cli.screen import (
    PROBLEM,
    Json,
    Use,
    fail,
    out,
    print_json,
    rows_table,
    settings_or_exit,
    tell,
)
from streams.core.strategy import parse_policy

SIDE = "bench-side"


def register(app: typer.Typer) -> None:
    app.command("bench", help="Measure the link stage against a loop without guarantees.")(bench)
    app.command(SIDE, hidden=True)(side)


def bench(
    readings: Annotated[int, typer.Option(min=1, help="About so many, in whole rounds.")] = 800_000,
    chargings: Annotated[int, typer.Option(min=1, help="Open chargings: keys.")] = 20_000,
    pairs: Annotated[int, typer.Option(min=1, help="Runs of each side, in turn.")] = 3,
    feeds: Annotated[bool, typer.Option(help="Measure the feeds, too.")] = True,
    bar: Annotated[bool, typer.Option(help="Fail below the ratio that is promised.")] = True,
    json: Json = False,
) -> None:
    settings = settings_or_exit(Use.POLICY)
    policy = parse_policy(settings.policy_file.read_text(encoding="utf-8"))
    scene = Scene(chargings=chargings, rounds=max(1, readings // chargings))
    with _broker(settings.kafka.bootstrap) as bootstrap:
        side = (sys.executable, "-m", "streams", SIDE)
        plan = Plan(
            bootstrap=bootstrap,
            scene=scene,
            pairs=pairs,
            policy=policy,
            side=side,
            feeds=FeedScene() if feeds else None,
        )
        try:
            result = Bench(plan, link_stage(PARTITIONS), tell).run()
        except (WrongResult, SideFailed) as wrong:
            fail(str(wrong), PROBLEM)
    if json:
        print_json(result)
    else:
        _print(result)
    raise typer.Exit(PROBLEM if bar and result.ratio < result.bar else 0)


def side(name: Annotated[Literal["link", "baseline", FeedName], typer.Argument()]) -> None:
    """One side in this process: its run on standard input, what it measured on standard output."""
    wanted = sys.stdin.buffer.read()
    match name:
        case "link":
            run = msgspec.json.decode(wanted, type=StagedRun)
            print_json(run_staged(link_stage(PARTITIONS), run))
        case "baseline":
            print_json(run_plain(msgspec.json.decode(wanted, type=PlainRun)))
        case feed:
            run = msgspec.json.decode(wanted, type=StagedRun)
            print_json(run_staged(stage_of(feed, PARTITIONS), run))


@contextmanager
def _broker(bootstrap: str) -> Iterator[str]:
    if bootstrap:
        asyncio.run(wait_for_broker(bootstrap, tell=tell))
        yield bootstrap
        return
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        tell("starting Kafka")
        with LocalKafka(Path(folder) / "kafka", tell=tell) as broker:
            yield broker.bootstrap


def _print(result: Result) -> None:
    out.print(
        f"{result.readings:,} readings of {result.keys:,} chargings, the newest of each as sent; "
        f"load {', '.join(str(one) for one in result.load)}"
    )
    link, plain = result.link, result.baseline
    rows: list[list[Any]] = [
        ["guarantee", link.guarantee, plain.guarantee],
        ["readings a CPU second", f"{link.per_cpu_second:,}", f"{plain.per_cpu_second:,}"],
        ["readings a second", f"{link.per_wall_second:,}", f"{plain.per_wall_second:,}"],
        ["at a time, median (most)", _slices(link), _slices(plain)],
        ["transactions", link.transactions, plain.transactions],
        ["state records a reading", link.state_per_record, plain.state_per_record],
        ["memory at most, MB", link.max_rss_mb, plain.max_rss_mb],
    ]
    out.print(rows_table(["", "link", "aiokafka, fastavro and a dict"], rows))
    met = result.ratio >= result.bar
    out.print(
        f"ratio a CPU second {result.ratio} (each pair: {result.ratios}); promised {result.bar}: "
        + ("met" if met else "missed"),
        style="green" if met else "red",
    )
    out.print(
        f"one decision on an open session {result.core.decide_us} microseconds, "
        f"one price {result.core.price_us}, of 100 periods {result.core.price_100_us}"
    )
    if result.feeds:
        _print_feeds(result.feeds)


def _print_feeds(costs: list[FeedCost]) -> None:
    rows: list[list[Any]] = [
        [
            one.feed,
            f"{one.messages:,}",
            f"{one.per_cpu_second:,}",
            f"{one.per_wall_second:,}",
            f"{one.promised:,}",
            one.max_rss_mb,
        ]
        for one in costs
    ]
    names = ["feed", "messages", "a CPU second", "a second", "promised a core", "memory, MB"]
    out.print(rows_table(names, rows))


def _slices(side: Side) -> str:
    return f"{side.slice_median:,} ({side.slice_max:,})"
