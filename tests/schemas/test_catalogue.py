"""Every record has its class, schema, topic and words, and none can carry what must not travel."""

import re
from typing import Any

import pytest

from schemas import codec, commands, decisions, drift, facts, fiscal, ledger, partners, roaming
from schemas.catalogue import HOT, NAMESPACE, RECORDS
from schemas.facts import Fact
from schemas.topics import TOPICS

VERSIONS = {f"{one.name}.v{one.number}": one for of in codec.versions().values() for one in of}
EVERY_VERSION = pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
PRIMITIVES = {"long", "string", "boolean", "bytes"}
LONGS = str({"type": "array", "items": "long"})  # a watch's marks: as plain, and mostly empty
# Lines of other records, and what records have in common.
NO_RECORDS = {"Fact", "MoneyCommand", "AppliedInput", "AnswerSample", "HoldLine", "CommandLine"}
NO_RECORDS |= {"ConnectorSeen", "OcpiCost", "AdviceTax", "FeedMark"}
NO_RECORDS |= {"VatPart", "Signature", "Request"}
# Time is the same for all tenants.
WITHOUT_TENANT = {"Watermark", "Tick", "ClockApplied"}
# Words of a field's name that would mean card data (PCI DSS: never stored after authorisation).
CARD_DATA = set(
    "pan track track1 track2 cvv cvv2 cvc cvc2 cav csc pin pinblock cardholder expiry iban emv"
    " magstripe number holder".split()
)


def fields(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields of a record and of its lines."""
    found = []
    for field in schema["fields"]:
        found.append(field)
        items = field["type"]["items"] if isinstance(field["type"], dict) else None
        found += fields(items) if isinstance(items, dict) else []
    return found


def test_every_class_of_the_contract_is_a_record():
    classes = {
        one.__name__
        for module in (facts, commands, fiscal, ledger, partners, roaming, drift, decisions)
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Fact)
    }
    assert classes - NO_RECORDS == set(RECORDS)


def test_every_record_has_versions_from_one_on_without_a_gap():
    assert set(codec.versions()) == set(RECORDS)
    for name, versions in codec.versions().items():
        assert [one.number for one in versions] == list(range(1, len(versions) + 1)), name


def test_no_two_versions_share_a_fingerprint():
    assert len({one.header for one in VERSIONS.values()}) == len(VERSIONS)


@EVERY_VERSION
def test_a_schema_is_named_as_its_file(version):
    assert (version.raw["name"], version.raw["namespace"]) == (version.name, NAMESPACE)


@EVERY_VERSION
def test_every_record_and_field_says_what_it_is(version):
    assert len(version.raw["doc"].split()) >= 4
    assert [field["name"] for field in fields(version.raw) if not field.get("doc")] == []


@EVERY_VERSION
def test_no_field_can_carry_card_data(version):
    for field in fields(version.raw):
        words = set(field["name"].split("_"))
        assert not words & CARD_DATA, field["name"]
        assert "card" not in words or field["name"] == "card_token", field["name"]


@EVERY_VERSION
def test_names_have_their_unit_or_kind(version):
    for field in fields(version.raw):
        name = field["name"]
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name)
        if name.endswith(("_minor", "_wh", "_w", "_at")):
            assert field["type"] == "long", name
        if name.endswith(("amount", "energy", "power", "price", "time", "timestamp")):
            assert field["type"] != "long", f"{name} has no unit"


@pytest.mark.parametrize("name", sorted(HOT))
def test_hot_records_have_neither_unions_nor_logical_types(name):
    for version in codec.versions()[name]:
        kinds = {str(field["type"]) for field in version.raw["fields"]}
        assert kinds <= PRIMITIVES | {LONGS}
        assert "logicalType" not in str(version.raw)


def test_what_is_read_at_the_rate_of_the_meters_is_hot():
    assert set(RECORDS) >= HOT
    assert {"MeterReading", "Watch", "Tick"} <= HOT


@pytest.mark.parametrize("name", RECORDS)
def test_every_record_carries_its_tenant(name):
    assert ("tenant" in RECORDS[name].__struct_fields__) == (name not in WITHOUT_TENANT)


@pytest.mark.parametrize("name", RECORDS)
def test_every_record_stands_on_exactly_one_topic(name):
    assert len([topic for topic in TOPICS if name in topic.records]) == 1


def test_facts_are_past_tense_and_commands_imperative():
    imperative = ("Place", "Raise", "Lower", "Capture", "Release", "Inquire", "Resend", "Start")
    imperative += ("Stop", "Show", "Offer", "Limit", "Ask", "Refund", "Sign", "Send")
    imperative += ("ReceiptReady",)  # design.md, section 4, names it so
    for topic in TOPICS:
        if ".commands." in topic.name:
            assert all(name.startswith(imperative) for name in topic.records), topic.name
