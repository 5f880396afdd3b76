"""Where the auditor goes on after a restart: its memory and its places, in one commit.

An independent reader keeps it in a file of its own, and in no topic: nobody else needs it, and
without it everything is read again from the beginning, which takes longer and says the same. So it
is thrown away whenever it cannot be believed: damaged, of another shape, of another cluster, or of
places that the topics no longer have.
"""

import sqlite3
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog

from streams.audit.auditor import Memory
from streams.audit.shelf import Shelf, ShelfDamaged

log = structlog.get_logger()

SHAPE = 3  # of all that is kept: one more where what an older one kept would not do
_NAME = "checkpoint"
Positions = dict[tuple[str, int], int]  # by topic and partition: the next offset to read


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """`cluster`: whose topics these are, with the app id and the number of partitions."""

    shape: int = SHAPE
    cluster: str = ""
    positions: Positions = {}
    memory: Memory = msgspec.field(default_factory=Memory)


class Checkpoints:
    """One checkpoint on a shelf, each in the place of the one before. Raises sqlite3.Error."""

    def __init__(self, shelf: Shelf, cluster: str) -> None:
        self._shelf = shelf
        self._cluster = cluster
        self._encoder = msgspec.msgpack.Encoder()

    def read(self) -> Checkpoint:
        """An empty one where there is none. Raises ShelfDamaged."""
        stored = self._shelf.read(_NAME, "")
        if stored is None:
            return Checkpoint(cluster=self._cluster)
        try:
            found = msgspec.msgpack.decode(stored, type=Checkpoint)
        except msgspec.DecodeError as error:
            raise ShelfDamaged(str(error)) from error
        if (found.shape, found.cluster) != (SHAPE, self._cluster):
            raise ShelfDamaged(f"of {found.cluster}, shape {found.shape}")
        return found

    def keep(self, positions: Positions, memory: Memory) -> None:
        """Now, together with everything that was written to the shelf."""
        one = Checkpoint(cluster=self._cluster, positions=positions, memory=memory)
        self._shelf.write(_NAME, {"": self._encoder.encode(one)})
        self._shelf.commit()


def open_shelf(path: Path | None) -> Shelf:
    """The file at `path`, made anew where it is no database; a temporary one where it is taken."""
    if path is None:
        return Shelf()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return Shelf(path)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        log.warning("another auditor has the checkpoint: this one keeps none", path=str(path))
        return Shelf()
    except sqlite3.DatabaseError as error:
        log.warning("the checkpoint is no database", path=str(path), why=str(error))
        discard(path)
        return Shelf(path)


def discard(path: Path) -> None:
    """Nothing of it can be believed."""
    for one in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        with suppress(FileNotFoundError):
            one.unlink()
