"""`holdfast topics`: the catalogue, and whether a cluster has it."""

import asyncio
from typing import Annotated

import typer

from connectors.kafka.admin import differences
from connectors.kafka.wait import BrokerAway, wait_for_broker
from schemas import topics as catalogue
from streams.app import topic_specs
from streams.cli.place import OfDemo, cluster, placed
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
from streams.settings import Settings

_PATIENCE_S = 10


def register(app: typer.Typer) -> None:
    app.command("topics", help="Show the topic catalogue; --check compares a cluster with it.")(
        topics
    )


def topics(
    check: Annotated[bool, typer.Option("--check", help="Compare the cluster.")] = False,
    demo: OfDemo = False,
    json: Json = False,
) -> None:
    settings = placed(settings_or_exit(), demo=demo)
    found: list[str] = []
    if check:
        with cluster(settings) as bootstrap:
            found = asyncio.run(_compared(settings, bootstrap))
    rows = [
        [one.name, one.key, ", ".join(one.records), one.written_by, one.read_by]
        for one in catalogue.TOPICS
    ]
    if json:
        print_json({"topics": [row[0] for row in rows], "differences": found})
    else:
        print_rows(["topic", "key", "records", "written by", "read by"], rows)
        for line in found:
            out.print(line, style="red", markup=False)
    raise typer.Exit(PROBLEM if found else 0)


async def _compared(settings: Settings, bootstrap: str) -> list[str]:
    try:
        await wait_for_broker(bootstrap, tell=tell, within_s=_PATIENCE_S)
    except BrokerAway as away:
        fail(str(away), UNREACHABLE)
    return await differences(bootstrap, topic_specs(settings))
