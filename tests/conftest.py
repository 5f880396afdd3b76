"""The broker that tests run on, and topics of their own for each test."""

import asyncio
import logging
import os
import re
import shutil
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from connectors.kafka.admin import TopicSpec, create_topics
from connectors.kafka.local import LocalKafka
from connectors.kafka.properties import HOST, Cluster, Node, server_properties
from connectors.kafka.wait import wait_for_broker

# A deadline measures the machine, which other tests share, and not the code.
_LAWS = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
# The proof is repeatable; what chance finds beyond it is searched for by `poe search`.
settings.register_profile("proof", derandomize=True, **_LAWS)
settings.register_profile("search", max_examples=1_000, print_blob=True, **_LAWS)


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("--hypothesis-profile"):
        settings.load_profile("proof")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that wait for brokers come first, then long ones: no process ends long after others."""
    waiting = {item.path for item in items if item.get_closest_marker("broker")}
    long = {item.path for item in items if item.get_closest_marker("long")}
    items.sort(key=lambda item: (item.path not in waiting, item.path not in long))


CONTAINER_IMAGE = "apache/kafka:4.1.0"


@dataclass(frozen=True)
class Kafka:
    bootstrap: str


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """The first that is there: HOLDFAST_KAFKA__BOOTSTRAP, a container, the local broker."""
    existing = os.environ.get("HOLDFAST_KAFKA__BOOTSTRAP")
    if existing:
        yield Kafka(existing)
    elif _docker_answers():
        yield from _in_container()
    else:
        yield from _local(tmp_path_factory.mktemp("kafka"))


def _docker_answers() -> bool:
    """Asked only where its socket takes connections: docker's client leaks one that does not."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if host.startswith("unix://") and not _takes_connections(host.removeprefix("unix://")):
        return False
    import docker  # noqa: PLC0415 - slow to import and rarely needed
    from docker.errors import DockerException  # noqa: PLC0415 - as above

    try:
        with closing(docker.from_env(timeout=3)) as client:
            return bool(client.ping())
    except DockerException:
        return False


def _takes_connections(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def _in_container() -> Iterator[Kafka]:
    """The official image with the settings of our local broker, on a port that is free here."""
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - as above

    with socket.socket() as chosen:
        chosen.bind((HOST, 0))
        port = chosen.getsockname()[1]
    node = Node(node_id=0, port=port, controller_port=9093, folder=Path("/tmp/holdfast"))
    cluster = Cluster(cluster_id="HoldfastTestsOnDocker0", nodes=(node,))
    settings = server_properties(cluster, node) | {
        "listeners": f"PLAINTEXT://:{port},CONTROLLER://127.0.0.1:9093"
    }
    container = DockerContainer(CONTAINER_IMAGE).with_bind_ports(port, port)
    for name, value in settings.items():
        container.with_env("KAFKA_" + name.upper().replace(".", "_"), value)
    with container.with_env("CLUSTER_ID", cluster.cluster_id):
        asyncio.run(wait_for_broker(cluster.bootstrap, tell=print, within_s=120))
        yield Kafka(cluster.bootstrap)


def _local(state_dir: Path) -> Iterator[Kafka]:
    with LocalKafka(state_dir) as broker:
        yield Kafka(broker.bootstrap)
    shutil.rmtree(state_dir)  # pytest keeps the folders of three runs


@pytest.fixture
def unique(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A prefix that no other test of any run uses, for topics, groups and transactional ids."""
    word = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:40]
    return f"{word}-{os.getpid()}-{abs(hash(tmp_path)) % 16**8:08x}"


MakeTopic = Callable[..., Awaitable[str]]


@pytest.fixture
def make_topic(kafka: Kafka, unique: str) -> MakeTopic:
    """`await make_topic("name", partitions=4, **configs)`; dots in config names as underscores."""

    async def make(name: str, *, partitions: int = 1, **configs: object) -> str:
        spec = TopicSpec(
            name=f"{unique}.{name}",
            partitions=partitions,
            configs={key.replace("_", "."): str(value) for key, value in configs.items()},
        )
        await create_topics(kafka.bootstrap, [spec])
        return spec.name

    return make


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """A command run in this process sends logs to an output that is closed after the test."""
    aiokafka = logging.getLogger("aiokafka")
    level = aiokafka.level
    yield
    structlog.reset_defaults()
    aiokafka.setLevel(level)
