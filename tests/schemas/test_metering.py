"""The quick way says what the careful way says, or nothing; it never says anything else."""

import io
import time

import fastavro
import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas import codec, metering
from schemas.facts import MeterReading
from schemas.metering import Readings

VERSION = codec.versions()["MeterReading"][-1]
READING = MeterReading(
    tenant="t",
    network="n",
    charger_id="NO-NLA-1",
    evse_uid="NO*NLA*E1*1",
    transaction_id="tx-1",
    seq=3,
    energy_wh=123_456,
    power_w=49_320,
    read_at=1_790_000_000_000,
)
LONGS_BYTES = 1 + 3 + 3 + 6 + 1  # of the numbers of READING
unicode = st.characters(exclude_categories=("Cs",))
texts = st.text(unicode, min_size=1, max_size=70)
longs = st.integers(-(2**63), 2**63 - 1)
EDGES = "-2 -1 0 1 63 64 8191 8192 100000000 100000001 1000000000000 1000000000001 4102444800000"
near = st.sampled_from([*map(int, EDGES.split()), 4_102_444_800_001, 2**63 - 1])
instants = st.integers(0, 4_102_444_800_000) | st.integers(2**34 - 2, 2**34 + 2) | longs
LONGS = ("seq", "energy_wh", "power_w", "read_at", "flags")
TEXTS = ("tenant", "network", "charger_id", "evse_uid", "transaction_id")


def written(fields):
    """As any producer may write it: nothing is checked."""
    out = io.BytesIO()
    out.write(VERSION.header)
    fastavro.schemaless_writer(out, VERSION.parsed, fields)
    return out.getvalue()


def year(at):
    return 1970 + at / (365.25 * 24 * 3600 * 1000)


def careful(data):
    """fastavro and msgspec, as for every other record; None: refused."""
    stream = io.BytesIO(data[10:])
    try:
        fields = fastavro.schemaless_reader(stream, VERSION.parsed, None)
        return None if stream.read() else msgspec.convert(fields, MeterReading)
    except Exception:  # noqa: BLE001 - fastavro raises what its parts raise
        return None


def taught(*readings):
    quick = Readings([VERSION.header])
    for one in readings:
        quick.read(codec.encode(one))
    return quick


fields = st.fixed_dictionaries(dict.fromkeys(TEXTS, texts) | dict.fromkeys(LONGS, near | longs))


@settings(max_examples=400)
@given(fields=fields, more=st.lists(st.fixed_dictionaries(dict.fromkeys(LONGS[:3], near))))
def test_it_is_what_fastavro_reads(fields, more):
    """At the first of a charging and at those that follow; what is unusual may be left."""
    quick = Readings([VERSION.header])
    short = all(len(fields[name].encode()) < 64 for name in TEXTS)
    for values in [fields, *({**fields, **one} for one in more)]:
        data = written(values)
        found = quick.read(data)
        assert found is None or found == careful(data)
        if short and 0 <= values["flags"] < 64 and 1971 < year(values["read_at"]) < 2039:
            assert found == careful(data)


@settings(max_examples=400)
@given(body=st.binary(max_size=40), cut=st.integers(0, 80))
@example(body=b"\x80\x00\x00\x00\x00\x00", cut=80)
@example(body=b"\x00\x00\x00\x00\x00\x80", cut=80)
@example(body=b"\x00\x00\x00\x00" + b"\x80" * 12 + b"\x00", cut=80)
@example(body=b"\x00\x00\x00\x00" + b"\x80" * 12 + b"\x02", cut=80)
def test_whatever_follows_known_texts_is_read_as_fastavro_reads_it_or_left(body, cut):
    data = codec.encode(READING)
    end = len(data) - LONGS_BYTES
    damaged = (data[:end] + body)[:cut]
    found = taught(READING).read(damaged)
    assert found is None or found == careful(damaged)


