"""Reading a partition's state topic to its end, after its producer has fenced the last owner."""

import logging
import time

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.engine.errors import InputLost
from streams.engine.fetching import read_to_end
from streams.engine.positions import POSITIONS_KEY, starting_positions
from streams.engine.stage import ENGINE_PREFIX, Record, Stage
from streams.engine.state import StateStore

log = logging.getLogger(__name__)

_VALUE_IS_NULL = 2
_TELL_EVERY = 5.0


async def restore(
    stage: Stage, bootstrap: str, partition: int, store: StateStore
) -> dict[str, int]:
    """Fill `store`; give the next offset of every input of `partition`.

    Call it only after `Transactions.start`: no transaction is then open on this partition, so
    its `read_committed` end is its end. Raises `Refused` and its kin.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 << 20,
        fetch_max_wait_ms=100,
    )
    await consumer.start()
    try:
        stored = await _read_state(consumer, stage, partition, store)
        positions = starting_positions(stage, stored, has_state=len(store) > 0)
        return await _with_inputs(consumer, stage, partition, positions)
    finally:
        await consumer.stop()


async def _read_state(
    consumer: AIOKafkaConsumer, stage: Stage, partition: int, store: StateStore
) -> bytes | None:
    place = TopicPartition(stage.state_topic, partition)
    consumer.assign([place])
    ends = await consumer.end_offsets([place])
    await consumer.seek_to_beginning(place)
    positions: bytes | None = None

    def load(record: Record) -> None:
        nonlocal positions
        value = None if record.nulls & _VALUE_IS_NULL else record.value
        if record.key == POSITIONS_KEY:
            positions = value
        elif not record.key.startswith(ENGINE_PREFIX):
            store.load(record.key, value, record.offset)

    began = told_at = time.monotonic()

    def tell(left: int) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= _TELL_EVERY:
            told_at = time.monotonic()
            log.info("partition %d: %d state records still to read", partition, left)

    await read_to_end(consumer, ends, load, tell)
    store.settle()
    seconds = time.monotonic() - began
    cold = len(store.cold.places)
    told = "partition %d: %d keys restored in %.2f s, %d of them cold"
    log.info(told, partition, len(store), seconds, cold)
    return positions


async def _with_inputs(
    consumer: AIOKafkaConsumer, stage: Stage, partition: int, positions: dict[str, int]
) -> dict[str, int]:
    places = [TopicPartition(topic, partition) for topic in stage.inputs]
    earliest = await consumer.beginning_offsets(places)
    latest = await consumer.end_offsets(places)
    for place in places:
        at = positions.setdefault(place.topic, earliest[place])
        if not earliest[place] <= at <= latest[place]:
            raise InputLost(
                f"{place.topic}/{partition} holds {earliest[place]} to {latest[place]};"
                f" the next record to apply is {at}"
            )
    return positions
