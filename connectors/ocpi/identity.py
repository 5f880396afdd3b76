"""Whose an object is, and which: the same through a hub and a peer.

Owner and id come from the body; where 2.1.1 or a PATCH does not tell them, from what is known of
the place; a 2.1.1 peer that nobody named an owner for is its own. Hubs that rewrite identifiers are
undone by the partner's profile first. Pure.
"""

import functools
import re
from typing import Any

import msgspec

from connectors.ocpi import paths
from connectors.ocpi.objects import Place
from connectors.ocpi.quirks import Quirks, Rewrite
from schemas import ids

# Where the id of each kind stands; the others' is `id`.
_ID_MAX = 255
_ID_FIELDS = {"token": "uid", "terminal": "terminal_id"}
# Ids of a terminal provider are its own; the party in the body is the operator's.
_OF_PROVIDER = frozenset({"terminal", "advice"})


def rewritten(found: dict[str, Any], quirks: Quirks, kind: str = "") -> dict[str, Any]:
    """The object with the partner's identifiers as their owner wrote them."""
    if not quirks.rewrites:
        return found
    out = _rewritten_parts(found, quirks, kind) if kind in paths.LEVELS else dict(found)
    place = out.get("cdr_location")
    if isinstance(place, dict):
        out["cdr_location"] = place = dict(place)
    for one in quirks.rewrites:
        _rewrite(out, one.of, one)
        if one.of == "evse_uid" and isinstance(place, dict):
            _rewrite(place, one.of, one)
        if one.of == "location_id" and isinstance(place, dict):
            _rewrite(place, "id", one)
    return out


def _rewritten_parts(found: dict[str, Any], quirks: Quirks, kind: str) -> dict[str, Any]:
    """A location and its EVSEs, whose ids others call `location_id` and `evse_uid`."""
    out = dict(found)
    evses = out.get("evses")
    if isinstance(evses, list):
        evses = out["evses"] = [dict(one) if isinstance(one, dict) else one for one in evses]
    for by in quirks.rewrites:
        if by.of == "location_id" and kind == paths.LEVELS[0]:
            _rewrite(out, "id", by)
        if by.of == "evse_uid":
            for one in [out, *(evses if isinstance(evses, list) else ())]:
                if isinstance(one, dict):
                    _rewrite(one, "uid", by)
    return out


def _rewrite(holder: dict[str, Any], name: str, by: Rewrite) -> None:
    value = holder.get(name)
    if isinstance(value, str) and len(value) <= _ID_MAX:
        matched = _pattern(by.pattern).fullmatch(value)
        if matched:
            holder[name] = matched.expand(by.becomes)


@functools.cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def placed(place: Place, quirks: Quirks, kind: str = "") -> Place:
    """The place, with the identifiers of a hub's path as their owner wrote them."""
    if not quirks.rewrites:
        return place
    said = {
        "id": _path(place, quirks) if kind in paths.LEVELS else place.object_id,
        "country_code": place.country_code,
        "party_id": place.party_id,
    }
    said = rewritten(said, quirks)
    return msgspec.structs.replace(
        place,
        object_id=said["id"],
        country_code=said["country_code"],
        party_id=said["party_id"],
    )


def _path(place: Place, quirks: Quirks) -> str:
    """The ids of location, EVSE and connector, each by the rule of its own name."""
    names = dict(zip(("location_id", "evse_uid"), paths.steps(place), strict=False))
    said = rewritten(names, quirks)
    return "/".join([*said.values(), *paths.steps(place)[len(said) :]])


def owner(found: dict[str, Any], place: Place) -> tuple[str, str]:
    """Country code and party id, upper case; ('', partner): the partner's own scope."""
    country = _text(found.get("country_code")) or place.country_code
    party = _text(found.get("party_id")) or place.party_id
    if not party:
        return "", place.partner
    return country.upper(), party.upper()


def object_id(found: dict[str, Any], place: Place, kind: str) -> str:
    """The id in the body, or else the path's; empty: none is told.

    EVSEs and connectors are parts of their location, and have its id.
    """
    if kind in paths.LEVELS:
        return paths.location_id(found, place, kind)
    return _text(found.get(_ID_FIELDS.get(kind, "id"))) or place.object_id.strip()


def state_key(found: dict[str, Any], place: Place, kind: str) -> str:
    """The key of an object's state. Without an id: the partner's own, for what is refused."""
    of = ("", place.partner) if kind in _OF_PROVIDER else owner(found, place)
    name = paths.LEVELS[0] if kind in paths.LEVELS else kind or "unknown"
    return ids.ocpi_alias(place.tenant, of, name, object_id(found, place, kind))


def _text(value: object) -> str:
    """Before anything is checked: numbers in place of texts are met."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
