"""What the auditor remembers: on disk, with the part that was touched last in memory.

A temporary file of SQLite's unless a path is given. Nothing is durable before `commit`.
"""

import sqlite3
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)


class Shelf:
    """One file; raises sqlite3.Error."""

    def __init__(self, path: Path | None = None) -> None:
        self._database = sqlite3.connect(path or "", isolation_level=None)
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS kept (name TEXT, key TEXT, value BLOB,"
            " PRIMARY KEY (name, key)) WITHOUT ROWID"
        )
        self._database.execute("BEGIN")

    def read(self, name: str, key: str) -> bytes | None:
        row = self._database.execute(
            "SELECT value FROM kept WHERE name = ? AND key = ?", (name, key)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def write(self, name: str, values: dict[str, bytes]) -> None:
        self._database.executemany(
            "INSERT OR REPLACE INTO kept VALUES (?, ?, ?)",
            [(name, key, value) for key, value in values.items()],
        )

    def clear(self) -> None:
        """Forget everything: what was written is of another shape or another cluster."""
        self._database.execute("DELETE FROM kept")

    def commit(self) -> None:
        self._database.execute("COMMIT")
        self._database.execute("BEGIN")

    def close(self) -> None:
        self._database.close()


class Drawer(Generic[T]):
    """Values of one type by key; at most about `most` of them are in memory."""

    def __init__(self, shelf: Shelf, name: str, kind: type[T], most: int = 10_000) -> None:
        self._shelf = shelf
        self._name = name
        self._most = most
        self._open: dict[str, T] = {}
        self._changed: set[str] = set()
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._encoder = msgspec.msgpack.Encoder()

    def get(self, key: str) -> T | None:
        value = self._open.get(key)
        if value is None:
            stored = self._shelf.read(self._name, key)
            if stored is None:
                return None
            value = self._decoder.decode(stored)
            self._keep(key, value)
        return value

    def put(self, key: str, value: T) -> None:
        self._keep(key, value)
        self._changed.add(key)

    def _keep(self, key: str, value: T) -> None:
        if key not in self._open and len(self._open) >= self._most:
            self.flush()
            self._open.clear()
        self._open[key] = value

    def flush(self) -> None:
        encode = self._encoder.encode
        self._shelf.write(self._name, {key: encode(self._open[key]) for key in self._changed})
        self._changed.clear()
