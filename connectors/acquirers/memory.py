"""Which command ids this executor has begun, and with which body: on disk before anything is sent.

It is the second fence, not the first: what is not remembered here (another machine, a lost disk)
is still asked after by merchant reference when it may have been sent, and carries the same key.
"""

import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Literal

_PATIENCE_S = 3.0  # a predecessor that was told to stop may need a moment
DAY_MS = 24 * 60 * 60 * 1000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS begun (
    command BLOB PRIMARY KEY, body BLOB NOT NULL, begun_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS begun_by_time ON begun (begun_at);
"""

Recollection = Literal["new", "begun", "conflict"]


class MemoryInUse(RuntimeError):
    """Another executor is running on this file, and so under this name."""


class Memory:
    """Digests only, 16 bytes each, so that a month of commands stays small. Raises MemoryInUse.

    The file is locked while it is open: two executors of one name would displace each other in
    their group for ever.
    """

    def __init__(self, path: Path | None, days: int, now_at: int) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=_PATIENCE_S)
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.executescript(_SCHEMA)
        except sqlite3.OperationalError as error:
            self._db.close()
            if "locked" not in str(error):
                raise
            raise MemoryInUse(f"{path}: another executor is running on it") from error
        # A killed process loses nothing; a power cut may, and then the look-up stands in.
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("DELETE FROM begun WHERE begun_at < ?", (now_at - days * DAY_MS,))

    def begin(self, tenant: str, command_id: str, body_hash: str, now_at: int) -> Recollection:
        """Remember, durably, that this command is about to be acted on; and say what was known."""
        command, body = _digest(f"{tenant}\x1f{command_id}"), _digest(body_hash)
        inserted = self._db.execute(
            "INSERT INTO begun VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (command, body, now_at)
        )
        if inserted.rowcount == 1:
            return "new"
        with closing(
            self._db.execute("SELECT body FROM begun WHERE command = ?", (command,))
        ) as rows:
            (known,) = rows.fetchone()
        return "begun" if known == body else "conflict"

    def close(self) -> None:
        self._db.close()


def _digest(text: str) -> bytes:
    return sha256(text.encode()).digest()[:16]
