"""What was set aside: read from the parked topic, and sent again to where it came from.

A parked record is named by the place it was read from: `topic/partition/offset`. A retry sends the
same bytes under the same key, with the headers it came with as far as they are still there, and the
header `retry-of`; it leaves a note on the parked topic, so that nobody retries twice without
noticing.
"""

import hashlib
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from schemas import topics
from streams.reading import record_at, records_of

RETRIED = "retried"
_NEEDED = frozenset({"topic", "partition", "offset", "reason"})


class GoneForGood(LookupError):
    """The bytes of a record too large to be copied are no longer where they were read from."""


class Parked(msgspec.Struct, kw_only=True):
    """One parked record. `value` is untouched; empty with `sha256` set: it is still at `ref`.

    `masked` card numbers were taken out of it; what was sent is still at `ref`.
    """

    ref: str
    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    key: bytes
    value: bytes
    value_bytes: int
    sha256: str = ""
    parked_at: int
    retried: bool = False
    masked: int = 0


def _headers(record: ConsumerRecord) -> dict[str, str]:
    return {name: value.decode("utf-8", "replace") for name, value in record.headers}


def parked_record(record: ConsumerRecord) -> Parked | None:
    """One record of the parked topic; None for the note of a retry, and for what is neither."""
    headers = _headers(record)
    if headers.get("reason") == RETRIED or not headers.keys() >= _NEEDED:
        return None
    value: bytes = record.value or b""
    return Parked(
        ref=f"{headers['topic']}/{headers['partition']}/{headers['offset']}",
        topic=headers["topic"],
        partition=int(headers["partition"]),
        offset=int(headers["offset"]),
        reason=headers["reason"],
        detail=headers.get("detail", ""),
        key=record.key or b"",
        value=value,
        value_bytes=int(headers.get("value-bytes", len(value))),
        sha256=headers.get("value-sha256", ""),
        parked_at=record.timestamp,
        masked=int(headers.get("masked", 0)),
    )


async def parked_records(consumer: AIOKafkaConsumer, partitions: int) -> list[Parked]:
    """All that is parked, in order of parking; retried ones are marked."""
    found: dict[str, Parked] = {}
    retried: set[str] = set()
    async for record in records_of(consumer, topics.PARKED, range(partitions)):
        one = parked_record(record)
        if one is not None:
            found[one.ref] = one
        elif (headers := _headers(record)).get("reason") == RETRIED:
            retried.add(headers.get("ref", ""))
    for ref in retried & found.keys():
        found[ref].retried = True
    return sorted(found.values(), key=lambda one: (one.parked_at, one.ref))


class Origin(NamedTuple):
    """What was sent at first."""

    value: bytes
    headers: list[tuple[str, bytes]]


async def origin_of(consumer: AIOKafkaConsumer, one: Parked) -> Origin:
    """The record as it was sent. Raises GoneForGood where its bytes are nowhere any more."""
    record = await record_at(consumer, one.topic, one.partition, one.offset)
    value = b"" if record is None else bytes(record.value or b"")
    headers = [] if record is None else list(record.headers)
    if one.sha256:
        if hashlib.sha256(value).hexdigest() != one.sha256:
            raise GoneForGood(f"{one.ref}: its {one.value_bytes} bytes are no longer there")
    elif one.masked:
        if record is None:
            raise GoneForGood(f"{one.ref}: card numbers were masked, and it is no longer there")
    else:
        value = one.value
    return Origin(value, headers)


async def retry(producer: AIOKafkaProducer, one: Parked, origin: Origin) -> None:
    """Send it again, wait until Kafka has it, then leave the note."""
    ref = one.ref.encode()
    headers = [*origin.headers, ("retry-of", ref)]
    await producer.send_and_wait(one.topic, origin.value, one.key or None, headers=headers)
    await producer.send_and_wait(
        topics.PARKED, b"", one.key, headers=[("reason", RETRIED.encode()), ("ref", ref)]
    )
