"""A stock Faust app with `processing_guarantee="exactly_once"` and one Table.

For each record it counts in the table and sends an output to partition 1; the record `slow` then
takes its time, as a call to somewhere may: it is not acknowledged.
"""

import asyncio
import os

import faust

PREFIX = os.environ["PREFIX"]

app = faust.App(
    PREFIX,
    broker=f"kafka://{os.environ['BOOTSTRAP']}",
    processing_guarantee="exactly_once",
    web_enabled=False,
    broker_commit_interval=2.0,
    consumer_auto_offset_reset="earliest",
    topic_disable_leader=True,
    topic_partitions=1,
    topic_replication_factor=1,
    store="memory://",
    datadir=os.environ["DATADIR"],
)


def topic(name: str) -> faust.TopicT:
    return app.topic(
        f"{PREFIX}.{name}", key_serializer="raw", value_serializer="raw", value_type=bytes
    )


counts = app.Table("counts", default=int, partitions=1, key_type=str, value_type=int)


@app.agent(topic("input"))
async def count(stream):
    async for value in stream:
        counts[value.decode()] += 1
        await topic("output").send(value=value, partition=1)
        if value == b"slow":
            await asyncio.sleep(3600)


if __name__ == "__main__":
    app.main()
