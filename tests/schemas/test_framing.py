"""Confluent's wire format beside the single-object encoding: both are read, one is written."""

import pytest

from schemas import codec
from schemas.catalogue import RECORDS
from schemas.facts import MeterReading, Tick

READING = MeterReading(
    tenant="t",
    network="n",
    charger_id="c",
    evse_uid="e",
    transaction_id="x",
    seq=3,
    energy_wh=123_456,
    power_w=-1,
    read_at=1_790_000_000_000,
)


@pytest.fixture
def own():
    """A codec of its own: the program's is shared by all tests."""
    return codec.Codec(codec.FOLDER, RECORDS)


def ids(of):
    places = [(name, one.number) for name, versions in of.versions.items() for one in versions]
    return {place: number for number, place in enumerate(sorted(places), start=2**31)}


def test_once_there_is_a_registry_its_ids_are_written(own):
    known = ids(own)
    own.use_registry(known)
    number = own.versions["Tick"][-1].number
    written = own.encode(Tick(partition=1, at=2))
    assert written[:5] == b"\x00" + known["Tick", number].to_bytes(4, "big")
    assert written[5:] == codec.encode(Tick(partition=1, at=2))[10:]


@pytest.mark.parametrize("record", [Tick(partition=1, at=2), READING], ids=["careful", "quick"])
def test_both_framings_are_read_and_told_by_the_first_byte(own, record):
    single = own.encode(record)
    own.use_registry(ids(own))
    confluent = own.encode(record)
    assert single[:1] != confluent[:1]
    assert own.decode(single) == own.decode(confluent) == record
    assert own.record_name(single) == own.record_name(confluent) == type(record).__name__


def test_readings_as_numbers_know_a_registry_that_comes_later(own):
    read = own.quick_readings(lambda *texts: texts)
    single = own.encode(READING)
    assert read(single) is not None
    own.use_registry(ids(own))
    assert read(own.encode(READING)) == read(single)


def test_every_record_must_have_an_id(own):
    known = ids(own)
    del known["Tick", own.versions["Tick"][-1].number]
    before = own.encode(READING)
    with pytest.raises(KeyError, match="Tick"):
        own.use_registry(known)
    assert own.encode(READING) == before


@pytest.mark.parametrize("data", [b"\x00\x00\x00\x00\x07\x02\x04", b"\x00\x00\x00", b"\x00", b""])
def test_an_id_that_is_not_ours_is_refused_by_name(own, data):
    with pytest.raises(codec.NotReadable) as refused:
        own.decode(data)
    if len(data) > 5:
        assert refused.value.reason == "unknown-record"
        assert "schema id 7" in refused.value.detail
    else:
        assert refused.value.reason == "undecodable"
    assert own.record_name(data) == ""


def test_without_a_registry_all_is_as_before(own):
    before = own.encode(READING)
    own.use_registry(ids(own))
    assert own.encode(READING) != before
    own.use_single_object()
    assert own.encode(READING) == before
