"""Webhooks: signed or refused, understood or refused by name, in Kafka before they are taken."""

import asyncio
import base64
import json
import socket
import time
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import httpx
import msgspec
import pytest
from aiokafka.errors import KafkaError
from standardwebhooks import Webhook

from connectors.acquirers.settings import AccountSettings, WebhookSettings
from connectors.acquirers.simulator_webhooks import SimulatorNotices
from connectors.acquirers.webhooks import serve_webhooks
from schemas.codec import decode
from schemas.facts import AcquirerAnswered, AcquirerNotified, NoticeUnbound
from schemas.ids import reference_alias

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD_SECRET = "whsec_" + base64.b64encode(b"the key before the rotation").decode()
OCCURRED_AT = 1_767_225_601_000


def event(command, kind, **changes) -> dict:
    data = {
        "operation_id": "op_1",
        "operation": "authorise",
        "outcome": "done",
        "merchant_reference": command.idempotency_key,
        "payment_reference": "pay_1",
        "requested_minor": 5000,
        "amount_minor": 5000,
        "moved_minor": 5000,
        "currency": "EUR",
        "occurred_at": OCCURRED_AT,
        "metadata": {
            "tenant": command.tenant,
            "session_id": command.session_id,
            "hold_id": command.hold_id,
            "command_id": command.command_id,
        },
    }
    top = {"id": "evt_1", "type": kind, "account": "main", "occurred_at": OCCURRED_AT}
    return {**top, "data": {**data, **changes}}


def signed(body: bytes, secret=SECRET, age_s=0, webhook_id="evt_1") -> dict[str, str]:
    at = datetime.fromtimestamp(int(time.time()) - age_s, tz=UTC)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body.decode()),
    }


class Written:
    """Stands where Kafka is: a list, or a refusal."""

    def __init__(self) -> None:
        self.facts = []
        self.refuses: BaseException | None = None
        self.waits_s = 0.0

    async def answer(self, fact) -> None:
        await asyncio.sleep(self.waits_s)
        if self.refuses is not None:
            raise self.refuses
        self.facts.append(fact)


@pytest.fixture
async def post():
    """`post(body, **headers)` to a receiver with two keys; `post.written` is what Kafka got."""
    account = AccountSettings(
        base_url="http://acquirer.test",
        account="main",
        convention="TOTAL",
        webhook_secrets=(SECRET, OLD_SECRET),
    )
    ours = account.model_copy(update={"tenant": "north"})
    readers = {
        "acme": SimulatorNotices("acme", account),
        "ours": SimulatorNotices("ours", ours),
    }
    written, settings = Written(), WebhookSettings(body_bytes_max=20_000, kafka_timeout_s=0.2)
    async with AsyncExitStack() as stack:
        port = await serve_webhooks(stack, settings, readers, written)
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False)
        )

        async def send(body, headers=None, acquirer="acme"):
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            signature = signed(raw) if headers is None else headers
            return await client.post(f"/webhooks/{acquirer}", content=raw, headers=signature)

        send.written = written
        yield send


async def test_an_event_becomes_the_fact(post, issue):
    place = issue().place()
    assert (await post(event(place, "hold.approved"))).status_code == 204
    (fact,) = post.written.facts
    assert isinstance(fact, AcquirerAnswered)
    assert (fact.command_id, fact.session_id) == (place.command_id, place.session_id)
    assert (fact.kind, fact.outcome, fact.amount_minor) == ("hold", "done", 5000)
    assert (fact.source, fact.resolves, fact.answered_at) == ("webhook", "", OCCURRED_AT)


@pytest.mark.parametrize(
    ("kind", "operation", "expected"),
    [
        ("hold.declined", "authorise", ("hold", "declined", 0)),
        ("hold.raised", "raise", ("raise", "done", 5000)),
        ("hold.raise_declined", "raise", ("raise", "declined", 0)),
        ("hold.lowered", "lower", ("lower", "done", 5000)),
        ("hold.released", "reverse", ("release", "done", 5000)),
        ("capture.succeeded", "capture", ("capture", "done", 5000)),
        ("refund.succeeded", "refund", ("refund", "done", 5000)),
    ],
)
async def test_answers_by_webhook(post, issue, kind, operation, expected):
    declined = {"outcome": "declined", "code": "51"} if "declined" in kind else {}
    await post(event(issue().place(), kind, operation=operation, **declined))
    (fact,) = post.written.facts
    assert (fact.kind, fact.outcome, fact.amount_minor) == expected
    assert fact.reason == ("insufficient_funds" if declined else "")


