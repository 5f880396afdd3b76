"""OCPI Tariffs as TariffPublished: every version, by what stands in it (protocols.md section 5).

The body goes on as told, in one form: what a price in it means is for who prices by it, which also
refuses what cannot be priced. Numbers are exact, keys sorted, nulls left out; the hash is SHA-256
of that, so that the same tariff through a hub and a peer is one version.
"""

from typing import Any

from connectors.feeding import Note
from connectors.ocpi.building import built
from connectors.ocpi.merging import Told, effective, merged
from connectors.ocpi.message import Message, digest, matching
from connectors.ocpi.objects import ObjectState, Translated
from connectors.ocpi.reading import (
    CANONICAL,
    Reader,
    Rule,
    Unreadable,
    anything,
    at_of,
    identifier,
    instant,
    wrong,
)
from connectors.ocpi.tables import country_code, currency, party_id
from schemas.facts import TariffPublished

_CHECKED: dict[str, Rule] = {
    "id": identifier,
    "country_code": country_code,
    "party_id": party_id,
    "currency": currency,
    "last_updated": instant,
    "start_date_time": instant,
    "end_date_time": instant,
}
_MUST = ("id", "currency", "elements")


def seen(state: ObjectState | None, message: Message) -> Translated:
    """The tariff's new version, where it is one. Raises Unreadable."""
    reader, place = message.reader, message.place
    before = state or ObjectState(kind="tariff")
    if place.method == "DELETE":  # not used any more; who priced by it keeps it
        return Translated(before, notes=(Note("deleted", "tariff"),))
    read = _read(message.found, reader)
    matching(read, place)
    full = place.method != "PATCH"  # 2.1.1 has one
    at = at_of(read["last_updated"]) if "last_updated" in read else place.received_at
    if "last_updated" not in read:
        reader.note("no-last-updated", "tariff")  # as in the standard's own PUT example
    after = _replaced(before, read, at) if full else _patched(before, read, at, message)
    now = effective(after)
    missing = [name for name in _MUST if name not in now]
    if missing and full:
        raise Unreadable("missing", "required and not told", missing[0])
    if missing:
        return Translated(after, notes=(*reader.notes, Note("patch-without-object", "tariff")))
    body = CANONICAL.encode(now)
    tariff_hash = digest(body)
    if tariff_hash == before.digest or after is before:
        return Translated(after, notes=(*reader.notes, Note("repeated", "tariff")))
    after.digest = tariff_hash
    fact = built(
        TariffPublished,
        {
            "tenant": place.tenant,
            "tariff_id": now["id"],
            "tariff_hash": tariff_hash,
            "currency": now["currency"],
            "body": body.decode(),
            "received_at": place.received_at,
        },
    )
    return Translated(after, facts=(fact,), notes=tuple(reader.notes))


def _replaced(before: ObjectState, read: dict[str, Any], at: int) -> ObjectState:
    """A PUT not older than what is known; what was patched since stays.

    Prices are changed without a new `last_updated`, too: the later of two counts, and as a whole,
    because a tariff put together out of two would be nobody's.
    """
    if at < before.put_at:
        return before
    after = merged(ObjectState(kind="tariff", digest=before.digest), Told(read, at, full=True))
    after.fields |= {name: one for name, one in before.fields.items() if one.at > at}
    return after


def _patched(before: ObjectState, read: dict[str, Any], at: int, message: Message) -> ObjectState:
    cleared = tuple(name for name in message.told_null() if name not in _MUST)
    return merged(before, Told(read, at, full=False, cleared=cleared))


def _read(found: dict[str, Any], reader: Reader) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, value in found.items():
        if value is None:
            continue
        try:
            rule = _CHECKED.get(name, anything)
            read[name] = rule(value, reader)
            if name == "elements":
                _elements(value)
        except Unreadable as error:
            error.path.append(name)
            raise
    return read


def _elements(listed: Any) -> None:
    if not isinstance(listed, list) or not listed:
        wrong(listed, "a list of elements")
    for number, one in enumerate(listed):
        components = one.get("price_components") if isinstance(one, dict) else None
        if not isinstance(components, list):
            raise Unreadable("missing", "no list", "price_components", f"[{number}]")
