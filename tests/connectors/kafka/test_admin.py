import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from connectors.kafka.admin import (
    TopicRefused,
    TopicSpec,
    create_topics,
    describe_topics,
    differences,
)

pytestmark = pytest.mark.broker


def spec(name, *, partitions=2, **configs):
    return TopicSpec(
        name=name,
        partitions=partitions,
        configs={key.replace("_", "."): value for key, value in configs.items()},
    )


async def test_a_created_topic_is_as_specified(kafka, unique):
    wanted = spec(unique, partitions=3, cleanup_policy="compact", segment_ms="600000")
    assert await create_topics(kafka.bootstrap, [wanted]) == (unique,)
    found = (await describe_topics(kafka.bootstrap, [unique]))[unique]
    assert found.partitions == 3
    assert found.configs["cleanup.policy"] == "compact"
    assert await differences(kafka.bootstrap, [wanted]) == []


async def test_creating_twice_changes_nothing(kafka, unique):
    await create_topics(kafka.bootstrap, [spec(unique, partitions=1)])
    assert await create_topics(kafka.bootstrap, [spec(unique, partitions=4)]) == ()
    assert (await describe_topics(kafka.bootstrap, [unique]))[unique].partitions == 1


async def test_every_difference_is_named(kafka, unique):
    has = f"{unique}.a"
    await create_topics(kafka.bootstrap, [spec(has, cleanup_policy="delete", retention_ms="1000")])
    wanted = [
        spec(has, partitions=4, cleanup_policy="compact", retention_ms="1000"),
        spec(f"{unique}.b"),
    ]
    assert await differences(kafka.bootstrap, wanted) == [
        f"{has} has 2 partitions, wanted 4",
        f"{has} has cleanup.policy delete, wanted compact",
        f"{unique}.b does not exist",
    ]


async def test_the_order_of_a_list_is_no_difference(kafka, unique):
    await create_topics(kafka.bootstrap, [spec(unique, cleanup_policy="delete,compact")])
    assert await differences(kafka.bootstrap, [spec(unique, cleanup_policy="compact,delete")]) == []


async def test_asking_about_a_topic_does_not_create_it(kafka, unique):
    assert await describe_topics(kafka.bootstrap, [unique]) == {}
    assert await describe_topics(kafka.bootstrap, [unique]) == {}


async def test_what_the_cluster_refuses_is_raised_with_its_reason(kafka, unique):
    with pytest.raises(TopicRefused, match="bad name: Topic name is invalid"):
        await create_topics(kafka.bootstrap, [spec("bad name")])
    with pytest.raises(TopicRefused, match=rf"{unique}.*no\.such\.config"):
        await create_topics(kafka.bootstrap, [spec(unique, no_such_config="1")])


async def test_a_record_goes_through_a_made_topic(kafka, make_topic):
    topic = await make_topic("through", partitions=2, cleanup_policy="delete")
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        await producer.send_and_wait(topic, b"value", key=b"key")
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        assert (await consumer.getone()).value == b"value"
