"""What the engine promises us, measured: tokens, merging, read-only, limits."""

import time
from pathlib import Path

import pytest

from connectors.clickhouse.client import Limits, Warehouse, ask
from connectors.clickhouse.guard import QueryRefused
from connectors.clickhouse.rows import Source, row_of
from connectors.clickhouse.tables import PARKED, SESSION_LEDGER
from schemas import topics

LEDGER = bytes.fromhex(Path("schemas/examples/SessionLedger.v1.hex").read_text())


def parked(offset):
    return row_of(Source("t", 0, offset, 0, b"k", b"v"), topics.PARKED)[1]


def count(warehouse, sql="SELECT count() FROM parked"):
    return warehouse.select(sql)[0][0]


def test_a_repeated_token_drops_the_block_whatever_is_in_it(warehouse):
    warehouse.insert(PARKED, [parked(1), parked(2)], "t:0:1-2")
    warehouse.insert(PARKED, [parked(1), parked(2)], "t:0:1-2")
    warehouse.insert(PARKED, [parked(8), parked(9)], "t:0:1-2")
    assert warehouse.select("SELECT kafka_offset FROM parked ORDER BY 1") == [(1,), (2,)]


def test_the_same_rows_under_another_token_are_two_until_they_are_merged(warehouse):
    warehouse.insert(PARKED, [parked(1)], "t:0:1-1")
    warehouse.insert(PARKED, [parked(1)], "t:0:0-1")
    assert (count(warehouse), count(warehouse, "SELECT count() FROM parked FINAL")) == (2, 1)


def test_a_token_is_remembered_over_a_restart(address, warehouse):
    warehouse.insert(PARKED, [parked(1)], "t:0:1-1")
    warehouse.close()
    again = Warehouse(address)
    try:
        again.insert(PARKED, [parked(1)], "t:0:1-1")
        assert count(again) == 1
    finally:
        again.close()


def test_a_big_batch_is_one_block(warehouse):
    """A batch in several blocks would be dropped block by block, which a retry must survive too."""
    rows = [parked(offset) for offset in range(20_000)]
    for _ in range(2):
        warehouse.insert(PARKED, rows, "t:0:0-19999")
    assert count(warehouse) == 20_000
    parts = "SELECT count() FROM system.parts WHERE table = 'parked' AND active"
    assert warehouse.select(parts) == [(1,)]


def test_the_newest_ledger_of_a_session_is_what_final_shows(warehouse):
    for offset in (7, 9, 8):
        row = row_of(Source("l", 0, offset, 0, b"k", LEDGER), topics.LEDGER)[1]
        warehouse.insert(SESSION_LEDGER, [row], f"l:0:{offset}-{offset}")
    assert warehouse.select("SELECT kafka_offset FROM session_ledger FINAL") == [(9,)]


def test_answers_have_names_types_and_rows(address, warehouse):
    answer = ask(
        address,
        "SELECT 2 AS n, 'x' AS word, toDateTime64(1.5, 3, 'UTC') AS at, NULL AS no,"
        " toUInt64(18446744073709551615) AS big",
        Limits(),
    )
    assert answer.columns == ["n", "word", "at", "no", "big"]
    assert answer.types[:2] == ["UInt8", "String"]
    assert answer.rows == [[2, "x", "1970-01-01 00:00:01.500", None, 18446744073709551615]]


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO parked SELECT * FROM parked",
        "DROP TABLE parked",
        "ALTER TABLE parked DELETE WHERE 1",
        "SET readonly = 0",
        "SYSTEM STOP MERGES",
        "SELECT 1; DROP TABLE parked",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 SETTINGS max_execution_time = 100",
        "SELECT * FROM file('/etc/hostname', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:9/', 'LineAsString')",
        "SELECT * FROM executable('id', 'TSV', 'a String')",
        "EXPLAIN SELECT nonsense",
        "SELECT * FROM nowhere",
        "SELECT 1 FORMAT CSV",
    ],
)
def test_what_does_not_only_read_is_refused_in_one_line(address, warehouse, sql):
    with pytest.raises(QueryRefused) as refused:
        ask(address, sql, Limits())
    assert "\n" not in str(refused.value)
    assert warehouse.select("EXISTS TABLE parked") == [(1,)]


@pytest.mark.parametrize("sql", ["INSERT INTO parked SELECT * FROM parked", "DROP TABLE parked"])
def test_writing_is_refused_by_the_engine_too(address, warehouse, sql, monkeypatch):
    monkeypatch.setattr("connectors.clickhouse.client.checked", str)
    with pytest.raises(QueryRefused, match="READONLY"):
        ask(address, sql, Limits())


def test_no_file_is_written(address, warehouse, tmp_path):
    target = tmp_path / "out"
    with pytest.raises(QueryRefused):
        ask(address, f"SELECT 1 INTO OUTFILE '{target}'", Limits())
    assert not target.exists()


def test_too_many_rows_are_refused_and_not_cut_short(address, warehouse):
    limits = Limits(rows=10)
    assert len(ask(address, "SELECT number FROM numbers(10)", limits).rows) == 10
    with pytest.raises(QueryRefused, match="TOO_MANY_ROWS_OR_BYTES"):
        ask(address, "SELECT number FROM numbers(11)", limits)


def test_too_long_a_query_is_ended(address, warehouse):
    begun = time.monotonic()
    with pytest.raises(QueryRefused, match="TIMEOUT_EXCEEDED"):
        ask(address, "SELECT count() FROM numbers(1000000000000)", Limits(seconds=1))
    assert time.monotonic() - begun < 30


def test_too_much_memory_is_refused(address, warehouse):
    limits = Limits(memory_bytes=20 * 2**20)
    with pytest.raises(QueryRefused, match="MEMORY_LIMIT_EXCEEDED"):
        ask(address, "SELECT groupArray(number) FROM numbers(50000000)", limits)
