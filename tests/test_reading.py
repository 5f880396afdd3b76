"""Records read by their places: what is there, and nothing for what is not."""

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from streams.reading import reader, record_at, records_at


async def fill(bootstrap, topic, unique):
    """Offsets 0 to 4 committed and 5 their marker, 6 to 8 aborted and 9 theirs, 10 committed."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=unique) as producer:
        for numbers, is_kept in ((range(5), True), (range(6, 9), False), (range(10, 11), True)):
            await producer.begin_transaction()
            for number in numbers:
                await producer.send_and_wait(topic, b"%d" % number)
            await (producer.commit_transaction() if is_kept else producer.abort_transaction())


async def test_places_are_read_in_any_order_without_what_was_aborted(kafka, make_topic, unique):
    topic = await make_topic("t")
    await fill(kafka.bootstrap, topic, unique)
    async with reader(kafka.bootstrap) as consumer:
        found = await records_at(consumer, topic, 0, [10, 3, 0, 7, 5, 99])
        assert {offset: one.value for offset, one in found.items()} == {
            0: b"0", 3: b"3", 10: b"10",
        }  # fmt: skip
        assert await record_at(consumer, topic, 0, 7) is None
        one = await record_at(consumer, topic, 0, 4)
        assert one is not None
        assert one.value == b"4"


async def test_what_retention_removed_is_not_there(kafka, make_topic, unique):
    topic = await make_topic("t")
    await fill(kafka.bootstrap, topic, unique)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=3)})
    await admin.close()
    async with reader(kafka.bootstrap) as consumer:
        assert sorted(await records_at(consumer, topic, 0, [0, 2, 3])) == [3]
