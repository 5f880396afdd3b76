"""Numbered SQL files, applied once each and in order; an applied one must never be edited.

ClickHouse has no transactions for DDL: a file cut off in the middle is run again from its start, so
every statement is written to be repeatable (IF NOT EXISTS, OR REPLACE).
"""

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

from connectors.clickhouse.client import Warehouse
from connectors.clickhouse.columns import TEXT, Table, typed

FOLDER = Path(__file__).parent.parent.parent / "deploy" / "clickhouse"
_FILE = re.compile(r"^(?P<number>\d{4})_[a-z0-9_]+\.sql$")
_STATEMENT_END = re.compile(r";[ \t]*(?:\n|$)")
_RECORD = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number UInt32,
    name String,
    sha256 String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
) ENGINE = ReplacingMergeTree ORDER BY number
COMMENT 'which files of deploy/clickhouse were applied, and what they contained'
"""
_APPLIED = Table("schema_migrations", typed(number="UInt32", name=TEXT, sha256=TEXT))


class MigrationRefused(RuntimeError):
    """The schema is not brought forward; the message names the file and why."""


class Migration(NamedTuple):
    number: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def statements(self) -> list[str]:
        """Split at a semicolon that ends its line; SQL text in the files keeps to that."""
        parts = (part.strip() for part in _STATEMENT_END.split(self.text))
        return [part for part in parts if part]


def read_migrations(folder: Path = FOLDER) -> list[Migration]:
    """The files in order. Raises MigrationRefused on a wrong name, a gap or a repeated number."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = _FILE.match(path.name)
        if match is None:
            raise MigrationRefused(f"{path}: a migration is called NNNN_what_it_does.sql")
        found.append(Migration(int(match["number"]), path.stem, path.read_text(encoding="utf-8")))
    if [one.number for one in found] != list(range(1, len(found) + 1)):
        raise MigrationRefused(f"{folder}: numbers must be 0001, 0002 ... without gap or repeat")
    return found


def migrate(warehouse: Warehouse, migrations: list[Migration] | None = None) -> list[str]:
    """Bring the schema forward; the names of what was applied now. Raises MigrationRefused.

    A schema that is ahead of these files is refused: its writer knows columns that we do not.
    """
    wanted = read_migrations() if migrations is None else migrations
    warehouse.execute(_RECORD)
    applied = {
        int(number): (name, sha256)
        for number, name, sha256 in warehouse.select(
            "SELECT number, name, sha256 FROM schema_migrations FINAL ORDER BY number"
        )
    }
    _check(wanted, applied)
    fresh = [one for one in wanted if one.number not in applied]
    for migration in fresh:
        for statement in migration.statements:
            warehouse.execute(statement)
        row = (migration.number, migration.name, migration.sha256)
        warehouse.insert(_APPLIED, [row], token=f"migration:{migration.number}")
    return [one.name for one in fresh]


def _check(wanted: list[Migration], applied: dict[int, tuple[str, str]]) -> None:
    known = {one.number: one for one in wanted}
    for number, (name, sha256) in applied.items():
        if number not in known:
            raise MigrationRefused(f"{name} was applied by a newer version; this one lacks it")
        if known[number].sha256 != sha256:
            raise MigrationRefused(
                f"{known[number].name} was edited after it had been applied as {name}:"
                " restore it and write a new migration"
            )
