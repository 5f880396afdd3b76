"""A feed on a real broker: killed in between, and fed with what nobody should send."""

import asyncio
import json
import signal
import time
from collections import Counter

import psutil
import pytest
import wild
from feedworld import OCPP, OCPP_TOML, OnBroker, Pure, conversation, frame

from schemas import topics

THEIRS = 3  # partitions, where ours have four
CHARGERS, READINGS = 24, 60
LIVES = 3


def conversations(tenant):
    """All chargers side by side, with a message now and then that cannot be taken."""
    talks = [list(conversation(number, READINGS)) for number in range(CHARGERS)]
    for turn in range(max(map(len, talks))):
        for number, talk in enumerate(talks):
            way, parts = talk[turn]
            key = b"cp-%d" % number
            yield number % THEIRS, key, frame(*parts), {"tenant": tenant, "way": way}
        if turn % 9 == 0:
            yield turn % THEIRS, b"cp-bad", b'[2,"1","Heartbeat",{"x":NaN}]', {"tenant": tenant}
            yield turn % THEIRS, None, b"\xff", {"tenant": tenant, "way": "in"}


@pytest.mark.broker
@pytest.mark.kill
async def test_every_message_takes_effect_once_however_often_the_feed_is_killed(
    kafka, unique, make_topic, tmp_path
):
    tenant = unique[:40]
    world = OnBroker(kafka.bootstrap, unique, tmp_path)
    world.topic = await make_topic("theirs", partitions=THEIRS)
    feed = f"f-{abs(hash(unique)) % 10**9}"
    world.mapping.write_text(OCPP_TOML.format(name=feed))
    await world.prepare()
    sent = list(conversations(tenant))
    for life in range(LIVES):
        first, last = (len(sent) * one // LIVES for one in (life, life + 1))
        await world.send(sent[first:last])
        with world.running() as process:
            await asyncio.sleep(4 + life)
            process.send_signal(signal.SIGKILL)
    expected = expected_of(await world.theirs(THEIRS))

    def belongs(one):
        return dict(one.headers).get("topic", b"").decode() == world.topic or (
            one.topic != topics.PARKED and one.key.startswith(tenant.encode())
        )

    with world.running() as process:
        began = time.monotonic()
        while (found := await world.ours(belongs)) != expected:
            surplus = found - expected
            assert not surplus, list(surplus)[:3]
            assert time.monotonic() - began < 180, (world.log.read_text()[-3000:], expected - found)
            await asyncio.sleep(1)
        await counted_once(world, feed, len(sent))
        process.terminate()
        process.wait(120)
    assert found[next(iter(found))] == 1
    assert sum(count for (topic, *_), count in found.items() if topic == topics.READINGS) > 1_000


async def counted_once(world, feed, sent):
    """Messages of the next hour end all spans; these then hold every message once."""
    head = {"tenant": "closing", "way": "in"}
    beat = frame(2, "1", "Heartbeat", {})
    closing = [(number, b"cp-close", beat, head) for number in range(THEIRS)]
    hour_s = 3_600  # as far ahead as a broker takes timestamps (message.timestamp.after.max.ms)
    await world.send(closing, at=(int(time.time()) // hour_s + 1) * hour_s * 1000)
    began = time.monotonic()
    counted = 0
    while counted < sent:
        assert time.monotonic() - began < 180, (counted, sent)
        await asyncio.sleep(1)
        told = [one for one in await world.told(feed) if one.tenant != "closing"]
        counted = sum(one.accepted + one.refused for one in told)
    assert counted == sent
    marks = {(mark.what, mark.detail) for one in told for mark in one.marks}
    assert {("version", "1.6"), ("refusal", "not-json message")} <= marks


def expected_of(records):
    """What the stage says of these records without any Kafka."""
    pure = Pure(OCPP)
    return Counter(one[:3] for record in records for one in pure.take(record))


@pytest.mark.broker
@pytest.mark.parametrize("source", ["ocpp", "ocpi", "acquirer"])
async def test_wild_messages_are_refused_by_name_in_bounded_time_and_memory(
    kafka, unique, make_topic, tmp_path, source
):
    world = OnBroker(kafka.bootstrap, unique, tmp_path, **accounts(tmp_path))
    world.topic = await make_topic("theirs", partitions=1, max_message_bytes=wild.MOST)
    name = f"f-{abs(hash(unique)) % 10**9}"
    world.mapping.write_text(wild.TOMLS[source].format(name=name))
    await world.prepare()
    odd = wild.WILD[source]()
    messages = [
        (0, b"cp-%d" % number, body, wild.headers(source, unique[:40], body))
        for number, value in enumerate(odd)
        for body in (value, wild.good(source, number))
    ]
    await world.send(messages, max_request_size=wild.MOST)
    before = await facts_of(world, source, unique[:40].encode())
    with world.running(source) as process:
        began = time.monotonic()
        memory = 0
        while True:
            parked = await world.parked()
            neighbours = await facts_of(world, source, unique[:40].encode()) - before
            assert process.poll() is None, world.log.read_text()[-3000:]
            memory = max(memory, psutil.Process(process.pid).memory_info().rss)
            if len(parked) == len(odd) and neighbours == len(odd):
                break
            assert time.monotonic() - began < 180, (
                len(parked),
                neighbours,
                world.log.read_text()[-3000:],
            )
            await asyncio.sleep(0.5)
    assert memory < 900 << 20
    assert all(head["reason"] not in (b"", b"untranslatable") for head, _ in parked)
    large = [head for head, value in parked if not value]
    assert len(large) == sum(len(one) > 5_000_000 for one in odd)
    assert all(int(head["value-bytes"]) > 5_000_000 and head["value-sha256"] for head in large)


def accounts(folder):
    file = folder / "accounts.json"
    file.write_text(json.dumps(wild.ACCOUNTS))
    return {
        "HOLDFAST_EXECUTOR__ACCOUNTS_FILE": str(file),
        "HOLDFAST_EXECUTOR__WEBHOOK_SECRETS": json.dumps({"acme": [wild.SECRET]}),
        "HOLDFAST_EXECUTOR__API_KEYS": json.dumps({"acme": "sk_none"}),
    }


async def facts_of(world, source, tenant):
    """How many facts the neighbours became so far."""
    mine = wild.SESSION.encode() if source == "acquirer" else tenant
    return (await world.ours(lambda one: mine in (one.key or b""))).total()
