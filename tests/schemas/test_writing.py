"""What is written the quick way is what the library writes; whole records: `test_codec.py`."""

import io

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec
from schemas.catalogue import RECORDS
from schemas.writing import table_of


def by_the_library(schema, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, value)
    return out.getvalue()


@given(st.integers(-(2**63), 2**63 - 1))
def test_longs(value):
    assert table_of("long")[value] == by_the_library("long", value)


def test_what_is_remembered_starts_over_and_stays_right():
    texts, longs = table_of("string"), table_of("long")
    for number in range(40_000):
        assert texts[str(number)] == by_the_library("string", str(number))
        assert longs[number] == by_the_library("long", number)
    assert max(len(texts), len(longs)) <= 16_384


def test_half_a_letter_is_refused():
    with pytest.raises(UnicodeEncodeError):
        table_of("string")["\ud800"]


@pytest.mark.parametrize(
    "schema",
    [
        "double",
        ["null", "string"],
        {"type": "enum", "name": "E", "symbols": ["A"]},
        {"type": "map", "values": "long"},
        {"type": "array", "items": ["null", "long"]},
        {"type": "record", "name": "R", "fields": [{"name": "only", "type": "long"}]},
        {"type": "record", "name": "R", "fields": [{"name": n, "type": "R"} for n in "ab"]},
    ],
)
def test_what_no_schema_of_ours_has_is_left_to_the_library(schema):
    assert table_of(schema) is None


def test_all_records_of_ours_are_written_the_quick_way():
    assert all(table_of(codec.versions()[name][-1].raw) is not None for name in RECORDS)
