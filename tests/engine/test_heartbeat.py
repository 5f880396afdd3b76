import asyncio
import os
import subprocess
import sys

import pytest

from streams.engine.heartbeat import HEART_VARIABLE, ORPHANED, Heart


@pytest.fixture
def pipe():
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    yield read_end, write_end
    os.close(read_end)
    os.close(write_end)


def test_a_beat_is_a_byte(pipe):
    read_end, write_end = pipe
    heart = Heart(write_end)
    heart.beat()
    heart.beat()
    assert os.read(read_end, 100) == b".."


def test_without_a_supervisor_beats_go_nowhere():
    heart = Heart.from_environment({})
    heart.beat()
    assert not heart.is_watched


def test_a_grandchild_that_inherits_the_variable_does_not_beat(pipe):
    _, write_end = pipe
    ours = {HEART_VARIABLE: f"{write_end}:{os.getpid()}"}
    assert Heart.from_environment(ours).is_watched
    parents = {HEART_VARIABLE: f"{write_end}:{os.getppid()}"}
    assert not Heart.from_environment(parents).is_watched


def test_the_pipe_is_not_passed_on_to_grandchildren(pipe):
    _, write_end = pipe
    os.set_inheritable(write_end, True)
    Heart(write_end)
    assert not os.get_inheritable(write_end)


def test_a_listener_that_is_stopped_does_not_block_the_child(pipe):
    _, write_end = pipe
    heart = Heart(write_end)
    for _ in range(100_000):  # more than any pipe holds
        heart.beat()


def test_a_child_whose_supervisor_is_gone_ends_itself():
    read_end, write_end = os.pipe()
    program = f"""
import sys
from streams.engine.heartbeat import Heart
heart = Heart({write_end})
heart.beat()
sys.stdin.read()
heart.beat()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, pass_fds=(write_end,)
    ) as child:
        os.close(write_end)
        assert os.read(read_end, 1) == b"."
        os.close(read_end)
        child.communicate(timeout=120)
    assert child.returncode == ORPHANED


async def test_keep_beating_proves_that_the_loop_turns(pipe):
    read_end, write_end = pipe
    task = asyncio.create_task(Heart(write_end).keep_beating(every_s=0.01))
    await asyncio.sleep(0.2)
    task.cancel()
    assert len(os.read(read_end, 1000)) >= 3
    with pytest.raises(asyncio.CancelledError):
        await task
