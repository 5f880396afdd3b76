import asyncio
import socket

import pytest

from connectors.kafka.wait import BrokerAway, answers, wait_for_broker


@pytest.fixture
def nobody():
    """An address that is reserved and answers nothing."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{reserved.getsockname()[1]}"


async def test_a_broker_that_never_comes_is_given_up_when_a_time_is_set(nobody):
    said = []
    with pytest.raises(BrokerAway, match=nobody):
        await wait_for_broker(nobody, tell=said.append, within_s=1)
    assert said == [f"waiting for a Kafka broker at {nobody} (0 s so far)"]


async def test_waiting_ends_with_its_task(nobody):
    said = asyncio.Queue()
    task = asyncio.create_task(wait_for_broker(nobody, tell=said.put_nowait))
    await said.get()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_something_that_is_not_kafka_does_not_answer():
    async def hang_up(_, writer):
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        assert not await answers(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")


@pytest.mark.broker
async def test_nothing_is_said_of_a_broker_that_is_there(kafka):
    said = []
    await wait_for_broker(kafka.bootstrap, tell=said.append)
    assert said == []


@pytest.mark.broker
async def test_one_address_of_several_is_enough(kafka, nobody):
    assert await answers(f"{nobody},{kafka.bootstrap}")


@pytest.mark.broker
async def test_fewer_brokers_than_asked_for_is_no_answer(kafka):
    assert not await answers(kafka.bootstrap, brokers=99)