def test_a_flipped_bit_is_read_as_fastavro_reads_it_or_left():
    data = codec.encode(READING)
    others = [msgspec.structs.replace(READING, transaction_id=f"tx-{n}") for n in range(8)]
    quick = taught(READING, *others)
    for at in range(10, len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[at] ^= 1 << bit
            found = quick.read(bytes(damaged))
            assert found is None or found == careful(bytes(damaged))


@settings(max_examples=400)
@given(body=st.binary(max_size=60), at=st.integers(10, 60))
@example(body=b"\x00\x02n\x02c\x02e\x02x" + bytes(5), at=10)
@example(body=b"\x02\xff\x02n\x02c\x02e\x02x" + bytes(5), at=10)
@example(body=b"\x03t\x02n\x02c\x02e\x02x" + bytes(5), at=10)
@example(body=b"\x02t\x02n\x02c\x02e\x0cx" + bytes(5), at=10)
def test_whatever_the_texts_are_it_is_read_as_fastavro_reads_it_or_left(body, at):
    data = codec.encode(READING)[:at] + body
    quick = Readings([VERSION.header])
    for _ in range(2):
        found = quick.read(data)
        assert found is None or found == careful(data)


def test_a_number_that_never_ends_is_left_at_once():
    data = codec.encode(READING)[:-LONGS_BYTES] + b"\x80" * 900_000 + b"\x00"
    quick = taught(READING)
    began = time.process_time()
    assert quick.read(data) is None
    assert time.process_time() - began < 0.1


def test_texts_written_in_another_way_are_left():
    data = codec.encode(READING)
    wordy = data[:10] + b"\x82\x00" + data[11:]  # the length 1 in two bytes
    assert careful(wordy) == READING
    assert Readings([VERSION.header]).read(wordy) is None


def test_another_record_is_left():
    data = codec.encode(READING)
    assert Readings([VERSION.header]).read(data[:9] + bytes([data[9] ^ 1]) + data[10:]) is None


def test_another_version_of_the_record_is_not_for_it():
    assert metering.is_readable(VERSION.raw)
    grown = [*VERSION.raw["fields"], {"name": "phase", "type": "long", "default": 0}]
    assert not metering.is_readable({**VERSION.raw, "fields": grown})
    moved = [VERSION.raw["fields"][1], VERSION.raw["fields"][0], *VERSION.raw["fields"][2:]]
    assert not metering.is_readable({**VERSION.raw, "fields": moved})


def test_it_forgets_when_it_knows_too_many(monkeypatch):
    monkeypatch.setattr(metering, "_KNOWN_MAX", 2)
    chargings = [msgspec.structs.replace(READING, transaction_id=f"tx-{n}") for n in range(3)]
    quick = taught(*chargings)
    assert len(quick._quick._known) == 1
    assert [quick.read(codec.encode(one)) for one in chargings] == chargings


def test_it_forgets_endings_when_it_knows_too_many(monkeypatch):
    monkeypatch.setattr(metering, "_ENDINGS_MAX", 2)
    hours = [
        msgspec.structs.replace(READING, read_at=READING.read_at + n * 3_600_000) for n in range(3)
    ]
    quick = taught(*hours)
    assert len(quick._quick._endings) == 1
    assert [quick.read(codec.encode(one)) for one in hours] == hours


def test_numbers_come_with_what_the_reader_wants_of_the_charging():
    asked = []
    read = codec.quick_readings(lambda *texts: asked.append(texts) or texts[4])
    for seq in (3, 4):
        data = codec.encode(msgspec.structs.replace(READING, seq=seq))
        assert read(data) == ("tx-1", seq, 123_456, 49_320, 1_790_000_000_000, 0)
    assert asked == [("t", "n", "NO-NLA-1", "NO*NLA*E1*1", "tx-1")]


@pytest.mark.parametrize("seq", [-1, 0, 2**63 - 1])
def test_the_codec_reads_a_reading_the_same_the_second_time(seq):
    reading = msgspec.structs.replace(READING, seq=seq, power_w=-1, charger_id=f"c{seq}")
    data = codec.encode(reading)
    assert codec.decode(data) == codec.decode(data) == reading


def test_the_limits_are_those_of_the_record():
    """The quick way states them again; a change of the record must reach it."""
    for name, limit in {
        "seq": metering._LONG_MAX // 2,
        "energy_wh": metering._ENERGY_MAX // 2,
        "power_w": metering._POWER_MAX // 2,
        "flags": 63,
    }.items():
        known = taught(READING)
        most = written(msgspec.to_builtins(READING) | {name: limit})
        assert getattr(known.read(most), name) == limit
        if limit < 2**63 - 1:
            assert known.read(written(msgspec.to_builtins(READING) | {name: limit + 1})) is None


odd = near | longs | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=3)


def made(write, values):
    """The bytes, or the words of the refusal."""
    try:
        return write(MeterReading(**values))
    except codec.NotWritable as refused:
        return str(refused)


@settings(max_examples=400)
@given(
    fields=fields,
    more=st.lists(st.fixed_dictionaries(dict.fromkeys(LONGS, odd | instants)), min_size=1),
    ours=st.integers(0, 2**32 - 1),
)
def test_it_is_written_as_the_careful_way_writes_it(fields, more, ours):
    """The first of a charging, those that follow, whatever they hold; and in another framing."""
    own = codec.Codec(codec.FOLDER, codec.RECORDS)
    usual = msgspec.structs.asdict(READING)
    every = [
        usual,
        fields,
        *({**fields, **one} for one in more),
        *({**usual, **one} for one in more),
    ]
    for values in every:
        assert made(own.encode, values) == made(own._encode, values)
    ids = {(name, one.number): ours for name, of in own.versions.items() for one in of}
    own.use_registry(ids)
    for values in every:
        assert made(own.encode, values) == made(own._encode, values)


def test_the_careful_way_is_asked_once_a_charging_with_numbers_or_without():
    """OCPP 1.6 numbers nothing, and most chargers speak it."""
    asked = []

    def careful(record):
        asked.append(record)
        return codec._ours._encode(record)

    writer = metering.Writer(careful)
    for energy_wh in range(100, 200):
        writer.write(msgspec.structs.replace(READING, seq=-1, energy_wh=energy_wh))
    assert len(asked) == 2  # the first, and how a bare one begins
    writer.write(msgspec.structs.replace(READING, energy_wh=10**12))
    assert len(asked) == 2
    writer.write(msgspec.structs.replace(READING, read_at=1))
    assert len(asked) == 3  # nothing to learn again
