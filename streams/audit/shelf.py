"""What the auditor remembers: on disk, with the part that was touched last in memory.

A temporary file of SQLite's unless a path is given. Nothing is durable before `commit`, and all of
a commit is or nothing. Each value stands behind a digest: what the disk made of it is found.
"""

import hashlib
import sqlite3
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)
_DIGEST = 8


class ShelfDamaged(RuntimeError):
    """A value is not what was written, or of another shape: nothing here can be believed."""


class Shelf:
    """One file, and one process at a time; raises sqlite3.Error."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._database = sqlite3.connect(path or "", isolation_level=None, timeout=1)
        try:
            self._open()
        except BaseException:
            self._database.close()
            raise

    def _open(self) -> None:
        execute = self._database.execute
        execute("PRAGMA locking_mode=EXCLUSIVE")
        execute("PRAGMA journal_mode=WAL")
        execute("PRAGMA synchronous=NORMAL")
        execute("BEGIN IMMEDIATE")
        execute(
            "CREATE TABLE IF NOT EXISTS kept (name TEXT, key TEXT, value BLOB,"
            " PRIMARY KEY (name, key)) WITHOUT ROWID"
        )

    def read(self, name: str, key: str) -> bytes | None:
        """Raises ShelfDamaged."""
        row = self._database.execute(
            "SELECT value FROM kept WHERE name = ? AND key = ?", (name, key)
        ).fetchone()
        if row is None:
            return None
        digest, value = row[0][:_DIGEST], row[0][_DIGEST:]
        if digest != _digest(name, key, value):
            raise ShelfDamaged(f"{name} {key}")
        return bytes(value)

    def write(self, name: str, values: dict[str, bytes]) -> None:
        self._database.executemany(
            "INSERT OR REPLACE INTO kept VALUES (?, ?, ?)",
            [(name, key, _digest(name, key, value) + value) for key, value in values.items()],
        )

    def commit(self) -> None:
        self._database.execute("COMMIT")
        self._database.execute("BEGIN IMMEDIATE")

    def close(self) -> None:
        self._database.close()


def _digest(name: str, key: str, value: bytes) -> bytes:
    about = f"{name}\n{key}\n".encode()
    return hashlib.blake2b(about + value, digest_size=_DIGEST).digest()


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
        """Raises ShelfDamaged."""
        value = self._open.get(key)
        if value is None:
            stored = self._shelf.read(self._name, key)
            if stored is None:
                return None
            try:
                value = self._decoder.decode(stored)
            except msgspec.DecodeError as error:
                raise ShelfDamaged(f"{self._name} {key}: {error}") from error
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
