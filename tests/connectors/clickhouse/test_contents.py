"""ClickHouse and we say the same number of the same row, and another of any other."""

from pathlib import Path

import pytest

from connectors.clickhouse.contents import content, content_sql
from connectors.clickhouse.rows import SUNK, Source, row_of
from connectors.clickhouse.tables import TABLES
from schemas import topics


def examples():
    for topic in SUNK:
        for name in topics.BY_NAME[topic].records:
            text = Path(f"schemas/examples/{name}.v1.hex").read_text()
            yield topic, bytes.fromhex(text)
    yield topics.COMMANDS, b"unreadable"
    yield topics.PARKED, b"it\x1f\xff's"


def test_both_sides_agree_on_every_kind_of_row(warehouse):
    for offset, (topic, value) in enumerate(examples()):
        headers = (("reason", "it's \x1f ☃".encode()),)
        source = Source(topic, 1, offset, 1_700_000_000_123, None, value, headers)
        table, row = row_of(source, topic)
        warehouse.insert(TABLES[table], [row], f"{topic}:1:{offset}-{offset}")
        sql = f"SELECT {content_sql(TABLES[table])} FROM {table} WHERE kafka_offset = {offset}"  # noqa: S608 - ours
        assert warehouse.select(sql) == [(content(TABLES[table], row),)], table


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_column_counts(table):
    row = tuple([] if one.type.startswith("Array") else one.empty for one in table.columns)
    other = {"Bool": True, "String": "x", "LowCardinality(String)": "x"}
    for index, column in enumerate(table.columns):
        changed = [0] if column.type.startswith("Array") else other.get(column.type, 1)
        assert content(table, row) != content(table, (*row[:index], changed, *row[index + 1 :]))


def test_an_empty_list_is_not_a_list_of_one_empty_text():
    table = TABLES["session_ledger"]
    index = table.names.index("holds.hold_id")
    row = tuple([] if one.type.startswith("Array") else one.empty for one in table.columns)
    assert content(table, row) != content(table, (*row[:index], [""], *row[index + 1 :]))
