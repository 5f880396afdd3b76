"""The yardstick: aiokafka, fastavro and a dict, and nothing that would survive a crash."""

import asyncio
import io

import fastavro
import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas import codec, ids
from streams.bench import scene
from streams.bench.measure import Measured, Meter, max_rss_mb

_FETCH_BYTES = 4 << 20  # as the engine's driver fetches
_AT_A_TIME = 8_000
_HEADER = 10  # of the single-object encoding; not even looked at here


class PlainRun(msgspec.Struct, frozen=True, kw_only=True):
    bootstrap: str
    topic: str
    partitions: int
    records: int


def run_plain(run: PlainRun) -> Measured:
    return asyncio.run(_run(run))


async def _run(run: PlainRun) -> Measured:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=run.bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(run.topic, number) for number in range(run.partitions)])
        return await _measured(consumer, run.records)
    finally:
        await consumer.stop()


async def _measured(consumer: AIOKafkaConsumer, wanted: int) -> Measured:
    schema = codec.versions()["MeterReading"][-1].parsed
    newest: dict[tuple[str, str], int] = {}
    slices: list[int] = []
    left = wanted
    meter = Meter()
    meter.start()
    while left > 0:
        for records in (await consumer.getmany(timeout_ms=500, max_records=_AT_A_TIME)).values():
            _take(records, schema, newest)
            slices.append(len(records))
            left -= len(records)
    meter.stop()
    return Measured(
        records=wanted - left,
        cpu_s=meter.cpu_s,
        wall_s=meter.wall_s,
        slices=sorted(slices),
        digest=_digest(newest),
        max_rss_mb=max_rss_mb(),
    )


def _take(records: list[object], schema: object, newest: dict[tuple[str, str], int]) -> None:
    read, stream_of = fastavro.schemaless_reader, io.BytesIO
    for record in records:
        stream = stream_of(record.value)  # type: ignore[attr-defined] # aiokafka is untyped
        stream.seek(_HEADER)
        fields = read(stream, schema, None)
        newest[fields["charger_id"], fields["transaction_id"]] = fields["energy_wh"]


def _digest(newest: dict[tuple[str, str], int]) -> str:
    return scene.digest(
        {
            ids.charging_id(scene.TENANT, scene.NETWORK, charger, transaction): value
            for (charger, transaction), value in newest.items()
        }
    )
