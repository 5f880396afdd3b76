"""One owner of an analytics directory at a time: chDB inside two processes would corrupt it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.kafka.state_lock import StateDirectoryInUse, claim

_PATIENCE_S = 5  # for an owner that has just been killed


class AnalyticsInUse(Exception):
    """Another process owns this directory: ask it through its query port."""


@contextmanager
def owned(directory: Path) -> Iterator[None]:
    """Own the directory for as long as this takes. Raises AnalyticsInUse."""
    try:
        lock = claim(directory, patience_s=_PATIENCE_S)
    except StateDirectoryInUse as used:
        raise AnalyticsInUse(str(used)) from used
    with lock:
        yield
