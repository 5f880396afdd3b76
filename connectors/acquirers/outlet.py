"""What the executor writes: answers, and records that it could not take. Always acknowledged."""

import hashlib

import structlog
from aiokafka import AIOKafkaProducer, ConsumerRecord

from connectors.acquirers import metrics
from connectors.acquirers.acquirer import Notice
from connectors.acquirers.intake import NotTakable
from schemas.codec import encode
from schemas.facts import AcquirerAnswered
from schemas.topics import PARKED, RESPONSES

log = structlog.get_logger(__name__)
_PARKED_BYTES_MAX = 900_000  # above this a pointer and a digest (design.md, section 4)
_DETAIL_MAX = 1000


class Outlet:
    """Returns when Kafka has it (acks=all); raises KafkaError when it will not."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def answer(self, fact: Notice) -> None:
        await self._producer.send_and_wait(
            RESPONSES, key=fact.session_id.encode(), value=encode(fact)
        )
        if isinstance(fact, AcquirerAnswered):
            metrics.ANSWERS.labels(fact.kind, fact.outcome).inc()

    async def park(self, record: ConsumerRecord, fault: NotTakable) -> None:
        """The record's bytes, key and headers untouched; why and where from in further headers."""
        log.warning(
            "parked", reason=fault.reason, detail=fault.detail,
            topic=record.topic, partition=record.partition, offset=record.offset,
        )  # fmt: skip
        metrics.PARKED.labels(fault.reason).inc()
        marks = {
            "reason": fault.reason,
            "detail": fault.detail[:_DETAIL_MAX],
            "topic": record.topic,
            "partition": str(record.partition),
            "offset": str(record.offset),
        }
        value = record.value
        if value is not None and len(value) > _PARKED_BYTES_MAX:
            marks["sha256"] = hashlib.sha256(value).hexdigest()
            value = b""
        headers = [(name, mark.encode()) for name, mark in marks.items()]
        await self._producer.send_and_wait(
            PARKED, key=record.key, value=value, headers=[*record.headers, *headers]
        )
