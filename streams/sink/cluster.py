"""The sink's clients of Kafka."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import stamina
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError

from streams.sink.intake import Committed
from streams.sink.settings import SinkSettings

log = structlog.get_logger(__name__)


async def open_consumer(stack: AsyncExitStack, settings: SinkSettings) -> AIOKafkaConsumer:
    """Read committed, offsets by hand, a static member. Waits for a broker that is away."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap,
        client_id=settings.instance_id,
        group_id=settings.group_id,
        group_instance_id=settings.instance_id,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=round(settings.session_timeout_s * 1000),
        heartbeat_interval_ms=round(settings.heartbeat_s * 1000),
        max_partition_fetch_bytes=2 * 2**20,
    )
    stack.push_async_callback(consumer.stop)
    async for attempt in stamina.retry_context(
        on=KafkaConnectionError, attempts=None, timeout=None, wait_max=5
    ):
        with attempt:
            if attempt.num > 1:
                log.warning("waiting for the broker", attempt=attempt.num)
            await consumer.start()
    return consumer


async def committed_of(settings: SinkSettings, parts: list[TopicPartition]) -> Committed:
    """The group's offsets with their metadata, which a consumer does not give."""
    async with _admin(settings) as admin:
        found = await admin.list_consumer_group_offsets(settings.group_id, partitions=parts)
    return {where: known for where, known in found.items() if known.offset >= 0}


async def cluster_id(settings: SinkSettings) -> str:
    """The cluster's own name for itself, made when it was formatted."""
    async with _admin(settings) as admin:
        described = await admin.describe_cluster()
    return str(described["cluster_id"])


@asynccontextmanager
async def _admin(settings: SinkSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()
