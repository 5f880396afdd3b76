"""Where downloads are kept between runs, and how two processes share them."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs


def cache_dir() -> Path:
    """The user's cache directory for Holdfast; `HOLDFAST_CACHE_DIR` overrides it."""
    override = os.environ.get("HOLDFAST_CACHE_DIR")
    return Path(override) if override else Path(platformdirs.user_cache_dir("holdfast"))


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, waiting for whoever holds it.

    The lock is the kernel's (flock), so it ends with its holder, however that ends; the file stays,
    because deleting it would let two processes lock two files of the same name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
