"""What the auditor finds, each with what a person can do about it."""

from typing import Literal

import msgspec

Kind = Literal[
    "missing", "extra", "changed", "decided-otherwise", "applied-twice", "lost", "not-linked",
    "crossing-missed", "overdue", "silence-missed", "silence-wrong",
]  # fmt: skip


class Finding(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One difference. `what`: a command's id, a record's name or an input's place.

    missing: the core says it, its topic does not. extra: the other way round. changed: both, with
    another body. decided-otherwise: the same rules came to other commands. applied-twice: one
    input, two effects. lost: an input passed by with no effect. not-linked: a charger's fact that
    never reached its session. crossing-missed: a reading passed a watch and nobody was woken.
    overdue: an instant that its session waited for has passed, and it was not decided of.
    silence-missed: a charger was not heard of for too long, and its session was not told.
    silence-wrong: a session was told of its charger what cannot be.
    """

    kind: Kind
    topic: str
    session_id: str
    what: str
    detail: str
    repair: str


def finding(kind: Kind, topic: str, session_id: str, what: str, detail: str = "") -> Finding:
    return Finding(
        kind=kind,
        topic=topic,
        session_id=session_id,
        what=what,
        detail=detail,
        repair=_repair(kind, session_id, what),
    )


def _repair(kind: Kind, session_id: str, what: str) -> str:
    explain = f"holdfast explain {session_id}"
    named = what if what.startswith(session_id) else f"{session_id}/{what}"
    match kind:
        case "missing":
            return f"holdfast audit --emit {named} --yes"
        case "changed":
            return f"stop its performer; {explain}; holdfast audit --emit {named} --yes"
        case "extra":
            return f"stop its performer and ask the acquirer; {explain}"
        case "decided-otherwise" | "applied-twice" | "silence-wrong":
            return f"keep the topics as they are for whoever mends the program; {explain}"
        case "lost" | "not-linked" | "overdue":
            return f"holdfast audit --again {what} --yes"
        case "crossing-missed" | "silence-missed":
            return f"have the charger read its meter again; {explain}"
