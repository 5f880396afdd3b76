"""The executor's consumer and producer, with the settings that its promises rest on."""

import asyncio
from contextlib import AsyncExitStack

import stamina
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from connectors.acquirers.settings import ConsumerSettings

log = structlog.get_logger(__name__)


class StoppedWaiting(Exception):
    """The broker was still away when the program was told to stop."""


async def open_producer(
    stack: AsyncExitStack, settings: ConsumerSettings, stop: asyncio.Event
) -> AIOKafkaProducer:
    """Idempotent, acks=all. Waits for a broker that is away. Raises StoppedWaiting."""
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap,
        client_id=settings.instance_id,
        acks="all",
        enable_idempotence=True,
        linger_ms=2,
        request_timeout_ms=20_000,
    )
    stack.push_async_callback(producer.stop)
    await _started(producer, stop)
    return producer


async def open_consumer(
    stack: AsyncExitStack, settings: ConsumerSettings, stop: asyncio.Event
) -> AIOKafkaConsumer:
    """Read committed, offsets by hand, a static member; subscribes to nothing yet.

    Waits for a broker that is away. Raises StoppedWaiting.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap,
        client_id=settings.instance_id,
        group_id=settings.group_id,
        group_instance_id=settings.instance_id,
        isolation_level="read_committed",
        enable_auto_commit=False,
        # A group without offsets begins at the start: each command there is asked after first.
        auto_offset_reset="earliest",
        session_timeout_ms=round(settings.session_timeout_s * 1000),
        heartbeat_interval_ms=round(settings.heartbeat_s * 1000),
        fetch_max_wait_ms=100,
        request_timeout_ms=20_000,
    )
    stack.push_async_callback(consumer.stop)
    await _started(consumer, stop)
    return consumer


async def _started(client: AIOKafkaConsumer | AIOKafkaProducer, stop: asyncio.Event) -> None:
    attempts = stamina.retry_context(
        on=KafkaConnectionError, attempts=None, timeout=None, wait_max=2
    )
    async for attempt in attempts:
        with attempt:
            if stop.is_set():
                raise StoppedWaiting
            if attempt.num > 1:
                log.warning("waiting for the broker", attempt=attempt.num)
            await client.start()