@pytest.mark.parametrize(
    ("kind", "word", "names_command"),
    [
        ("hold.lapsed", "hold_lapsed", False),
        ("capture.failed", "capture_failed", True),
        ("refund.failed", "refund_failed", True),
    ],
)
async def test_what_nobody_asked_for_is_a_notice(post, issue, kind, word, names_command):
    place = issue().place()
    await post(event(place, kind, operation="lapse", amount_minor=0, moved_minor=1234))
    (fact,) = post.written.facts
    assert isinstance(fact, AcquirerNotified)
    assert (fact.event, fact.amount_minor, fact.occurred_at) == (word, 1234, OCCURRED_AT)
    assert fact.command_id == (place.command_id if names_command else "")


async def test_both_keys_are_good_during_a_rotation_and_a_third_is_not(post, issue):
    body = json.dumps(event(issue().place(), "hold.approved")).encode()
    assert (await post(body, signed(body, OLD_SECRET))).status_code == 204
    stranger = "whsec_" + base64.b64encode(b"somebody else's").decode()
    assert (await post(body, signed(body, stranger))).status_code == 401
    assert len(post.written.facts) == 1


async def test_forged_is_refused_before_it_is_read(post, issue):
    body = json.dumps(event(issue().place(), "hold.approved")).encode()
    good = signed(body)
    worse = body.replace(b"5000", b"9000")
    refused = [
        (worse, good),
        (body, {}),
        (body, {**good, "webhook-id": "evt_2"}),
        (body, {**good, "webhook-timestamp": str(int(good["webhook-timestamp"]) + 1)}),
        (body, {**good, "webhook-timestamp": "yesterday"}),
        (body, {**good, "webhook-timestamp": "9" * 40}),
        (body, {**good, "webhook-signature": good["webhook-signature"].replace("v1", "v2")}),
        (body, {**good, "webhook-signature": "v1"}),
        (body, {**good, "webhook-signature": "v1,not base64"}),
        (body, signed(body, age_s=301)),
        (body, signed(body, age_s=-302)),
        (b"\xff\xfe", good),
        (b"not json, and not signed", good),
    ]
    for number, (raw, headers) in enumerate(refused):
        response = await post(raw, headers)
        assert (number, response.status_code, response.content) == (number, 401, b"")
    assert post.written.facts == []


async def test_one_that_names_no_session_is_taken_when_kafka_has_it_on_its_way(post, issue):
    place = issue().place()
    body = event(place, "hold.approved", metadata={})
    assert (await post(body)).status_code == 400  # of no tenant's account
    assert (await post(body, acquirer="ours")).status_code == 204
    (fact,) = post.written.facts
    assert isinstance(fact, NoticeUnbound)
    assert fact.alias == reference_alias("north", place.idempotency_key)
    post.written.refuses = KafkaError()
    assert (await post(body, acquirer="ours")).status_code == 503


async def test_an_unknown_event_is_taken_note_of(post, issue):
    place = issue().place()
    assert (await post(event(place, "payout.paid"))).status_code == 202
    assert (await post({"type": "hold.renamed", "new": True})).status_code == 202
    assert post.written.facts == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount_minor": "5000"}, "data.amount_minor"),
        ({"amount_minor": -1}, "data.amount_minor"),
        ({"currency": "euro"}, "data.currency"),
        ({"occurred_at": -5}, "data.answered_at"),
        ({"metadata": {}}, "data.metadata.tenant"),
        ({"merchant_reference": "another"}, "data.merchant_reference"),
        ({"operation": None}, "data.operation"),
    ],
)
async def test_a_bad_field_is_named(post, issue, changes, field):
    response = await post(event(issue().place(), "hold.approved", **changes))
    assert response.status_code == 400
    assert response.json()["field"] == field
    assert post.written.facts == []


async def test_a_bad_body_is_told_so(post, issue):
    place = issue().place()
    assert (await post(b"[]")).json()["field"] == "body"
    assert (await post(b"{")).json()["field"] == "body"
    assert (await post({"id": 1})).json()["field"] == "type"
    headless = event(place, "hold.approved")
    del headless["data"]["currency"]
    assert (await post(headless)).json()["field"] == "data.currency"
    other = event(place, "hold.approved") | {"account": "theirs"}
    assert (await post(other)).json()["field"] == "account"
    assert post.written.facts == []


async def test_too_long_and_unknown_acquirers(post, issue):
    assert (await post(b"x" * 30_000)).status_code == 413
    body = event(issue().place(), "hold.approved")
    assert (await post(body, acquirer="nobody")).status_code == 404


@pytest.mark.parametrize("trouble", ["refused", "slow"])
async def test_what_kafka_has_not_taken_is_not_taken(post, issue, trouble):
    post.written.refuses = KafkaError() if trouble == "refused" else None
    post.written.waits_s = 0.0 if trouble == "refused" else 5.0
    response = await post(event(issue().place(), "hold.approved"))
    assert response.status_code == 503


