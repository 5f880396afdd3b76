"""What real chargers send otherwise than the schemas say, and what is made of it.

One table, `LENIENCIES`: what is not in it is refused. Nothing here is silent: every departure is
returned with its name and place, to be counted. No leniency guesses at energy, at its unit or
phase, at money or at an identifier: there a wrong guess would be a wrong charge.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import inspect

from connectors.feeding import Note
from connectors.ocpp.frames import NotValid
from connectors.ocpp.messages.payload import CustomData, Number, Payload, Unread

# Sources: `reference/protocols.md` 11, 13, 18; and the field names of the firmware quirks there.
LENIENCIES: Final[Mapping[str, str]] = {
    "null-for-absent": "null where a field is not told: it is not told",
    "empty-for-absent": "an empty text or list where a word, number or entries belong: not told",
    "unknown-field": "a field that the schema does not have: left out",
    "custom-data": "customData that names no vendor: left out",
    "letter-case": "a word in other letters than the schema's (kwh, IdleTime): the schema's",
    "unknown-word": "a new word for a context, a reason or an error: Other; else not told",
    "unknown-sample": "a sample other than imported energy with a word we do not know: left out",
    "number-as-text": "a number in quotes: the number",
    "text-as-number": "a text without quotes: the text",
    "whole-number-as-decimal": "an integer written as 12.0: the integer",
    "fraction-of-wh": "meterStart or meterStop with a fraction: cut off, as all energies are",
    "too-long": "a descriptive text above its length: cut if required, else left out",
    "too-long-tag": "an idTag above its length: not told, so that it is taken for nobody's",
    "newer-words": "a message of 2.0.1 that is one of 2.1: read as one",
}
MOST_LENIENCIES: Final = 64
_MOST_SAID: Final = 40
_INDEX = re.compile(r"\[\d+\]")
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,18})", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,29})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
# What a word that nobody knows is read as, where one is required: the one that says least. A new
# trigger must not cost an end. None for what opens, moves or closes: eventType, status of money.
_OTHERS: Final = {
    "context": ("Other",),
    "reason": ("Other", "Unknown"),
    "stoppedReason": ("Other",),
    "errorCode": ("OtherError",),
    "triggerReason": ("Trigger",),
    "idTagInfo.status": ("Invalid",),
}
_DESCRIPTIVE: Final = frozenset(
    """
    chargePointVendor chargePointModel chargePointSerialNumber chargeBoxSerialNumber
    firmwareVersion iccid imsi meterType meterSerialNumber model vendorName serialNumber
    info vendorErrorCode vendorId techCode techInfo
    """.split()
)
# Chargers append to the tag of a remote start (lbbrhzn/ocpp #1803). Cut it could be another's.
_TAGS: Final = frozenset(("idTag", "parentIdTag"))
_REGISTERS: Final = frozenset(("meterStart", "meterStop"))
_SAMPLE_WORDS: Final = ("measurand", "unit", "phase", "location", "format")
_IMPORTED: Final = "energy.active.import"


class NothingLeft(Exception):
    """All samples of a message that must have one were left out."""


class _Field(msgspec.Struct, frozen=True):
    kind: inspect.Type
    required: bool


class Departures:
    """The departures of one message, each kind and field once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Note] = {}

    def note(self, name: str, field: str, said: str = "") -> None:
        """A note: the name in LENIENCIES, the first place, the word if it is a new one.

        Raises NotValid: so many that it is another protocol.
        """
        key = (name, _INDEX.sub("[]", field))
        if key in self._found:
            return
        if len(self._found) == MOST_LENIENCIES:
            problem = f"departs from its schema in over {MOST_LENIENCIES} ways"
            raise NotValid("not-by-schema", field, problem)
        self._found[key] = Note(name, f"{field}: {said[:_MOST_SAID]}" if said else field)

    def told(self) -> tuple[Note, ...]:
        return tuple(self._found.values())


