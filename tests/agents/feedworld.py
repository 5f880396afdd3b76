"""Feeds for tests: mappings, conversations, the stage without Kafka, the command on a broker."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager

from aiokafka import AIOKafkaProducer

from schemas import codec, topics
from streams.agents.feed_mapping import feed_of
from streams.agents.feed_opening import opened
from streams.app import prepare_topics
from streams.engine.stage import NeedLookup, Record
from streams.engine.state import StateStore, WorkingCopy
from streams.reading import reader, records_of
from streams.settings import Kafka, Settings

T0 = 1_790_000_000_000
OURS = (
    topics.READINGS,
    topics.TRANSACTIONS,
    topics.OCPI_CDRS,
    topics.RESPONSES,
    topics.LOOKUPS,
)

OCPP = {
    "source": "ocpp",
    "name": "csms",
    "where": {
        "charger": {"key": True, "match": "^cp-(.*)$"},
        "network": "volt",
        "tenant": {"header": "tenant"},
        "direction": {"header": "way", "words": {"in": "from_charger", "out": "to_charger"}},
    },
}
OCPP_TOML = """
source = "ocpp"
name = "{name}"
[where]
charger = {{ key = true, match = "^cp-(.*)$" }}
network = "volt"
tenant = {{ header = "tenant" }}
direction = {{ header = "way", words = {{ in = "from_charger", out = "to_charger" }} }}
"""


def iso(at):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at / 1000))


def conversation(number, readings):
    """One charging of OCPP 1.6: way and frame, in the order in which they were sent."""
    tag, begin = f"TAG{number}", 1_000 * number
    start = {"connectorId": 1, "idTag": tag, "meterStart": begin, "timestamp": iso(T0)}
    yield "in", [2, "1", "StartTransaction", start]
    yield "out", [3, "1", {"transactionId": number + 1, "idTagInfo": {"status": "Accepted"}}]
    for turn in range(1, readings + 1):
        sampled = [{"value": str(begin + 100 * turn)}]
        value = {"timestamp": iso(T0 + 10_000 * turn), "sampledValue": sampled}
        body = {"connectorId": 1, "transactionId": number + 1, "meterValue": [value]}
        yield "in", [2, str(turn + 1), "MeterValues", body]
    stop = {
        "transactionId": number + 1,
        "meterStop": begin + 100 * readings,
        "timestamp": iso(T0 + 10_000 * (readings + 1)),
    }
    yield "in", [2, "9999", "StopTransaction", stop]


def frame(*parts):
    return json.dumps(list(parts)).encode()


class Pure:
    """The stage of a mapping on one partition, in memory."""

    def __init__(self, mapping=OCPP, accounts=None, folder=None, settings=None, **more):
        feed = feed_of({**mapping, **more}, folder)
        self.stage = opened(feed, "theirs", 4, settings or Settings(), accounts or {})
        self.logics, self.stores = {}, {}
        self.told = []  # on feed.drift

    def take(self, record):
        """What one record says, committed; (topic, key, value, headers)."""
        number = record.partition
        if number not in self.logics:
            self.logics[number] = self.stage.open(number, None)
            self.stores[number] = StateStore(self.stage.kinds)
        logic, store = self.logics[number], self.stores[number]
        view = WorkingCopy(store)
        outputs = logic.step(record, view)
        self.told += [codec.decode(one.value) for one in logic.finish(view)]
        assert not view.mutated()
        store.commit(view.changes())
        logic.committed(view.touched)
        return [(one.topic, one.key, one.value, dict(one.headers)) for one in outputs]

    async def take_asking(self, record):
        while True:
            try:
                return self.take(record)
            except NeedLookup as need:
                await need.look_up()

    def facts(self, value, **more):
        return [codec.decode(one[2]) for one in self.take(record(value, **more)) if not one[3]]

    def parked(self, value, **more):
        return [one for one in self.take(record(value, **more)) if one[0] == topics.PARKED]


def record(value, key=b"cp-7", headers=(), **more):
    headers = {"tenant": "t", "way": "in", **dict(headers)}
    raw = tuple((name, text.encode()) for name, text in headers.items())
    told = {"partition": 0, "offset": 1, "timestamp_at": T0, **more}
    return Record("theirs", key=key, value=value, headers=raw, **told)


# --- the command on a broker --------------------------------------------------------------------


class OnBroker:
    """`holdfast run feed` as processes of their own, on topics of a broker that tests share."""

    def __init__(self, bootstrap, name, folder, **environment):
        self.bootstrap, self.name, self.folder = bootstrap, name, folder
        self.topic = f"{name}.theirs"
        kept = {name: value for name, value in os.environ.items() if name[:9] != "HOLDFAST_"}
        self.environment = {
            **kept,
            "HOLDFAST_KAFKA__BOOTSTRAP": bootstrap,
            "HOLDFAST_STATE_DIR": str(folder),
            "HOLDFAST_APP_ID": f"f{abs(hash(name)) % 10**9}",
            **environment,
        }
        if "HOLDFAST_CACHE_DIR" in os.environ:
            self.environment["HOLDFAST_CACHE_DIR"] = os.environ["HOLDFAST_CACHE_DIR"]
        self.log = folder / "feed.log"
        self.mapping = folder / "mapping.toml"

    async def prepare(self):
        kafka = Kafka(bootstrap=self.bootstrap)
        await prepare_topics(Settings(kafka=kafka), print)

    @contextmanager
    def running(self, source="ocpp"):
        arguments = ["--source", source, "--topic", self.topic, "--mapping", str(self.mapping)]
        command = [sys.executable, "-m", "streams", "run", "feed", *arguments, "--alone"]
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()

    async def send(self, messages, at=None, **options):
        """`(partition, key, value, headers)` each; `at`: their timestamps, else the present."""
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap, **options) as producer:
            sent = []
            for partition, key, value, headers in messages:
                raw = [(name, text.encode()) for name, text in headers.items()]
                sent.append(await producer.send(self.topic, value, key, partition, at, headers=raw))
            await asyncio.gather(*sent)

    async def theirs(self, partitions):
        """Their records as the engine reads them."""
        async with reader(self.bootstrap) as consumer:
            return [
                Record(
                    one.topic, one.partition, one.offset, one.key or b"", one.value or b"",
                    tuple(one.headers), one.timestamp,
                    (one.key is None) + 2 * (one.value is None),
                )
                async for one in records_of(consumer, self.topic, range(partitions))
            ]  # fmt: skip

    async def ours(self, belongs):
        """What stands on our topics, and on the parked one, of this test: how often each."""
        async with reader(self.bootstrap) as consumer:
            return Counter(
                [
                    (one.topic, one.key, one.value)
                    for topic in (*OURS, topics.PARKED)
                    async for one in records_of(consumer, topic, range(4))
                    if belongs(one)
                ]
            )

    async def told(self, feed):
        """What the feed has told of what it saw."""
        async with reader(self.bootstrap) as consumer:
            found = [
                codec.decode(one.value)
                async for one in records_of(consumer, topics.DRIFT, range(4))
            ]
        return [one for one in found if one.feed == feed]

    async def parked(self):
        async with reader(self.bootstrap) as consumer:
            found = [
                (dict(one.headers), one.value)
                async for one in records_of(consumer, topics.PARKED, range(4))
            ]
        return [one for one in found if one[0]["topic"].decode() == self.topic]