async def test_a_repeated_webhook_makes_the_same_fact(post, issue):
    body = event(issue().place(), "hold.approved")
    for _ in range(2):
        await post(body)
    first, second = post.written.facts
    assert first == second


# --- with the simulator and the broker --------------------------------------------------------


@asynccontextmanager
async def with_webhooks(bench, simulate, **account):
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    hooks = {"url": f"http://127.0.0.1:{port}/webhooks/acme", "retry_after_ms": 100}
    simulator = simulate(webhooks=hooks, **account)
    one = await bench(simulator, webhooks=WebhookSettings(port=port))
    async with one.executor() as served:
        assert served == port
        yield one, simulator


def by_source(answers, source):
    return [a for a in answers if getattr(a, "source", "notice") == source]


@pytest.mark.broker
@pytest.mark.parametrize(
    ("fault", "webhooks"),
    [(None, 1), ("drop_webhook", 0), ("duplicate_webhook", 2), ("reorder_webhook", 1)],
)
async def test_webhooks_of_a_real_acquirer(bench, simulate, issue, fault, webhooks):
    scripts = ({"fault": fault, "operation": "authorise"},) if fault else ()
    async with with_webhooks(bench, simulate, fault_scripts=scripts) as (one, _):
        session = issue()
        place = session.place()
        await one.give(place)
        placed = await one.answer(place.command_id)
        await one.give(session.capture(placed.psp_reference, 4000))
        wanted = 3 + webhooks  # an answer and a webhook of the capture, an answer to the hold
        answers = await one.answers(wanted)
        await asyncio.sleep(0.5)
        assert len(await one.answers(wanted)) == wanted
    told = by_source(answers, "webhook")
    holds = [a for a in told if a.kind == "hold"]
    assert len(holds) == webhooks
    for hold in holds:  # says what the answer said, so that learning it twice changes nothing
        as_answered = {"source": placed.source, "answered_at": placed.answered_at}
        as_answered["issued_at"] = placed.issued_at  # the acquirer does not know it
        assert msgspec.structs.replace(hold, **as_answered) == placed


@pytest.mark.broker
async def test_a_webhook_knows_what_a_timeout_hid(bench, simulate, issue):
    scripts = ({"fault": "timeout_after", "operation": "authorise"},)
    async with with_webhooks(bench, simulate, fault_scripts=scripts) as (one, _):
        place = issue().place()
        await one.give(place)
        answers = await one.answers(2)
    assert {(a.source, a.outcome) for a in answers} == {
        ("executor", "unknown"),
        ("webhook", "done"),
    }


@pytest.mark.broker
async def test_a_capture_that_failed_after_all(bench, simulate, issue):
    scripts = ({"fault": "capture_fails", "operation": "capture"},)
    account = {"fault_scripts": scripts, "fails_after_ms": 300}
    async with with_webhooks(bench, simulate, **account) as (one, _):
        session = issue()
        await one.give(session.place())
        capture = session.capture((await one.answers(1))[0].psp_reference, 4000)
        await one.give(capture)
        answers = await one.answers(5)
    (notice,) = by_source(answers, "notice")
    assert (notice.event, notice.command_id) == ("capture_failed", capture.command_id)
    assert notice.amount_minor == 4000


@pytest.mark.broker
async def test_one_that_names_no_session_stands_on_the_topic_of_its_alias(
    bench, simulate, issue, make_topic
):
    lookups = await make_topic("lookups")
    simulator = simulate()
    account = {"tenant": "north", "webhook_secrets": (SECRET,)}
    one = await bench(
        simulator, webhooks=WebhookSettings(port=0), account=account, lookups_topic=lookups
    )
    body = json.dumps(event(issue().place(), "hold.approved", metadata={})).encode()
    async with one.executor() as port, httpx.AsyncClient(trust_env=False) as client:
        url = f"http://127.0.0.1:{port}/webhooks/acme"
        assert (await client.post(url, content=body, headers=signed(body))).status_code == 204
        (record,) = await one.records(lookups, 1)
    fact = decode(record.value)
    assert isinstance(fact, NoticeUnbound)
    assert record.key == fact.alias.encode()


def test_secrets_do_not_print():
    account = AccountSettings(
        base_url="http://acquirer.test",
        account="main",
        convention="TOTAL",
        webhook_secrets=(SECRET,),
        api_key="s3cret",
    )
    assert "s3cret" not in f"{account!r} {account}"
    assert SECRET not in f"{account!r} {account} {vars(SimulatorNotices('acme', account))}"
