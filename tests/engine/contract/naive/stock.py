"""A stock Faust app, written as its guide would have one write it. It loses records.

Every agent appends what it was given to `$SEEN`, a line each: agent, offset, value.
Started by conftest.py as `python stock.py worker`; topics are `$PREFIX.<agent>`.
"""

import asyncio
import os
from pathlib import Path

import faust

PREFIX = os.environ["PREFIX"]
SEEN = Path(os.environ["SEEN"])

app = faust.App(
    PREFIX,
    broker=f"kafka://{os.environ['BOOTSTRAP']}",
    web_enabled=False,
    broker_commit_interval=0.3,
    consumer_auto_offset_reset="earliest",
    topic_disable_leader=True,
    datadir=os.environ["DATADIR"],
)


def topic(name: str) -> faust.TopicT:
    return app.topic(
        f"{PREFIX}.{name}",
        key_serializer="raw",
        value_serializer="raw",
        value_type=bytes,
    )


def saw(agent: str, event: faust.EventT) -> None:
    with SEEN.open("a") as file:
        file.write(f"{agent} {event.message.offset} {bytes(event.value).decode()}\n")


@app.agent(topic("raises"))
async def raises(stream):
    async for event in stream.events():
        saw("raises", event)
        if event.value == b"bad":
            raise ValueError(event.value)


@app.agent(topic("takes"))
async def takes(stream):
    async for events in stream.take_events(10, within=5.0):
        for event in events:
            saw("takes", event)
        raise ValueError(len(events))


@app.agent(topic("noacks"))
async def noacks(stream):
    async for event in stream.noack().events():
        saw("noacks", event)
        if event.value == b"bad":
            raise ValueError(event.value)
        event.ack()


@app.agent(topic("overtaken"), concurrency=2)
async def overtaken(stream):
    async for event in stream.events():
        saw("overtaken", event)
        if event.value == b"slow":
            await asyncio.sleep(3600)


@app.agent(topic("sends"))
async def sends(stream):
    async for event in stream.events():
        saw("sends", event)
        await topic("narrow").send(value=bytes(event.value) * 5000)  # 1 kB is allowed there


@app.agent(topic("aborted"))
async def aborted(stream):
    async for event in stream.events():
        saw("aborted", event)


@app.agent(topic("moved"))
async def moved(stream):
    async for event in stream.events():
        saw("moved", event)


if __name__ == "__main__":
    app.main()
