"""Drivers' tokens as TokenSeen: what tells a contract's charging from one paid by card. Pure.

A token is known by its uid and type, so the types of one uid are parts of one object. PUT and PATCH
in any order, each field as last told. Neither visual numbers nor languages are kept.
"""

from connectors.ocpi.building import (
    built,
    hinted,
    ignored,
    is_patch,
    news,
    provenance,
    told,
    told_at,
    without_cards,
)
from connectors.ocpi.kinds import role_of, stored_kind
from connectors.ocpi.message import Message
from connectors.ocpi.newest import Told, View, merged, path
from connectors.ocpi.objects import ObjectState, Translated
from connectors.ocpi.reading import identifier, instant, text, yes
from connectors.ocpi.shapes import Shape, word
from connectors.ocpi.tables import country_code, party_id
from schemas.partners import TokenSeen
from schemas.roaming import OcpiVersion

_TYPES = frozenset({"AD_HOC_USER", "APP_USER", "EMAID", "OTHER", "RFID"})
_USUAL_TYPE = "RFID"  # OCPI's default for the query parameter `type`
_WHITELISTS = frozenset({"ALWAYS", "ALLOWED", "ALLOWED_OFFLINE", "NEVER"})
TOKEN = Shape(
    "Token",
    {
        "country_code": country_code,
        "party_id": party_id,
        "uid": identifier,
        "type": word(_TYPES, "token.type"),
        "contract_id": identifier,
        "auth_id": identifier,
        "issuer": text,
        "group_id": identifier,
        "valid": yes,
        "whitelist": word(_WHITELISTS, "token.whitelist"),
        **dict.fromkeys(
            ("visual_number", "language", "default_profile_type", "energy_contract"), ignored
        ),
        "last_updated": instant,
    },
    required=("issuer", "whitelist", "last_updated"),
    must=("uid", "type", "valid"),
)
_KEPT = frozenset("uid type contract_id issuer group_id valid whitelist".split())


def seen(state: ObjectState | None, message: Message) -> Translated:
    """The token after this message, where it says anything new. Raises Unreadable."""
    message = without_cards(message, frozenset({"uid"}))
    before = state or ObjectState(kind="token")
    fields = told(message, TOKEN)
    part = path("types", fields.get("type") or _type_of(View(before), message))
    at = told_at(message, fields, View(before), part)
    if fields.get("auth_id") is not None:
        fields.setdefault("contract_id", fields["auth_id"])
    kept = {name: fields[name] for name in _KEPT & fields.keys()}
    if not is_patch(message):
        kept["ocpi_version"] = _version(fields, message)
    after = merged(before, [Told(part, at, not is_patch(message), kept)])
    view, is_new = news((before, after), part, message)
    facts = (_fact(view, part, message),) if is_new else ()
    return Translated(after, facts, notes=tuple(message.reader.notes))


def _type_of(view: View, message: Message) -> str:
    """Of a PATCH: as its path says, else the only one that is known."""
    _, _, query = message.place.object_id.partition("?type=")
    known = view.parts("types")
    of_path = query.partition("&")[0]
    return of_path or (known[0].partition("/")[2] if len(known) == 1 else _USUAL_TYPE)


def _version(fields: dict[str, object], message: Message) -> OcpiVersion:
    if fields.get("auth_id") is not None or not {"country_code", "contract_id"} & fields.keys():
        return "2.1.1"
    return "2.3.0" if fields.get("type") == "EMAID" else hinted(message.place, "2.2.1")


def _fact(view: View, part: str, message: Message) -> TokenSeen:
    fields = view.values(part)
    return built(
        TokenSeen,
        provenance(message, fields["ocpi_version"], view.told_at(part))
        | {
            "token_uid": fields["uid"],
            "token_type": fields["type"],
            "contract_id": fields.get("contract_id", ""),
            "group_id": fields.get("group_id", ""),
            "issuer": fields.get("issuer", ""),
            "valid": fields["valid"],
            "whitelist": fields.get("whitelist", ""),
            "payment_kind": stored_kind(fields["type"], role_of(message.quirks)),
        },
    )
