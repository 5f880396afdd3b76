"""What the executor writes: answers, and records that it could not take. Always acknowledged."""

from hashlib import sha256

import structlog
from aiokafka import AIOKafkaProducer, ConsumerRecord

from connectors.acquirers import metrics
from connectors.acquirers.acquirer import Notice
from connectors.acquirers.intake import NotTakable
from connectors.acquirers.settings import ConsumerSettings
from schemas.codec import encode
from schemas.facts import AcquirerAnswered, NoticeUnbound

log = structlog.get_logger(__name__)
_PARKED_BYTES_MAX = 900_000  # above this a pointer and a digest (design.md, section 4)
_DETAIL_CHARACTERS = 2_000


class Outlet:
    """Returns when Kafka has it (acks=all); raises KafkaError when it will not."""

    def __init__(self, producer: AIOKafkaProducer, settings: ConsumerSettings) -> None:
        self._producer = producer
        self._responses = settings.responses_topic
        self._lookups = settings.lookups_topic
        self._parked = settings.parked_topic

    async def answer(self, fact: Notice) -> None:
        if isinstance(fact, NoticeUnbound):
            topic, key = self._lookups, fact.alias
        else:
            topic, key = self._responses, fact.session_id
        await self._producer.send_and_wait(topic, key=key.encode(), value=encode(fact))
        if isinstance(fact, AcquirerAnswered):
            metrics.ANSWERS.labels(fact.kind, fact.outcome).inc()

    async def park(self, record: ConsumerRecord, fault: NotTakable) -> None:
        """The record's bytes, key and headers untouched; why and where from in further headers."""
        log.warning(
            "parked",
            reason=fault.reason,
            detail=fault.detail,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
        )
        metrics.PARKED.labels(fault.reason).inc()
        marks = {
            "reason": fault.reason,
            "detail": fault.detail[:_DETAIL_CHARACTERS],
            "topic": record.topic,
            "partition": str(record.partition),
            "offset": str(record.offset),
        }
        value = record.value
        if value is not None and len(value) > _PARKED_BYTES_MAX:
            marks |= {"value-sha256": sha256(value).hexdigest(), "value-bytes": str(len(value))}
            value = b""
        headers = [(name, mark.encode()) for name, mark in marks.items()]
        await self._producer.send_and_wait(
            self._parked, key=record.key, value=value, headers=[*record.headers, *headers]
        )
