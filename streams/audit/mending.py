"""What a person may do about a finding: a record said again, or an input sent again.

Both are harmless where the finding was wrong: every id takes effect once, inputs may repeat.
"""

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from schemas import codec
from streams.agents.routes import outputs
from streams.audit.matching import name_of
from streams.engine.stage import Output
from streams.reading import record_at
from streams.story import tell_story


class NothingToMend(LookupError):
    """The session's story has no such record, or the input is no longer there."""


async def to_emit(consumer: AIOKafkaConsumer, partitions: int, name: str) -> Output:
    """The record that the core says of a session: a command by its id, else `SESSION/RecordName`.

    Of several of a name the last. Raises NothingToMend.
    """
    session_id, _, record_name = name.partition("/")
    story = await tell_story(consumer, partitions, session_id)
    for told in reversed(story.told):
        for one in reversed(outputs(told.step) if told.step is not None else []):
            if name_of(codec.decode(one.value)) in (name, record_name):
                return one
    raise NothingToMend(f"the story of {session_id} has no {record_name or name}")


async def to_send_again(consumer: AIOKafkaConsumer, place: str) -> Output:
    """The input at topic/partition/offset, as it came. Raises NothingToMend."""
    try:
        topic, partition, offset = place.rsplit("/", 2)
        record = await record_at(consumer, topic, int(partition), int(offset))
    except ValueError:
        raise NothingToMend(f"{place!r} is no topic/partition/offset") from None
    if record is None or record.value is None:
        raise NothingToMend(f"{place} is no longer there")
    return Output(topic, record.key or b"", record.value)


async def send(bootstrap: str, one: Output) -> None:
    """Onto its topic, acknowledged."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        await producer.send_and_wait(one.topic, one.value, one.key or None)
    finally:
        await producer.stop()
