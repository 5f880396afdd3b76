"""Acquirers' webhooks from an operator's topic: repeated, reordered, late, killed in between."""

import asyncio
import hmac
import json
import random
import signal
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path

import pytest
from feedworld import OnBroker, Pure

from connectors.acquirers.settings import AccountSettings
from schemas import codec, ids, topics
from schemas.facts import NoticeUnbound

GOLDEN = Path(__file__).parents[1] / "connectors" / "acquirers" / "golden" / "stripe" / "webhooks"
NEW, OLD = "whsec_new", "whsec_old"
THEIRS = 2
SESSIONS = 150
SENT_S = 1_767_225_700  # days ago, as far as the wall clock knows
MAPPING = {
    "source": "acquirer",
    "where": {"acquirer": "str", "time": {"header": "at"}},
}
TOML = """
source = "acquirer"
name = "{name}"
where.acquirer = "str"
where.time = {{ header = "at" }}
"""
ACCOUNT = {
    "adapter": "stripe",
    "base_url": "https://api.stripe.com",
    "account": "acct_1",
    "convention": "TOTAL",
}


def of_session(number, tenant):
    """A hold, its capture and a dispute of one session: with metadata, with, and without any."""
    session = ids.session_id(tenant, "p", f"ref-{number}")
    hold, capture = ids.hold_id(session, 1), ids.capture_id(session, 1)
    for name in ("hold_approved", "captured", "dispute"):
        event = json.loads((GOLDEN / f"{name}.json").read_text())["webhook"]
        event["id"] = f"evt_{number}_{name}"
        found = event["data"]["object"]
        if name == "dispute":
            found["payment_intent"] = f"pi_{number}"
        else:
            found["id"] = f"pi_{number}"
            found["metadata"] = {
                "tenant": tenant,
                "session_id": session,
                "hold_id": hold,
                "command_id": hold,
                "reference": ids.idempotency_key(tenant, hold),
                "capture": ids.idempotency_key(tenant, capture),
            }
            event["request"] = {"id": "req", "idempotency_key": None}
        yield json.dumps(event).encode()


def signed(body, key):
    mark = hmac.new(key.encode(), f"{SENT_S}.".encode() + body, sha256).hexdigest()
    return {"at": str(SENT_S), "Stripe-Signature": f"t={SENT_S},v1={mark}"}


def deliveries(tenant):
    """Shuffled, some twice, under both keys of a rotation; forged ones between them."""
    chance = random.Random(7)
    bodies = [body for number in range(SESSIONS) for body in of_session(number, tenant)]
    bodies += chance.sample(bodies, len(bodies) // 5)
    chance.shuffle(bodies)
    for turn, body in enumerate(bodies):
        yield turn % THEIRS, None, body, signed(body, chance.choice((NEW, OLD)))
        if turn % 20 == 0:
            yield turn % THEIRS, None, body, signed(body, "whsec_forged")


def expected_of(records, tenant):
    """What the stage says of these records without any Kafka."""
    account = AccountSettings(**ACCOUNT, webhook_secrets=(NEW, OLD), tenant=tenant)
    pure = Pure({**MAPPING, "name": "pure"}, accounts={"str": account})
    return Counter(one[:3] for record in records for one in pure.take(record))


@pytest.mark.broker
@pytest.mark.kill
async def test_webhooks_days_old_take_effect_once_each_under_kills(
    kafka, unique, make_topic, tmp_path
):
    tenant = f"t{abs(hash(unique)) % 10**9}"
    accounts = tmp_path / "accounts.json"
    accounts.write_text(json.dumps({"str": ACCOUNT}))
    world = OnBroker(
        kafka.bootstrap,
        unique,
        tmp_path,
        HOLDFAST_TENANT=tenant,
        HOLDFAST_EXECUTOR__ACCOUNTS_FILE=str(accounts),
        HOLDFAST_EXECUTOR__WEBHOOK_SECRETS=json.dumps({"str": [NEW, OLD]}),
    )
    world.topic = await make_topic("theirs", partitions=THEIRS)
    world.mapping.write_text(TOML.format(name=f"f-{abs(hash(unique)) % 10**9}"))
    await world.prepare()
    await world.send(deliveries(tenant))
    expected = expected_of(await world.theirs(THEIRS), tenant)
    with world.running("acquirer") as process:
        await asyncio.sleep(4)
        process.send_signal(signal.SIGKILL)

    def belongs(one):
        headers = dict(one.headers)
        if one.topic == topics.PARKED:
            return headers.get("topic", b"").decode() == world.topic
        if one.topic not in (topics.RESPONSES, topics.LOOKUPS):
            return False
        return getattr(codec.decode(one.value), "tenant", "") == tenant

    with world.running("acquirer") as process:
        began = time.monotonic()
        while (found := await world.ours(belongs)) != expected:
            assert not found - expected, list(found - expected)[:3]
            assert time.monotonic() - began < 180, (world.log.read_text()[-3000:], len(found))
            await asyncio.sleep(1)
        process.terminate()
        process.wait(120)
    by_topic = Counter()
    for (topic, *_), count in found.items():
        by_topic[topic] += count
    assert by_topic[topics.PARKED] == len(range(0, SESSIONS * 3 * 6 // 5, 20))
    disputes = [codec.decode(value) for topic, _, value in found if topic == topics.LOOKUPS]
    assert len({one.alias for one in disputes}) == SESSIONS
    assert {type(one) for one in disputes} == {NoticeUnbound}
