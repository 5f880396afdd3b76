"""Where a command finds its cluster: a setting, a running `up` or `demo`, or what they left."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from connectors.kafka.local import LocalKafka
from streams.app import agree_on_framing
from streams.cli.screen import UNREACHABLE, fail, quiet, tell
from streams.demo.run import demo_directory
from streams.settings import Settings
from streams.stack import running_bootstrap

OfDemo = Annotated[bool, typer.Option("--demo", help="Look at what the last demo left behind.")]


def placed(settings: Settings, *, demo: bool) -> Settings:
    """The settings with the state directory that is meant."""
    if not demo:
        return settings
    return settings.model_copy(update={"state_dir": demo_directory(settings)})


@contextmanager
def cluster(settings: Settings) -> Iterator[str]:
    """A bootstrap address; a stopped local broker is started for as long as this takes."""
    quiet()
    asyncio.run(agree_on_framing(settings))
    if settings.kafka.bootstrap:
        yield settings.kafka.bootstrap
        return
    running = running_bootstrap(settings.state_dir)
    if running:
        yield running
        return
    data = settings.state_dir / "kafka"
    if not data.exists():
        fail(f"no Kafka to ask: {data} does not exist (run `holdfast up` or `demo`)", UNREACHABLE)
    with LocalKafka(data, tell=tell) as broker:
        yield broker.bootstrap
