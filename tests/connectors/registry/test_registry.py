"""The registry's client and our own schemas in it, against a real Apicurio."""

import json

import httpx
import pytest
from pydantic import SecretStr

from connectors.registry import client
from connectors.registry.avro import confluent_id, confluent_value, schema_of
from connectors.registry.client import Registry
from connectors.registry.errors import NotThere, RegistryFailed
from connectors.registry.known import KnownSchemas
from connectors.registry.own import register_ours, subjects
from schemas import codec
from schemas.catalogue import RECORDS
from schemas.facts import Tick

INNER = {"type": "record", "name": "test.Inner", "fields": [{"name": "x", "type": "long"}]}
WORDS = {"type": "record", "name": "test.Words", "fields": [{"name": "w", "type": "string"}]}


async def test_a_schema_is_found_by_the_id_that_it_was_given(registry_url):
    registry = Registry(registry_url + "/")
    number = await registry.register("words-value", json.dumps(WORDS))
    assert await registry.register("other/odd name", json.dumps(WORDS)) == number
    found = await registry.schema(number)
    assert schema_of(found.text).parsed["name"] == "test.Words"
    assert (found.named, found.kind) == ((), "AVRO")


async def test_a_schema_brings_along_what_it_refers_to(registry_url):
    registry = Registry(registry_url)
    await registry.register("inner-value", json.dumps(INNER))
    outer = {
        "type": "record",
        "name": "test.Outer",
        "fields": [{"name": "inner", "type": "test.Inner"}],
    }
    body = {
        "schema": json.dumps(outer),
        "references": [{"name": "test.Inner", "subject": "inner-value", "version": 1}],
    }
    async with httpx.AsyncClient() as plain:  # our client registers no references: we have none
        answer = await plain.post(f"{registry_url}/subjects/outer-value/versions", json=body)
    known = KnownSchemas(registry)
    number = answer.json()["id"]
    assert known.at_hand(number) is None
    await known.look_up(number)
    framed = b"\x00" + number.to_bytes(4, "big") + b"\x0e"
    assert confluent_value(framed, known.at_hand(confluent_id(framed))) == {"inner": {"x": 7}}


async def test_what_is_not_there_is_said_and_remembered(registry_url):
    registry = Registry(registry_url)
    with pytest.raises(NotThere):
        await registry.schema(987_654)
    known = KnownSchemas(registry)
    await known.look_up(987_654)
    assert "987654" in known.at_hand(987_654)


async def test_what_cannot_be_read_is_named(registry_url):
    registry = Registry(registry_url)
    itself = {
        "type": "record",
        "name": "test.Chain",
        "fields": [{"name": "next", "type": ["null", "test.Chain"]}],
    }
    number = await registry.register("chain-value", json.dumps(itself))
    known = KnownSchemas(registry)
    await known.look_up(number)
    assert "test.Chain holds itself" in known.at_hand(number)


async def test_a_registry_that_is_not_there_is_nobodys_record(monkeypatch):
    monkeypatch.setattr(client, "ATTEMPTS", 2)
    with pytest.raises(RegistryFailed, match="ConnectError"):
        await Registry("http://127.0.0.1:9", "user", SecretStr("never shown")).schema(1)


async def test_all_of_our_schemas_are_accepted_and_read_back_by_anybody(registry_url):
    registry = Registry(registry_url)
    ids = await register_ours(registry)
    assert set(ids) == {(name, one.number) for name in RECORDS for one in codec.versions()[name]}
    assert await register_ours(registry) == ids
    own = codec.Codec(codec.FOLDER, RECORDS)
    own.use_registry(ids)
    written = own.encode(Tick(partition=3, at=1_790_000_000_000))
    found = await registry.schema(confluent_id(written))
    value = confluent_value(written, schema_of(found.text, found.named))
    assert value == {"partition": 3, "at": 1_790_000_000_000}


def test_subjects_are_those_of_topic_and_record():
    assert list(subjects("Tick")) == ["clock.ticks.v1-holdfast.Tick"]
    assert list(subjects("CardRead")) == ["terminal.requests.v1-holdfast.CardRead"]
