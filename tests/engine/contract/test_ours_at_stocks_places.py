"""Our half of test_stock_faust.py and test_stock_exactly_once.py: one worker of the engine.

Its life: it applies some records, bad ones among them; it is killed; somebody moves the group
ahead; a successor goes on; at last an output is refused by the broker.
"""

import asyncio
from dataclasses import dataclass, field

import psutil
import pytest
from aiokafka import TopicPartition

from streams.engine.settings import ENVIRONMENT_EXIT

pytestmark = pytest.mark.broker


@dataclass
class Ours:
    before_the_kill: list[bytes] = field(default_factory=list)
    after_it: list[bytes] = field(default_factory=list)
    parked: list[bytes] = field(default_factory=list)
    group_before: int | None = None
    group_was_moved: bool = False
    listening: list[str] = field(default_factory=list)
    exit_code: int | None = None
    at_the_end: list[bytes] = field(default_factory=list)
    counted_at_the_end: bytes = b""
    narrow: list[bytes] = field(default_factory=list)


class Story:
    def __init__(self, wire, folder):
        self.wire, self.prefix, self.log = wire, wire.name("ours"), folder / "log"
        self.group = f"{self.prefix}-contract"
        self.env = {"PREFIX": self.prefix, "DATADIR": str(folder / "data")}
        self.found = Ours()

    def worker(self):
        return self.wire.running("../ours.py", log=self.log, **self.env)

    def topic(self, name):
        return f"{self.prefix}.{name}"

    async def outputs(self, count):
        async def enough():
            values = await self.wire.values(self.topic("output"))
            return values if len(values) >= count else None

        return await self.wire.until(enough)

    async def feed(self):
        for name in ("input", "output", "parked"):
            await self.wire.topic(self.topic(name))
        await self.wire.topic(self.topic("state"), cleanup_policy="compact")
        await self.wire.topic(self.topic("narrow"), max_message_bytes=1000)
        await self.wire.put(self.topic("input"), b"0", b"bad", b"2")
        async with self.wire.producer(self.wire.name("tid")) as producer:
            await producer.begin_transaction()
            await producer.send_and_wait(self.topic("input"), b"never-happened")
            await producer.abort_transaction()
        await self.wire.put(self.topic("input"), b"3")

    async def observe_first(self, pid):
        found, wire = self.found, self.wire
        found.before_the_kill = await self.outputs(3)
        found.parked = await wire.values(self.topic("parked"))
        connections = psutil.Process(pid).net_connections("inet")
        found.listening = [c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN]

        async def group_told():
            return await wire.committed(self.group, self.topic("input"))

        found.group_before = await wire.until(group_told)

    async def move_group(self):
        """As a stale owner or a person with the group tool would; then more comes in."""
        place = TopicPartition(self.topic("input"), 0)
        async with self.wire.producer(self.wire.name("tid")) as producer, producer.transaction():
            await producer.send_offsets_to_transaction({place: 100}, self.group)
        self.found.group_was_moved = await self.wire.group_reaches(self.group, place.topic, 100)
        await self.wire.put(place.topic, b"4")

    async def observe_second(self, process):
        found, wire = self.found, self.wire
        found.after_it = await self.outputs(4)
        await wire.put(self.topic("input"), b"big")
        found.exit_code = await asyncio.to_thread(process.wait, 60)
        found.at_the_end = await wire.values(self.topic("output"))
        found.narrow = await wire.values(self.topic("narrow"))
        states = {r.key: r.value for r in await wire.read(self.topic("state"))}
        found.counted_at_the_end = states[b"n"]


@pytest.fixture(scope="module")
def ours(kafka, tmp_path_factory, wire_to):
    story = Story(wire_to(kafka), tmp_path_factory.mktemp("ours"))
    asyncio.run(story.feed())
    with story.worker() as process:
        asyncio.run(story.observe_first(process.pid))
    asyncio.run(story.move_group())
    with story.worker() as process:
        asyncio.run(story.observe_second(process))
    return story.found


def test_a_record_whose_step_raised_is_parked_and_its_neighbours_are_applied(ours):
    assert ours.parked == [b"bad"]
    assert ours.before_the_kill == [b"0", b"2", b"3"]


def test_an_aborted_record_is_not_delivered(ours):
    assert b"never-happened" not in ours.at_the_end + ours.parked


def test_the_place_to_go_on_is_in_the_state_topic_whatever_the_group_says(ours):
    assert ours.group_before == 6  # the marker behind the aborted record included
    assert ours.group_was_moved
    assert ours.after_it == [b"0", b"2", b"3", b"4"]


def test_a_refused_output_takes_state_and_position_with_it_and_ends_the_worker(ours):
    assert ours.exit_code == ENVIRONMENT_EXIT
    assert ours.at_the_end == [b"0", b"2", b"3", b"4"]
    assert ours.narrow == []
    assert ours.counted_at_the_end.endswith(b"\x04")  # msgpack: four records counted, not five


def test_no_port_is_open(ours):
    assert ours.listening == []
