"""Values of OCPI as the field sends them, put into one form; what cannot be read is refused.

Exact numbers (never a binary fraction), instants with and without zone, identifiers compared in
folded case, nulls that mean "not told". A refusal names the field: its path is put together on the
way out, so that reading what is right costs nothing for it.
"""

import functools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Any, NoReturn, cast
from zoneinfo import ZoneInfo

import msgspec

from connectors.feeding import Note, Refused
from connectors.ocpi.quirks import Quirks
from connectors.stripping import clean_text

CANONICAL = msgspec.json.Encoder(decimal_format="number", order="sorted")
AS_TOLD = msgspec.json.Encoder(decimal_format="number")
MAX_BYTES = 900_000  # of one object: with its fact it fits Kafka's megabyte
TEXT_MAX = 255
_LONG_TEXT_MAX = 8_000  # OCPI's longest is 5000: signed data
_SHOWN = 60
_BOUND = 10**9
_DECIMALS = 18
_LAST = Decimal(1).scaleb(-_DECIMALS)  # with nine before the point within a Decimal's 28 digits
_NUMBER_TEXT = 40
_HEAD_MAX = 9  # digits before the point, or eight and a sign
_TOLD_MAX = 19  # of it all: never more than 18 behind the point
_NUMBERS_MAX = 16_384  # remembered; then they start over
_INSTANT_TEXT = 40
_USUAL = (len("YYYY-MM-DDTHH:MM:SSZ"), len("YYYY-MM-DDTHH:MM:SS.mmmZ"))
_MINUTE = len("YYYY-MM-DDTHH:MM")
_MINUTE_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d", re.ASCII).fullmatch
_SECOND_FORM = re.compile(r":([0-5]\d)(?:\.(\d{3}))?Z", re.ASCII).fullmatch
_DEPTH = 24  # OCPI's deepest is a location's hours, 9
_SHORTEST_INSTANT = 10  # a date
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_YEAR_2100_MS = 4_102_444_800_000
UNKNOWN_ID = "#NA"  # OCPI 2.2.1, cdrs 3.5: no such thing, or not known


_LONG_NUMBER = re.compile(r"\d{10,}")
_CARD_MIN = 13  # digits
_IDENTIFIERS = frozenset({"id", "uid", "evse_id", "evse_uid", "connector_id", "tariff_id"})
like_a_card = re.compile(r"(?:\d[ -]?){13}").search
"""Whether a card's number may stand in a text: digits enough."""
_COMMA = re.compile(r"-?\d{1,9},\d{1,2}")
PLAIN_ID = re.compile(r"[!-~]+").fullmatch


class Odd(Decimal):
    """A number beyond all bounds, to be refused with its field's name."""


def _in_one_form(told: str) -> int | Decimal | Odd:
    """Three times as fast as Decimal.normalize."""
    if len(told) <= _HEAD_MAX and told[-1] != "0" and "e" not in told and "E" not in told:
        return Decimal(told)
    point = told.find(".")
    if 0 < point <= _HEAD_MAX and len(told) <= _TOLD_MAX and told[point + 1 :].isdigit():
        if told[-1] != "0":
            return Decimal(told)
        plain = told.rstrip("0")
        return Decimal(plain) if len(plain) > point + 1 else int(told[:point])
    found = Odd(told)
    return _in_form(found) if -_BOUND < found < _BOUND else found


class _Numbers(dict[str, int | Decimal | Odd]):
    """What the last numbers were: half of a CDR is numbers; prices, hours and whole Wh recur."""

    def __missing__(self, told: str) -> int | Decimal | Odd:
        found = _in_one_form(told)
        if len(told) <= _TOLD_MAX:
            if len(self) >= _NUMBERS_MAX:
                self.clear()
            self[told] = found
        return found


number_read: Callable[[str], int | Decimal | Odd] = _Numbers().__getitem__
"""A number of JSON, put into one form while it is read: `number` need not look at it again."""


def _in_form(value: Decimal) -> int | Decimal:
    """Behind the 18th digit there is only what binary fractions leave in the field (1.42E-14)."""
    whole = int(value)
    if whole == value:
        return whole
    plain = Decimal(value).quantize(_LAST, ROUND_DOWN).normalize()
    return Decimal(f"{plain:f}") if plain else 0


JSON = msgspec.json.Decoder(float_hook=number_read)


class Unreadable(Exception):
    """The object cannot be taken; `path` grows from the inside out."""

    def __init__(self, reason: str, problem: str, *path: str) -> None:
        super().__init__(reason, problem)
        self.reason = reason
        self.problem = problem
        self.path = list(path)

    def refused(self) -> Refused:
        field = "".join(
            part if part.startswith("[") else f".{part}" for part in reversed(self.path)
        )
        return Refused(self.reason, field.removeprefix("."), self.problem)


