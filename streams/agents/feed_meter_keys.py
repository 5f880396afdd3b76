"""The operator's list of meters' public keys while its feed runs: an edit counts once it is right.

A meter that is exchanged brings a new key; a feed that had to be started anew for it would lag
meanwhile. What cannot be used, even one key of it, changes nothing and is said once for each edit.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from connectors.ocpp.signed.registry import (
    MOST_BYTES,
    NO_KEYS,
    Registry,
    RegistryWrong,
    read_registry,
)

_LOOK_EVERY_S = 1.0
_MOST_WRONG_KEYS = 20  # that are named: a file of another kind has no other

_Stamp = tuple[int, int, int]


class KeysWrong(ValueError):
    """The list cannot be used; `problems` has a line for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class MeterKeys:
    """`known` is what the file last said that was right; without a file there are no keys."""

    def __init__(self, file: Path | None = None) -> None:
        """Raises KeysWrong."""
        self.file = file
        self.known: Registry = NO_KEYS
        self._seen: _Stamp | None = None
        if file is not None:
            self._seen = _stamp(file)
            self.known = _read(file, NO_KEYS)

    def look(self) -> str:
        """Take over an edit of the file. What is to be said of it, empty: nothing changed.

        A file that is away changes nothing: it may be about to be replaced.
        """
        file = self.file
        if file is None:
            return ""
        stamp = _stamp(file)
        if stamp is None or stamp == self._seen:
            return ""
        self._seen = stamp
        try:
            found = _read(file, self.known)
        except KeysWrong as wrong:
            return f"{file} is not taken over, the keys before it stay: {'; '.join(wrong.problems)}"
        before, self.known = self.known, found
        return f"{file} is taken over: {_difference(before, found)}"


class KeysWatch:
    """Looks at the file every second, in a thread of its own; `tell` is called there."""

    def __init__(self, keys: MeterKeys, tell: Callable[[str], None]) -> None:
        self._keys = keys
        self._tell = tell
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keys-watch", daemon=True)

    def __enter__(self) -> Self:
        if self._keys.file is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            if said := self._keys.look():
                self._tell(said)


def _stamp(file: Path) -> _Stamp | None:
    """Which file, when written and how long; the list of a large network is not read each time."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _read(file: Path, known: Registry) -> Registry:
    """The list in the file; keys that are `known` already are not looked at again.

    Raises KeysWrong.
    """
    # Here, so that feeds without signatures start without loading cryptography.
    from connectors.ocpp.signed.keys import unusable  # noqa: PLC0415 - see above

    try:
        with file.open("rb") as opened:
            found = read_registry(opened.read(MOST_BYTES + 1))
    except OSError as error:
        raise KeysWrong([error.strerror or str(error)]) from error
    except RegistryWrong as wrong:
        raise KeysWrong([str(wrong)]) from wrong
    fresh = {name: keys for name, keys in found.keys.items() if known.keys.get(name) != keys}
    problems = unusable(Registry(fresh))
    if len(problems) > _MOST_WRONG_KEYS:
        count = f"{len(problems)} of {len(fresh)} cannot be read"
        problems = [*problems[:_MOST_WRONG_KEYS], count]
    if problems:
        raise KeysWrong(problems)
    return found


def _difference(before: Registry, after: Registry) -> str:
    old, new = before.keys, after.keys
    added, gone = len(new.keys() - old.keys()), len(old.keys() - new.keys())
    changed = sum(
        new[name] != old[name] or before.sits.get(name) != after.sits.get(name)
        for name in new.keys() & old.keys()
    )
    return f"keys of {len(new)} meters; {added} new, {changed} changed, {gone} gone"
