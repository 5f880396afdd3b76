"""What was set aside is sent again as it came: its bytes, its headers, its card numbers."""

import pytest
from aiokafka import AIOKafkaProducer

from connectors.feeding import Refused
from schemas import topics
from streams import parked
from streams.agents.feed import set_aside
from streams.app import prepare_topics
from streams.engine.stage import Record
from streams.parked import GoneForGood, Parked
from streams.reading import reader, records_of
from streams.settings import Kafka, Settings

VALUE = b'{"pan":"4111111111111111"}'
HEADERS = [("stripe-signature", b"t=1,v1=2")]


@pytest.mark.broker
async def test_a_retry_brings_the_headers_back_and_what_was_masked(kafka, make_topic):
    await prepare_topics(Settings(kafka=Kafka(bootstrap=kafka.bootstrap)), print)
    topic = await make_topic("theirs")
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        await producer.send_and_wait(topic, VALUE, None, 0, headers=HEADERS)
        one = set_aside(Record(topic, 0, 0, b"", VALUE, tuple(HEADERS)), [Refused("no", "", "no")])
        await producer.send_and_wait(topics.PARKED, one.value, one.key, headers=list(one.headers))
        async with reader(kafka.bootstrap) as consumer:
            every = await parked.parked_records(consumer, 4)
            (found,) = [one for one in every if one.topic == topic]
            assert (found.masked, b"4111" in found.value) == (1, False)
            origin = await parked.origin_of(consumer, found)
        await parked.retry(producer, found, origin)
    async with reader(kafka.bootstrap) as consumer:
        sent = [(one.value, one.headers) async for one in records_of(consumer, topic, [0])]
        every = await parked.parked_records(consumer, 4)
    again = (*HEADERS, ("retry-of", f"{topic}/0/0".encode()))
    assert sent == [(VALUE, tuple(HEADERS)), (VALUE, again)]
    assert [one.retried for one in every if one.topic == topic] == [True]


@pytest.mark.broker
@pytest.mark.parametrize("lost", [{"masked": 1}, {"sha256": "0" * 64}])
async def test_bytes_that_are_nowhere_any_more_are_not_made_up(kafka, make_topic, lost):
    one = Parked(
        ref="r", topic=await make_topic("theirs"), partition=0, offset=7, reason="no", detail="",
        key=b"", value=b"[card-number]", value_bytes=9, parked_at=0, **lost,
    )  # fmt: skip
    async with reader(kafka.bootstrap) as consumer:
        with pytest.raises(GoneForGood):
            await parked.origin_of(consumer, one)
