"""`holdfast decide release|refund|takeover` on a real broker: whom it is about, what it writes."""

import asyncio
import json

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from sessionworld import T0, World, answered, ended, refund_decided, request, started
from typer.testing import CliRunner

from schemas import codec, ids, topics
from schemas.decisions import RefundDecided, ReleaseDecided, TakeoverDecided
from streams.app import prepare_topics
from streams.cli.decide import warnings_of, was_begun
from streams.cli.main import app
from streams.reading import reader, records_of
from streams.settings import Kafka, Settings

PARTITIONS = 4
SAID = ["--by", "a.keller", "--why", "the charger burnt", "--evidence", "photo 7"]


def run(*arguments, what="release"):
    done = CliRunner().invoke(app, ["decide", what, *arguments, "--json"])
    last = done.stdout.strip().splitlines()
    return done.exit_code, json.loads(last[-1]) if last else {}


async def told(bootstrap, session_id, reference, *, begun=True, **asked):
    world = World()
    world.apply(request(session_id=session_id, authorization_reference=reference, **asked))
    if begun:
        world.ledger = msgspec.structs.replace(world.ledger, phase="charging", started_at=T0)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        value = codec.encode(world.ledger)
        await producer.send_and_wait(topics.LEDGER, value, session_id.encode(), partition=2)


async def written(bootstrap, session_id):
    async with reader(bootstrap) as consumer:
        facts = [
            (one.partition, codec.decode(one.value))
            async for one in records_of(consumer, topics.DECISIONS, range(PARTITIONS))
        ]
    return [(place, fact) for place, fact in facts if fact.session_id == session_id]


@pytest.mark.broker
def test_a_release_is_on_the_record_of_its_session(kafka, unique, monkeypatch):
    session_id, reference = ids.session_id("t", "p", unique), f"R{unique[-35:]}"
    monkeypatch.setenv("HOLDFAST_KAFKA__BOOTSTRAP", kafka.bootstrap)
    asyncio.run(prepare_topics(Settings(kafka=Kafka(bootstrap=kafka.bootstrap)), print))
    asyncio.run(told(kafka.bootstrap, session_id, reference))
    assert run("no-such", "--energy-wh", "9000", *SAID)[0] == 1
    assert run(reference, "--energy-wh", "9000", *SAID[:4], "--evidence", " ")[0] == 1
    code, said = run(reference.upper(), "--energy-wh", "9000", *SAID)
    assert (code, said["decision"], said["session_id"]) == (0, "release", session_id)
    ((_, fact),) = asyncio.run(written(kafka.bootstrap, session_id))
    assert isinstance(fact, ReleaseDecided)
    assert (fact.decision_id, fact.energy_wh, fact.amount_minor) == (said["id"], 9_000, -1)
    assert (fact.who, fact.why, fact.evidence) == ("a.keller", "the charger burnt", "photo 7")


@pytest.mark.broker
def test_nothing_is_released_of_what_was_never_begun(kafka, unique, monkeypatch):
    session_id, reference = ids.session_id("t", "p", unique), f"R{unique[-35:]}"
    monkeypatch.setenv("HOLDFAST_KAFKA__BOOTSTRAP", kafka.bootstrap)
    asyncio.run(prepare_topics(Settings(kafka=Kafka(bootstrap=kafka.bootstrap)), print))
    asyncio.run(told(kafka.bootstrap, session_id, reference, begun=False))
    assert run(reference, "--energy-wh", "9000", *SAID)[0] == 1
    assert asyncio.run(written(kafka.bootstrap, session_id)) == []


@pytest.mark.broker
def test_a_refund_is_on_the_record_of_its_session(kafka, unique, monkeypatch):
    session_id, reference = ids.session_id("t", "p", unique), f"R{unique[-35:]}"
    monkeypatch.setenv("HOLDFAST_KAFKA__BOOTSTRAP", kafka.bootstrap)
    asyncio.run(prepare_topics(Settings(kafka=Kafka(bootstrap=kafka.bootstrap)), print))
    asyncio.run(told(kafka.bootstrap, session_id, reference))
    asked = [reference, "--amount-minor", "250", "--id", "T-1", "--second", "bob", *SAID]
    assert run(*asked[:3], "--id", " ", *SAID, what="refund")[0] == 1
    code, said = run(*asked, what="refund")
    assert (code, said["decision"], said["id"]) == (0, "refund", "T-1")
    ((_, fact),) = asyncio.run(written(kafka.bootstrap, session_id))
    assert isinstance(fact, RefundDecided)
    assert (fact.amount_minor, fact.currency, fact.route) == (250, "CHF", "card")
    assert (fact.who, fact.second_who, fact.reason) == ("a.keller", "bob", "goodwill")


