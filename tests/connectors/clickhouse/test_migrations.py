"""Migrations go forwards, once each, and say what they do."""

from pathlib import Path

import pytest

from connectors.clickhouse.client import Warehouse
from connectors.clickhouse.migrations import Migration, MigrationRefused, migrate, read_migrations
from connectors.clickhouse.tables import TABLES

ONE = Migration(1, "0001_one", "CREATE TABLE one (n Int8) ENGINE = MergeTree ORDER BY n;\n")
TWO = Migration(2, "0002_two", "CREATE TABLE two (n Int8) ENGINE = MergeTree ORDER BY n;\n")


def test_each_is_applied_once_and_remembered(empty_warehouse):
    assert migrate(empty_warehouse, [ONE]) == ["0001_one"]
    assert migrate(empty_warehouse, [ONE, TWO]) == ["0002_two"]
    assert migrate(empty_warehouse, [ONE, TWO]) == []
    known = empty_warehouse.select("SELECT number, name, sha256 FROM schema_migrations ORDER BY 1")
    assert known == [(1, "0001_one", ONE.sha256), (2, "0002_two", TWO.sha256)]


def test_they_are_remembered_by_the_directory(address):
    first = Warehouse(address)
    migrate(first, [ONE])
    first.close()
    second = Warehouse(address)
    try:
        assert migrate(second, [ONE, TWO]) == ["0002_two"]
    finally:
        second.close()


def test_an_edited_one_is_refused_by_name(empty_warehouse):
    migrate(empty_warehouse, [ONE])
    edited = ONE._replace(text=ONE.text + "-- a later thought\n")
    with pytest.raises(MigrationRefused, match="0001_one was edited"):
        migrate(empty_warehouse, [edited, TWO])
    assert empty_warehouse.select("EXISTS TABLE two") == [(0,)]


def test_a_schema_ahead_of_us_is_refused(empty_warehouse):
    migrate(empty_warehouse, [ONE, TWO])
    with pytest.raises(MigrationRefused, match="0002_two was applied by a newer version"):
        migrate(empty_warehouse, [ONE])


def test_one_that_was_cut_off_runs_again(empty_warehouse):
    """DDL has no transaction: the first statement stands, the file is not recorded."""
    whole = Migration(
        1, "0001_both", ONE.text.replace("TABLE", "TABLE IF NOT EXISTS") + "\nnonsense;\n"
    )
    with pytest.raises(Exception, match="nonsense"):
        migrate(empty_warehouse, [whole])
    mended = whole._replace(text=whole.text.replace("nonsense", TWO.text.strip().rstrip(";")))
    assert migrate(empty_warehouse, [mended]) == ["0001_both"]


@pytest.mark.parametrize(
    "names", [["0002_b.sql"], ["0001_a.sql", "0003_c.sql"], ["0001_a.sql", "0001_b.sql"]]
)
def test_gaps_and_repeats_are_refused(tmp_path, names):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(MigrationRefused, match="without gap or repeat"):
        read_migrations(tmp_path)


def test_a_file_by_another_name_is_refused(tmp_path):
    (tmp_path / "tables.sql").touch()
    with pytest.raises(MigrationRefused, match=r"NNNN_what_it_does\.sql"):
        read_migrations(tmp_path)


def test_ours_can_be_run_twice(warehouse):
    """What is cut off is run again, so every statement must be repeatable."""
    for migration in read_migrations():
        for statement in migration.statements:
            warehouse.execute(statement)


def test_tables_in_python_are_the_tables_of_the_ddl(warehouse):
    for table in TABLES.values():
        found = warehouse.select(f"DESCRIBE TABLE {table.name}")
        assert [row[:2] for row in found] == [tuple(column) for column in table.columns]


def test_every_table_can_drop_a_repeated_block_and_merge_a_repeated_row(warehouse):
    rows = warehouse.select(
        "SELECT name, engine, create_table_query, comment FROM system.tables"
        " WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
    )
    ours = {row[0]: row for row in rows if row[0] in TABLES}
    assert ours.keys() == TABLES.keys()
    for _, engine, ddl, comment in ours.values():
        assert engine == "ReplacingMergeTree"
        assert "non_replicated_deduplication_window = 10000" in ddl
        assert comment


def test_files_hold_one_statement_after_another():
    """The splitter trusts that only a statement's end has a semicolon at a line's end."""
    for migration in read_migrations():
        for statement in migration.statements:
            body = "\n".join(
                line for line in statement.splitlines() if not line.startswith("--")
            ).strip()
            assert body.startswith(("CREATE ", "ALTER TABLE ")), statement
            assert body.count("CREATE ") + body.count("ALTER TABLE ") == 1


def test_the_folder_is_beside_the_program():
    assert Path("deploy/clickhouse/0001_tables.sql").resolve().exists()