class Reader:
    """One object being read: the partner's quirks, and what was odd so far."""

    def __init__(self, quirks: Quirks) -> None:
        self.zone = _zone(quirks.local_zone) if quirks.local_zone else None
        self.notes: list[Note] = []

    def note(self, kind: str, detail: str = "") -> None:
        self.notes.append(Note(kind, clean_text(detail)[0] if detail else ""))

    def place(self, first: int, name: str) -> None:
        """Name the field of the notes from `first` on that do not tell what they are about."""
        for number in range(first, len(self.notes)):
            if not self.notes[number].detail:
                self.notes[number] = Note(self.notes[number].kind, name)

    def oddities(self) -> list[str]:
        """The kinds of the notes, each once, in order."""
        return list(dict.fromkeys(one.kind for one in self.notes))


Rule = Callable[[Any, Reader], Any]


def decoded(payload: bytes) -> Any:
    """JSON with exact numbers, of one object. Raises Unreadable, whatever the bytes are."""
    if len(payload) > MAX_BYTES:
        raise Unreadable("too-large", f"{len(payload)} bytes, at most {MAX_BYTES} of one object")
    try:
        return JSON.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable("not-json", str(error)[:200]) from None
    except RecursionError:
        raise Unreadable("too-deep", "nested too deep") from None
    except (InvalidOperation, ValueError) as error:  # a number that no Decimal can be
        raise Unreadable("not-json", type(error).__name__) from None


def shown(value: object) -> str:
    """A value in a refusal: short, and no card number, not even a part of one."""
    told = value if isinstance(value, str) else f"{type(value).__name__} {value!r}"
    told = _LONG_NUMBER.sub("(digits)", clean_text(told[: 4 * _SHOWN])[0])[:_SHOWN]
    return repr(told) if isinstance(value, str) else told


def wrong(value: object, wanted: str, reason: str = "wrong-type") -> NoReturn:
    raise Unreadable(reason, f"{wanted} wanted, not {shown(value)}")


# --- texts ------------------------------------------------------------------------------------


def text(value: Any, reader: Reader) -> str:
    """A text for people or an open word."""
    if isinstance(value, str):
        if len(value) > _LONG_TEXT_MAX:
            raise Unreadable("too-long", f"{len(value)} characters")
        return value
    return _number_as_text(value, reader)


def identifier(value: Any, reader: Reader) -> str:
    """A CiString: printable ASCII, in the case it came in; blanks around it are nobody's."""
    found = value if isinstance(value, str) else _number_as_text(value, reader)
    if 0 < len(found) <= TEXT_MAX and PLAIN_ID(found):
        return found
    trimmed = found.strip()
    if not trimmed or len(trimmed) > TEXT_MAX:
        raise Unreadable("bad-identifier", f"1 to {TEXT_MAX} characters wanted, not {shown(found)}")
    if not (trimmed.isascii() and trimmed.isprintable()):
        raise Unreadable("bad-identifier", f"printable ASCII wanted, not {shown(ascii(found))}")
    if trimmed != found:
        reader.note("blanks-around-an-identifier")
    return trimmed


def _number_as_text(value: Any, reader: Reader) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        wrong(value, "a string")
    reader.note("text-as-number")
    return str(value)


def told(value: str) -> str:
    """An identifier that means something, or empty."""
    return "" if value == UNKNOWN_ID else value


def yes(value: Any, reader: Reader) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        reader.note("boolean-as-text")
        return value.lower() == "true"
    wrong(value, "true or false")


# --- numbers ----------------------------------------------------------------------------------


def number(value: Any, reader: Reader) -> int | Decimal:
    """An exact number in one form: an integer where it is one, no zeros behind the point."""
    kind = type(value)
    if kind is Decimal:
        return cast("Decimal", value)
    if kind is Odd:
        return exact(value)
    if kind is int:
        if not -_BOUND < value < _BOUND:
            wrong(value, "a number below a milliard", "impossible-number")
        return cast("int", value)
    if isinstance(value, str) and len(value) <= _NUMBER_TEXT:
        try:
            found = Decimal(_with_point(value.strip()))
        except InvalidOperation:
            wrong(value, "a number", "not-a-number")
        reader.note("number-as-text")  # OCPI 2.1.1's own CDR example has a price so
        return exact(found)
    wrong(value, "a number", "not-a-number")


def _with_point(told: str) -> str:
    """`4,00` is a price of OCPI 2.0's own example; `4,000` could mean either, and is none."""
    return told.replace(",", ".") if _COMMA.fullmatch(told) else told


def exact(value: Decimal) -> int | Decimal:
    """In one form, and bounded before anything is computed with it. Raises Unreadable."""
    if not value.is_finite() or not -_BOUND < value < _BOUND:
        wrong(value, "a number below a milliard", "impossible-number")
    return _in_form(value)


