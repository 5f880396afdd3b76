"""Against sockets that misbehave: what is silence, what is proof that nothing was sent."""

import asyncio
import socket
import time
from contextlib import asynccontextmanager

import pytest

from connectors.acquirers.acquirer import HttpRequest, HttpResponse, NoResponse
from connectors.acquirers.exchange import Exchange
from connectors.acquirers.settings import HttpSettings

REQUEST = HttpRequest(method="POST", path="/v1/x", headers={"Idempotency-Key": "k"}, body=b"{}")
QUICK = HttpSettings(connect_timeout_s=0.5, read_timeout_s=0.3, total_s=0.8, answer_bytes_max=2048)


@asynccontextmanager
async def acquirer(handle):
    """A server that does `handle(reader, writer)`; counts the requests that came."""
    came = []

    async def serve(reader, writer):
        try:
            came.append(await reader.readuntil(b"\r\n\r\n{}"))
            await handle(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", came
    finally:
        server.close()


@asynccontextmanager
async def exchange(base_url, *, virtual=False, settings=QUICK):
    opened = Exchange(base_url, {"Authorization": "Bearer s3cret"}, settings, virtual=virtual)
    try:
        yield opened
    finally:
        await opened.close()


def free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return chosen.getsockname()[1]


def saying(text: bytes, pause_s: float = 0):
    async def handle(_, writer):
        writer.write(text)
        await writer.drain()
        await asyncio.sleep(pause_s)

    return handle


async def test_an_answer_comes_back_whole():
    told = b"HTTP/1.1 201 Created\r\nX-Odd: Yes\r\nContent-Length: 2\r\n\r\nok"
    async with acquirer(saying(told)) as (url, came), exchange(url) as line:
        result = await line.send(REQUEST, 5)
    assert isinstance(result, HttpResponse)
    assert (result.status, result.body, result.headers["x-odd"]) == (201, b"ok", "Yes")
    assert abs(result.at - time.time() * 1000) < 5000
    assert b"Authorization: Bearer s3cret" in came[0]
    assert b"Idempotency-Key: k" in came[0]


async def test_a_redirect_is_an_answer_and_is_not_followed():
    told = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    async with acquirer(saying(told)) as (url, came), exchange(url) as line:
        result = await line.send(REQUEST, 5)
    assert (result.status, len(came)) == (302, 1)


@pytest.mark.parametrize("virtual", [False, True])
async def test_silence_is_a_timeout_and_is_not_repeated(virtual):
    async with acquirer(saying(b"", 5)) as (url, came), exchange(url, virtual=virtual) as line:
        result = await line.send(REQUEST, 1000)
    assert isinstance(result, NoResponse)
    assert (result.why, len(came)) == ("timeout", 1)
    if virtual:
        assert result.at == 1300


async def test_an_answer_that_drips_for_ever_ends():
    async def drip(_, writer):
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with acquirer(drip) as (url, came), exchange(url) as line:
        began = time.monotonic()
        result = await line.send(REQUEST, 5)
    assert (result.why, len(came)) == ("timeout", 1)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "told", [b"", b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\nhalf", b"what?\r\n\r\n"]
)
async def test_a_connection_lost_over_a_request_is_no_proof_of_anything(told):
    async with acquirer(saying(told)) as (url, came), exchange(url) as line:
        result = await line.send(REQUEST, 5)
    assert isinstance(result, NoResponse)
    assert (result.why, len(came)) == ("connection_lost", 1)


async def test_a_refused_connection_is_tried_again_and_then_proves_that_nothing_was_sent():
    async with exchange(f"http://127.0.0.1:{free_port()}") as line:
        result = await line.send(REQUEST, 5)
    assert isinstance(result, NoResponse)
    assert result.why == "not_sent"


async def test_an_acquirer_that_comes_up_meanwhile_is_reached():
    told = saying(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
    port = free_port()
    patient = QUICK.model_copy(update={"total_s": 10.0, "connect_attempts": 8})

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n{}")
        await told(reader, writer)
        writer.close()

    async with exchange(f"http://127.0.0.1:{port}", settings=patient) as line:
        sending = asyncio.create_task(line.send(REQUEST, 5))
        await asyncio.sleep(0.2)
        server = await asyncio.start_server(answer, "127.0.0.1", port)
        assert (await sending).status == 201
        server.close()


async def test_a_body_without_end_is_cut():
    told = b"HTTP/1.1 201 Created\r\nContent-Length: 999999\r\n\r\n" + b"x" * 9000
    async with acquirer(saying(told)) as (url, _), exchange(url) as line:
        result = await line.send(REQUEST, 5)
    assert isinstance(result, HttpResponse)
    assert 2048 < len(result.body) < 999999


async def test_a_connection_is_used_again():
    async def twice(reader, writer):
        for _ in range(2):
            writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n{}")

    async with acquirer(twice) as (url, came), exchange(url) as line:
        assert (await line.send(REQUEST, 5)).status == 201
        assert (await line.send(REQUEST, 5)).status == 201
    assert len(came) == 1
