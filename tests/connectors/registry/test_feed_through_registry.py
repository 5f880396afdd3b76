"""Confluent's wire format from end to end: a real broker, a real registry, their topic and ours."""

import asyncio
import io
import json
import time

import fastavro
import pytest
from feedworld import OnBroker

from connectors.registry.avro import confluent_id
from connectors.registry.client import Registry
from connectors.registry.own import register_ours
from schemas import codec, topics
from schemas.catalogue import RECORDS
from schemas.facts import ChargerSeen
from streams.reading import reader, records_of

ENVELOPE = {
    "type": "record",
    "name": "volt.Envelope",
    "fields": [{"name": "cp", "type": "string"}, {"name": "msg", "type": "bytes"}],
}
LATER = {**ENVELOPE, "fields": [*ENVELOPE["fields"], {"name": "v", "type": "int", "default": 0}]}
MAPPING = """
source = "ocpp"
name = "{name}"
[framing]
kind = "avro-confluent"
[where]
tenant = "{tenant}"
network = "volt"
charger = {{ path = "cp" }}
payload = {{ path = "msg" }}
"""
BEAT = b'[2,"1","Heartbeat",{}]'
UNKNOWN = 7_654_321


def written(schema, number, **fields):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), fields)
    return b"\x00" + number.to_bytes(4, "big") + out.getvalue()


@pytest.mark.broker
async def test_their_schemas_are_looked_up_and_ours_are_registered(
    kafka, registry_url, unique, make_topic, tmp_path
):
    registry = Registry(registry_url)
    first = await registry.register("volt-value", json.dumps(ENVELOPE))
    later = await registry.register("volt-value", json.dumps(LATER))
    tenant = unique[:40]
    world = OnBroker(kafka.bootstrap, unique, tmp_path, HOLDFAST_REGISTRY__URL=registry_url)
    world.topic = await make_topic("theirs", partitions=2)
    world.mapping.write_text(MAPPING.format(name=f"f-{abs(hash(unique)) % 10**9}", tenant=tenant))
    await world.prepare()
    values = [
        written(ENVELOPE, first, cp="A", msg=BEAT),
        written(LATER, later, cp="B", msg=BEAT, v=1),
        written(ENVELOPE, UNKNOWN, cp="C", msg=BEAT),
        written(ENVELOPE, first, cp="D", msg=BEAT),
        BEAT,
    ]
    await world.send([(at % 2, None, value, {}) for at, value in enumerate(values)])
    with world.running() as process:
        began = time.monotonic()
        while (
            len(parked := await world.parked()) < 2 or len(found := await seen(world, tenant)) < 3
        ):
            assert process.poll() is None, world.log.read_text()[-3000:]
            assert time.monotonic() - began < 60, world.log.read_text()[-3000:]
            await asyncio.sleep(0.5)
    reasons = {head["reason"]: head["detail"].decode() for head, _ in parked}
    assert str(UNKNOWN) in reasons[b"unknown-schema"]
    assert "begins '5b32'" in reasons[b"wrong-framing"]
    ids = await register_ours(registry)
    number = codec.versions()["ChargerSeen"][-1].number
    assert {confluent_id(value) for value in found} == {ids["ChargerSeen", number]}
    own = codec.Codec(codec.FOLDER, RECORDS)
    own.use_registry(ids)
    facts = [own.decode(value) for value in found]
    assert sorted(one.charger_id for one in facts) == ["A", "B", "D"]
    assert {type(one) for one in facts} == {ChargerSeen}


async def seen(world, tenant):
    async with reader(world.bootstrap) as consumer:
        return [
            one.value
            async for one in records_of(consumer, topics.TRANSACTIONS, range(4))
            if one.key.startswith(f"{tenant}/".encode())
        ]
