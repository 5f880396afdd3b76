"""`holdfast topics`: the catalogue, and whether a cluster has it."""

import asyncio
from typing import Annotated

import typer
from msgspec import UNSET

from connectors.kafka.admin import differences
from connectors.kafka.wait import wait_for_broker
from schemas import topics as catalogue
from streams.app import topic_specs
from streams.cli.place import OfDemo, cluster, placed
from streams.cli.printed import Catalogue
from streams.cli.screen import (
    PROBLEM,
    Json,
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
        names = [one.name for one in catalogue.TOPICS]
        print_json(Catalogue(topics=names, differences=found if check else UNSET))
    else:
        print_rows(["topic", "key", "records", "written by", "read by"], rows)
        for line in found:
            out.print(line, style="red", markup=False)
        if check and not found:
            tell("the cluster has them as they should be")
    raise typer.Exit(PROBLEM if found else 0)


async def _compared(settings: Settings, bootstrap: str) -> list[str]:
    await wait_for_broker(bootstrap, tell=tell, within_s=_PATIENCE_S)
    return await differences(bootstrap, topic_specs(settings))
