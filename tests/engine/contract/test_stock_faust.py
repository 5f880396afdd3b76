"""How a stock Faust worker loses records and commits past them; one worker, one topic a case.

Every case here is a naive half; ours is in test_ours_at_stocks_places.py and test_faust_commits.py.
"""

import asyncio
from dataclasses import dataclass, field

import psutil
import pytest
from aiokafka import TopicPartition

pytestmark = pytest.mark.broker

CASES = "raises takes noacks overtaken sends aborted moved".split()


@dataclass
class Stock:
    """What the worker did: values seen by agent in order, positions committed by agent."""

    seen: dict[str, list[str]] = field(default_factory=dict)
    committed: dict[str, int | None] = field(default_factory=dict)
    moved_ahead: bool = False
    sent: list[bytes] = field(default_factory=list)
    listening: list[str] = field(default_factory=list)
    log: str = ""


async def feed(wire, prefix):
    for name in CASES:
        await wire.topic(f"{prefix}.{name}")
    await wire.topic(f"{prefix}.narrow", max_message_bytes=1000)
    await wire.put(f"{prefix}.raises", b"0", b"1", b"bad", b"3", b"4")
    await wire.put(f"{prefix}.takes", *(str(number).encode() for number in range(10)))
    await wire.put(f"{prefix}.noacks", b"0", b"bad", b"2", b"3")
    await wire.put(f"{prefix}.overtaken", b"slow", b"1", b"2", b"3", b"4")
    await wire.put(f"{prefix}.sends", b"0", b"1", b"2")
    await wire.put(f"{prefix}.moved", b"0", b"1")
    async with wire.producer(wire.name("tid")) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(f"{prefix}.aborted", b"never-happened")
        await producer.abort_transaction()


async def observe(wire, prefix, pid) -> Stock:
    stock = Stock()

    async def all_committed():
        for name in CASES:
            stock.committed[name] = await wire.committed(prefix, f"{prefix}.{name}")
        return all(stock.committed.values())

    await wire.until(all_committed)
    place = TopicPartition(f"{prefix}.moved", 0)
    async with wire.producer(wire.name("tid")) as producer, producer.transaction():
        await producer.send_offsets_to_transaction({place: 100}, prefix)
    stock.moved_ahead = await wire.group_reaches(prefix, place.topic, 100)
    await wire.put(place.topic, b"2")

    async def moved():
        stock.committed["moved"] = await wire.committed(prefix, place.topic)
        return stock.committed["moved"] != 100

    await wire.until(moved)
    stock.sent = await wire.values(f"{prefix}.narrow")
    listening = psutil.Process(pid).net_connections("inet")
    stock.listening = [c.laddr.ip for c in listening if c.status == psutil.CONN_LISTEN]
    return stock


@pytest.fixture(scope="module")
def stock(kafka, tmp_path_factory, wire_to):
    wire, folder = wire_to(kafka), tmp_path_factory.mktemp("stock")
    prefix, seen, log = wire.name("stock"), folder / "seen", folder / "log"
    asyncio.run(feed(wire, prefix))
    env = {"PREFIX": prefix, "SEEN": str(seen), "DATADIR": str(folder / "data")}
    port = str(wire.free_port())
    with wire.running("stock.py", "worker", "-l", "info", "--web-port", port, log=log, **env) as it:
        found = asyncio.run(observe(wire, prefix, it.pid))
    found.log = log.read_text()
    for line in seen.read_text().splitlines():
        agent, _, value = line.split()
        found.seen.setdefault(agent, []).append(value)
    return found


def test_a_record_whose_agent_raised_is_acknowledged(stock):
    assert stock.committed["raises"] == 5
    assert stock.seen["raises"].count("bad") == 1


def test_a_batch_whose_agent_raised_is_acknowledged_whole(stock):
    assert stock.committed["takes"] == 10
    assert len(stock.seen["takes"]) == 10


def test_without_acks_a_later_ack_jumps_over_the_failed_record(stock):
    assert stock.committed["noacks"] == 4
    assert stock.seen["noacks"].count("bad") == 1


def test_the_commit_passes_a_record_that_is_still_being_worked_on(stock):
    assert stock.committed["overtaken"] == 5
    assert sorted(stock.seen["overtaken"]) == ["1", "2", "3", "4", "slow"]


def test_a_refused_output_is_a_line_in_the_log_and_its_input_is_committed(stock):
    assert stock.committed["sends"] == 3
    assert stock.sent == []
    assert "_on_published error" in stock.log


def test_an_aborted_record_is_delivered(stock):
    assert stock.seen["aborted"] == ["never-happened"]


def test_a_commit_moves_the_group_back(stock):
    """The engine's transactions put positions into the group too; the later writer wins."""
    assert stock.moved_ahead
    assert stock.committed["moved"] == 3


def test_a_worker_with_web_disabled_listens_on_every_interface(stock):
    assert stock.listening == ["0.0.0.0"]  # noqa: S104 - what must not be


def test_without_web_is_what_closes_the_port(kafka, tmp_path, wire_to):
    wire, log = wire_to(kafka), tmp_path / "log"
    env = {"PREFIX": wire.name("x"), "SEEN": str(tmp_path / "s"), "DATADIR": str(tmp_path / "d")}

    async def is_up():
        return "Ready" in log.read_text()

    with wire.running("stock.py", "worker", "-l", "info", "--without-web", log=log, **env) as it:
        assert asyncio.run(wire.until(is_up))
        listening = psutil.Process(it.pid).net_connections("inet")
    assert [c for c in listening if c.status == psutil.CONN_LISTEN] == []
