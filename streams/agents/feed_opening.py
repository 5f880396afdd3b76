"""A feed made ready: its topic looked at, its state topic made, its translator and registry."""

from functools import partial

from connectors.acquirers.accounts import readers_at
from connectors.acquirers.settings import AccountSettings
from connectors.kafka.admin import TopicSpec, create_topics, describe_topics, differences
from connectors.registry.known import KnownSchemas
from schemas.topics import Topic
from streams.agents.feed import FeedStage, NewSource, feed_stage, state_topic
from streams.agents.feed_mapping import Feed
from streams.agents.feed_sources import OcpiSource, OcppSource
from streams.agents.feed_webhooks import AcquirerSource
from streams.app import TopicsDiffer
from streams.settings import Settings

Accounts = dict[str, AccountSettings]


class NoSuchTopic(LookupError):
    """The feed's topic is not on this cluster; the message names it."""


def new_source(feed: Feed, tenant: str, accounts: Accounts) -> NewSource:
    """What makes a translator for each partition. `accounts` count for acquirers' webhooks."""
    match feed.mapping.source:
        case "ocpp":
            return partial(OcppSource, feed, tenant)
        case "ocpi":
            return partial(OcpiSource, feed, tenant)
        case "acquirer":
            readers = partial(readers_at, accounts, verify=feed.mapping.verify)
            return lambda: AcquirerSource(feed, tenant, readers)


def known_schemas(feed: Feed, settings: Settings) -> KnownSchemas | None:
    """The registry of the feed's topic: the mapping's own, else the installation's; or none."""
    framing, ours = feed.mapping.framing, settings.registry
    if framing.kind != "avro-confluent" or not (framing.registry or ours.url):
        return None
    # Here, so that feeds without a registry start without loading an HTTP client.
    from connectors.registry.client import Registry  # noqa: PLC0415 - see above

    if not framing.registry or framing.registry == ours.url:
        return KnownSchemas(Registry(ours.url, ours.user, ours.password))
    theirs = settings.feed
    return KnownSchemas(Registry(framing.registry, theirs.registry_user, theirs.registry_password))


async def prepared(settings: Settings, name: str, topic: str) -> int:
    """The partitions of their topic, once the state topic of the feed has as many.

    Raises NoSuchTopic, TopicsDiffer: a state topic of another size cannot be gone on with.
    """
    bootstrap = settings.kafka.bootstrap
    found = (await describe_topics(bootstrap, [topic])).get(topic)
    if found is None:
        raise NoSuchTopic(f"topic {topic} is not on {bootstrap}")
    own = Topic(
        name=state_topic(name),
        key="the feed's own",
        records=(),
        written_by=f"feed {name}",
        read_by=f"feed {name}",
        retention_ms=0,
        carries=f"state and input positions of the feed {name}",
    )
    spec = TopicSpec(
        name=own.name,
        partitions=found.partitions,
        replication=settings.kafka.replication,
        configs=own.configs,
    )
    await create_topics(bootstrap, [spec])
    if lines := await differences(bootstrap, [spec]):
        raise TopicsDiffer("the state of this feed is not as wanted:\n" + "\n".join(lines))
    return found.partitions


def opened(
    feed: Feed, topic: str, partitions: int, settings: Settings, accounts: Accounts
) -> FeedStage:
    """The stage, ready to run."""
    source = new_source(feed, settings.tenant, accounts)
    known = known_schemas(feed, settings)
    return feed_stage(feed, topic, partitions, source, known, settings.tenant)
