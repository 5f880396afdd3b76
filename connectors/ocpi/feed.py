"""OCPI objects from a topic, as facts: what the feed's stage calls. Pure; design.md section 4.

A message is one object of OCPI 2.1.1, 2.2.1 or 2.3.0, bare or in the response envelope
(`{data, status_code, timestamp}`), or a page of such objects. `pieces` takes it apart; each piece
has the key of its state, which is the same whoever sends the object, and goes through `translate`
with that state. Which version and which object it is follows from what stands in the body; what
`Place` says are hints for bodies that do not show it (a PATCH, a 2.1.1 object without its owner).
"""

from collections.abc import Callable
from typing import Any

import msgspec

from connectors.feeding import Note
from connectors.ocpi import beside, cdrs, sessions, tariffs, usual_cdr
from connectors.ocpi.identity import object_id, placed, rewritten, state_key
from connectors.ocpi.message import Message, digest
from connectors.ocpi.objects import ObjectState, Piece, Place, Translated
from connectors.ocpi.paths import LEVELS
from connectors.ocpi.periods import usual
from connectors.ocpi.quirks import NONE, Quirks
from connectors.ocpi.reading import MAX_BYTES, Reader, Unreadable, decoded, shown
from connectors.ocpi.versions import CDR_ALONE, kind_of
from schemas import ids, topics
from schemas.facts import Fact, TariffPublished
from schemas.roaming import CdrSeen, SessionSeen

__all__ = [
    "ObjectState",
    "Piece",
    "Place",
    "Translated",
    "destination",
    "key_of",
    "pieces",
    "translate",
]

PIECES_MAX = 10_000  # of a page: partners' limits are 100 or so
_VALUES_MAX = 1_000_000  # of a message, counted by commas before anything is built of them
_UNREADABLE = "unreadable"
_NAMING = ("id", "uid", "terminal_id", "country_code", "party_id")
_NAME_BYTES = 1_000  # no identifier is so long
_ENVELOPE = {"status_code", "data"}
_ANSWER = {"status_code", "status_message", "timestamp", "data"}
_CODES = 10_000  # OCPI status codes have four digits
_PERIODS = "charging_periods"
_NULL = msgspec.Raw(b"null")
_UNTOLD = (_NULL, msgspec.Raw(b'""'))
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_BAD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Translator = Callable[[ObjectState | None, Message], Translated]
TRANSLATORS: dict[str, Translator] = {
    "session": sessions.seen,
    "cdr": cdrs.seen,
    "tariff": tariffs.seen,
    **beside.TRANSLATORS,
}


def pieces(payload: bytes, place: Place, quirks: Quirks = NONE) -> tuple[Piece, ...]:
    """The objects of a message. What cannot be taken apart is one piece, refused by `translate`."""
    payload = payload.removeprefix(b"\xef\xbb\xbf").strip()
    if len(payload) > _VALUES_MAX and payload.count(b",") > _VALUES_MAX:
        return (Piece(_UNREADABLE, payload, place),)
    try:
        if payload.startswith(b"{"):
            told = _FIELDS.decode(payload)
            if not told.keys() >= _ENVELOPE or told["data"] == _NULL:
                return (Piece(_key(told, place, quirks), payload, place, told),)
            place, payload = _answered(told["status_code"], place), bytes(told["data"])
        listed = _ITEMS.decode(payload) if payload.startswith(b"[") else [msgspec.Raw(payload)]
    except _BAD:
        return (Piece(_UNREADABLE, payload, place),)
    if len(listed) > PIECES_MAX:
        return (Piece(_UNREADABLE, payload, place),)
    return tuple(_piece(one, place, quirks) for one in map(bytes, listed))


def key_of(payload: bytes, place: Place, quirks: Quirks = NONE) -> str:
    """The key of one object's state: kind, owner and id in folded case, whoever sends it."""
    return _piece(payload, place, quirks).key


def _piece(payload: bytes, place: Place, quirks: Quirks) -> Piece:
    try:
        told = _FIELDS.decode(payload)
        return Piece(_key(told, place, quirks), payload, place, told)
    except _BAD:
        return Piece(_UNREADABLE, payload, place)


