"""The ledger in SQLite: one writer, write-ahead log, every operation one transaction.

A commit survives the death of the process (WAL, synchronous=NORMAL); a power cut may take the last
ones, which a simulator may afford. The laws of the ledger are CHECKs in schema.sql.
"""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from connectors.acquirers.simulator.fate import Arrival
from connectors.acquirers.simulator.ledger import Hold, Move, assert_conserved
from connectors.acquirers.simulator.messages import Answer

_SCHEMA = Path(__file__).with_name("schema.sql")
_answer_decoder = msgspec.json.Decoder(Answer)
_hold_decoder = msgspec.json.Decoder(Hold)
_encode = msgspec.json.encode


class DatabaseInUse(RuntimeError):
    """Another simulator writes this ledger."""


class StoredKey(msgspec.Struct, frozen=True, kw_only=True):
    """What an idempotency key answered. `body_hash` covers path and body."""

    body_hash: bytes
    status: int
    body: bytes
    stored_at: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the ledger: the answer given, and what it moved."""

    account: str
    answer: Answer
    session_id: str
    move: Move


class Store:
    """Opens or creates the ledger at `path`. Raises DatabaseInUse."""

    def __init__(self, path: Path) -> None:
        self._lock = path.with_name(path.name + ".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise DatabaseInUse(f"{path} is written by another simulator") from None
        self.db = sqlite3.connect(path, isolation_level=None, cached_statements=256)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = NORMAL")
        self.db.executescript(_SCHEMA.read_text())

    def close(self) -> None:
        self.db.close()
        self._lock.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    # --- holds and lines ------------------------------------------------------------------------

    def hold(self, account: str, payment_reference: str) -> Hold | None:
        row = self.db.execute(
            "SELECT hold FROM holds WHERE account = ? AND payment_reference = ?",
            (account, payment_reference),
        ).fetchone()
        return None if row is None else _hold_decoder.decode(row[0])

    def put_hold(self, account: str, hold: Hold) -> None:
        assert_conserved(hold)
        self.db.execute(
            "INSERT INTO holds (account, payment_reference, currency, approved, captured, released,"
            " lapsed, open, refunded, expires_at, hold) VALUES (?,?,?,?,?,?,?,?,?,?,?)"
            " ON CONFLICT (account, payment_reference) DO UPDATE SET approved = excluded.approved,"
            " captured = excluded.captured, released = excluded.released, lapsed = excluded.lapsed,"
            " open = excluded.open, refunded = excluded.refunded,"
            " expires_at = excluded.expires_at, hold = excluded.hold",
            (account, hold.payment_reference, hold.currency, hold.approved, hold.captured,
             hold.released, hold.lapsed, hold.open, hold.refunded, hold.expires_at,
             _encode(hold)),
        )  # fmt: skip

    def holds_to_lapse(self, account: str, at: int) -> list[Hold]:
        rows = self.db.execute(
            "SELECT hold FROM holds WHERE account = ? AND open > 0 AND expires_at <= ?"
            " ORDER BY expires_at, id",
            (account, at),
        )
        return [_hold_decoder.decode(row[0]) for row in rows]

    def append(self, line: Line) -> None:
        answer, move = line.answer, line.move
        self.db.execute(
            "INSERT INTO operations (account, operation_id, operation, outcome, code,"
            " merchant_reference, payment_reference, session_id, currency, approved, captured,"
            " released, lapsed, open, refunded, occurred_at, answer)"
            " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (line.account, answer.operation_id, answer.operation, answer.outcome, answer.code,
             answer.merchant_reference, answer.payment_reference, line.session_id, answer.currency,
             move.approved, move.captured, move.released, move.lapsed, move.open, move.refunded,
             answer.occurred_at, _encode(answer)),
        )  # fmt: skip

    def answers(self, account: str, merchant_reference: str) -> list[Answer]:
        """The lines of one merchant reference, oldest first."""
        rows = self.db.execute(
            "SELECT answer FROM operations WHERE account = ? AND merchant_reference = ?"
            " ORDER BY id",
            (account, merchant_reference),
        )
        return [_answer_decoder.decode(row[0]) for row in rows]

    def answer(self, operation_id: str) -> Answer:
        row = self.db.execute(
            "SELECT answer FROM operations WHERE operation_id = ?", (operation_id,)
        ).fetchone()
        return _answer_decoder.decode(row[0])

    def count_lines(self, account: str, merchant_reference: str) -> int:
        return self._integer(
            "SELECT count(*) FROM operations WHERE account = ? AND merchant_reference = ?",
            account, merchant_reference,
        )  # fmt: skip

    # --- arrivals and scripts -------------------------------------------------------------------

    def count_arrivals(self, account: str, operation: str, merchant_reference: str) -> int:
        return self._integer(
            "SELECT count(*) FROM arrivals"
            " WHERE account = ? AND merchant_reference = ? AND operation = ?",
            account, merchant_reference, operation,
        )  # fmt: skip

    def add_arrival(self, account: str, arrival: Arrival, at: int, fault: str) -> None:
        self.db.execute(
            "INSERT INTO arrivals (account, operation, merchant_reference, arrived_at, fault)"
            " VALUES (?,?,?,?,?)",
            (account, arrival.operation, arrival.merchant_reference, at, fault),
        )

    def next_match(self, account: str, script: int) -> int:
        """Count one more match of a fault script; the first is 1."""
        return self._integer(
            "INSERT INTO script_matches (account, script, matches) VALUES (?, ?, 1)"
            " ON CONFLICT (account, script) DO UPDATE SET matches = matches + 1"
            " RETURNING matches",
            account, script,
        )  # fmt: skip

    # --- keys -----------------------------------------------------------------------------------

    def key(self, account: str, key: str) -> StoredKey | None:
        row = self.db.execute(
            "SELECT body_hash, status, body, stored_at FROM keys WHERE account = ? AND key = ?",
            (account, key),
        ).fetchone()
        if row is None:
            return None
        return StoredKey(body_hash=row[0], status=row[1], body=row[2], stored_at=row[3])

    def put_key(self, account: str, key: str, stored: StoredKey) -> None:
        self.db.execute(
            "INSERT OR REPLACE INTO keys (account, key, body_hash, status, body, stored_at)"
            " VALUES (?,?,?,?,?,?)",
            (account, key, stored.body_hash, stored.status, stored.body, stored.stored_at),
        )

    # --- time and what comes later --------------------------------------------------------------

    def clocks(self) -> dict[str, int]:
        return dict(self.db.execute("SELECT account, at FROM clocks").fetchall())

    def put_clock(self, account: str, at: int) -> None:
        self.db.execute(
            "INSERT INTO clocks (account, at) VALUES (?, ?)"
            " ON CONFLICT (account) DO UPDATE SET at = excluded.at",
            (account, at),
        )

    def add_failure(self, account: str, operation_id: str, due_at: int) -> None:
        self.db.execute(
            "INSERT INTO failures (account, operation_id, due_at) VALUES (?,?,?)",
            (account, operation_id, due_at),
        )

    def take_failures(self, account: str, at: int) -> list[tuple[str, int]]:
        """Operations whose success turns out false by `at`, and when; each is taken once."""
        rows = self.db.execute(
            "SELECT id, operation_id, due_at FROM failures"
            " WHERE account = ? AND is_over = 0 AND due_at <= ? ORDER BY due_at, id",
            (account, at),
        ).fetchall()
        for row in rows:
            self.db.execute("UPDATE failures SET is_over = 1 WHERE id = ?", (row[0],))
        return [(operation_id, due_at) for _, operation_id, due_at in rows]

    def _integer(self, statement: str, *parameters: str | int) -> int:
        value = self.db.execute(statement, parameters).fetchone()[0]
        assert isinstance(value, int)
        return value