def mended(said: object, kind: type[Payload], found: Departures) -> object:
    """The decoded JSON as its schema would have it, as far as leniencies go; notes each.

    Raises NothingLeft, and NotValid as `Departures.note` does. What cannot be mended is left as it
    is, for its type to refuse.
    """
    whole = _object(said, kind, "", found)
    if _emptied(whole, said, kind):
        raise NothingLeft
    return whole


def _object(said: object, kind: type, path: str, found: Departures) -> object:
    if not isinstance(said, dict) or kind is Unread:
        return said
    fields = _fields(kind)
    kept: dict[str, object] = {}
    for name, value in said.items():
        where = f"{path}.{name}" if path else name
        field = fields.get(name)
        if kind is CustomData:
            kept[name] = value
        elif field is None:
            found.note("unknown-field", where)
        elif (why := _untold(name, value, field)) is not None:
            found.note(why, where)
        else:
            one = _value(value, field, where, found)
            if _is_new_word(name, one, field):
                found.note("unknown-word", where, str(one))
            elif one != [] or value == [] or field.required:
                kept[name] = one
    return kept


def _is_new_word(name: str, said: object, field: _Field) -> bool:
    """A word that nobody knows where none is needed; of a sample it may not be left out."""
    return (
        isinstance(field.kind, inspect.LiteralType)
        and not field.required
        and name not in _SAMPLE_WORDS
        and isinstance(said, str)
        and said not in field.kind.values
    )


def _untold(name: str, value: object, field: _Field) -> str | None:
    """By which leniency this value says nothing, if by any."""
    if field.required:
        return None
    why = None
    if value is None:
        why = "null-for-absent"
    elif name == "customData":
        why = None if _names_vendor(value) else "custom-data"
    elif _is_empty(name, value, field.kind):
        why = "empty-for-absent"
    elif name in _DESCRIPTIVE and _too_long(value, field.kind):
        why = "too-long"
    elif name in _TAGS and _too_long(value, field.kind):
        why = "too-long-tag"
    return why


def _is_empty(name: str, value: object, kind: inspect.Type) -> bool:
    """Empty where its schema wants more; an empty measurand must not become imported energy."""
    if isinstance(kind, inspect.VarTupleType):
        return value == [] and bool(kind.min_length)
    return value == "" and name != "measurand" and not isinstance(kind, inspect.StrType)


def _names_vendor(value: object) -> bool:
    try:
        msgspec.convert(value, CustomData)
    except msgspec.ValidationError:
        return False
    return True


def _too_long(value: object, kind: inspect.Type) -> bool:
    return (
        isinstance(kind, inspect.StrType)
        and kind.max_length is not None
        and isinstance(value, str)
        and len(value) > kind.max_length
    )


def _value(said: object, field: _Field, where: str, found: Departures) -> object:
    match field.kind:
        case inspect.StructType(cls=cls):
            said = _object(said, cls, where, found)
        case inspect.VarTupleType(item_type=item):
            said = _entries(said, _Field(item, required=True), where, found)
        case inspect.LiteralType(values=words):
            said = _word(said, tuple(words), where, found)
        case inspect.StrType():
            said = _text(said, field.kind, where, found)
        case inspect.IntType():
            said = _whole(said, where, found)
        case inspect.CustomType():
            said = _number(said, where, found)
        case _:
            pass  # nothing else is told in more than one form: the schema's own check decides
    return said


def _entries(said: object, field: _Field, where: str, found: Departures) -> object:
    """`field` is that of one entry."""
    if not isinstance(said, list):
        return said
    kept: list[object] = []
    for index, value in enumerate(said):
        place = f"{where}[{index}]"
        one = _value(value, field, place, found)
        unknown = _unknown_word(one, field.kind)
        if unknown is not None:
            found.note("unknown-sample", f"{place}.{unknown[0]}", unknown[1])
        elif not (
            isinstance(field.kind, inspect.StructType) and _emptied(one, value, field.kind.cls)
        ):
            kept.append(one)
    return kept


