"""The codec: whatever was written is read, whatever is read was checked, nothing else comes out."""

import io
import string
from collections.abc import Callable
from typing import Any

import fastavro
import msgspec
import msgspec.inspect as ins
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec
from schemas.catalogue import RECORDS
from schemas.facts import Fact, MeterReading, SessionRequested

EVERY_RECORD = pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
REASONS = {"undecodable", "unknown-record", "unknown-currency", "impossible-field"}
CURRENCIES = ("EUR", "JPY", "KWD", "NOK")
LIKE = {
    "^[A-Z]{3}$": st.sampled_from(CURRENCIES),
    "^([A-Z]{2})?$": st.sampled_from(("", "DE")),
    r"^(-?\d{1,9}(\.\d{1,20})?)?\Z": st.sampled_from(("", "0", "-4.40", "12.0000")),
}


def texts(of: ins.StrType) -> st.SearchStrategy[str]:
    if of.pattern is not None:
        return LIKE[of.pattern]
    unicode = st.characters(exclude_categories=("Cs",))
    return st.text(unicode, min_size=of.min_length or 0, max_size=min(of.max_length or 40, 40))


OF_TYPE: dict[type[ins.Type], Callable[[Any], st.SearchStrategy[Any]]] = {
    ins.Metadata: lambda of: values(of.type),
    ins.IntType: lambda of: st.integers(of.ge, of.le),
    ins.StrType: texts,
    ins.LiteralType: lambda of: st.sampled_from(of.values),
    ins.BoolType: lambda _: st.booleans(),
    ins.BytesType: lambda _: st.binary(max_size=40),
    ins.ListType: lambda of: st.lists(values(of.item_type), max_size=3),
    ins.StructType: lambda of: records(of.cls),
}


def values(of: ins.Type) -> st.SearchStrategy[Any]:
    """All values that a field may have, and no others."""
    return OF_TYPE[type(of)](of)


def records(record: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    info = ins.type_info(record)
    assert isinstance(info, ins.StructType)
    fields = {field.name: values(field.type) for field in info.fields}
    if "currency" in fields:
        fields["currency"] = st.sampled_from(CURRENCIES)
    return st.builds(record, **fields)


def example(record: type[Fact]) -> Fact:
    """The golden example of the newest version."""
    number = codec.versions()[record.__name__][-1].number
    folder = codec.FOLDER.joinpath("..", "examples")
    text = folder.joinpath(f"{record.__name__}.v{number}.json").read_bytes()
    return msgspec.json.decode(text, type=record)


def written(record: type[Fact], **wrong: Any) -> bytes:
    """The example with fields that our own writer would refuse."""
    newest = codec.versions()[record.__name__][-1]
    fields = msgspec.to_builtins(example(record), builtin_types=(bytes,)) | wrong
    out = io.BytesIO(newest.header)
    out.seek(0, io.SEEK_END)
    fastavro.schemaless_writer(out, newest.parsed, fields)
    return out.getvalue()


@EVERY_RECORD
@settings(max_examples=30)
@given(data=st.data())
def test_what_is_written_is_byte_for_byte_what_the_library_writes(record, data):
    value = data.draw(records(record))
    newest = codec.versions()[record.__name__][-1]
    fields = msgspec.to_builtins(value, builtin_types=(bytes,))
    out = io.BytesIO()
    fastavro.schemaless_writer(out, newest.parsed, fields)
    assert codec.encode(value)[len(newest.header) :] == out.getvalue()


def read_or_refused(data: bytes) -> Fact | None:
    """Anything but a record and NotReadable goes up and fails the test."""
    try:
        return codec.decode(data)
    except codec.NotReadable as error:
        refusal = error
    assert refusal.reason in REASONS
    assert refusal.detail
    return None


@EVERY_RECORD
@settings(max_examples=40)
@given(data=st.data())
def test_what_was_written_is_read(record, data):
    value = data.draw(records(record))
    encoded = codec.encode(value)
    assert codec.decode(encoded) == value
    assert codec.record_name(encoded) == record.__name__


@EVERY_RECORD
def test_bytes_cut_anywhere_are_refused(record):
    encoded = codec.encode(example(record))
    for length in range(len(encoded)):
        with pytest.raises(codec.NotReadable):
            codec.decode(encoded[:length])


@EVERY_RECORD
@given(tail=st.binary(min_size=1, max_size=20))
@settings(max_examples=10)
def test_bytes_that_go_on_are_refused(record, tail):
    with pytest.raises(codec.NotReadable, match=f"{len(tail)} bytes too many"):
        codec.decode(codec.encode(example(record)) + tail)


@EVERY_RECORD
def test_a_flipped_bit_is_read_or_refused_and_nothing_else(record):
    encoded = codec.encode(example(record))
    for at in range(len(encoded)):
        for bit in range(8):
            damaged = bytearray(encoded)
            damaged[at] ^= 1 << bit
            value = read_or_refused(bytes(damaged))
            # What is read in spite of the damage is a valid record: it can be written again.
            assert value is None or codec.decode(codec.encode(value)) == value


@EVERY_RECORD
@settings(max_examples=40)
@given(body=st.binary(max_size=300))
def test_any_body_is_read_or_refused_and_nothing_else(record, body):
    value = read_or_refused(codec.versions()[record.__name__][-1].header + body)
    assert value is None or isinstance(value, record)


@given(data=st.binary(max_size=64))
def test_any_bytes_are_read_or_refused_and_nothing_else(data):
    read_or_refused(data)


@pytest.mark.parametrize("claimed", [2**31, 2**62, -1, -(2**62)])
def test_a_string_that_claims_a_wild_length_is_refused(claimed):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema("long"), claimed)
    header = codec.versions()["MeterReading"][-1].header
    with pytest.raises(codec.NotReadable):
        codec.decode(header + out.getvalue() + b"nordlade")


