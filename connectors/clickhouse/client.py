"""ClickHouse through one client: embedded in a directory (chDB), or a server by its DSN."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import clickhouse_connect
import msgspec
from clickhouse_connect.driver.exceptions import ClickHouseError
from pydantic import SecretStr

from connectors.clickhouse.columns import Table
from connectors.clickhouse.guard import QueryRefused, checked
from connectors.clickhouse.rows import Row

# The engine plans for all memory of its machine; the sink as a whole has 1 GB.
_EMBEDDED = {
    "max_server_memory_usage": str(600 * 2**20),
    "mark_cache_size": str(16 * 2**20),
    "uncompressed_cache_size": "0",
    "background_pool_size": "2",
    "max_thread_pool_size": "100",
}
_WRITING = {"max_threads": 2, "max_insert_threads": 1, "max_memory_usage": 400 * 2**20}
# design.md, section 5: 0 or off in older servers, and not for us to guess.
_INSERTING = {
    "async_insert": 0,
    "insert_deduplicate": 1,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
}


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one read-only query may take; above it is refused, never cut short silently."""

    rows: int = 100_000
    bytes: int = 64 * 2**20
    seconds: int = 10
    memory_bytes: int = 300 * 2**20


class Answer(NamedTuple):
    """What a query gave: instants as text in UTC, whole numbers as numbers."""

    columns: list[str]
    types: list[str]
    rows: list[list[Any]]


class Address(NamedTuple):
    """Where analytics live: `dsn` when it is not empty, else chDB in `directory`/chdb."""

    directory: Path
    dsn: SecretStr = SecretStr("")

    @property
    def is_embedded(self) -> bool:
        return not self.dsn.get_secret_value()

    @property
    def data(self) -> Path:
        return self.directory / "chdb"


def _open(address: Address, settings: dict[str, Any]) -> Any:
    if not address.is_embedded:
        return clickhouse_connect.get_client(dsn=address.dsn.get_secret_value(), settings=settings)
    address.data.mkdir(parents=True, exist_ok=True)
    # Each handle of a process must name the same directory with the same options.
    return clickhouse_connect.get_client(
        interface="chdb", path=str(address.data), chdb_options=_EMBEDDED, settings=settings
    )


class Warehouse:
    """The writing side. Use from one thread at a time.

    Who opens the embedded one owns its directory: the caller holds the lock.
    """

    def __init__(self, address: Address) -> None:
        self._client = _open(address, _WRITING)

    def close(self) -> None:
        self._client.close()

    def execute(self, statement: str) -> None:
        self._client.command(statement)

    def select(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._client.query(sql).result_rows]

    def insert(self, table: Table, rows: Iterable[Row], token: str) -> None:
        """One block. The same `token` again is dropped by the engine, whatever the rows are."""
        self._client.insert(
            table.name,
            [list(column) for column in zip(*rows, strict=True)],
            column_names=table.names,
            column_type_names=table.types,
            column_oriented=True,
            settings={**_INSERTING, "insert_deduplication_token": token},
        )


def ask(address: Address, sql: str, limits: Limits) -> Answer:
    """One read-only query through a handle of its own, within limits. Raises QueryRefused.

    A handle a query: what one does to its handle cannot reach the next (10 ms on chDB).
    """
    statement = checked(sql)
    settings = {
        "output_format_json_quote_64bit_integers": 0,
        "max_threads": 2,
        "max_result_rows": limits.rows,
        "max_result_bytes": limits.bytes,
        "result_overflow_mode": "throw",
        "max_execution_time": limits.seconds,
        "max_memory_usage": limits.memory_bytes,
        "readonly": 1,  # last: no setting can be changed after it
    }
    client = _open(address, settings)
    try:
        raw = client.raw_query(statement, fmt="JSONCompact")
    except ClickHouseError as error:
        raise QueryRefused(_first_line(str(error))) from error
    finally:
        client.close()
    body = msgspec.json.decode(raw or b'{"meta": [], "data": []}')
    names = [one["name"] for one in body["meta"]]
    return Answer(names, [one["type"] for one in body["meta"]], body["data"])


def _first_line(message: str) -> str:
    return message.splitlines()[0] if message else "refused"
