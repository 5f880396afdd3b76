"""The book in SQLite or PostgreSQL, by one set of statements. Blocking; safe between threads.

Any number of processes may share one PostgreSQL book. A SQLite file belongs to one process.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec

from connectors.acquirers.acquirer import Verdict
from connectors.settlement.book import DEFINITE, Begun, Conflict, Created, Exists, Row

_TABLE = """
CREATE TABLE IF NOT EXISTS holdfast_settled (
    tenant VARCHAR(255) NOT NULL,
    command_id VARCHAR(1024) NOT NULL,
    session_id VARCHAR(255) NOT NULL,
    kind VARCHAR(16) NOT NULL,
    body_hash VARCHAR(255) NOT NULL,
    owner VARCHAR(255) NOT NULL,
    begun_at BIGINT NOT NULL,
    outcome VARCHAR(16),
    settled TEXT,
    PRIMARY KEY (tenant, command_id)
)
"""
# Whatever a command id says: one capture of a session at a time, and none after one that was done.
_ONE_CAPTURE = """
CREATE UNIQUE INDEX IF NOT EXISTS holdfast_one_capture ON holdfast_settled (tenant, session_id)
WHERE kind = 'capture' AND (outcome IS NULL OR outcome = 'done')
"""
_INSERT = """
INSERT INTO holdfast_settled
    (tenant, command_id, session_id, kind, body_hash, owner, begun_at)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_SELECT = """
SELECT body_hash, owner, begun_at, settled FROM holdfast_settled
WHERE tenant = ? AND command_id = ?
"""
_TAKE_OVER = """
UPDATE holdfast_settled SET owner = ?, begun_at = ?
WHERE tenant = ? AND command_id = ? AND begun_at = ? AND outcome IS NULL
"""
_STANDING_CAPTURE = """
SELECT command_id FROM holdfast_settled
WHERE tenant = ? AND session_id = ? AND kind = 'capture' AND (outcome IS NULL OR outcome = 'done')
"""
_TAKEN_BACK = """
UPDATE holdfast_settled SET outcome = ?, settled = ?
WHERE tenant = ? AND command_id = ? AND kind = 'capture' AND outcome = 'done'
"""
_SETTLE = """
UPDATE holdfast_settled SET outcome = ?, settled = ?
WHERE tenant = ? AND command_id = ? AND outcome IS NULL
"""


class _Connection(Protocol):
    """What SQLite's and PostgreSQL's connections have in common (DB-API 2.0)."""

    def cursor(self) -> Any: ...
    def commit(self) -> None: ...
    def rollback(self) -> None: ...
    def close(self) -> None: ...


class SettlementBook:
    """Commands begun and settled. Every method raises what the database raises."""

    def __init__(self, connection: _Connection, mark: str) -> None:
        self._connection = connection
        self._mark = mark
        self._lock = threading.Lock()
        for statement in (_TABLE, _ONE_CAPTURE):
            with self._done(statement, ()):
                pass

    def begin(self, row: Row) -> Begun:
        """Write the command down as begun by us, or say what is known of it. Durable on return."""
        values = (row.tenant, row.command_id, row.session_id, row.kind, row.body_hash, row.owner)
        with self._done(_INSERT, (*values, row.begun_at)) as cursor:
            if cursor.rowcount == 1:
                return Created()
        known = self._known(row.tenant, row.command_id)
        if known is None:
            standing = self._standing_capture(row.tenant, row.session_id)
            return Conflict("another capture of the session was begun or done", standing)
        body_hash, exists = known
        if body_hash != row.body_hash:
            return Conflict("begun before with another body")
        return exists

    def find(self, tenant: str, command_id: str) -> Exists | None:
        """What is known of a command; None: nobody has begun it."""
        known = self._known(tenant, command_id)
        return None if known is None else known[1]

    def take_over(self, row: Row, begun_at: int) -> bool:
        """Make a begun command ours, if it still stands as it was begun at `begun_at`."""
        values = (row.owner, row.begun_at, row.tenant, row.command_id, begun_at)
        with self._done(_TAKE_OVER, values) as cursor:
            return bool(cursor.rowcount == 1)

    def settle(self, tenant: str, command_id: str, settled: Verdict) -> None:
        """What came of it: written once, definite answers only."""
        assert settled.outcome in DEFINITE, settled.outcome
        body = msgspec.json.encode(settled).decode()
        with self._done(_SETTLE, (settled.outcome, body, tenant, command_id)):
            pass

    def taken_back(self, tenant: str, command_id: str, settled: Verdict) -> None:
        """A capture that was done failed after all: only now may the next attempt begin."""
        assert settled.outcome in ("declined", "failed"), settled.outcome
        body = msgspec.json.encode(settled).decode()
        with self._done(_TAKEN_BACK, (settled.outcome, body, tenant, command_id)):
            pass

    def close(self) -> None:
        self._connection.close()

    def _standing_capture(self, tenant: str, session_id: str) -> str:
        with self._done(_STANDING_CAPTURE, (tenant, session_id)) as cursor:
            row = cursor.fetchone()
        return row[0] if row else ""

    def _known(self, tenant: str, command_id: str) -> tuple[str, Exists] | None:
        with self._done(_SELECT, (tenant, command_id)) as cursor:
            row = cursor.fetchone()
        if row is None:
            return None
        body_hash, owner, begun_at, settled = row
        told = msgspec.json.decode(settled, type=Verdict) if settled else None
        return body_hash, Exists(begun_at=begun_at, owner=owner, settled=told)

    @contextmanager
    def _done(self, statement: str, values: Sequence[object]) -> Iterator[Any]:
        """One statement, one transaction."""
        with self._lock, closing(self._connection.cursor()) as cursor:
            try:
                cursor.execute(statement.replace("?", self._mark), values)
                yield cursor
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.commit()


def open_book(place: str) -> SettlementBook:
    """The book at `postgresql://...`, or in the SQLite file of that path.

    Raises ModuleNotFoundError where PostgreSQL is named and the extra `postgres` is not installed,
    OSError for a directory that cannot be made, and what the database raises.
    """
    if urlsplit(place).scheme in ("postgresql", "postgres"):
        import psycopg  # noqa: PLC0415 - an extra: only who keeps the book there needs it

        return SettlementBook(psycopg.connect(place), "%s")
    path = Path(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # a key that a power cut forgets is none
    return SettlementBook(connection, "?")
