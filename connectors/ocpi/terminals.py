"""Payment terminals as TerminalSeen: what they serve, who invoices (OCPI 2.3.0 payments). Pure.

A terminal is its provider's; the operator assigns locations and EVSEs to it by PATCH, which the
standard's own example sends without an instant.
"""

import re
from decimal import Decimal
from typing import Any

from connectors.ocpi.building import (
    built,
    hinted,
    is_patch,
    listed,
    news,
    provenance,
    told,
    told_at,
)
from connectors.ocpi.message import Message
from connectors.ocpi.newest import Told, View, merged
from connectors.ocpi.objects import ObjectState, Translated
from connectors.ocpi.reading import (
    Reader,
    Unreadable,
    decimal_text,
    exact,
    identifier,
    instant,
    number,
    text,
)
from connectors.ocpi.shapes import Shape, one, word
from connectors.ocpi.tables import country_code, party_id
from connectors.stripping import clean_text
from schemas.partners import TerminalSeen


def _degrees(value: Any, reader: Reader) -> int | Decimal:
    """A text by the standard, a number from many."""
    if isinstance(value, str) and _DEGREES.fullmatch(value):
        return exact(Decimal(value))
    return number(value, reader)


_DEGREES = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,20})?")
_PLACE = Shape("GeoLocation", {"latitude": _degrees, "longitude": _degrees})
_CREATORS = frozenset({"CPO", "PTP"})
TERMINAL = Shape(
    "Terminal",
    {
        "terminal_id": identifier,
        "customer_reference": identifier,
        "country_code": country_code,
        "party_id": party_id,
        "address": text,
        "city": text,
        "postal_code": text,
        "state": text,
        "country": text,
        "coordinates": one(_PLACE),
        "invoice_base_url": text,
        "invoice_creator": word(_CREATORS, "terminal.invoice_creator"),
        "reference": identifier,
        "location_ids": listed(identifier),
        "evse_uids": listed(identifier),
        "last_updated": instant,
    },
    required=("last_updated",),
)
_NOT_KEPT = frozenset({"terminal_id", "last_updated"})
# Serial numbers may be as long as a card's: what names a terminal is left alone.
_FOR_PEOPLE = frozenset({"address", "city", "postal_code", "state", "invoice_base_url"})


def seen(state: ObjectState | None, message: Message) -> Translated:
    """The terminal after this message, where it says anything new. Raises Unreadable."""
    before = state or ObjectState(kind="terminal")
    fields = told(message, TERMINAL)
    own, of_path = fields.get("terminal_id"), message.place.object_id.strip()
    if own and of_path and own.casefold() != of_path.casefold():
        raise Unreadable("contradicts-its-path", f"the path says {of_path!r}"[:200], "terminal_id")
    at = told_at(message, fields, View(before))
    kept = {name: fields[name] for name in fields.keys() - _NOT_KEPT}
    for name in _FOR_PEOPLE & kept.keys():
        kept[name] = kept[name] and clean_text(kept[name])[0]
    if kept.get("coordinates"):
        kept["coordinates"] = {
            name: decimal_text(value) for name, value in kept["coordinates"].items()
        }
    if not is_patch(message):
        kept["ocpi_version"] = hinted(message.place, "2.3.0")
    after = merged(before, [Told("", at, not is_patch(message), kept)])
    view, is_new = news((before, after), "", message)
    facts = (_fact(view, message),) if is_new else ()
    return Translated(after, facts, notes=tuple(message.reader.notes))


def _fact(view: View, message: Message) -> TerminalSeen:
    fields = view.values()
    where = fields.pop("coordinates", {})
    return built(
        TerminalSeen,
        provenance(message, fields["ocpi_version"], view.told_at())
        | {"country_code": "", "party_id": "", "location_ids": [], "evse_uids": []}
        | {"latitude": where.get("latitude", ""), "longitude": where.get("longitude", "")}
        | {"terminal_id": message.object_id}
        | fields,
    )
