"""OCPP-J frames: what wraps a payload on the wire (OCPP 1.6J section 4, OCPP 2.1 part 4 section 4).

A feed may carry whole frames, or payloads whose action the mapping knows; these need no frame.
"""

import re
from typing import Final, Literal

import msgspec
from msgspec import Raw

from connectors.feeding import Note, Refused
from connectors.ocpp.messages.catalogue import Version

# What one message may cost, whatever is in it. A day's transactionData is below 2 MB.
MOST_BYTES: Final = 4 << 20
MOST_VALUES: Final = 200_000
MOST_ID: Final = 255  # the standard says 36; the id only pairs a call with its result
_PROBABLY_SMALL: Final = 64 << 10
_MOST_TOLD: Final = 200
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

Reason = Literal[
    "too-large", "not-json", "not-a-frame", "unknown-version", "unknown-action", "not-by-schema"
]


class NotValid(ValueError):
    """Bytes that are no message; `refused` says why, where, and what is wrong there."""

    def __init__(self, reason: Reason, field: str, problem: str) -> None:
        self.refused = Refused(reason, field[:_MOST_TOLD], problem[:_MOST_TOLD])
        super().__init__(f"{self.refused.field}: {self.refused.problem}")


class Call(msgspec.Struct, frozen=True, array_like=True, tag=2, forbid_unknown_fields=True):
    unique_id: str
    action: str
    payload: Raw


class CallResult(msgspec.Struct, frozen=True, array_like=True, tag=3, forbid_unknown_fields=True):
    unique_id: str
    payload: Raw


class CallError(msgspec.Struct, frozen=True, array_like=True, tag=4, forbid_unknown_fields=True):
    """A call that was not served. Some stacks leave out what is after the code."""

    unique_id: str
    code: str
    description: str = ""
    details: Raw = Raw(b"{}")


class CallResultError(
    msgspec.Struct, frozen=True, array_like=True, tag=5, forbid_unknown_fields=True
):
    """OCPP 2.1: a result that could not be read."""

    unique_id: str
    code: str
    description: str = ""
    details: Raw = Raw(b"{}")


class Send(msgspec.Struct, frozen=True, array_like=True, tag=6, forbid_unknown_fields=True):
    """OCPP 2.1: a call that nobody answers."""

    unique_id: str
    action: str
    payload: Raw


Frame = Call | CallResult | CallError | CallResultError | Send
_ID_FIELD: Final = "frame[1]"
_ID_IS_NUMBER: Final = Note("text-as-number", _ID_FIELD)
_NUMBERED: Final = re.compile(rb"(\s*\[\s*\d\s*,\s*)(-?\d{1,20})(?=\s*[,\]])")
_FRAMES: Final = msgspec.json.Decoder[Frame](Frame)
_ABOUT_FIELDS: Final = {
    "Object missing required field `": "required, and not there",
    "Object contains unknown field `": "not in the schema",
}
_VERSIONS: Final[dict[str, Version]] = {
    "16": "1.6",
    "201": "2.0.1",
    "21": "2.1",
}


def frame_of(data: bytes | str) -> Frame:
    """The frame that these bytes are, its payload not yet read.

    Raises NotValid: no frame, or one that no charger sends (MOST_BYTES, MOST_VALUES, MOST_ID).
    """
    raw = within_bounds(data)
    try:
        frame = _FRAMES.decode(raw)
    except msgspec.ValidationError as error:
        raise refusal(error, "not-a-frame") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_json(error) from error
    if len(frame.unique_id) > MOST_ID:
        raise NotValid(
            "not-a-frame", "frame[1]", f"a message id of {len(frame.unique_id)} characters"
        )
    return frame


def lenient_frame(data: bytes | str) -> tuple[Frame, Note | None]:
    """As `frame_of`, but that a message id may be a number: then it is its digits, and noted.

    Raises NotValid.
    """
    try:
        return frame_of(data), None
    except NotValid as refused:
        if refused.refused.field != _ID_FIELD:
            raise
        found = _NUMBERED.match(within_bounds(data))
        if found is None:
            raise
        raw = within_bounds(data)
        return frame_of(b'%b"%b"%b' % (found[1], found[2], raw[found.end() :])), _ID_IS_NUMBER


def within_bounds(data: bytes | str) -> bytes:
    """The bytes, without a byte order mark; raises NotValid before anything is built of too many.

    Values are counted by commas: cheap, and never below what decoding would make.
    """
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if len(raw) > MOST_BYTES:
        raise NotValid("too-large", "message", f"{len(raw)} bytes, of {MOST_BYTES} at most")
    if len(raw) > _PROBABLY_SMALL and (commas := raw.count(b",")) >= MOST_VALUES:
        raise NotValid("too-large", "message", f"{commas + 1} values, of {MOST_VALUES} at most")
    return raw.removeprefix(_BYTE_ORDER_MARK)


def version_named(text: str) -> Version:
    """The version that a header or WebSocket subprotocol names: `ocpp1.6`, `2.0.1`, `v21`.

    Raises NotValid.
    """
    plain = "".join(c for c in text.casefold().removeprefix("ocpp") if c not in " ._-jv")
    try:
        return _VERSIONS[plain]
    except KeyError:
        raise NotValid(
            "unknown-version", "version", f"{text!r} is none of 1.6, 2.0.1, 2.1"
        ) from None


def refusal(error: msgspec.ValidationError, reason: Reason) -> NotValid:
    """What msgspec says, with the path in front."""
    # The types take null where a field may be absent; the schemas do not.
    text = str(error).replace(" | null`", "`")
    problem, _, place = text.partition(" - at `$")
    path = place.removesuffix("`").removeprefix(".")
    for told, said in _ABOUT_FIELDS.items():
        if problem.startswith(told):
            name = problem.removeprefix(told).removesuffix("`")
            return NotValid(reason, f"{path}.{name}" if path else name, said)
    root = "frame" if reason == "not-a-frame" else "payload"
    if root == "frame" and problem.startswith("Expected `array` of at most"):
        problem = "more elements than its kind has"  # msgspec's figure leaves out the kind itself
    return NotValid(reason, f"{root}{path}" if path.startswith("[") else path or root, problem)


def not_json(error: Exception) -> NotValid:
    """Bytes that are no JSON text, or none that can be read within bounds."""
    if isinstance(error, RecursionError):
        return NotValid("too-large", "message", "nested too deeply")
    return NotValid("not-json", "message", f"no JSON: {error}")
