"""One record, one row; the same record, the same row; nothing makes it raise."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.clickhouse.rows import SUNK, Source, by_table, place_of, row_of
from connectors.clickhouse.tables import TABLES
from schemas import codec, topics

EXAMPLES = {
    path.name.split(".")[0]: bytes.fromhex(path.read_text())
    for path in Path("schemas/examples").glob("*.v1.hex")
}
READABLE = [(topic, name) for topic in SUNK for name in topics.BY_NAME[topic].records]


def source(topic, value, **more):
    return Source(topic, 3, 17, 1_767_600_000_000, b"key", value, **more)


def as_dict(topic, value, **more):
    table, row = row_of(source(topic, value, **more), topic)
    return table, dict(zip(TABLES[table].names, row, strict=True))


@pytest.mark.parametrize(("topic", "name"), READABLE)
def test_every_record_of_a_topic_becomes_a_row_with_its_place(topic, name):
    table, row = as_dict(topic, EXAMPLES[name])
    assert table != "unreadable"
    assert (row["kafka_topic"], row["kafka_partition"], row["kafka_offset"]) == (topic, 3, 17)
    assert row["written_at"] == 1_767_600_000_000
    record = codec.decode(EXAMPLES[name])
    # PlaceHold has no `previous_minor`, but whatever a record has under a column's name is there.
    for column in TABLES[table].columns[5:]:
        if hasattr(record, column.name):
            assert row[column.name] == getattr(record, column.name)


def test_commands_say_their_kind():
    kinds = {
        name: as_dict(topics.COMMANDS, EXAMPLES[name])[1]["kind"]
        for name in topics.BY_NAME[topics.COMMANDS].records
    }
    assert kinds == {
        "PlaceHold": "hold",
        "RaiseHold": "raise",
        "LowerHold": "lower",
        "CaptureHold": "capture",
        "ReleaseHold": "release",
        "RefundCapture": "refund",
        "InquireCommand": "inquire",
        "ResendCommand": "resend",
    }


def test_the_holds_of_a_ledger_stand_in_parallel_arrays():
    _, row = as_dict(topics.LEDGER, EXAMPLES["SessionLedger"])
    ledger = codec.decode(EXAMPLES["SessionLedger"])
    assert row["holds.approved_minor"] == [hold.approved_minor for hold in ledger.holds]
    assert row["commands.kind"] == [command.kind for command in ledger.commands]


def test_no_column_carries_a_card_number_or_bytes_of_a_record():
    names = {column.name for table in TABLES.values() for column in table.columns}
    assert not {name for name in names if {"pan", "track", "cvv", "original", "value"} & {name}}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"{}", "undecodable"),
        (b"\xc3\x01" + b"?" * 8, "unknown-record"),
        (EXAMPLES["MeterReading"], "unexpected-record"),
        (EXAMPLES["PlaceHold"][:-3], "undecodable"),
    ],
)
def test_what_cannot_be_read_is_a_row_that_says_why(value, reason):
    table, row = as_dict(topics.COMMANDS, value)
    assert (table, row["reason"], row["size_bytes"]) == ("unreadable", reason, len(value or b""))


def test_a_parked_record_keeps_reason_and_place_and_no_bytes():
    headers = (
        ("reason", b"undecodable"), ("detail", b"x"), ("topic", b"charger.readings.v1"),
        ("partition", b"2"), ("offset", b"99"),
    )  # fmt: skip
    table, row = as_dict(topics.PARKED, b"secret", headers=headers)
    assert table == "parked"
    assert (row["reason"], row["source_topic"]) == ("undecodable", "charger.readings.v1")
    assert (row["source_partition"], row["source_offset"], row["size_bytes"]) == (2, 99, 6)
    assert b"secret" not in row.values()


def test_a_parked_pointer_tells_the_size_of_what_it_points_to():
    _, row = as_dict(topics.PARKED, b"", headers=(("value-bytes", b"1000000"),))
    assert row["size_bytes"] == 1_000_000
    assert row["source_offset"] == -1


def test_digests_tell_key_and_value_apart():
    def digest(key, value):
        return place_of(Source("t", 0, 0, 0, key, value))[3]

    pairs = [(b"ab", b"c"), (b"a", b"bc"), (None, b"abc"), (b"", b"abc"), (b"abc", None)]
    assert len({digest(*pair) for pair in pairs}) == len(pairs)


texts = st.sampled_from(["reason", "topic", "partition", "offset", "value-bytes", "x"])
values = st.one_of(st.none(), st.binary(max_size=40), st.sampled_from(sorted(EXAMPLES.values())))
sources = st.builds(
    Source,
    topic=st.just("any"),
    partition=st.integers(0, 9),
    offset=st.integers(0, 2**40),
    written_at=st.integers(0, 2**41),
    key=st.one_of(st.none(), st.binary(max_size=5)),
    value=values,
    headers=st.lists(st.tuples(texts, st.binary(max_size=25)), max_size=5).map(tuple),
)


@given(sources, st.sampled_from(SUNK))
def test_any_record_gives_one_row_and_the_same_one_again(one, topic):
    table, row = row_of(one, topic)
    assert (table, row) == row_of(one, topic)
    assert len(row) == len(TABLES[table].columns)


@given(st.lists(sources, max_size=8), st.sampled_from(SUNK))
def test_rows_of_a_batch_keep_their_number_and_order(batch, topic):
    rows = [row_of(one, topic) for one in batch]
    grouped = by_table(rows)
    assert sum(map(len, grouped.values())) == len(batch)
    for table, of_table in grouped.items():
        assert of_table == [row for name, row in rows if name == table]
