"""What the objects beside sessions have in common: how they are read, and facts made of them."""

import re
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from connectors.ocpi.message import Message, digest
from connectors.ocpi.newest import View
from connectors.ocpi.objects import ObjectState, Place
from connectors.ocpi.reading import AS_TOLD, Odd, Reader, Rule, Unreadable, at_of, wrong
from connectors.ocpi.shapes import Shape
from connectors.ocpi.versions import VERSIONS
from connectors.stripping import MASK, clean_text, has_card
from schemas.facts import Fact
from schemas.roaming import OcpiVersion

F = TypeVar("F", bound=Fact)
_ITEMS_MAX = 5_000
_DEPTH = 24
_CARD_DIGITS = (13, 19)


def is_patch(message: Message) -> bool:
    return message.place.method.upper() == "PATCH"


def told(message: Message, shape: Shape) -> dict[str, Any]:
    """The fields told; of a PATCH also those set to null, as None. Raises Unreadable."""
    patch = is_patch(message)
    out = shape.read(message.found, message.reader, partial=patch)
    if patch:
        nulls = (name for name in message.told_null() if name in shape.fields)
        out |= {name: None for name in nulls if name not in shape.must}
    return out


def provenance(message: Message, version: str, last_updated_at: int) -> dict[str, Any]:
    """The fields that all facts of partners have."""
    country, party = message.owner
    return {
        "tenant": message.place.tenant,
        "partner": message.place.partner,
        "ocpi_version": version,
        "country_code": country,
        "party_id": party,
        "oddities": message.reader.oddities(),
        "raw_digest": message.raw_digest,
        "last_updated_at": max(0, last_updated_at),
        "received_at": message.place.received_at,
    }


def built(kind: type[F], fields: dict[str, Any]) -> F:
    """The fact of these fields. Raises Unreadable with the name of the field that cannot be so."""
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$")
        path = re.findall(r"\[[^\]]*\]|[^.\[]+", where.removesuffix("`"))
        raise Unreadable("impossible-field", problem, *reversed(path)) from None


def hinted(place: Place, otherwise: OcpiVersion) -> OcpiVersion:
    """The version where the body shows none."""
    return next((one for one in VERSIONS if one == place.version_hint), otherwise)


def updated_at(fields: dict[str, Any]) -> int:
    """`last_updated` as epoch ms, -1 where it is not told."""
    text = fields.get("last_updated")
    return -1 if text is None else at_of(text)


def told_at(message: Message, fields: dict[str, Any], view: View, part: str = "") -> int:
    """When the message told its part: without an instant of its own, just after what is known."""
    at = updated_at(fields)
    if at >= 0:
        return at
    message.reader.note("instant-not-told", "last_updated")
    return view.next_at(part)


def news(states: tuple[ObjectState, ObjectState], part: str, message: Message) -> tuple[View, bool]:
    """What stands of the part after the message, and whether it says anything new of it."""
    before, after = View(states[0]), View(states[1])
    if after.whole_at(part) < 0:
        message.reader.note("waits-for-its-object", message.kind)
        return after, False
    if before.whole_at(part) >= 0 and after.values(part) == before.values(part):
        message.reader.note("repeated", message.kind)
        return after, False
    return after, True


# --- rules for fields -------------------------------------------------------------------------


def ignored(value: Any, reader: Reader) -> None:
    """A field of the standard that nothing here needs: neither kept nor checked."""
    del value, reader


def listed(rule: Rule) -> Rule:
    """A list of what `rule` reads; one without its list is met, too."""

    def read(value: Any, reader: Reader) -> list[Any]:
        if isinstance(value, str):
            reader.note("text-for-list")
            value = [value]
        if not isinstance(value, list):
            wrong(value, "a list")
        if len(value) > _ITEMS_MAX:
            raise Unreadable("too-many", f"{len(value)} items, at most {_ITEMS_MAX}")
        out: list[Any] = []
        for number, each in enumerate(value):
            try:
                out.append(rule(each, reader))
            except Unreadable as error:
                error.path.append(f"[{number}]")
                raise
        return out

    return read


# --- card numbers -----------------------------------------------------------------------------


def without_cards(message: Message, identities: frozenset[str]) -> Message:
    """The message without card numbers, and its digest taken of what is left (PCI DSS 3.4).

    A text that holds one goes as a whole: beside the number stand its expiry or track data. The
    object's `identities` are refused instead (Unreadable): with a mask for an id, different objects
    would become the same.
    """
    for name in sorted(identities):
        value = message.found.get(name)
        if isinstance(value, str | int) and has_card(str(value)):
            raise Unreadable("card-number", "could be a card's number; not kept", name)
    cleaned = _cleaned(message.found, _DEPTH)
    if cleaned == message.found:
        return message._replace(found=cleaned)
    message.reader.note("card-number-masked")
    return message._replace(found=cleaned, raw_digest=digest(AS_TOLD.encode(cleaned)))


def _cleaned(value: Any, depth: int) -> Any:
    if depth == 0:
        raise Unreadable("too-deep", f"nested deeper than {_DEPTH}")
    match value:
        case dict():
            return {_text(name): _cleaned(of, depth - 1) for name, of in value.items()}
        case list():
            return [_cleaned(of, depth - 1) for of in value]
        case str():
            return _text(value)
        case bool() | None:
            return value
        case _:
            return _number(value)


def _number(value: int | Decimal) -> Any:
    digits = len(str(value)) if isinstance(value, int) else value.adjusted() + 1
    if _CARD_DIGITS[0] <= digits <= _CARD_DIGITS[1] and has_card(str(int(value))):
        return MASK
    return Decimal(value) if isinstance(value, Odd) else value  # which can be written again


def _text(value: str) -> str:
    return MASK if clean_text(value)[1] else value
