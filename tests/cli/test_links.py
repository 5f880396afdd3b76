"""`holdfast links` on a real broker: what it reads, what it shows, what it writes."""

import asyncio
import json

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from partnerworld import cdr
from sessionworld import T0, World, answered, ended, request, started
from typer.testing import CliRunner

from schemas import codec, topics
from schemas.decisions import LinkConfirmed, LinkRejected
from schemas.facts import OrphanAged
from streams.app import prepare_topics
from streams.cli.main import app
from streams.reading import reader, records_of
from streams.settings import Kafka, Settings

PARTITIONS = 4
END = T0 + 900_000


def ledger(tenant):
    world = World()
    world.apply(request())
    world.apply(answered("hold/1", "done", 2000))
    world.apply(started(0, T0))
    world.apply(ended(10_000, END))
    return msgspec.structs.replace(world.ledger, tenant=tenant, session_id=f"session-{tenant}")


async def written(bootstrap, tenant):
    """Two CDRs that nobody asked for, one of them told of without its record, and a session."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:

        async def put(topic, fact, partition=1):
            value = codec.encode(fact)
            return await producer.send_and_wait(topic, value, b"k", partition=partition)

        lost = cdr(at=END, authorization_reference="", started_at=T0, received_at=END)
        place = await put(topics.OCPI_CDRS, msgspec.structs.replace(lost, tenant=tenant))
        alias = f"{tenant}/ocpi/ch/abc/cdr/c-1"
        orphan = OrphanAged(
            tenant=tenant, alias=alias, charging_id=alias, source_topic=topics.OCPI_CDRS,
            source_partition=1, source_offset=place.offset, occurred_at=T0, aged_at=END, detail="",
        )  # fmt: skip
        await put(topics.DISCREPANCIES, orphan)
        gone = msgspec.structs.replace(orphan, source_partition=2, source_offset=10**6)
        await put(topics.DISCREPANCIES, gone)
        await put(topics.LEDGER, ledger(tenant))


async def decisions(bootstrap, tenant):
    async with reader(bootstrap) as consumer:
        return [
            fact
            async for one in records_of(consumer, topics.DECISIONS, range(PARTITIONS))
            for fact in [codec.decode(one.value)]
            if fact.tenant == tenant
        ]


def run(*arguments):
    done = CliRunner().invoke(app, ["links", *arguments, "--json"])
    return done.exit_code, json.loads(done.stdout.strip().splitlines()[-1])


@pytest.mark.broker
@pytest.mark.parametrize(("word", "kind"), [("confirm", LinkConfirmed), ("reject", LinkRejected)])
def test_a_proposal_is_listed_until_somebody_decides(kafka, unique, monkeypatch, word, kind):
    tenant = unique[-40:]
    monkeypatch.setenv("HOLDFAST_KAFKA__BOOTSTRAP", kafka.bootstrap)
    asyncio.run(prepare_topics(Settings(kafka=Kafka(bootstrap=kafka.bootstrap)), print))
    asyncio.run(written(kafka.bootstrap, tenant))
    code, told = run("list")
    assert code == 0
    (one,) = [link for link in told["links"] if link["tenant"] == tenant]
    assert one["session_id"] == f"session-{tenant}"
    assert one["evidence"] == "same outlet; 0 s apart; 0 Wh apart; 0 minor units apart"

    why = ["--by", "a.keller", "--why", "the same minute"]
    assert run(word, "no-such", *why)[0] == 1
    assert run(word, one["proposal_id"], "--by", " ", "--why", "x")[0] == 2
    code, told = run(word, one["proposal_id"], *why)
    assert (code, told["decision"]) == (0, f"{word}ed")
    (decision,) = asyncio.run(decisions(kafka.bootstrap, tenant))
    assert isinstance(decision, kind)
    assert (decision.who, decision.why, decision.evidence) == (
        "a.keller", "the same minute", one["evidence"],
    )  # fmt: skip
    _, told = run("list")
    assert [link for link in told["links"] if link["tenant"] == tenant] == []
    assert run(word, one["proposal_id"], *why)[0] == 1
