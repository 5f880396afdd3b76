"""Invoice reconciliation records as InvoiceReported (OCPI 2.3.0 edition 2). Pure.

Each different record is told once; its reader goes by `last_updated_at`. A DELETE has no body: it
withdraws what was told last.
"""

from typing import Any

from connectors.ocpi.building import built, hinted, listed, provenance, updated_at
from connectors.ocpi.message import Message, digest, matching
from connectors.ocpi.objects import ObjectState, Slot, Translated
from connectors.ocpi.reading import CANONICAL, JSON, Unreadable, identifier, instant
from connectors.ocpi.shapes import Shape
from connectors.ocpi.tables import country_code, party_id
from schemas.partners import InvoiceReported

INVOICE = Shape(
    "InvoiceReconciliationRecord",
    {
        "country_code": country_code,
        "party_id": party_id,
        "id": identifier,
        "invoice_id": identifier,
        "cdrs": listed(identifier),
        "last_updated": instant,
    },
    required=("country_code", "party_id", "last_updated"),
    must=("id", "invoice_id", "cdrs"),
)
_SEEN_MAX = 64
_NEWEST = ""  # the slot of the record as it stands


def seen(state: ObjectState | None, message: Message) -> Translated:
    """The record, unless just this was told before. Raises Unreadable."""
    state = state or ObjectState(kind="invoice")
    withdrawn = message.place.method.upper() == "DELETE"
    fields = _known(state) if withdrawn else INVOICE.read(message.found, message.reader)
    matching(fields, message.place)
    text = CANONICAL.encode(fields)
    mark = digest(b"withdrawn" + text if withdrawn else text)
    if mark in state.seen:
        message.reader.note("repeated", "invoice")
        return Translated(state, notes=tuple(message.reader.notes))
    at = message.place.received_at if withdrawn else max(0, updated_at(fields))
    told = Slot(at, text.decode())
    known = state.fields.get(_NEWEST, told)
    after = ObjectState(
        kind="invoice",
        fields={_NEWEST: max(known, told, key=lambda one: (one.at, one.text))},
        seen=[*state.seen, mark][-_SEEN_MAX:],
    )
    fact = _fact(fields, message, at, withdrawn=withdrawn)
    return Translated(after, facts=(fact,), notes=tuple(message.reader.notes))


def _known(state: ObjectState) -> dict[str, Any]:
    slot = state.fields.get(_NEWEST)
    if slot is None:
        raise Unreadable("waits-for-its-object", "a record that was never told is withdrawn", "id")
    found: dict[str, Any] = JSON.decode(slot.text)
    return found


def _fact(fields: dict[str, Any], message: Message, at: int, *, withdrawn: bool) -> InvoiceReported:
    return built(
        InvoiceReported,
        provenance(message, hinted(message.place, "2.3.0"), at)
        | {
            "record_id": fields["id"],
            "invoice_id": fields["invoice_id"],
            "cdr_ids": fields["cdrs"],
            "withdrawn": withdrawn,
        },
    )
