"""Reference data as sessions see it: found once, parsed once, and never the end of a stage."""

import pytest
from msgspec.structs import replace
from pipeline import references
from test_link_and_sessions import Day, request

from schemas import codec, topics
from schemas.facts import AcquirerHealth
from streams.agents.references import ReferencePins
from streams.engine.stage import BadRecord


@pytest.fixture
def known():
    return references()[0]


def published(known):
    ((key, value),) = known.items(topics.POLICIES).items()
    return key, codec.decode(value)


def test_a_policy_is_parsed_once_and_again_when_its_record_is_another(known):
    pins = ReferencePins(known)
    key, record = published(known)
    name = ("t", record.policy_id, record.version)
    first = pins.policy(*name)
    assert pins.policy(*name) is first
    changed = record.body.replace("start_grace_ms = 180_000", "start_grace_ms = 60_000")
    known.items(topics.POLICIES)[key] = codec.encode(replace(record, body=changed))
    assert pins.policy(*name).start_grace_ms == 60_000
    del known.items(topics.POLICIES)[key]
    with pytest.raises(BadRecord, match="no-policy"):
        pins.policy(*name)


@pytest.mark.parametrize("body", ["", "id = 3", "id = 'x'\nversion = '2026-10-01'"])
def test_a_policy_that_cannot_be_used_refuses_requests_and_stops_nothing(known, body):
    pins = ReferencePins(known)
    key, record = published(known)
    known.items(topics.POLICIES)[key] = codec.encode(replace(record, body=body))
    with pytest.raises(BadRecord, match="bad-policy"):
        pins.policy("t", record.policy_id, record.version)
    with pytest.raises(BadRecord, match="bad-policy"):
        pins.opening(request(Day().pipeline))


def test_a_record_of_nonsense_among_the_policies_hides_none_of_them(known):
    known.items(topics.POLICIES)[b"junk"] = b"junk"
    body, policy = ReferencePins(known).opening(request(Day().pipeline))
    assert body is not None
    assert policy.id == "default"


def test_a_tariff_record_of_nonsense_is_named(known):
    for key in known.items(topics.TARIFFS):
        known.items(topics.TARIFFS)[key] = b"junk"
    with pytest.raises(BadRecord, match="no-tariff"):
        ReferencePins(known).opening(request(Day().pipeline))


def test_what_is_known_of_acquirers_is_the_tenants_own_and_nonsense_hides_none(known):
    record = AcquirerHealth(
        tenant="t", acquirer_id="a", version=1, window_ms=1, answers=1, approved=1, declined=0,
        technical=0, p50_ms=1, p95_ms=1, good_since=1, last_technical_at=0, last_at=1,
    )  # fmt: skip
    table = known.items(topics.HEALTH)
    table[b"t/a"] = codec.encode(record)
    table[b"u/a"] = codec.encode(replace(record, tenant="u", answers=9))
    table[b"junk"] = b"junk"
    pins = ReferencePins(known)
    assert pins.health("t") == {"a": record}
    table[b"t/a"] = codec.encode(replace(record, version=2))
    assert pins.health("t")["a"].version == 2
