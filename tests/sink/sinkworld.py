"""Records on topics, a sink in this process, and what it has."""

import asyncio
import itertools
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaProducer

from connectors.clickhouse.rows import SUNK
from connectors.clickhouse.tables import NEWEST_ONLY, TABLES
from schemas import codec, topics
from streams.sink.asking import RunningSink
from streams.sink.run import run_sink

PARTITIONS = 2
_numbers = itertools.count()


def example(record):
    return codec.decode(bytes.fromhex(Path(f"schemas/examples/{record}.v1.hex").read_text()))


def session_record(name, session_id):
    """An example, made another session's."""
    record = example(name)
    if name == "AcquirerHealth":  # compacted: of one acquirer only the newest would be there
        return msgspec.structs.replace(record, acquirer_id=session_id)
    if not hasattr(record, "session_id"):
        return record
    changes = {"session_id": session_id}
    if hasattr(record, "body_hash"):
        changes["body_hash"] = ""
    return msgspec.structs.replace(record, **changes)


class Feed:
    """Writes records in transactions, some of them aborted: offsets have gaps as in life."""

    def __init__(self, bootstrap, prefix):
        self.prefix = prefix
        self._bootstrap = bootstrap
        self.sent = 0

    async def sessions(self, count, *, also_bad=False):
        """Every kind of record for `count` new sessions; how many records that made."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, transactional_id=f"{self.prefix}feed"
        )
        await producer.start()
        before = self.sent
        try:
            for _ in range(count):
                async with producer.transaction():
                    await self._session(producer, f"session-{next(_numbers)}")
                await producer.begin_transaction()
                await producer.send_and_wait(self.prefix + topics.COMMANDS, b"aborted")
                await producer.abort_transaction()
            if also_bad:
                async with producer.transaction():
                    await self._bad(producer)
        finally:
            await producer.stop()
        return self.sent - before

    async def _session(self, producer, session_id):
        for topic in SUNK:
            for name in topics.BY_NAME[topic].records:
                value = codec.encode(session_record(name, session_id))
                await producer.send(self.prefix + topic, value, session_id.encode())
                self.sent += 1

    async def _bad(self, producer):
        for value in (b"", b"nonsense", codec.encode(example("MeterReading"))):
            await producer.send(self.prefix + topics.COMMANDS, value, b"bad")
            self.sent += 1
        headers = [("reason", b"undecodable"), ("topic", b"t"), ("offset", b"5")]
        await producer.send(self.prefix + topics.PARKED, b"parked", b"bad", headers=headers)
        self.sent += 1


APPENDED = [name for name in TABLES if name not in NEWEST_ONLY]


class Asked:
    """Analytics of a sink on this event loop: its answers need the loop, so threads ask."""

    def __init__(self, port):
        self.sink = RunningSink(f"http://127.0.0.1:{port}")

    async def query(self, sql):
        return await asyncio.to_thread(self.sink.query, sql)

    async def positions(self):
        return await asyncio.to_thread(self.sink.positions)


@asynccontextmanager
async def running(settings):
    """Its analytics. The sink is stopped, and its error raised, at the end."""
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run_sink(settings, stop, port.set_result))
        await asyncio.wait({task, port}, return_when=asyncio.FIRST_COMPLETED)
        try:
            if port.done():
                yield Asked(port.result())
        finally:
            stop.set()


async def counts(analytics, final=""):
    """Rows of each table, not merged unless `final`."""
    parts = [
        f"SELECT '{name}' AS name, count() AS n FROM {name} {final}"  # noqa: S608 - ours
        for name in TABLES
    ]
    answer = await analytics.query(" UNION ALL ".join(parts))
    return dict(answer.rows)


async def until_inserted(analytics, records, within_s=60):
    """Wait until so many records are rows; the rows of each table, not merged."""
    async with asyncio.timeout(within_s):
        while True:
            found = await counts(analytics)
            if sum(found.values()) >= records:
                return found
            await asyncio.sleep(0.2)
