"""What every feed's translation gives: the next state, facts, refusals by name, and notes.

A feed's stage applies all four in one transaction: facts go on, a message with refusals is parked
with all of them, notes are counted. Nothing in a refusal or a note may hold card data.
"""

from typing import Generic, TypeVar

import msgspec

from schemas.facts import Fact

S = TypeVar("S")


class Refused(msgspec.Struct, frozen=True):
    """Why a message, or a part of it, is parked: a slug, the field's path, the value's problem."""

    reason: str
    field: str
    problem: str


class Note(msgspec.Struct, frozen=True):
    """Something to count by `kind` (a slug): accepted although odd, skipped, repeated."""

    kind: str
    detail: str = ""


class Translated(msgspec.Struct, Generic[S], frozen=True):
    """What became of one message. A refused one may still give facts that no money rests on."""

    state: S
    facts: tuple[Fact, ...] = ()
    refused: tuple[Refused, ...] = ()
    notes: tuple[Note, ...] = ()
