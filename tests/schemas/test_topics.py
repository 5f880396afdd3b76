"""The topic catalogue: names, keys, partitions and retention (design.md, section 4)."""

import re

import pytest

from schemas import topics
from schemas.catalogue import RECORDS
from schemas.topics import BY_NAME, DAY_MS, TOPICS

EVERY_TOPIC = pytest.mark.parametrize("topic", TOPICS, ids=BY_NAME)
EVIDENCE = [topics.COMMANDS, topics.CHARGER_COMMANDS, topics.TERMINAL_COMMANDS, topics.RESPONSES]
EVIDENCE += [topics.JOURNAL, topics.EVENTS, topics.REQUESTS, topics.TRANSACTIONS, topics.PARKED]
EVIDENCE += [topics.ALIASES, topics.DISCREPANCIES, topics.DRIFT, topics.DECISIONS]
EVIDENCE += [topics.CARD_USES, topics.VISITS, topics.VISIT_FACTS]
EVIDENCE += [topics.ADVICES, topics.INVOICES, topics.OCPI_SESSIONS, topics.OCPI_CDRS]
COMPACTED = [topics.LEDGER, topics.LINK_STATE, topics.SESSIONS_STATE]
COMPACTED += [topics.TARIFFS, topics.POLICIES, topics.HEALTH, topics.HEALTH_STATE]
COMPACTED += [topics.LOCATIONS, topics.TOKENS, topics.TERMINALS]
EVIDENCE += [topics.FISCAL_REQUESTS, topics.FISCAL_COMMANDS, topics.FISCAL_ANSWERS]
EVIDENCE += [topics.FISCAL_RESPONSES, topics.OCPI_COMMANDS]
COMPACTED += [topics.VISITS_STATE, topics.FISCAL_STATE]
STAGES = ("link", "sessions", "health", "visits", "fiscal")


@EVERY_TOPIC
def test_a_name_is_domain_entity_version(topic):
    # policies.v1 and holdfast's own are named by design.md without an entity.
    assert re.fullmatch(r"[a-z]+(\.[a-z]+(-[a-z]+)*)?\.v[1-9]\d*", topic.name)
    assert "." in topic.name.removesuffix(".v1") or topic.name == topics.POLICIES


def test_no_topic_is_named_twice():
    assert len(BY_NAME) == len(TOPICS)


def test_every_topic_has_a_constant():
    constants = {one for one in vars(topics).values() if isinstance(one, str) and one in BY_NAME}
    named = [one for key, one in vars(topics).items() if key.isupper() and isinstance(one, str)]
    assert constants == set(BY_NAME) == set(named)


@EVERY_TOPIC
def test_every_record_on_a_topic_exists(topic):
    assert set(topic.records) <= set(RECORDS)


def test_only_state_and_parked_bytes_have_no_records():
    without = {topic.name for topic in TOPICS if not topic.records}
    states = {f"holdfast.{stage}-state.v1" for stage in STAGES}
    assert without == {topics.PARKED, *states}


@EVERY_TOPIC
def test_every_topic_says_who_and_what(topic):
    assert topic.key
    assert topic.written_by
    assert topic.read_by
    assert topic.carries


@pytest.mark.parametrize("wanted", [1, 4, 64])
def test_all_keyed_topics_share_the_partition_count(wanted):
    keyed = {topic.partitions(wanted) for topic in TOPICS if topic.spread == "partitioned"}
    assert keyed == {wanted}


def test_only_reference_data_stands_on_one_partition():
    single = {topic.name for topic in TOPICS if topic.partitions(7) == 1}
    assert single == {
        topics.TARIFFS,
        topics.POLICIES,
        topics.HEALTH,
        topics.LOCATIONS,
        topics.TERMINALS,
    }


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_owns_the_same_partitions_of_all_its_inputs_and_its_state(stage):
    mine = [topic for topic in TOPICS if stage in re.split(r", ", topic.read_by)]
    assert {topic.partitions(7) for topic in mine} == {7}
    assert any(topic.name == f"holdfast.{stage}-state.v1" for topic in mine)


@pytest.mark.parametrize("name", EVIDENCE)
def test_evidence_is_kept_400_days_and_never_compacted(name):
    assert BY_NAME[name].configs == {
        "cleanup.policy": "delete",
        "retention.ms": str(400 * 24 * 60 * 60 * 1000),
    }


@pytest.mark.parametrize("name", COMPACTED)
def test_compacted_topics_do_compact(name):
    """With Kafka's defaults they never would (design.md, section 3)."""
    configs = BY_NAME[name].configs
    assert configs["cleanup.policy"] == "compact"
    assert int(configs["segment.bytes"]) == 64 * 2**20
    assert int(configs["segment.ms"]) == 600_000
    assert configs["min.cleanable.dirty.ratio"] == "0.1"
    assert int(configs["max.compaction.lag.ms"]) == 30 * 60 * 1000
    assert int(configs["delete.retention.ms"]) == DAY_MS
    assert "retention.ms" not in configs


def test_every_topic_is_evidence_compacted_or_short_lived():
    short = {topic.name for topic in TOPICS if 0 < topic.retention_ms < 400 * DAY_MS}
    assert short == {
        topics.READINGS,
        topics.TICKS,
        topics.HEALTH_SAMPLES,
        topics.APPLIED,
        topics.LOOKUPS,
        topics.WATCHES,
    }
    assert short | set(EVIDENCE) | set(COMPACTED) == set(BY_NAME)


@pytest.mark.parametrize("name", [topics.TARIFFS, topics.POLICIES])
def test_every_version_of_reference_data_has_a_key_of_its_own(name):
    assert BY_NAME[name].key.endswith(("/hash", "/version"))


def test_configs_cannot_be_changed_through_one_topic():
    BY_NAME[topics.LEDGER].configs["cleanup.policy"] = "delete"
    assert BY_NAME[topics.LEDGER].configs["cleanup.policy"] == "compact"
