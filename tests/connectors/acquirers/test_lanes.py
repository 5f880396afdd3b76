import asyncio

import pytest

from connectors.acquirers.lanes import Lanes


async def test_one_session_is_in_order_and_others_do_not_wait_for_it():
    seen, gate = [], asyncio.Event()

    def job(name, waits=False):
        async def run():
            if waits:
                await gate.wait()
            seen.append(name)

        return run

    async with asyncio.TaskGroup() as group:
        lanes = Lanes(group, width=2, waiting_max=10)
        await lanes.put("a", job("a1", waits=True))
        await lanes.put("a", job("a2"))
        await lanes.put("b", job("b1"))
        assert not await lanes.idle(0.05)
        assert seen == ["b1"]
        gate.set()
        assert await lanes.idle(1)
    assert seen == ["b1", "a1", "a2"]


async def test_no_more_at_once_than_allowed():
    at_once, most = 0, 0

    async def run():
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1

    async with asyncio.TaskGroup() as group:
        lanes = Lanes(group, width=3, waiting_max=50)
        for number in range(20):
            await lanes.put(str(number), run)
    assert most == 3


async def test_a_full_waiting_room_stops_the_reader():
    gate = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        lanes = Lanes(group, width=1, waiting_max=2)
        await lanes.put("a", gate.wait)
        await lanes.put("b", gate.wait)
        third = asyncio.create_task(lanes.put("c", gate.wait))
        await asyncio.sleep(0.05)
        assert not third.done()
        gate.set()
        await third


async def test_a_job_that_fails_ends_everything():
    async def fail():
        raise OSError("the disk is full")

    async def run():
        async with asyncio.TaskGroup() as group:
            await Lanes(group, width=1, waiting_max=2).put("a", fail)

    with pytest.raises(ExceptionGroup) as failed:
        await run()
    assert failed.group_contains(OSError, match="disk")
