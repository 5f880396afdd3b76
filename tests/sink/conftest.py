"""Topics of a test's own, and a sink's settings for them. Tests are no package: see the path."""

import sys
from pathlib import Path

import pytest

from connectors.clickhouse.rows import SUNK
from streams.sink.settings import SinkSettings

sys.path.insert(0, str(Path(__file__).parent))

from sinkworld import PARTITIONS, Feed


@pytest.fixture
async def feed(kafka, unique, make_topic):
    for topic in SUNK:
        await make_topic(topic, partitions=PARTITIONS)
    return Feed(kafka.bootstrap, f"{unique}.")


@pytest.fixture
def settings(kafka, unique, tmp_path):
    return SinkSettings(
        bootstrap=kafka.bootstrap,
        directory=tmp_path / "analytics",
        group_id=f"{unique}-sink",
        instance_id=f"{unique}-sink-0",
        topic_prefix=f"{unique}.",
        flush_every_s=0.2,
    )
