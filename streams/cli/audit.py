"""`holdfast audit`: everything decided again by an independent reader, and what differs."""

import asyncio
from typing import Annotated

import typer

from streams.audit.auditor import Report
from streams.audit.mending import NothingToMend, send, to_emit, to_send_again
from streams.audit.reading import Scope
from streams.audit.run import follow
from streams.audit.run import once as look_at_all
from streams.cli.place import OfDemo, cluster, placed
from streams.cli.printed import Mended
from streams.cli.rhythm import rhythm_of
from streams.cli.screen import (
    PROBLEM,
    Json,
    Use,
    fail,
    out,
    print_json,
    print_rows,
    quiet,
    settings_or_exit,
)
from streams.cli.serve import serve
from streams.engine.stage import Output
from streams.reading import reader
from streams.settings import Settings

_SHOWN = 50

Once = Annotated[bool, typer.Option("--once", help="One look at all there is, and an answer.")]
Emit = Annotated[str, typer.Option(help="Say a missing command again: its id.")]
Again = Annotated[str, typer.Option(help="Send an input again: its topic/partition/offset.")]
Yes = Annotated[bool, typer.Option("--yes", help="Really send it.")]


def register(app: typer.Typer) -> None:
    app.command("audit", help="Decide everything again beside the pipeline, and compare.")(audit)


def audit(
    once: Once = False,
    emit: Emit = "",
    again: Again = "",
    yes: Yes = False,
    demo: OfDemo = False,
    json: Json = False,
) -> None:
    if emit or again:
        _mend(placed(settings_or_exit(), demo=demo), emit, again, yes=yes, json=json)
    elif once:
        _once(placed(settings_or_exit(), demo=demo), json=json)
    else:
        _follow(json=json)


def _scope(settings: Settings, bootstrap: str) -> Scope:
    partitions = settings.kafka.partitions
    rhythm = rhythm_of(settings.silence)
    return Scope(bootstrap=bootstrap, app_id=settings.app_id, partitions=partitions, rhythm=rhythm)


def _once(settings: Settings, *, json: bool) -> None:
    with cluster(settings) as bootstrap:
        report = asyncio.run(look_at_all(_scope(settings, bootstrap)))
    _end(report, json=json)


def _follow(*, json: bool) -> None:
    settings = settings_or_exit(Use.BROKER, Use.STATE)
    quiet(settings.log_level)
    scope, wanted = _scope(settings, settings.kafka.bootstrap), settings.audit
    reports: list[Report | None] = []

    async def part(stop: asyncio.Event) -> None:
        port, kept = wanted.metrics_port, settings.state_dir / "audit" / "checkpoint.sqlite"
        found = await follow(scope, wanted.period_s, stop, metrics_port=port, checkpoint=kept)
        reports.append(found)

    serve(part)
    if reports[0] is not None:
        _end(reports[0], json=json)


def _end(report: Report, *, json: bool) -> None:
    if json:
        print_json(report)
    else:
        _print(report)
    raise typer.Exit(0 if report.in_order else PROBLEM)


def _print(report: Report) -> None:
    flows = [
        [partition, *(getattr(flow, name) for name in flow.__struct_fields__)]
        for partition, flow in report.flows.items()
    ]
    print_rows(["partition", "in", "applied", "repeated", "parked", "waiting", "lost"], flows)
    out.print(
        f"{report.sessions} sessions, {report.steps} steps decided again, {report.outputs} records"
        f" as expected; {report.readings} readings, {report.crossings} crossings,"
        f" {report.silences} silences told"
    )
    for why, count in report.only_followed.items():
        out.print(f"{count} sessions are followed, not decided again: {why}")
    if report.commands_of_others:
        out.print(f"{report.commands_of_others} commands are of another edition of the rules")
    for one in report.findings[:_SHOWN]:
        line = f"{one.kind}: {one.what} {one.detail}".rstrip()
        out.print(line, style="red", markup=False, soft_wrap=True)
        out.print(f"    {one.repair}", markup=False, soft_wrap=True)
    if len(report.findings) > _SHOWN:
        out.print(f"... and {len(report.findings) - _SHOWN} more", style="red")
    out.print("in order" if report.in_order else f"{len(report.findings)} findings")


def _mend(settings: Settings, emit: str, again: str, *, yes: bool, json: bool) -> None:
    with cluster(settings) as bootstrap:
        try:
            one = asyncio.run(_mended(settings, bootstrap, emit, again, yes=yes))
        except NothingToMend as nothing:
            fail(str(nothing), PROBLEM)
    if json:
        print_json(
            Mended(topic=one.topic, key=(one.key or b"").decode("utf-8", "replace"), sent=yes)
        )
    elif yes:
        out.print(f"sent to {one.topic}", markup=False)
    else:
        out.print(f"would be sent to {one.topic}: add --yes", markup=False)


async def _mended(
    settings: Settings, bootstrap: str, emit: str, again: str, *, yes: bool
) -> Output:
    async with reader(bootstrap) as consumer:
        if emit:
            one = await to_emit(consumer, settings.kafka.partitions, emit)
        else:
            one = await to_send_again(consumer, again)
    if yes:
        await send(bootstrap, one)
    return one
