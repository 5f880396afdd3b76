"""Topics: made from plain specifications, and compared with what a cluster has."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

BROKER_DEFAULT = -1  # in Kafka's requests: as many replicas as the cluster's own default
_ANSWER_WITHIN_MS = 30_000
MISSING = "does not exist"


class TopicRefused(Exception):
    """The cluster would not create a topic; the message names it and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    """A topic as wanted: `configs` by Kafka's names, `replication` -1 for the cluster's default."""

    name: str
    partitions: int
    replication: int = BROKER_DEFAULT
    configs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicFound:
    """A topic as a cluster has it, with all its effective configs."""

    name: str
    partitions: int
    configs: Mapping[str, str]


async def create_topics(bootstrap: str, wanted: Iterable[TopicSpec]) -> tuple[str, ...]:
    """Create those that are missing; the names of the created ones. Raises TopicRefused.

    One that exists is left as it is, whatever it looks like: `differences` tells.
    """
    requests = [_request(spec) for spec in wanted]
    if not requests:
        return ()
    async with _admin(bootstrap) as admin:
        answer = await admin.create_topics(requests, timeout_ms=_ANSWER_WITHIN_MS)
    return tuple(name for name, code, *said in answer.topic_errors if _created(name, code, said))


def _request(spec: TopicSpec) -> NewTopic:
    return NewTopic(
        spec.name,
        num_partitions=spec.partitions,
        replication_factor=spec.replication,
        # aiokafka takes -1 only beside assignments; empty ones are not sent (new_topic.py).
        replica_assignments={} if spec.replication == BROKER_DEFAULT else None,
        topic_configs=dict(spec.configs),
    )


def _created(name: str, code: int, said: list[str | None]) -> bool:
    if code == TopicAlreadyExistsError.errno:
        return False
    if code:
        raise TopicRefused(
            f"cannot create {name}: {(said or [None])[0] or for_code(code).__name__}"
        )
    return True


async def describe_topics(bootstrap: str, names: Iterable[str]) -> dict[str, TopicFound]:
    """The named topics that exist, by name."""
    asked = set(names)
    async with _admin(bootstrap) as admin:
        # All topics are asked for: a request that names one may create it on some clusters.
        listed = await admin.describe_topics()
        counts = {t["topic"]: len(t["partitions"]) for t in listed if t["topic"] in asked}
        configs = await _configs(admin, counts)
    return {
        name: TopicFound(name=name, partitions=count, configs=configs[name])
        for name, count in counts.items()
    }


async def _configs(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, dict[str, str]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    if not resources:
        return {}
    found = {}
    for answer in await admin.describe_configs(resources):
        for code, message, _, name, entries in answer.resources:
            if code:
                raise TopicRefused(f"cannot read the configuration of {name}: {message}")
            found[name] = {entry[0]: entry[1] for entry in entries}
    return found


async def differences(bootstrap: str, wanted: Iterable[TopicSpec]) -> list[str]:
    """How the cluster's topics differ from the wanted ones, one sentence each; [] when in order.

    Missing topics, partition counts and every config that a specification names are compared. The
    caller refuses to start on any (design.md, section 3: partitions are fixed for life).
    """
    specs = tuple(wanted)
    found = await describe_topics(bootstrap, (spec.name for spec in specs))
    return [line for spec in specs for line in _compare(spec, found.get(spec.name))]


def _compare(spec: TopicSpec, found: TopicFound | None) -> list[str]:
    if found is None:
        return [f"{spec.name} {MISSING}"]
    lines = []
    if found.partitions != spec.partitions:
        lines.append(f"{spec.name} has {found.partitions} partitions, wanted {spec.partitions}")
    for config, value in spec.configs.items():
        has = found.configs.get(config)
        if _canonical(has) != _canonical(value):
            lines.append(f"{spec.name} has {config} {has}, wanted {value}")
    return lines


def _canonical(value: str | None) -> frozenset[str]:
    """A list config (cleanup.policy) is a set: Kafka may give its words in another order."""
    return frozenset() if value is None else frozenset(value.split(","))


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=_ANSWER_WITHIN_MS)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()
