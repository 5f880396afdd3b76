"""`holdfast drift`: what partners, acquirers and firmware changed, and since when."""

from typing import Annotated

import typer

from connectors.clickhouse.guard import QueryRefused
from schemas.drift import FeedSource
from streams.app import iso, wall_at
from streams.cli.place import OfDemo, placed
from streams.cli.screen import (
    PROBLEM,
    UNREACHABLE,
    Json,
    fail,
    out,
    print_json,
    print_rows,
    settings_or_exit,
    tell,
)
from streams.cli.since import since_at
from streams.cli.sink import sink_settings
from streams.drift import Drift, drift, newest_at
from streams.settings import Settings
from streams.sink.asking import SinkAway, open_analytics
from streams.sink.directory import AnalyticsInUse


def register(app: typer.Typer) -> None:
    app.command(
        "drift",
        help="What the feeds' partners, acquirers and firmware changed since then: versions,"
        " unknown fields, new words, oddities, refusals and their rate. Exit 1 when anything did.",
    )(changed)


def changed(
    since: Annotated[
        str, typer.Option(help="Since when: ISO 8601, or 7d, 12h, 90m before the newest.")
    ] = "7d",
    source: Annotated[FeedSource | None, typer.Option(help="Of one kind of feed.")] = None,
    demo: OfDemo = False,
    json: Json = False,
) -> None:
    try:
        found = _asked(placed(settings_or_exit(), demo=demo), since, source or "")
    except SinkAway as away:
        fail(f"{away} (run `holdfast up` or `demo`)", UNREACHABLE)
    except (AnalyticsInUse, QueryRefused) as refused:
        fail(str(refused), PROBLEM)
    if json:
        print_json(found)
    else:
        _print(found)
    raise typer.Exit(PROBLEM if found.changes else 0)


def _asked(settings: Settings, since: str, source: str) -> Drift:
    with open_analytics(sink_settings(settings).address) as analytics:
        newest = newest_at(analytics, wall_at())
        return drift(analytics, since_at(since, newest), newest, source)


def _print(found: Drift) -> None:
    if not found.parties:
        tell("no feed has told of anybody: see `holdfast run feed`")
    print_rows(
        ["since", "feed", "partner", "make", "what", "which", "messages"],
        [
            [
                iso(one.first_at),
                one.feed,
                one.partner,
                one.make,
                one.kind,
                "" if one.kind == "make" else one.detail,  # stands beside it already
                one.messages,
            ]
            for one in found.changes
        ],
    )
    refused = sum(one.refused for one in found.parties)
    messages = sum(one.messages for one in found.parties)
    out.print(
        f"{len(found.changes)} changes since {iso(found.since_at)}; {messages} messages of"
        f" {len(found.parties)} parties, {refused} refused",
        markup=False,
        soft_wrap=True,
    )
