"""The tables of Session and CDR with their parts, over OCPI 2.1.1, 2.2.1 and 2.3.0 at once.

One table serves all versions: their names do not collide, and a body may mix them in the field.
`required` is what the versions have in common, `must` what money or identity needs; what only one
version requires is looked at where the version is known (`versions.py`).
"""

from typing import Any

from connectors.ocpi.periods import periods
from connectors.ocpi.reading import (
    Reader,
    Unreadable,
    anything,
    identifier,
    instant,
    number,
    text,
    whole,
    wrong,
    yes,
)
from connectors.ocpi.shapes import Shape, many, one, word
from schemas.money import UnknownCurrency, exponent_of

STATUSES = frozenset({"RESERVATION", "PENDING", "ACTIVE", "COMPLETED", "INVALID"})
_AUTH = word(frozenset({"AUTH_REQUEST", "COMMAND", "WHITELIST"}), "auth_method")
_TOKEN_TYPE = word(
    frozenset({"AD_HOC_USER", "APP_USER", "EMAID", "OTHER", "RFID"}), "cdr_token.type"
)


def country_code(value: Any, reader: Reader) -> str:
    found = identifier(value, reader)
    if len(found) != 2 or not found.isalpha():  # noqa: PLR2004 - ISO 3166-1 alpha-2
        wrong(value, "two letters (ISO 3166-1)", "bad-identifier")
    return found.upper()


def party_id(value: Any, reader: Reader) -> str:
    return identifier(value, reader).upper()


def currency(value: Any, reader: Reader) -> str:
    found = identifier(value, reader).upper()
    try:
        exponent_of(found)
    except UnknownCurrency:
        wrong(value, "a code of ISO 4217", "unknown-currency")
    return found


# --- prices -----------------------------------------------------------------------------------

_TAX = Shape(
    "TaxAmount",
    {"name": text, "account_number": text, "percentage": number, "amount": number},
    required=("name",),
    must=("amount",),
)
_PRICE = Shape(
    "Price",
    {"excl_vat": number, "incl_vat": number, "before_taxes": number, "taxes": many(_TAX)},
)


def price(value: Any, reader: Reader) -> Any:
    """A number (2.1.1), or an object with at least one of the sides (2.2.1, 2.3.0)."""
    if not isinstance(value, dict):
        return number(value, reader)
    found = _PRICE.read(value, reader)
    if not found.keys() - {"taxes"}:
        raise Unreadable("missing", "neither excl_vat, incl_vat nor before_taxes")
    if "incl_vat" in found and abs(found["incl_vat"]) < abs(found.get("excl_vat", 0)):
        reader.note("gross-below-net")  # 0 for "not known" is met: no gross is told
        del found["incl_vat"]
    return found


# --- parts ---------------------------------------------------------------------------------

_TOKEN = Shape(
    "CdrToken",
    {
        "country_code": country_code,
        "party_id": party_id,
        "uid": identifier,
        "type": _TOKEN_TYPE,
        "contract_id": identifier,
    },
    required=("country_code", "party_id", "uid", "type", "contract_id"),
)
_LOCATION = Shape(
    "CdrLocation",
    {
        "id": identifier,
        "name": text,
        "address": text,
        "city": text,
        "postal_code": text,
        "state": text,
        "country": text,
        "coordinates": anything,
        "time_zone": text,
        "evse_uid": identifier,
        "evse_id": identifier,
        "connector_id": identifier,
        "connector_standard": text,
        "connector_format": text,
        "connector_power_type": text,
    },
    required=("id", "address", "city", "country", "coordinates", "evse_uid", "connector_id"),
)
_SIGNED_VALUE = Shape(
    "SignedValue",
    {"nature": text, "plain_data": text, "signed_data": text},
    required=("nature", "plain_data"),
    must=("signed_data",),
)
_SIGNED = Shape(
    "SignedData",
    {
        "encoding_method": text,
        "encoding_method_version": whole,
        "public_key": text,
        "signed_values": many(_SIGNED_VALUE),
        "url": text,
    },
    required=("encoding_method", "signed_values"),
)


def _listed(value: Any, reader: Reader) -> list[Any]:
    if not isinstance(value, list):
        wrong(value, "a list")
    found: list[Any] = anything(value, reader)
    return found


_OWNER = {"country_code": country_code, "party_id": party_id, "id": identifier}
_COMMON = {
    **_OWNER,
    "start_date_time": instant,
    "end_date_time": instant,
    "cdr_token": one(_TOKEN),
    "auth_id": identifier,
    "auth_method": _AUTH,
    "authorization_reference": identifier,
    "meter_id": text,
    "currency": currency,
    "charging_periods": periods,
    "total_cost": price,
    "location": anything,
    "last_updated": instant,
}
SESSION = Shape(
    "Session",
    {
        **_COMMON,
        "start_datetime": instant,
        "end_datetime": instant,
        "kwh": number,
        "location_id": identifier,
        "evse_uid": identifier,
        "connector_id": identifier,
        "status": word(STATUSES, "status"),
    },
    required=("auth_method",),
    must=("id", "kwh", "currency", "status", "last_updated"),
)
CDR = Shape(
    "CDR",
    {
        **_COMMON,
        "stop_date_time": instant,
        "session_id": identifier,
        "cdr_location": one(_LOCATION),
        "tariffs": _listed,
        "signed_data": one(_SIGNED),
        "total_fixed_cost": price,
        "total_energy": number,
        "total_energy_cost": price,
        "total_time": number,
        "total_time_cost": price,
        "total_parking_time": number,
        "total_parking_cost": price,
        "total_reservation_cost": price,
        "remark": text,
        "invoice_reference_id": identifier,
        "credit": yes,
        "credit_reference_id": identifier,
        "home_charging_compensation": yes,
    },
    required=("auth_method", "charging_periods", "start_date_time", "total_time"),
    must=("id", "currency", "total_cost", "total_energy", "last_updated"),
)
