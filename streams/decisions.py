"""Decisions of people, on their way to their session: read whom they are about, write them down."""

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from schemas import codec, topics
from schemas.facts import Fact
from schemas.ledger import SessionLedger
from streams.reading import partition_of, records_of


async def write_decision(bootstrap: str, partitions: int, decision: Fact, session_id: str) -> None:
    """On the record of its session, acknowledged by all replicas."""
    key = session_id.encode()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        number = partition_of(key, partitions)
        await producer.send_and_wait(
            topics.DECISIONS, codec.encode(decision), key, partition=number
        )
    finally:
        await producer.stop()


async def ledgers_of(
    consumer: AIOKafkaConsumer, partitions: int, name: str
) -> dict[str, SessionLedger]:
    """The newest ledger of each session with this id, or this reference of a terminal."""
    found: dict[str, SessionLedger] = {}
    async for record in records_of(consumer, topics.LEDGER, range(partitions)):
        if record.value is None:
            continue
        fact = codec.decode(record.value)
        if not isinstance(fact, SessionLedger):
            continue
        if name == fact.session_id or name.casefold() == fact.authorization_reference.casefold():
            found[fact.session_id] = fact
    return found
