"""The policy file while the pipeline runs: whoever edits it publishes it, once it is right.

A policy is a fact by id and version: the same version with another body would be two things under
one name, so it is refused and said. Sessions that are open keep what they began with.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from streams.core import strategy

_LOOK_EVERY_S = 1.0


class PolicyWatch:
    """Looks at the file every second, in a thread of its own; `publish` is called there."""

    def __init__(
        self, file: Path, publish: Callable[[], None], tell: Callable[[str], None]
    ) -> None:
        self._file = file
        self._publish = publish
        self._tell = tell
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="policy-watch", daemon=True)
        self._seen = _text(file)
        self._published = {_named(self._seen): self._seen}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            self.look()

    def look(self) -> None:
        """Publish what is new and right; say what is not, once for each edit."""
        text = _text(self._file)
        if text == self._seen or not text:
            return
        self._seen = text
        try:
            name = _named(text)
        except strategy.PolicyInvalid as wrong:
            self._tell(f"{self._file} is not published: {wrong}")
            return
        if self._published.get(name, text) != text:
            self._tell(f"{self._file} is not published: {name} was another text; change `version`")
            return
        self._publish()
        self._published[name] = text
        self._tell(f"policy {name} is published: new sessions go by it")


def _text(file: Path) -> str:
    """Empty while it cannot be read: an editor may be writing it."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _named(text: str) -> str:
    policy = strategy.parse_policy(text)
    return f"{policy.id}@{policy.version}"
