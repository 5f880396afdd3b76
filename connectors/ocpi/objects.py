"""The values that translating OCPI passes around: where a message is from, what is remembered."""

from typing import Any, NamedTuple

import msgspec

from connectors.feeding import Note, Refused
from schemas.facts import Fact


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a message comes from. Empty words: not known; `received_at` is epoch ms UTC.

    `country_code` and `party_id` name the owner of the object where its body does not;
    `object_hint` is one of `session`, `cdr`, `tariff`, `location`, `token`, `terminal`, `advice`,
    `invoice`; `object_id` comes from a PATCH's path; `answer_code` is the OCPI status code with
    which the counterparty answered the push, 0: not known.
    """

    tenant: str
    partner: str
    version_hint: str = ""
    country_code: str = ""
    party_id: str = ""
    object_hint: str = ""
    object_id: str = ""
    method: str = ""
    received_at: int
    answer_code: int = 0


class Slot(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One field as last told: `at` the `last_updated` that told it, `text` its JSON."""

    at: int
    text: str


class ObjectState(msgspec.Struct, array_like=True):
    """What is remembered of one object. Fields are only ever appended, with defaults.

    `put_at`: the newest PUT's `last_updated`; `fields` and `periods` (by their start, epoch ms)
    with the instant that told each; `statuses`: when a PATCH last said so, by status; `digest` and
    `money_digest` of a CDR's first body; `seen`: the digests of its accepted renderings.
    """

    kind: str = ""
    put_at: int = 0
    fields: dict[str, Slot] = {}
    periods: dict[int, Slot] = {}
    statuses: dict[str, int] = {}
    digest: str = ""
    money_digest: str = ""
    seen: list[str] = []


Fields = dict[str, msgspec.Raw]


class Kept(dict[str, Any]):
    """A part that recurs from one object to the next, with the canonical form it has in a body."""

    __slots__ = ("canonical",)

    def __init__(self, read: dict[str, Any], canonical: msgspec.Raw) -> None:
        super().__init__(read)
        self.canonical = canonical


class Piece(NamedTuple):
    """One object of a message: the key of its state, its own bytes, and where it comes from.

    `fields` are those of the object, each as it came, where it was taken apart.
    """

    key: str
    payload: bytes
    place: Place
    fields: Fields | None = None


class Translated(NamedTuple):
    """The new state (None: nothing to remember), the facts, and what was refused or odd."""

    state: ObjectState | None
    facts: tuple[Fact, ...] = ()
    refused: tuple[Refused, ...] = ()
    notes: tuple[Note, ...] = ()
