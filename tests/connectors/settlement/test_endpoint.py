"""The handler that asks the operator's endpoint: what is sent, and what each answer means."""

import datetime as dt
import json

import pytest
from aiohttp import web
from commandworld import Issue
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from standardwebhooks import Webhook

from connectors.acquirers.acquirer import HttpResponse, NoResponse, look_up
from connectors.acquirers.exchange import Exchange, wall_at
from connectors.acquirers.settings import HttpSettings
from connectors.settlement.endpoint import EndpointHandler, outcome

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DONE = {"outcome": "done", "amount_minor": 1500, "psp_reference": "own-1"}


def answered(status, body):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpResponse(status=status, headers={}, body=body, at=1)


@pytest.mark.parametrize("asked_after", [False, True])
def test_an_explicit_yes_and_an_explicit_no(asked_after):
    done = outcome(answered(200, DONE), asked_after=asked_after)
    assert (done.outcome, done.amount_minor, done.psp_reference) == ("done", 1500, "own-1")
    declined = {"outcome": "declined", "reason": "insufficient_funds", "raw_code": "51"}
    no = outcome(answered(200, declined), asked_after=asked_after)
    assert (no.outcome, no.reason, no.raw_code, no.amount_minor) == (
        "declined", "insufficient_funds", "51", 0,
    )  # fmt: skip


def test_not_found_is_said_of_what_was_asked_after_and_with_404_only():
    missing = {"outcome": "not_found"}
    assert outcome(answered(404, missing), asked_after=True).outcome == "not_found"
    assert outcome(answered(200, missing), asked_after=True).outcome == "unknown"
    assert outcome(answered(404, missing), asked_after=False).outcome == "unknown"
    assert outcome(answered(404, b"<html>"), asked_after=True).outcome == "unknown"
    assert outcome(answered(404, DONE), asked_after=True).outcome == "unknown"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""), (200, b"\xff"), (200, b"[]"), (200, {"outcome": "yes"}), (201, DONE),
        (500, DONE), (302, DONE), (200, {"outcome": "done"}), (200, {"amount_minor": 1500}),
        (200, {"outcome": "done", "amount_minor": "1500"}),
        (200, {"outcome": "done", "amount_minor": 15.5}),
    ],
)  # fmt: skip
def test_everything_else_is_unknown(status, body):
    assert outcome(answered(status, body), asked_after=False).outcome == "unknown"


@pytest.mark.parametrize("why", ["timeout", "connection_lost", "not_sent"])
def test_silence_is_unknown(why):
    told = outcome(NoResponse(why=why, at=1), asked_after=False)
    assert (told.outcome, told.reason) == ("unknown", why)


@given(status=st.integers(100, 599), body=st.binary(max_size=60))
def test_no_bytes_are_a_yes_by_chance(status, body):
    told = outcome(answered(status, body), asked_after=True)
    assert told.outcome == "unknown"


async def test_what_is_sent_can_be_verified_and_carries_the_key():
    seen = []

    async def take(request):
        seen.append((request.method, request.path, dict(request.headers), await request.text()))
        return web.json_response(DONE)

    application = web.Application()
    application.add_routes([web.post("/own/commands", take), web.get("/own/commands/{key}", take)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    exchange = Exchange(f"http://127.0.0.1:{port}/own", {}, HttpSettings(), virtual=False)
    handler = EndpointHandler(exchange, SecretStr(SECRET), wall_at)
    capture = Issue("0" * 32, performer="operator").capture("psp", 1500)
    try:
        assert (await handler.perform(capture)).outcome == "done"
        assert (await handler.look_up(look_up(capture))).outcome == "done"
    finally:
        await exchange.close()
        await runner.cleanup()
    (posted, asked) = seen
    key = capture.idempotency_key
    assert posted[:2] == ("POST", "/own/commands")
    assert asked[:2] == ("GET", f"/own/commands/{key}")
    body = json.loads(posted[3])
    assert (body["kind"], body["amount_minor"], body["command_id"], body["proof"]) == (
        "capture", 1500, capture.command_id, "COMPLETE_TRANSACTION",
    )  # fmt: skip
    assert posted[2]["idempotency-key"] == key
    assert Webhook(SECRET).verify(posted[3], posted[2])["amount_minor"] == 1500
    for _, _, headers, text in seen:
        lowered = {name.lower(): value for name, value in headers.items()}
        at = dt.datetime.fromtimestamp(int(lowered["webhook-timestamp"]), dt.UTC)
        assert lowered["webhook-id"] == key
        assert lowered["webhook-signature"] == Webhook(SECRET).sign(key, at, text)
        assert SECRET not in str(headers)