def _key(fields: dict[str, msgspec.Raw], place: Place, quirks: Quirks) -> str:
    """Raises DecodeError."""
    told = {name: value for name, value in fields.items() if value not in _UNTOLD}
    named: dict[str, Any] = {
        name: msgspec.json.decode(told[name])
        for name in _NAMING
        if name in told and len(bytes(told[name])) <= _NAME_BYTES
    }
    kind = kind_of(told, place.object_hint)
    return state_key(rewritten(named, quirks, kind), placed(place, quirks, kind), kind)


def translate(state: ObjectState | None, piece: Piece, quirks: Quirks = NONE) -> Translated:
    """One object: its facts, or why not. Total: no input makes it raise.

    What is refused leaves the state as it was.
    """
    reader = Reader(quirks)
    try:
        return _translated(state, piece, quirks, reader)
    except Unreadable as error:
        return Translated(state, refused=(error.refused(),), notes=tuple(reader.notes))


def _translated(
    state: ObjectState | None, piece: Piece, quirks: Quirks, reader: Reader
) -> Translated:
    payload, place = piece.payload, piece.place
    told = usual_cdr.told(piece, quirks)
    if told is not None:
        message = Message(told, "cdr", place, quirks, reader, digest(payload))
        return cdrs.seen_as(state, message, told)
    found = _usual_periods(piece) or decoded(payload)
    if not isinstance(found, dict):
        raise Unreadable("not-an-object", f"{type(found).__name__} instead of an OCPI object")
    if "status_code" in found and found.get("data") is None and found.keys() <= _ANSWER:
        return Translated(state, notes=(Note("answer-without-data", shown(found["status_code"])),))
    kind = kind_of({k: v for k, v in found.items() if v is not None}, place.object_hint)
    parts = {kind, place.object_hint} <= set(LEVELS)  # an EVSE is told as a location's part
    if kind and place.object_hint and kind != place.object_hint and not parts:
        reader.note("another-object-than-said", f"{kind} for {place.object_hint}")
    translator = TRANSLATORS.get(kind)
    if translator is None:
        raise Unreadable(
            "unknown-object",
            "nothing in it says which object of OCPI it is (a PATCH needs object and id from its"
            " path)",
        )
    found, place = rewritten(found, quirks, kind), placed(place, quirks, kind)
    if not object_id(found, place, kind):
        raise Unreadable("missing", "neither the body nor the path tells it", "id")
    message = Message(found, kind, place, quirks, reader, digest(payload))
    return translator(state, message)


def _usual_periods(piece: Piece) -> dict[str, Any] | None:
    """A CDR whose periods, nine tenths of it, are read without detours; None: it is read as all."""
    fields = piece.fields
    if (
        fields is None
        or fields.get(CDR_ALONE, _NULL) == _NULL
        or len(piece.payload) > MAX_BYTES
        or (periods := usual(fields.get(_PERIODS, _NULL))) is None
    ):
        return None
    rest = msgspec.json.encode({k: v for k, v in fields.items() if k != _PERIODS})
    try:
        found: dict[str, Any] = decoded(rest)
    except Unreadable:  # to be told of the whole
        return None
    found[_PERIODS] = periods
    return found


def destination(fact: Fact) -> tuple[str, str]:
    """Topic and key of a fact that `translate` gave: an OCPI session's facts share their key."""
    match fact:
        case SessionSeen():
            return topics.OCPI_SESSIONS, _alias(fact, "session", fact.ocpi_session_id)
        case CdrSeen() if fact.ocpi_session_id:
            return topics.OCPI_CDRS, _alias(fact, "session", fact.ocpi_session_id)
        case CdrSeen():
            return topics.OCPI_CDRS, _alias(fact, "cdr", fact.cdr_id)
        case TariffPublished():
            key = ids.tariff_key(fact.tenant, fact.tariff_id, fact.tariff_hash)
            return topics.TARIFFS, key
    return beside.destination(fact)


def _alias(fact: SessionSeen | CdrSeen, kind: str, value: str) -> str:
    return ids.ocpi_alias(fact.tenant, (fact.country_code, fact.party_id), kind, value)


def _answered(status_code: msgspec.Raw, place: Place) -> Place:
    """The place with the status code of the envelope. Raises DecodeError."""
    code = msgspec.json.decode(status_code)
    if isinstance(code, int) and not isinstance(code, bool) and 0 <= code < _CODES:
        return msgspec.structs.replace(place, answer_code=code)
    return place