def test_a_list_that_claims_a_wild_length_is_refused():
    encoded = codec.encode(msgspec.structs.replace(example(RECORDS["ClockApplied"]), oldest=[]))
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema("long"), 2**62)
    with pytest.raises(codec.NotReadable, match="undecodable: ClockApplied"):
        codec.decode(encoded[:-1] + out.getvalue())


def test_another_framing_is_told_by_its_first_bytes():
    with pytest.raises(codec.NotReadable, match="begins '0100'") as refused:
        codec.decode(b"\x01\x00\x00\x00\x07body")
    assert refused.value.reason == "undecodable"
    with pytest.raises(codec.NotReadable):
        codec.decode(b"")


def test_an_unknown_fingerprint_is_named():
    with pytest.raises(codec.NotReadable, match="0123456789abcdef") as refused:
        codec.decode(bytes.fromhex("c3010123456789abcdef") + b"body")
    assert refused.value.reason == "unknown-record"
    assert codec.record_name(bytes.fromhex("c3010123456789abcdef")) == ""


@pytest.mark.parametrize("code", ["XXX", "ZZZ", "HRK", "EUR\n", "eur", "EURO"])
def test_an_unknown_currency_is_refused_when_read_and_when_written(code):
    with pytest.raises(codec.NotReadable, match="currency") as refused:
        codec.decode(written(SessionRequested, currency=code))
    assert refused.value.reason == "unknown-currency"
    with pytest.raises(codec.NotWritable, match="currency"):
        codec.encode(msgspec.structs.replace(example(SessionRequested), currency=code))


@pytest.mark.parametrize(
    ("record", "field", "wrong"),
    [
        (MeterReading, "energy_wh", -1),
        (MeterReading, "energy_wh", 10**12 + 1),
        (MeterReading, "read_at", 4_102_444_800_001),
        (MeterReading, "power_w", -2),
        (MeterReading, "seq", -2),
        (MeterReading, "tenant", ""),
        (MeterReading, "charger_id", "x" * 256),
        (SessionRequested, "authorization_reference", "x" * 37),
        (SessionRequested, "bin_country", "DE\n"),
        (SessionRequested, "power_type", "TC"),
        (RECORDS["CaptureHold"], "amount_minor", -1),
        (RECORDS["CaptureHold"], "performer", "anybody"),
        (RECORDS["AcquirerAnswered"], "outcome", "perhaps"),
        (RECORDS["DiscrepancyChanged"], "amount_minor", 10**15 + 1),
    ],
)
def test_an_impossible_field_is_named(record, field, wrong):
    with pytest.raises(codec.NotReadable, match=rf"\$\.{field}") as refused:
        codec.decode(written(record, **{field: wrong}))
    assert refused.value.reason == "impossible-field"
    assert refused.value.detail.startswith(record.__name__)
    with pytest.raises(codec.NotWritable, match=rf"\$\.{field}"):
        codec.encode(msgspec.structs.replace(example(record), **{field: wrong}))


def test_an_impossible_field_of_a_line_is_named_with_its_path():
    ledger = example(RECORDS["SessionLedger"])
    line = msgspec.to_builtins(ledger.holds[0]) | {"open_minor": -5}
    with pytest.raises(codec.NotReadable, match=r"\$\.holds\[0\]\.open_minor"):
        codec.decode(written(RECORDS["SessionLedger"], holds=[line]))


