"""Killed where it hurts, on a real broker: six crash points and a short storm, one running stack.

The whole table is a command of its own: `python tests/broker/faults.py`, README.md.
"""

import asyncio
import sys
from contextlib import suppress

import pytest
from harness_proxy import FaultProxy
from harness_rows import Row, crashed, run_row, storm

pytestmark = [pytest.mark.broker, pytest.mark.kill, pytest.mark.timeout(1_500)]

SEED = 20261121
POINTS = (
    "link.after_send",
    "sessions.before_commit",
    "sessions.after_commit",
    "sessions.restore",
    "executor.after_call",
    "sink.after_insert",
)
KILLS = 4


async def few_of_each(scene):
    await scene.steps.more(6)
    for at in POINTS:
        await crashed(scene, at)
    await storm(scene, KILLS)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    row = Row(name="ci", script=few_of_each, what="a few of each", bar_s=None)
    found = run_row(row, SEED, tmp_path_factory.mktemp("world"), sessions=24)
    lines = [f"{what}: {seconds:.1f} s" for what, seconds in found.recoveries]
    sys.stdout.write("\n".join([f"seed {SEED}, {found.sessions} sessions", *lines, found.note]))
    return found


def test_no_money_is_lost_or_moved_twice(result):
    assert result.problems == []
    assert (result.lost, result.duplicates) == (0, 0)
    assert result.sessions >= 24
    assert result.taken == result.applied + result.parked > 100


@pytest.mark.parametrize("point", POINTS)
def test_who_is_killed_there_goes_on(result, point):
    assert point in dict(result.recoveries)


def test_the_pipeline_is_whole_again_after_each(result):
    """In what time, the table says: here other tests want the same two cores."""
    assert result.faults == len(POINTS) + KILLS


async def test_the_proxy_cuts_delays_and_lets_through_again():
    async def echo(reader, writer):
        with suppress(ConnectionError):  # who asked may be gone by then
            while piece := await reader.read(100):
                writer.write(piece)
        writer.transport.abort()
        ended.set()

    async def asked(within_s=60):
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"x")
        try:
            async with asyncio.timeout(within_s):
                return await reader.read(1)
        finally:
            writer.transport.abort()

    ended = asyncio.Event()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    with FaultProxy("127.0.0.1", server.sockets[0].getsockname()[1]) as proxy:
        assert await asked() == b"x"
        proxy.late(60)
        with pytest.raises(TimeoutError):
            await asked(within_s=0.3)
        proxy.cut()
        with pytest.raises(ConnectionRefusedError):
            await asked()
        proxy.pass_on()
        ended.clear()
        assert await asked() == b"x"
        async with asyncio.timeout(60):
            await ended.wait()
    server.close()
