"""`holdfast run feed` and `holdfast feed check`: operators' own topics, and samples of them."""

import asyncio
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from prometheus_client import start_http_server

from connectors.acquirers.settings import LOOPBACK, AccountSettings
from streams.agents.feed_checking import Unusable, checked, default_feed
from streams.agents.feed_mapping import Feed, MappingWrong, Source, read_mapping
from streams.agents.feed_meter_keys import KeysWatch
from streams.agents.feed_opening import NoSuchTopic, opened, prepared
from streams.app import engine_settings, wall_at
from streams.cli.accounts import of_tenant, read_accounts, with_secrets
from streams.cli.feed_shown import print_checked
from streams.cli.screen import (
    PROBLEM,
    UNREACHABLE,
    USAGE,
    Json,
    Use,
    fail,
    print_json,
    quiet,
    settings_or_exit,
    tell,
)
from streams.cli.serve import end
from streams.engine.settings import REFUSED_EXIT
from streams.engine.supervisor import Supervisor
from streams.engine.worker import run_stage
from streams.settings import Settings
from streams.stack import child

running = typer.Typer(help="Run a part that is named.", no_args_is_help=True)
feeds = typer.Typer(help="Operators' own topics.", no_args_is_help=True)

SourceName = Annotated[Source, typer.Option(help="What stands on the topic.")]
_MAX_SAMPLE_BYTES = 256 << 20


def register(app: typer.Typer) -> None:
    running.command("feed", help="Turn a topic of an operator's into facts on ours.")(run_feed)
    feeds.command("check", help="Show what a sample becomes, or why it is refused.")(check)
    app.add_typer(running, name="run")
    app.add_typer(feeds, name="feed")


def run_feed(
    source: SourceName,
    topic: Annotated[str, typer.Option(help="Their topic.")],
    mapping: Annotated[Path, typer.Option(help="Where in its records what sits (TOML).")],
    slot: Annotated[int, typer.Option(help="Number of this worker: its static membership.")] = 0,
    alone: Annotated[bool, typer.Option("--alone", hidden=True)] = False,
    json: Json = False,
) -> None:
    feed = _feed(source, mapping)
    if feed.mapping.topic not in (None, topic):
        fail(f"--topic: the mapping is for {feed.mapping.topic}", USAGE)
    uses = [Use.OWN_ACCOUNTS] if source == "acquirer" else []
    settings = settings_or_exit(Use.BROKER, Use.STATE, *uses)
    quiet(settings.log_level)
    partitions = _prepared(settings, feed, topic)
    if alone:
        raise typer.Exit(_run_here(feed, topic, partitions, settings, slot))
    name = f"feed-{feed.mapping.name}"
    own = ["--source", source, "--topic", topic, "--mapping", str(mapping), "--slot", str(slot)]
    end(f"{name}-{slot}", lambda: _supervised(settings, f"{name}-{slot}", own), json=json)


def _supervised(settings: Settings, name: str, own: Sequence[str]) -> int:
    spec = dataclasses.replace(child(settings, name, ("run", "feed", *own, "--alone")), log=None)
    supervisor = Supervisor([spec])
    code = supervisor.run_until_stopped()
    return REFUSED_EXIT if supervisor.refused else code


def _prepared(settings: Settings, feed: Feed, topic: str) -> int:
    """Their partitions; asked before anything is kept running, so that a wrong name ends it."""
    try:
        return asyncio.run(prepared(settings, feed.mapping.name, topic))
    except NoSuchTopic as none:
        fail(str(none), UNREACHABLE)


def _run_here(feed: Feed, topic: str, partitions: int, settings: Settings, slot: int) -> int:
    if settings.feed.metrics_port:
        start_http_server(settings.feed.metrics_port, LOOPBACK)
    stage = opened(feed, topic, partitions, settings, _accounts(settings))
    with KeysWatch(feed.keys, tell):
        return run_stage(stage, engine_settings(settings, stage.name, slot))


def _feed(source: Source, mapping: Path) -> Feed:
    try:
        feed = read_mapping(mapping)
    except MappingWrong as wrong:
        fail(f"--mapping: {mapping} cannot be used", USAGE, wrong.problems)
    if feed.mapping.source != source:
        fail(f"--source: {mapping} is for {feed.mapping.source}", USAGE)
    return feed


def _accounts(settings: Settings) -> dict[str, AccountSettings]:
    """Of which the secrets are known; none where no file is named."""
    file = settings.executor.accounts_file
    found = {} if file is None else with_secrets(read_accounts(file), settings.executor)
    return of_tenant(found, settings.tenant)


def check(
    source: SourceName,
    sample: Annotated[Path, typer.Option(help="JSON: an object, an array, or one a line.")],
    mapping: Annotated[Path | None, typer.Option(help="As `run feed` has it.")] = None,
    json: Json = False,
) -> None:
    settings = settings_or_exit(Use.ACCOUNTS)
    quiet()
    accounts = _accounts(settings)
    feed = default_feed(source) if mapping is None else _feed(source, mapping)
    try:
        found = checked(feed, _sample(sample), settings, accounts, wall_at())
    except Unusable as wrong:
        fail(f"--sample: {sample}: {wrong}", USAGE)
    if json:
        print_json(found)
    else:
        print_checked(found)
    raise typer.Exit(PROBLEM if found.refused else 0)


def _sample(file: Path) -> bytes:
    try:
        if file.stat().st_size > _MAX_SAMPLE_BYTES:
            fail(f"--sample: {file}: more than {_MAX_SAMPLE_BYTES >> 20} MiB", USAGE)
        return file.read_bytes()
    except OSError as error:
        fail(f"--sample: {file}: {error.strerror or error}", USAGE)
