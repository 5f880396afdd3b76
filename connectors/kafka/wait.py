"""Waiting for a broker that is away."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

_ASK_AGAIN_S = 0.5
_SAY_AGAIN_S = 10.0
_ANSWER_WITHIN_MS = 3_000


class BrokerAway(Exception):
    """No broker answered in the time that the caller set."""


async def wait_for_broker(
    bootstrap: str,
    *,
    tell: Callable[[str], None],
    within_s: float | None = None,
    brokers: int = 1,
) -> None:
    """Return when `brokers` brokers answer a metadata request; forever by default.

    Says so through `tell` when the first attempt fails, every ten seconds from then, and when the
    broker is back; says nothing when it is there at once. Raises BrokerAway after `within_s`.
    """
    began = time.monotonic()
    said_at: float | None = None
    while not await answers(bootstrap, brokers=brokers):
        waited = time.monotonic() - began
        if within_s is not None and waited >= within_s:
            raise BrokerAway(f"no Kafka broker answers at {bootstrap} after {waited:.0f} s")
        if said_at is None or waited - said_at >= _SAY_AGAIN_S:
            said_at = waited
            tell(f"waiting for a Kafka broker at {bootstrap} ({waited:.0f} s so far)")
        await asyncio.sleep(_ASK_AGAIN_S)
    if said_at is not None:
        tell(f"the Kafka broker at {bootstrap} answers")


async def answers(bootstrap: str, *, brokers: int = 1) -> bool:
    """Whether a metadata request is answered now and names at least that many brokers."""
    if not await _accepts(bootstrap):
        return False
    client = AIOKafkaClient(bootstrap_servers=bootstrap, request_timeout_ms=_ANSWER_WITHIN_MS)
    try:
        await client.bootstrap()
        return len(client.cluster.brokers()) >= brokers
    except KafkaError:
        return False
    finally:
        await client.close()


async def _accepts(bootstrap: str) -> bool:
    """Whether any address takes a connection; aiokafka logs an error for each that does not."""
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_MS / 1000):
                _, writer = await asyncio.open_connection(host, int(port))
        except (OSError, TimeoutError):
            continue
        writer.close()
        with suppress(OSError):  # hung up on: it did take the connection
            await writer.wait_closed()
        return True
    return False
