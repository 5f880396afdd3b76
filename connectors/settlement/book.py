"""The consumer's unique keys: which command was begun, with which body, and what came of it.

One row a command id, written before anything is done about it. The same id with the same body
exists, with another body it is a conflict; a second capture of a session is a conflict, whatever
its id, while the first may have been done (design.md, section 1, ideas 2 and 4).
"""

import msgspec

from connectors.acquirers.acquirer import Verdict
from schemas.facts import CommandKind

DEFINITE = frozenset({"done", "declined", "failed"})


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What is written at the begin of a command. `owner`: the process that begins it."""

    tenant: str
    command_id: str
    session_id: str
    kind: CommandKind
    body_hash: str
    owner: str
    begun_at: int


class Created(msgspec.Struct, frozen=True):
    """Nobody had begun it: it is ours to do."""


class Exists(msgspec.Struct, frozen=True, kw_only=True):
    """Begun before, with the same body. `settled` None: what came of it is not known yet."""

    begun_at: int
    owner: str
    settled: Verdict | None


class Conflict(msgspec.Struct, frozen=True):
    """Not to be done: the reason in words. `capture_id`: the other capture, if that is it."""

    why: str
    capture_id: str = ""


Begun = Created | Exists | Conflict
