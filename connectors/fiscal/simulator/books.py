"""The ledger of the simulated fiscal service: each queue's receipts, chained as they were signed.

It refuses what the law would: a moment before the last one, lines that do not add up, a receipt
under a reference that is taken. Written down before it is answered, so it outlives its process.
"""

import hashlib
import sqlite3
from pathlib import Path

import msgspec


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """One signed receipt. `previous` and `signature`: hexadecimal, each made of the one before."""

    queue: str
    row: int
    reference: str
    moment: str
    case: int
    amount: int
    paid: int
    previous_reference: str
    late: bool
    previous: str
    signature: str


class Taken(ValueError):
    """The reference was signed before, with other contents."""


class OutOfOrder(ValueError):
    """The moment is not after the last one of its queue."""


_SCHEMA = """
CREATE TABLE IF NOT EXISTS signed (
    queue TEXT NOT NULL, row INTEGER NOT NULL, reference TEXT NOT NULL, body BLOB NOT NULL,
    request BLOB NOT NULL, PRIMARY KEY (queue, row), UNIQUE (queue, reference)
) STRICT
"""


class Books:
    """All queues of one service. One process at a time."""

    def __init__(self, database: Path) -> None:
        self._db = sqlite3.connect(database, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def find(self, queue: str, reference: str) -> Signed | None:
        row = self._db.execute(
            "SELECT body FROM signed WHERE queue = ? AND reference = ?", (queue, reference)
        ).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=Signed)

    def sign(self, queue: str, content: "Content", request: bytes) -> Signed:
        """Sign it, or say again what it was signed as. Raises Taken, OutOfOrder."""
        known = self._db.execute(
            "SELECT body, request FROM signed WHERE queue = ? AND reference = ?",
            (queue, content.reference),
        ).fetchone()
        if known is not None:
            if known[1] != request:
                raise Taken(content.reference)
            return msgspec.json.decode(known[0], type=Signed)
        last = self.last(queue)
        if last is not None and content.moment <= last.moment:
            raise OutOfOrder(f"{content.moment} after {last.moment}")
        signed = _chained(queue, content, last)
        self._db.execute(
            "INSERT INTO signed VALUES (?, ?, ?, ?, ?)",
            (queue, signed.row, signed.reference, msgspec.json.encode(signed), request),
        )
        return signed

    def last(self, queue: str) -> Signed | None:
        row = self._db.execute(
            "SELECT body FROM signed WHERE queue = ? ORDER BY row DESC LIMIT 1", (queue,)
        ).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=Signed)

    def all(self) -> list[Signed]:
        """Everything that was ever signed, queue by queue in order."""
        rows = self._db.execute("SELECT body FROM signed ORDER BY queue, row")
        return [msgspec.json.decode(body, type=Signed) for (body,) in rows]


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What of a request is signed."""

    reference: str
    moment: str
    case: int
    amount: int
    paid: int
    previous_reference: str
    late: bool


def _chained(queue: str, content: Content, last: Signed | None) -> Signed:
    """Each signature is over the one before: a chain with a receipt taken out does not verify."""
    previous = "" if last is None else last.signature
    about = msgspec.json.encode([previous, queue, msgspec.to_builtins(content)])
    return Signed(
        queue=queue,
        row=1 if last is None else last.row + 1,
        previous=previous,
        signature=hashlib.sha256(about).hexdigest(),
        **msgspec.to_builtins(content),
    )


def verify(chain: list[Signed]) -> bool:
    """Whether these are all receipts of one queue, in order and as they were signed."""
    last: Signed | None = None
    for one in chain:
        content = msgspec.convert(
            {name: getattr(one, name) for name in Content.__struct_fields__}, Content
        )
        if one != _chained(one.queue, content, last):
            return False
        last = one
    return True