def decimal_text(value: int | Decimal | None) -> str:
    """As the contract's `Exact`: empty for what is not told."""
    if value is None:
        return ""
    text = str(value)
    return f"{value:f}" if "E" in text else text


def number_of(text: str) -> int | Decimal:
    """The number of a contract's `Exact` that is told."""
    return exact(Decimal(text))


def whole(value: Any, reader: Reader) -> int:
    found = number(value, reader)
    if not isinstance(found, int):
        wrong(value, "a whole number", "not-whole")
    return found


# --- instants ---------------------------------------------------------------------------------


def instant(value: Any, reader: Reader) -> str:
    """An instant in one form: UTC, `Z`, milliseconds only where they are not 0."""
    if type(value) is str and (form := usual_instant(value)):
        return form
    if not isinstance(value, str) or not _SHORTEST_INSTANT <= len(value) <= _INSTANT_TEXT:
        wrong(value, "an instant", "not-an-instant")
    try:
        found = datetime.fromisoformat(value.strip())
    except ValueError:
        wrong(value, "an instant (RFC 3339)", "not-an-instant")
    try:
        at = (_zoned(found, value, reader) - _EPOCH) // _MS
    except OverflowError:
        wrong(value, "an instant that a calendar has", "not-an-instant")
    if not 0 <= at <= _YEAR_2100_MS:
        wrong(value, "an instant from 1970 to 2100", "not-an-instant")
    return written(at)


def _zoned(found: datetime, value: str, reader: Reader) -> datetime:
    if found.tzinfo is None:
        if reader.zone is None:
            reader.note("instant-without-zone")  # OCPI: then it is UTC
        return found.replace(tzinfo=reader.zone or UTC)
    if value[-1] not in "Zz":
        reader.note("instant-with-offset")  # ocpi/ocpi 464
    return found


def usual_instant(value: str) -> str:
    """Its one form, where it is in it but for milliseconds that are 0, as nearly all; else ''."""
    if len(value) not in _USUAL:
        return ""
    second = _second(value[_MINUTE:])[0]
    if not second or not 0 <= _minute_at(value[:_MINUTE]) < _YEAR_2100_MS:
        return ""
    return value[:_MINUTE] + second


# Instants of a charging share their minutes, and those of all chargings their seconds.
@functools.lru_cache(maxsize=8192)
def _minute_at(told: str) -> int:
    """Epoch ms of `YYYY-MM-DDTHH:MM`; -1: it is something else, or before 1970."""
    if _MINUTE_FORM(told) is None:
        return -1
    try:
        return max((datetime.fromisoformat(f"{told}Z") - _EPOCH) // _MS, -1)
    except ValueError:
        return -1


@functools.lru_cache(maxsize=8192)
def _second(told: str) -> tuple[str, int]:
    """`:SSZ` or `:SS.mmmZ` in one form, and in ms; '': it is something else."""
    found = _SECOND_FORM(told)
    if found is None:
        return "", 0
    second, after = found[1], int(found[2] or 0)
    return (told if after else f":{second}Z"), int(second) * 1000 + after


def at_of(canonical: str) -> int:
    """Epoch ms of an instant that `instant` put into its form."""
    return _minute_at(canonical[:_MINUTE]) + _second(canonical[_MINUTE:])[1]


def written(at: int) -> str:
    """Epoch ms as OCPI writes an instant."""
    precision = "milliseconds" if at % 1000 else "seconds"
    return (_EPOCH + at * _MS).isoformat(timespec=precision).removesuffix("+00:00") + "Z"


@functools.cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


# --- whatever else ----------------------------------------------------------------------------


def masked(told: str, reader: Reader) -> str:
    """The text without card numbers. PCI DSS 3.4."""
    if len(told) < _CARD_MIN or not like_a_card(told):
        return told
    cleaned, found = clean_text(told)
    if found:
        reader.note("card-number-masked")
    return cleaned


def anything(value: Any, reader: Reader) -> Any:
    """Kept as told, in one form: no nulls, numbers exact; nothing of it is interpreted.

    Card numbers are masked, but not in identifiers, which may look like them by chance.
    """
    return _one_form(value, reader, _DEPTH)


def _one_form(value: Any, reader: Reader, depth: int) -> Any:
    if depth == 0:
        raise Unreadable("too-deep", f"nested deeper than {_DEPTH}")
    match value:
        case dict():
            return {
                key: of
                if key in _IDENTIFIERS and isinstance(of, str)
                else _one_form(of, reader, depth - 1)
                for key, of in value.items()
                if of is not None
            }
        case list():
            return [_one_form(of, reader, depth - 1) for of in value]
        case Odd():
            return exact(value)
        case int() if not isinstance(value, bool):
            return number(value, reader)
        case str():
            return masked(value, reader)
        case _:
            return value