@pytest.mark.parametrize("text", ["\ud800", "NL-\udfff"])
def test_text_that_is_no_unicode_is_not_written(text):
    with pytest.raises(codec.NotWritable):
        codec.encode(msgspec.structs.replace(example(MeterReading), charger_id=text))


def crc_64_avro(text: str) -> bytes:
    """Bit by bit, as the specification defines it; single-object encoding is little endian."""
    empty = 0xC15D213AA4D7A795
    crc = empty
    for byte in text.encode():
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (empty if crc & 1 else 0)
    return crc.to_bytes(8, "little")


def test_our_reckoning_of_the_fingerprint_is_the_one_of_avro_itself():
    # From Avro's own test data (share/test/data/schema-tests.txt).
    assert crc_64_avro('"int"') == (0x7275D51A3F395C8F).to_bytes(8, "little")


def test_the_header_is_the_marker_and_the_fingerprint_in_little_endian():
    for versions in codec.versions().values():
        for version in versions:
            canonical = fastavro.schema.to_parsing_canonical_form(version.raw)
            assert version.header == b"\xc3\x01" + crc_64_avro(canonical)


class Reading(Fact, frozen=True, kw_only=True):
    """Today's class of a record with three versions: `unit` went, `phase` and `note` came."""

    charger: str
    energy_wh: int
    phase: int = 0
    note: str = "none"


def evolved(folder, number: int) -> codec.Codec:
    """A folder that holds the first `number` versions of Reading."""
    charger, energy = ({"name": "charger", "type": "string"}, {"name": "energy_wh", "type": "long"})
    unit = {"name": "unit", "type": "string", "default": "Wh"}
    phase = {"name": "phase", "type": "long", "default": 0}
    note = {"name": "note", "type": "string", "default": "none"}
    fields = (
        [charger, energy, unit],
        [charger, energy, unit, phase],
        [note, charger, energy, phase],
    )
    for version in range(number):
        schema = {"type": "record", "name": "Reading", "fields": fields[version]}
        (folder / f"Reading.v{version + 1}.avsc").write_bytes(msgspec.json.encode(schema))
    (folder / "README.md").write_text("not a schema")
    return codec.Codec(folder, {"Reading": Reading})


def test_every_version_ever_written_stays_readable(tmp_path):
    today = evolved(tmp_path, 3)
    assert [version.number for version in today.versions["Reading"]] == [1, 2, 3]
    bodies = (
        {"charger": "a", "energy_wh": 1, "unit": "Wh"},
        {"charger": "a", "energy_wh": 1, "unit": "Wh", "phase": 2},
        {"charger": "a", "energy_wh": 1, "phase": 2, "note": "new"},
    )
    read = []
    for version, body in zip(today.versions["Reading"], bodies, strict=True):
        out = io.BytesIO()
        out.write(version.header)
        fastavro.schemaless_writer(out, version.parsed, body)
        read.append(today.decode(out.getvalue()))
    assert read == [
        Reading(charger="a", energy_wh=1),
        Reading(charger="a", energy_wh=1, phase=2),
        Reading(charger="a", energy_wh=1, phase=2, note="new"),
    ]


def test_the_newest_version_is_written(tmp_path):
    today = evolved(tmp_path, 3)
    assert (
        today.encode(Reading(charger="a", energy_wh=1))[:10] == today.versions["Reading"][2].header
    )


def test_a_version_newer_than_the_program_is_an_unknown_record(tmp_path):
    ahead = evolved(tmp_path, 3).encode(Reading(charger="a", energy_wh=1))
    (tmp_path / "Reading.v3.avsc").unlink()
    with pytest.raises(codec.NotReadable, match="unknown-record"):
        codec.Codec(tmp_path, {"Reading": Reading}).decode(ahead)


@given(amounts=st.tuples(st.integers(0, 10**15), st.integers(0, 10**15)))
def test_the_body_hash_is_of_the_body(amounts):
    one, other = (
        msgspec.structs.replace(example(RECORDS["CaptureHold"]), amount_minor=amount)
        for amount in amounts
    )
    assert (codec.body_hash(one) == codec.body_hash(other)) == (amounts[0] == amounts[1])
    assert codec.body_hash(msgspec.structs.replace(one, body_hash="")) == codec.body_hash(one)
    assert set(codec.body_hash(one)) <= set(string.hexdigits)
    assert len(codec.body_hash(one)) == 64


def test_two_commands_with_equal_fields_have_two_body_hashes():
    lower = example(RECORDS["LowerHold"])
    raised = RECORDS["RaiseHold"](**msgspec.structs.asdict(lower))
    assert codec.body_hash(raised) != codec.body_hash(lower)
