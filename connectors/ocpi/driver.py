"""Who charged, where and under which reference, in the words that Session and CDR facts share."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from connectors.ocpi.kinds import payment_kind, role_of
from connectors.ocpi.quirks import NONE, Quirks
from connectors.ocpi.reading import Reader, masked, told
from connectors.stripping import MASK
from schemas.roaming import PaymentKind

_LEAST_CARD = 10**12  # the shortest card number has 13 digits

_IDENTIFIERS = frozenset({"id", "evse_uid", "evse_id", "connector_id"})  # of a CdrLocation


class Driver(NamedTuple):
    """The driver's token; what it could hold of a card number is masked."""

    token_type: str
    token_uid: str
    contract_id: str
    payment_kind: PaymentKind


class Spot(NamedTuple):
    """The outlet; empty where the object does not say which."""

    location_id: str
    evse_uid: str
    evse_id: str
    connector_id: str


def without_cards(found: dict[str, Any], reader: Reader) -> dict[str, Any]:
    """The object with card numbers masked where drivers' tokens and free text stand.

    PCI DSS 3.4: terminals have been seen to send a card's number as the token's uid. Identifiers
    of sessions and CDRs are left alone: a number of theirs may look like a card's by chance.
    """
    out = _with_reference(found, reader)
    for name in ("auth_id", "remark"):
        if name in out:
            out[name] = _masked(out[name], reader)
    reference = out.get("authorization_reference")
    if _masked(reference, reader) != reference:
        del out["authorization_reference"]  # masked, those of all drivers would be one
    for name in ("cdr_token", "cdr_location"):
        part = out.get(name)
        if isinstance(part, dict):
            out[name] = part_without_cards(part, reader)
    return out


def part_without_cards(part: dict[str, Any], reader: Reader) -> dict[str, Any]:
    """A driver's token or an outlet, its identifiers left alone."""
    return {
        key: value if key in _IDENTIFIERS else _masked(value, reader) for key, value in part.items()
    }


def _with_reference(found: dict[str, Any], reader: Reader) -> dict[str, Any]:
    """A copy. GIREVE's name of the reference in 2.1.1, which has none, is the standard's."""
    out = dict(found)
    theirs = out.pop("authorization_id", None)
    if theirs and not out.get("authorization_reference"):
        reader.note("authorization-id")
        out["authorization_reference"] = theirs
    return out


def _masked(value: Any, reader: Reader) -> Any:
    """Texts, and the numbers that some send in their place."""
    if type(value) is int and value >= _LEAST_CARD:
        return MASK if _masked(str(value), reader) != str(value) else value
    return masked(value, reader) if isinstance(value, str) else value


def driver(read: Mapping[str, Any], quirks: Quirks) -> Driver:
    given = read.get("cdr_token", {})
    kind = given.get("type", "")
    return Driver(
        token_type=kind,
        token_uid=given.get("uid", ""),
        contract_id=given.get("contract_id", "") or read.get("auth_id", ""),
        payment_kind=payment_kind(kind, read.get("auth_method", ""), role_of(quirks)),
    )


def spot(read: Mapping[str, Any], reader: Reader) -> Spot:
    """By the ids of a 2.2.1 Session, a CdrLocation, or the location inside a 2.1.1 object."""
    place = read.get("cdr_location")
    if place is not None:
        return Spot(
            told(place.get("id", "")),
            told(place.get("evse_uid", "")),
            told(place.get("evse_id", "")),
            told(place.get("connector_id", "")),
        )
    if isinstance(read.get("location"), dict):
        return _inside(read["location"], reader)
    return Spot(
        told(read.get("location_id", "")),
        told(read.get("evse_uid", "")),
        "",
        told(read.get("connector_id", "")),
    )


def _inside(location: dict[str, Any], reader: Reader) -> Spot:
    """2.1.1: the location holds only the EVSE and connector that were used, and only by promise."""
    evse = _only(location.get("evses"), "evses", reader)
    connector = _only(evse.get("connectors"), "connectors", reader)
    return Spot(_id(location, "id"), _id(evse, "uid"), _id(evse, "evse_id"), _id(connector, "id"))


def standard(read: Mapping[str, Any]) -> str:
    """The connector's standard, where a CDR or a 2.1.1 object tells it."""
    place = read.get("cdr_location")
    if place is not None:
        told_standard: str = place.get("connector_standard", "")
        return told_standard
    location = read.get("location")
    if not isinstance(location, dict):
        return ""
    quiet = Reader(NONE)  # `spot` says what is missing
    evse = _only(location.get("evses"), "evses", quiet)
    return _id(_only(evse.get("connectors"), "connectors", quiet), "standard")


def _only(listed: object, name: str, reader: Reader) -> dict[str, Any]:
    found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    if len(found) != 1:
        reader.note("which-outlet-not-told", f"{len(found)} {name}")
        return {}
    return found[0]


def _id(holder: dict[str, Any], name: str) -> str:
    value = holder.get(name)
    return value.strip()[:255] if isinstance(value, str) else ""