def _emptied(one: object, before: object, kind: type) -> bool:
    """Whether all samples, or all that held samples, were left out of a list that must have one."""
    return (
        isinstance(one, dict)
        and isinstance(before, dict)
        and any(
            one.get(name) == [] and before[name] != []
            for name, field in _fields(kind).items()
            if isinstance(field.kind, inspect.VarTupleType) and name in one
        )
    )


def _unknown_word(sample: object, kind: inspect.Type) -> tuple[str, str] | None:
    """The field and word that keep a sample out, if one does; a sample of imported energy stays."""
    if not isinstance(kind, inspect.StructType) or not isinstance(sample, dict):
        return None
    fields = _fields(kind.cls)
    if "measurand" not in fields:
        return None
    measurand = sample.get("measurand", _IMPORTED)
    if not isinstance(measurand, str) or measurand.casefold().startswith(_IMPORTED):
        return None
    for name in _SAMPLE_WORDS:
        field, word = fields.get(name), sample.get(name)
        if (
            field is not None
            and isinstance(word, str)
            and isinstance(field.kind, inspect.LiteralType)
            and word not in field.kind.values
        ):
            return name, word
    return None


def _word(said: object, words: tuple[object, ...], where: str, found: Departures) -> object:
    if not isinstance(said, str) or said in words:
        return said
    same = _folded(words).get(said.casefold())
    if same is not None:
        found.note("letter-case", where, said)
        return same
    for other in _others(where):
        if other in words:
            found.note("unknown-word", where, said)
            return other
    return said


def _others(where: str) -> tuple[str, ...]:
    place, _, name = where.rpartition(".")
    return _OTHERS.get(name) or _OTHERS.get(f"{place.rpartition('.')[2]}.{name}", ())


def _text(said: object, kind: inspect.StrType, where: str, found: Departures) -> object:
    if (type(said) is int) or (isinstance(said, Decimal) and said.is_finite()):
        found.note("text-as-number", where)
        return str(said)
    name = where.rpartition(".")[2]
    if name in _DESCRIPTIVE and _too_long(said, kind):
        found.note("too-long", where)
        return str(said)[: kind.max_length]
    if name in _TAGS and _too_long(said, kind):
        found.note("too-long-tag", where)
        return ""
    return said


def _whole(said: object, where: str, found: Departures) -> object:
    if isinstance(said, str) and _WHOLE.fullmatch(said):
        found.note("number-as-text", where)
        return int(said)
    if isinstance(said, Decimal) and said == said.to_integral_value():
        found.note("whole-number-as-decimal", where)
        return int(said)
    if where in _REGISTERS:
        return _cut_off(_number(said, where, found), where, found)
    return said


def _cut_off(said: object, where: str, found: Departures) -> object:
    """A register with a fraction (shiv3/ocpp-cp-simulator #83); a negative one says nothing."""
    if not isinstance(said, Decimal) or not said.is_finite() or said < 0:
        return said
    found.note("fraction-of-wh", where)
    return int(said)


def _number(said: object, where: str, found: Departures) -> object:
    if isinstance(said, str) and _DECIMAL.fullmatch(said):
        found.note("number-as-text", where)
        return Number(said)
    return said


@cache
def _folded(words: tuple[object, ...]) -> dict[str, object]:
    return {str(word).casefold(): word for word in words}


@cache
def _fields(kind: type) -> dict[str, _Field]:
    about: Any = inspect.type_info(kind)
    return {one.encode_name: _Field(_told(one.type), required=one.required) for one in about.fields}


def _told(kind: inspect.Type) -> inspect.Type:
    """The type without its None."""
    if isinstance(kind, inspect.UnionType):
        (kind,) = (one for one in kind.types if not isinstance(one, inspect.NoneType))
    return kind
