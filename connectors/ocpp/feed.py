"""One OCPP message of one charger, as a CSMS logs it, becomes facts: the door of this folder."""

from collections.abc import Iterable
from functools import lru_cache
from zlib import crc32

from connectors.feeding import Note, Refused
from connectors.ocpp import told, translate2x, translate16
from connectors.ocpp.frames import (
    Call,
    CallError,
    CallResult,
    CallResultError,
    NotValid,
    Send,
    lenient_frame,
    version_named,
)
from connectors.ocpp.memory import ChargerState, only_make
from connectors.ocpp.messages import v16
from connectors.ocpp.messages.catalogue import REQUESTS, SKIPPED, Version
from connectors.ocpp.place import Place, Translated
from connectors.ocpp.plausibility import IdTag, Plausibility
from connectors.ocpp.signed.registry import NO_KEYS, Registry
from connectors.ocpp.turn import Turn
from connectors.ocpp.validation import Skipped, request_of, response_of

__all__ = [
    "ChargerState",
    "IdTag",
    "Note",
    "Place",
    "Plausibility",
    "Refused",
    "Translated",
    "only_make",
    "translate",
]

# Asked for by the CSMS; all other actions come from chargers.
_FROM_CSMS = frozenset(("RemoteStartTransaction", "RequestStartTransaction", "CostUpdated"))
_REPORT = "NotifyReport"
_START_RESULT = (b"transactionId", b"idTagInfo")


def translate(
    state: ChargerState | None,
    payload: bytes,
    place: Place,
    rules: Plausibility,
    keys: Registry = NO_KEYS,
) -> Translated:
    """What the message becomes. Pure and total: whatever the bytes are, it returns.

    `state` is this charger's from its message before, None at first, and is not changed. `keys` are
    those of the operator's meters.
    """
    turn = Turn(state, place, rules, keys)
    try:
        frame, note = lenient_frame(payload)
        if note is not None:
            turn.note(note.kind, note.detail)
        if isinstance(frame, Call | Send):
            _call(turn, frame)
        elif isinstance(frame, CallResult):
            _result(turn, frame)
        else:
            _error(turn, frame)
    except NotValid as error:
        refused = error.refused
        turn.refuse(refused.reason, refused.field, refused.problem)
    return turn.translated()


def _call(turn: Turn, frame: Call | Send) -> None:
    version, turn.version = _version(turn.place, frame)
    read = request_of(version, frame.action, frame.payload)
    _tell(turn, read.notes)
    if isinstance(read, Skipped):
        turn.note("skipped", read.action)
        if read.action == _REPORT and told.tells(raw := bytes(frame.payload)):
            told.take(turn, raw)
        return
    meant = "to_charger" if frame.action in _FROM_CSMS else "from_charger"
    if turn.place.direction not in ("", meant):
        turn.note("wrong-direction", frame.action)
        return
    if version == "1.6":
        translate16.call(turn, frame.unique_id, read.message)
    else:
        translate2x.call(turn, read.message, crc32(frame.payload))


def _version(place: Place, frame: Call | Send) -> tuple[Version, str]:
    """The version told, else the oldest whose words the message has; and what is sure of it.

    Nothing is where a Heartbeat says no more than that it is one.
    """
    if place.version:
        named = _named(place.version)
        return named, named
    versions: tuple[Version, ...] = ("1.6", "2.0.1", "2.1")
    known = [
        version
        for version in versions
        if frame.action in REQUESTS[version] or frame.action in SKIPPED[version]
    ]
    if len(known) > 1 and "1.6" in known and _is_2x(frame):
        known.remove("1.6")
    if not known:
        return "2.1", ""
    is_sure = known[0] != "1.6" or len(known) == 1 or frame.action in _OF_2X
    return known[0], known[0] if is_sure else ""


_named = lru_cache(maxsize=64)(version_named)

_OF_2X = {
    "MeterValues": (b'"evseId"',),
    "StatusNotification": (b'"connectorStatus"',),
    "BootNotification": (b'"chargingStation"',),
    "Authorize": (b'"idToken"',),
}


def _is_2x(frame: Call | Send) -> bool:
    return any(mark in bytes(frame.payload) for mark in _OF_2X.get(frame.action, ()))


def _result(turn: Turn, frame: CallResult) -> None:
    """Results matter where a station tells of itself, and in 1.6 that of a start: its number."""
    place = turn.place
    raw = bytes(frame.payload)
    if place.direction != "to_charger" and told.tells(raw):
        told.take(turn, raw)
        return
    if place.direction == "from_charger" or (place.version and _named(place.version) != "1.6"):
        return
    if not all(one in raw for one in _START_RESULT):
        return
    read = response_of("1.6", "StartTransaction", frame.payload)
    _tell(turn, read.notes)
    if not isinstance(read, Skipped) and isinstance(read.message, v16.StartTransactionResponse):
        translate16.started(turn, frame.unique_id, read.message)


def _error(turn: Turn, frame: CallError | CallResultError) -> None:
    turn.note("call-error", frame.code)


def _tell(turn: Turn, notes: Iterable[Note]) -> None:
    for one in notes:
        turn.note(one.kind, one.detail)
