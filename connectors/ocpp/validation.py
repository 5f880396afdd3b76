"""Payloads become messages: valid by their version's JSON schema, or lenient by name, or refused.

What the schemas allow is taken as it is. What real chargers send otherwise is taken where
`leniencies.LENIENCIES` names it, and told with the message. All else is refused, by its field.
"""

from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec
from msgspec import Raw, structs

from connectors.feeding import Note
from connectors.ocpp.frames import NotValid, not_json, refusal, within_bounds
from connectors.ocpp.leniencies import Departures, NothingLeft, mended
from connectors.ocpp.messages.catalogue import REQUESTS, RESPONSES, SKIPPED, Version
from connectors.ocpp.messages.payload import Number, Payload

# Meters have 12 digits, currencies 4 decimals; a number beyond is a fault or an attack.
MOST_DIGITS: Final = 64
MOST_EXPONENT: Final = 30
LEAST_EXPONENT: Final = -400  # what is left of a float that should be zero
NEWER_WORDS: Final = Note("newer-words")
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_BEYOND: Final = 10 ** (MOST_EXPONENT + 1)
_OUT_OF_BOUNDS: Final = f"Expected `number` below 1e{MOST_EXPONENT}, of {MOST_DIGITS} characters"


class Parsed(msgspec.Struct, frozen=True):
    """A message, and in what it departs from its schema: nothing, if `notes` is empty.

    With the note `newer-words` a message of 2.0.1 is one of `messages.v21`.
    """

    message: Payload
    notes: tuple[Note, ...] = ()


class Skipped(msgspec.Struct, frozen=True):
    """An action that is known and not needed, or a message of samples none of which is known."""

    action: str
    notes: tuple[Note, ...] = ()


def request_of(version: Version, action: str, payload: bytes | Raw) -> Parsed | Skipped:
    """What a request says. Raises NotValid: not valid, or no action of this version."""
    return _read(_REQUESTS, version, action, payload)


def response_of(version: Version, action: str, payload: bytes | Raw) -> Parsed | Skipped:
    """What the result of a call says, whose action the caller knows. Raises NotValid."""
    return _read(_RESPONSES, version, action, payload)


class _Reader:
    """Reads the payloads of one action in one direction."""

    def __init__(self, kind: type[Payload], newer: "_Reader | None") -> None:
        self._kind = kind
        self._newer = newer
        self.strict = msgspec.json.Decoder(
            kind, dec_hook=_number, float_hook=_bounded_decimal
        ).decode

    def read(self, action: str, raw: bytes) -> Parsed | Skipped:
        """The message in these bytes. Raises NotValid."""
        try:
            message = self.strict(raw)
        except msgspec.ValidationError as error:
            return self._read_again(action, raw, refusal(error, "not-by-schema"))
        except _UNREADABLE as error:
            raise not_json(error) from error
        # The types take null for what is not told; no schema of OCPP does.
        if b"null" in raw:
            return self.lenient(action, _decoded(raw, None))
        return Parsed(message)

    def _read_again(self, action: str, raw: bytes, refused: NotValid) -> Parsed | Skipped:
        """Of the version itself and the newer one, the reading that departs in less."""
        newer = self._newer
        if newer is not None and b"null" not in raw:
            with suppress(*_UNREADABLE):
                return Parsed(newer.strict(raw), (NEWER_WORDS,))
        said = _decoded(raw, refused)
        if newer is None:
            return self.lenient(action, said)
        theirs: Parsed | Skipped | None = None
        with suppress(NotValid):
            theirs = newer.lenient(action, said)
        try:
            ours = self.lenient(action, said)
        except NotValid:
            if theirs is None:
                raise
            return _as_newer(theirs)
        if theirs is not None and len(theirs.notes) < len(ours.notes):
            return _as_newer(theirs)
        return ours

    def lenient(self, action: str, said: object) -> Parsed | Skipped:
        """The message after mending. Raises NotValid."""
        found = Departures()
        try:
            mended_payload = mended(said, self._kind, found)
            message = msgspec.convert(mended_payload, self._kind, dec_hook=_number)
        except NothingLeft:
            return Skipped(action, found.told())
        except msgspec.ValidationError as error:
            raise refusal(error, "not-by-schema") from error
        return Parsed(message, found.told())


def _decoded(raw: bytes, refused: NotValid | None) -> object:
    """The JSON, whatever it is. Raises NotValid: `refused` where that says more."""
    try:
        return _ANY.decode(raw)
    except msgspec.ValidationError as error:
        raise refused or refusal(error, "not-by-schema") from error
    except _UNREADABLE as error:
        raise not_json(error) from error


def _as_newer(read: Parsed | Skipped) -> Parsed | Skipped:
    return structs.replace(read, notes=(NEWER_WORDS, *read.notes))


def _number(kind: type, said: object) -> Number:
    """A Number from what the decoder read. Raises ValueError, which the decoder puts in place."""
    if kind is not Number:
        raise NotImplementedError  # what msgspec asks of a hook for a type that is not its own
    if type(said) is int:
        if abs(said) >= _BEYOND:
            raise ValueError(_OUT_OF_BOUNDS)
        return Number(said)
    if isinstance(said, Decimal):
        if said.is_nan():
            raise ValueError(_OUT_OF_BOUNDS)
        return Number(said)
    raise ValueError(f"Expected `number`, got `{_json_name(said)}`")


def _json_name(said: object) -> str:
    return {type(None): "null", list: "array", dict: "object"}.get(type(said), type(said).__name__)


def _bounded_decimal(text: str) -> Decimal:
    if len(text) > MOST_DIGITS:
        raise ValueError(_OUT_OF_BOUNDS)
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(_OUT_OF_BOUNDS) from None
    if not LEAST_EXPONENT <= number.adjusted() <= MOST_EXPONENT:
        raise ValueError(_OUT_OF_BOUNDS)
    return number


def _decimal(text: str) -> Decimal:
    """Out of bounds is no number: the reader of the field says so, if there is one."""
    try:
        return _bounded_decimal(text)
    except ValueError:
        return Decimal("NaN")


_ANY: Final = msgspec.json.Decoder(float_hook=_decimal)


def _read(
    readers: dict[Version, dict[str, _Reader]], version: Version, action: str, payload: bytes | Raw
) -> Parsed | Skipped:
    reader = readers[version].get(action)
    if reader is not None:
        return reader.read(action, within_bounds(bytes(payload)))
    if action in SKIPPED[version]:
        return Skipped(action)
    raise NotValid("unknown-action", "action", f"{action!r} is none of OCPP {version}")


def _readers(
    kinds: dict[Version, dict[str, type[Payload]]],
) -> dict[Version, dict[str, _Reader]]:
    newest = {action: _Reader(kind, None) for action, kind in kinds["2.1"].items()}
    return {
        "1.6": {action: _Reader(kind, None) for action, kind in kinds["1.6"].items()},
        "2.0.1": {
            action: _Reader(kind, newest[action] if kind is not kinds["2.1"][action] else None)
            for action, kind in kinds["2.0.1"].items()
        },
        "2.1": newest,
    }


_REQUESTS: Final = _readers(REQUESTS)
_RESPONSES: Final = _readers(RESPONSES)
