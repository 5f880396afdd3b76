"""Delivery: signed, at least once, and as disorderly as the faults ask."""

import asyncio
import base64
from contextlib import AsyncExitStack

import pytest
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four!").decode()
AT = 1_767_225_600_000


class Receiver:
    """Keeps what it is sent; answers 500 to the first `failing` deliveries."""

    def __init__(self) -> None:
        self.deliveries = []
        self.failing = 0
        self.url = ""
        self.arrived = asyncio.Condition()

    async def take(self, request: web.Request) -> web.Response:
        self.deliveries.append((dict(request.headers), await request.text()))
        async with self.arrived:
            self.arrived.notify_all()
        if self.failing:
            self.failing -= 1
            return web.Response(status=500)
        return web.Response()

    def events(self):
        verifier = Webhook(SECRET)
        return [verifier.verify(body, headers) for headers, body in self.deliveries]

    async def wait_for(self, count: int) -> list:
        async with asyncio.timeout(10), self.arrived:
            await self.arrived.wait_for(lambda: len(self.deliveries) >= count)
        await asyncio.sleep(0.3)  # more would be too many
        assert len(self.deliveries) == count
        return self.events()


@pytest.fixture
async def receiver(monkeypatch):
    monkeypatch.setenv("HOLDFAST_SIMULATOR_WEBHOOK_SECRET", SECRET)
    async with AsyncExitStack() as stack:
        one = Receiver()
        application = web.Application()
        application.router.add_post("/hooks", one.take)
        runner = web.AppRunner(application)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        one.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks"
        yield one


async def place(counter, **how):
    return (await counter.authorise(5000, **how)).json()["payment_reference"]


async def test_the_signature_verifies_and_a_forged_one_does_not(open_counter, receiver):
    counter = await open_counter(webhooks={"url": receiver.url})
    await place(counter, reference="h1", at=AT, metadata={"session_id": "s1"})
    (event,) = await receiver.wait_for(1)
    assert (event["type"], event["occurred_at"]) == ("hold.approved", AT)
    assert event["data"]["metadata"] == {"session_id": "s1"}
    headers, body = receiver.deliveries[0]
    assert headers["webhook-id"] == event["id"]
    verifier = Webhook(SECRET)
    with pytest.raises(WebhookVerificationError):
        verifier.verify(body.replace("5000", "9000"), headers)
    stranger = Webhook("whsec_" + base64.b64encode(b"another secret").decode())
    with pytest.raises(WebhookVerificationError):
        stranger.verify(body, headers)


async def test_the_story_of_a_hold_is_told_in_order(open_counter, receiver):
    counter = await open_counter(
        webhooks={"url": receiver.url}, remainder="REVERSE_AFTER_CAPTURE", fails_after_ms=10,
        fault_scripts=[{"fault": "refund_fails"}], cards={"tok": {"available_minor": 6000}},
    )  # fmt: skip
    hold = await place(counter, at=AT)
    for what, amount in [("raises", 6000), ("raises", 7000), ("lowers", 5500),
                         ("captures", 4000), ("refunds", 1000)]:  # fmt: skip
        await counter.on(hold, what, amount, at=AT)
    await counter.post(f"holds/{hold}/reversals", {"merchant_reference": "rev"}, at=AT)
    await counter.on(hold, "captures", 1, at=AT + 10)  # refused: not told
    told = [event["type"] for event in await receiver.wait_for(8)]
    assert told == [
        "hold.approved", "hold.raised", "hold.raise_declined", "hold.lowered",
        "capture.succeeded", "refund.succeeded", "hold.released", "refund.failed",
    ]  # fmt: skip


async def test_a_lapse_is_told_when_time_has_passed(open_counter, receiver):
    counter = await open_counter(webhooks={"url": receiver.url}, hold_lifetime_ms=1000)
    await place(counter, at=AT, metadata={"session_id": "s1"})
    await counter.client.post("/clock", json={"at": AT + 2000})
    events = await receiver.wait_for(2)
    assert (events[1]["type"], events[1]["occurred_at"]) == ("hold.lapsed", AT + 1000)
    metadata = [event["data"]["metadata"] for event in events]
    assert metadata == [{"session_id": "s1"}] * 2, "a lapse names its session as well"


async def test_a_failing_receiver_is_tried_again(open_counter, receiver):
    receiver.failing = 3
    counter = await open_counter(
        webhooks={"url": receiver.url, "attempts": 2, "retry_after_ms": 100}
    )
    await place(counter)
    events = await receiver.wait_for(4)
    assert len({event["id"] for event in events}) == 1, "one event, under one id"


@pytest.mark.parametrize(("fault", "deliveries"), [("drop_webhook", 1), ("duplicate_webhook", 3)])
async def test_dropped_and_repeated(open_counter, receiver, fault, deliveries):
    counter = await open_counter(
        webhooks={"url": receiver.url}, fault_scripts=[{"fault": fault, "operation": "authorise"}]
    )
    hold = await place(counter)
    await counter.on(hold, "captures", 4000)
    types = [event["type"] for event in await receiver.wait_for(deliveries)]
    assert types.count("hold.approved") == deliveries - 1
    assert types[-1] == "capture.succeeded"


async def test_delayed_until_the_accounts_time_has_come(open_counter, receiver):
    counter = await open_counter(
        webhooks={"url": receiver.url, "delay_ms": 5000},
        fault_scripts=[{"fault": "delay_webhook", "operation": "authorise"}],
    )
    hold = await place(counter, at=AT)
    await counter.on(hold, "captures", 4000, at=AT + 1)
    assert [event["type"] for event in await receiver.wait_for(1)] == ["capture.succeeded"]
    await counter.client.post("/clock", json={"at": AT + 5000})
    assert (await receiver.wait_for(2))[1]["type"] == "hold.approved"


async def test_reordered_behind_the_next_one(open_counter, receiver):
    counter = await open_counter(
        webhooks={"url": receiver.url},
        fault_scripts=[{"fault": "reorder_webhook", "operation": "authorise"}],
    )
    hold = await place(counter, at=AT)
    await receiver.wait_for(0)
    await counter.on(hold, "captures", 4000, at=AT + 1)
    types = [event["type"] for event in await receiver.wait_for(2)]
    assert types == ["capture.succeeded", "hold.approved"]


async def test_reordered_with_nothing_behind_it_still_arrives(open_counter, receiver):
    counter = await open_counter(
        webhooks={"url": receiver.url, "reorder_ms": 100},
        fault_scripts=[{"fault": "reorder_webhook"}],
    )
    await place(counter)
    await receiver.wait_for(1)
