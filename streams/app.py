"""What the program is made of, from its settings: topics, a stage's engine, reference data."""

import asyncio
import datetime as dt
import time
from collections.abc import Callable

from aiokafka import AIOKafkaProducer

from connectors.kafka.admin import (
    MISSING,
    TopicSpec,
    create_topics,
    describe_topics,
    differences,
)
from connectors.kafka.wait import wait_for_broker
from schemas import codec, ids, topics
from schemas.facts import Fact, PolicyPublished, TariffPublished
from streams.core import pricing, strategy
from streams.crash_points import crash_points
from streams.engine.heartbeat import Heart
from streams.engine.settings import EngineSettings
from streams.settings import Settings

_SHOWN_WITHIN_S = 30


class TopicsDiffer(RuntimeError):
    """The cluster's topics are not as the catalogue wants; the message has every difference."""


def topic_specs(settings: Settings) -> list[TopicSpec]:
    """The catalogue as Kafka is told it."""
    return [
        TopicSpec(
            name=topic.name,
            partitions=topic.partitions(settings.kafka.partitions),
            replication=settings.kafka.replication,
            configs=topic.configs,
        )
        for topic in topics.TOPICS
    ]


async def prepare_topics(settings: Settings, tell: Callable[[str], None]) -> tuple[str, ...]:
    """Wait for the broker, create what is missing, refuse what differs. Raises TopicsDiffer."""
    bootstrap = settings.kafka.bootstrap
    await wait_for_broker(bootstrap, tell=tell)
    specs = topic_specs(settings)
    created = await create_topics(bootstrap, specs)
    found = await differences(bootstrap, specs)
    for _ in range(_SHOWN_WITHIN_S):
        if not any(line.endswith(MISSING) for line in found):
            break
        await asyncio.sleep(1)  # a broker shows what it has just created a little later
        found = await differences(bootstrap, specs)
    if found:
        raise TopicsDiffer("topics are not as wanted:\n" + "\n".join(found))
    return created


async def topics_there(settings: Settings, tell: Callable[[str], None]) -> list[str]:
    """Wait for the broker; the catalogue's topics that its cluster has already, by name."""
    await wait_for_broker(settings.kafka.bootstrap, tell=tell)
    wanted = [spec.name for spec in topic_specs(settings)]
    return sorted(await describe_topics(settings.kafka.bootstrap, wanted))


async def agree_on_framing(settings: Settings) -> None:
    """Before anything is read or written: which framing our topics carry. Raises RegistryFailed."""
    registry = settings.registry
    if registry.url:
        # Here, so that commands without a registry start without loading an HTTP client.
        from connectors.registry.client import Registry  # noqa: PLC0415 - see above
        from connectors.registry.own import register_ours  # noqa: PLC0415 - see above

        ids = await register_ours(Registry(registry.url, registry.user, registry.password))
        codec.use_registry(ids)


def engine_settings(settings: Settings, stage: str, slot: int) -> EngineSettings:
    heart = Heart.from_environment()
    return EngineSettings(
        bootstrap=settings.kafka.bootstrap,
        app_id=settings.app_id,
        slot=slot,
        beat=heart.beat,
        log_level=settings.log_level.upper(),
        reached=crash_points(stage),
    )


def wall_at() -> int:
    """Epoch milliseconds: for shells only, never for the core."""
    return time.time_ns() // 1_000_000


def iso(at: int) -> str:
    """An instant for people, UTC; empty for 0, which says that there was none."""
    if at == 0:
        return ""
    return dt.datetime.fromtimestamp(at / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")


def policy_fact(settings: Settings, at: int) -> PolicyPublished:
    """The policy file as a fact. Raises PolicyInvalid with every problem, OSError."""
    body = settings.policy_file.read_text()
    policy = strategy.parse_policy(body)
    return PolicyPublished(
        tenant=settings.tenant,
        policy_id=policy.id,
        version=policy.version,
        body=body,
        published_at=at,
    )


def tariff_fact(tenant: str, tariff_id: str, body: str, at: int) -> TariffPublished:
    """A tariff as a fact: canonical body, its digest. Raises Unpriceable."""
    canonical = pricing.canonical(body)
    return TariffPublished(
        tenant=tenant,
        tariff_id=tariff_id,
        tariff_hash=pricing.content_hash(canonical),
        currency=pricing.parse(canonical).currency,
        body=canonical,
        received_at=at,
    )


def reference_record(fact: PolicyPublished | TariffPublished) -> tuple[str, bytes]:
    """Topic and key of a reference record."""
    if isinstance(fact, PolicyPublished):
        key = ids.policy_key(fact.tenant, fact.policy_id, fact.version)
        return topics.POLICIES, key.encode()
    return topics.TARIFFS, ids.tariff_key(fact.tenant, fact.tariff_id, fact.tariff_hash).encode()


async def publish(bootstrap: str, facts: list[Fact]) -> None:
    """Reference data onto their topics, acknowledged."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        for fact in facts:
            assert isinstance(fact, PolicyPublished | TariffPublished)
            topic, key = reference_record(fact)
            await producer.send_and_wait(topic, codec.encode(fact), key)
    finally:
        await producer.stop()
