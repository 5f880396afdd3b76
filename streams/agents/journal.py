"""What one transaction of sessions did, for those who follow it: by session, in order.

Told from it, the same core decides the same: which inputs, at what time, by which edition of the
rules, and what an opening went by that cannot be looked up later, because it moves on.
"""

import hashlib
import importlib.resources
from collections.abc import Iterator
from functools import cache
from importlib.resources.abc import Traversable

from schemas.facts import AcquirerHealth, AppliedInput, SessionJournal
from streams.core.pipe import Step
from streams.core.routing import Health
from streams.core.session import Pinned

_DECIDES = ("streams.core", "schemas")


@cache
def edition() -> str:
    """The rules of this very program: a digest of the sources of everything that decides."""
    digest = hashlib.blake2b(digest_size=8)
    for package in _DECIDES:
        for name, source in sorted(_sources(importlib.resources.files(package))):
            digest.update(f"{package} {name} {len(source)}\n".encode() + source)
    return digest.hexdigest()


def _sources(folder: Traversable, path: str = "") -> Iterator[tuple[str, bytes]]:
    for one in folder.iterdir():
        if one.is_dir() and one.name != "__pycache__":
            yield from _sources(one, f"{path}{one.name}/")
        elif one.name.endswith((".py", ".avsc")):
            yield path + one.name, one.read_bytes()


class _Told:
    """What is kept of one session until the commit: not its steps, which hold all that it was."""

    __slots__ = ("applied", "health", "issued", "pinned", "tenant")

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.applied: list[AppliedInput] = []
        self.issued: list[str] = []
        self.health: list[AcquirerHealth] = []
        self.pinned: Pinned | None = None


class Journal:
    """The records of one transaction, as they come about. Not thread-safe."""

    def __init__(self, partition: int, rules: str) -> None:
        self._partition = partition
        self._rules = rules
        self._told: dict[str, _Told] = {}

    def applied(self, step: Step, source: tuple[str, int, int], clock_at: int) -> None:
        topic, partition, offset = source
        entry = AppliedInput(topic=topic, partition=partition, offset=offset, clock_at=clock_at)
        session = step.session
        told = self._told.get(session.session_id)
        if told is None:
            told = self._told[session.session_id] = _Told(session.request.tenant)
        told.applied.append(entry)
        told.issued += [command.command_id for command in step.commands]

    def opened(self, step: Step, health: Health) -> None:
        """Its step, which was applied, began a session; this is how acquirers were doing."""
        told = self._told[step.session.session_id]
        told.health = [health[name] for name in sorted(health)]
        told.pinned = step.session.pinned

    def records(self) -> Iterator[SessionJournal]:
        for session_id, told in self._told.items():
            pinned = told.pinned
            yield SessionJournal(
                tenant=told.tenant,
                session_id=session_id,
                partition=self._partition,
                applied=told.applied,
                health=told.health,
                rules=self._rules,
                issued=told.issued,
                policy_id=pinned.policy_id if pinned is not None else "",
                policy_version=pinned.policy_version if pinned is not None else "",
                tariff_hash=pinned.tariff_hash if pinned is not None and pinned.tariff_body else "",
            )

    def clear(self) -> None:
        self._told.clear()