@pytest.mark.broker
def test_a_takeover_is_on_the_record_of_its_session(kafka, unique, monkeypatch):
    session_id, reference = ids.session_id("t", "p", unique), f"R{unique[-35:]}"
    monkeypatch.setenv("HOLDFAST_KAFKA__BOOTSTRAP", kafka.bootstrap)
    asyncio.run(prepare_topics(Settings(kafka=Kafka(bootstrap=kafka.bootstrap)), print))
    asyncio.run(told(kafka.bootstrap, session_id, reference, capture_by="terminal_provider"))
    assert run(reference, *SAID[:4], "--evidence", " ", what="takeover")[0] == 1
    for who in ("ann", "bob"):
        code, said = run(reference, "--by", who, *SAID[2:], what="takeover")
        assert (code, said["decision"], said["who"]) == (0, "takeover", who)
    facts = [fact for _, fact in asyncio.run(written(kafka.bootstrap, session_id))]
    assert [type(one) for one in facts] == [TakeoverDecided, TakeoverDecided]
    assert {one.decision_id for one in facts} == {ids.takeover_decision_id(session_id)}


@pytest.mark.broker
def test_what_is_our_executors_is_not_taken_over(kafka, unique, monkeypatch):
    session_id, reference = ids.session_id("t", "p", unique), f"R{unique[-35:]}"
    monkeypatch.setenv("HOLDFAST_KAFKA__BOOTSTRAP", kafka.bootstrap)
    asyncio.run(prepare_topics(Settings(kafka=Kafka(bootstrap=kafka.bootstrap)), print))
    asyncio.run(told(kafka.bootstrap, session_id, reference))
    assert run(reference, *SAID, what="takeover")[0] == 1
    assert asyncio.run(written(kafka.bootstrap, session_id)) == []


def captured():
    world = World()
    for fact in (request(), answered("hold/1", "done", 2_000), started(0), ended(10_000, T0)):
        world.apply(fact, T0)
    world.apply(answered("capture/1", "done", 790), T0)
    return world


@pytest.mark.parametrize(
    ("said", "warned"),
    [({}, "beside it"), ({"reason": "correction"}, ""), ({"route": "transfer"}, "no verdict")],
)
def test_who_gives_back_beside_what_is_on_its_way_is_told(said, warned):
    world = captured()
    decision = refund_decided("D-2", 100, T0, **said)
    assert warnings_of(world.ledger, decision) == []
    world.apply(refund_decided("D-1", 300, T0), T0)
    assert world.ledger.phase == "refunding"
    words = warnings_of(world.ledger, decision)
    assert any(warned in one for one in words) if warned else words == []
    world.apply(answered("refund/decision-D-1", "done", 300), T0)
    assert warnings_of(world.ledger, decision) == []


def test_energy_can_have_flowed_once_it_was_asked_for():
    world = World()
    world.apply(request(), T0)
    assert not was_begun(world.ledger)
    world.apply(answered("hold/1", "done", 2_000), T0)
    assert was_begun(world.ledger)


def test_what_was_written_settles_its_session():
    world = World()
    for fact in (request(), answered("hold/1", "done", 2_000), started(0, T0)):
        world.apply(fact, T0)
    figures = (9_000, -1)
    decision = ReleaseDecided(
        tenant="t", session_id=request().session_id, energy_wh=9_000, who="ann", why="w",
        evidence="e", decided_at=T0, decision_id=ids.release_decision_id("s", *figures),
    )  # fmt: skip
    stop, capture = world.apply(decision, T0 + 1).commands
    assert stop.reason == "settled"  # nobody has said that it ended
    assert (capture.proof, capture.amount_minor) == ("OPERATOR_RELEASE", 711)
    assert capture.evidence.endswith("decided by ann: w (e)")
