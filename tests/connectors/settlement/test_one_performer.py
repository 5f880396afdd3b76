"""Executor and consumer kit read one topic: whoever captures, each command has one performer."""

import json
import sys
from pathlib import Path

import pytest

from connectors.acquirers.acquirer import HttpResponse
from connectors.acquirers.adyen.adapter import KEY_GUARDS_MS, AdyenAdapter
from connectors.acquirers.exchange import wall_at
from connectors.acquirers.intake import take
from connectors.acquirers.performer import Account, Performer
from connectors.acquirers.settings import AccountSettings
from connectors.settlement.settler import Settler, Shell
from schemas.codec import encode
from schemas.commands import InquireCommand, MoneyCommand

sys.path.append(str(Path(__file__).parents[2] / "core"))  # for `sessionworld`
from sessionworld import (
    World,
    answered,
    ended,
    refund_decided,
    request,
    started,
    tick,
)

PERFORMERS = ("executor", "operator", "terminal_provider", "station")


class Line:
    """Where HTTP is: an acquirer that keeps its keys."""

    def __init__(self) -> None:
        self.keys: set[str] = set()

    async def send(self, request, issued_at):
        self.keys.add(request.headers["Idempotency-Key"])
        told = json.loads(request.body) | {"status": "received", "pspReference": "M1"}
        return HttpResponse(status=201, headers={}, body=json.dumps(told).encode(), at=issued_at)


def commands_of(capture_by):
    """Of a whole session and a refund, as they went out; a raise of them is asked after, too."""
    at = wall_at() - 60 * 60_000
    world = World()
    world.apply(request(capture_by=capture_by, requested_at=at, card_token="us/tok"), at)
    facts = (
        answered("hold/1", "done", 2_000, at),
        started(0, at),
        ended(10_000, at + 30 * 60_000),
    )
    for fact in facts:
        world.apply(fact, at)
    world.apply(tick(at + 35 * 60_000), at + 35 * 60_000)
    world.apply(answered("capture/1", "done", 790, at), at)
    world.apply(refund_decided("D-1", 100, at), at)
    return [one for one in world.commands if isinstance(one, MoneyCommand)]


@pytest.mark.parametrize("capture_by", PERFORMERS)
async def test_each_command_has_exactly_one_performer_and_one_effect(capture_by, book, bank):
    line = Line()
    account = AccountSettings(
        adapter="adyen", base_url="https://a.test", account="Main", convention="TOTAL"
    )
    executor = Performer({"sim-total": Account(AdyenAdapter(account), line, KEY_GUARDS_MS)})
    shell = Shell(wall_at, lambda _: None)
    consumer = Settler(book, bank, "p1", 30_000, shell)
    stream = commands_of(capture_by)
    moving = [one for one in stream if not isinstance(one, InquireCommand)]
    for number, command in enumerate([*stream, *stream]):
        ours, theirs = (take(encode(command), who) for who in ("executor", "operator"))
        assert [ours is not None, theirs is not None] == [
            capture_by == "executor",
            capture_by == "operator",
        ]
        if ours is not None:
            await executor.perform(ours, may_be_sent=number >= len(stream))
        if theirs is not None:
            await consumer.settle(theirs)
    keys = {one.idempotency_key for one in moving}
    assert line.keys == (keys if capture_by == "executor" else set())
    assert bank.effects == ([one.command_id for one in moving] if capture_by == "operator" else [])


def test_where_a_third_party_captures_we_give_no_capture_and_no_refund():
    """design.md 1.7: we learn of it, and reconcile."""
    told = {name: [type(one).__name__ for one in commands_of(name)] for name in PERFORMERS}
    assert {"CaptureHold", "RefundCapture"} <= set(told["executor"])
    assert told["executor"] == told["operator"]
    for name in ("terminal_provider", "station"):
        assert not {"CaptureHold", "RefundCapture"} & set(told[name])
