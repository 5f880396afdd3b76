"""One owner per state directory."""

import fcntl
import os
import select
import sys
import time
from pathlib import Path
from typing import BinaryIO

LOCK_NAME = "owner.lock"
_RETRY_S = 0.1
_DYING_S = 1.0  # a killed process still runs, and still holds its lock, for a moment


class StateDirectoryInUse(Exception):
    """Another process works on this state directory; the message names both."""


def claim(state_dir: Path, *, patience_s: float) -> BinaryIO:
    """The lock of the directory, held until the returned file and its inherited copies close.

    The lock is the kernel's (flock): it ends with its holders, also with killed ones. When the
    owner on record is dead but the lock is still held, its broker is just being stopped: that is
    waited for, `patience_s` at most. Raises StateDirectoryInUse otherwise.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    file = (state_dir / LOCK_NAME).open("a+b")
    began = time.monotonic()
    while not _locked(file):
        owner = _owner(file)
        patience = _DYING_S if owner is None or _alive(owner) else patience_s
        if time.monotonic() - began > patience:
            file.close()
            raise StateDirectoryInUse(
                f"{state_dir} is in use by process {owner or 'unknown'}; stop it, or choose"
                " another state directory"
            )
        time.sleep(_RETRY_S)
    file.truncate(0)
    file.write(b"%d\n" % os.getpid())
    file.flush()
    return file


def _locked(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(file: BinaryIO) -> int | None:
    file.seek(0)
    text = file.read().strip()
    return int(text) if text.isdigit() else None


def _alive(pid: int) -> bool:
    """Whether it runs: a killed process whose parent has not asked yet (a zombie) does not."""
    try:
        if sys.platform != "linux":
            os.kill(pid, 0)
            return True
        ended = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        watched = select.poll()  # select() takes no descriptor above 1,023
        watched.register(ended, select.POLLIN)
        return not watched.poll(0)
    finally:
        os.close(ended)
