"""What the canonical model sends out: Session and CDR, valid for the version a partner speaks.

Required fields are those of that version; what it has no field for is left out, and what it needs
and we do not know is refused (`CannotRender`), never made up. For what a version can carry,
translating the rendering gives the fact again.
"""

from typing import Any

from connectors.ocpi.reading import AS_TOLD, JSON, number_of, written
from connectors.ocpi.rendering import (
    CannotRender,
    auth_method,
    driver_token,
    fitting,
    named,
    needed,
    periods,
    price,
    tariffs,
)
from schemas.roaming import CdrSeen, OcpiCost, OcpiVersion, SessionSeen

__all__ = ["CannotRender", "cdr", "session"]

_AS_TOLD_2_2 = ("signed_data", "home_charging_compensation")
_CDR_ID = 39  # 36 and the suffix of a credit CDR, since 2.2
_STATUSES = frozenset({"ACTIVE", "COMPLETED", "INVALID", "PENDING", "RESERVATION"})


def session(
    fact: SessionSeen, version: OcpiVersion, location: dict[str, Any] | None = None
) -> bytes:
    """The Session object. Raises CannotRender.

    `location` is the 2.1.1 Location that a 2.1.1 Session carries, where the fact came without one.
    Of a session that goes on, the periods are those of its last push.
    """
    told = JSON.decode(fact.body)
    if fact.status not in _STATUSES:
        raise CannotRender("status", f"{fact.status!r} is no word of OCPI")
    out: dict[str, Any] = {
        "id": fact.ocpi_session_id,
        "kwh": number_of(fact.kwh),
        "auth_method": auth_method(fact.auth_method, version),
        **driver_token(fact, told, version),
        "currency": fact.currency,
        "status": fact.status,
        "last_updated": written(fact.last_updated_at),
        **_meter(fact),
        **_costs(fact, told, version),
    }
    listed = periods(JSON.decode(fact.charging_periods), version)
    if listed:
        out["charging_periods"] = listed
    if version == "2.1.1":
        out["start_datetime"] = written(fact.started_at)
        if fact.ended_at:
            out["end_datetime"] = written(fact.ended_at)
        if fact.status == "RESERVATION":
            out["status"] = "PENDING"
        out["location"] = _location_2_1_1(told, location)
    else:
        out |= _owner(fact) | {
            "start_date_time": written(fact.started_at),
            "location_id": fact.location_id,
            "evse_uid": named(fact.evse_uid),
            "connector_id": named(fact.connector_id),
        }
        if fact.ended_at:
            out["end_date_time"] = written(fact.ended_at)
        if fact.authorization_reference:
            out["authorization_reference"] = fact.authorization_reference
        needed(out, "country_code", "party_id", "location_id")
    fitting({name: one for name, one in out.items() if name != "location"})
    return AS_TOLD.encode(out)


def cdr(fact: CdrSeen, version: OcpiVersion, location: dict[str, Any] | None = None) -> bytes:
    """The CDR object. Raises CannotRender; `location` as of `session`."""
    told = JSON.decode(fact.body)
    out: dict[str, Any] = {
        "id": fact.cdr_id,
        "start_date_time": written(fact.started_at),
        "auth_method": auth_method(fact.auth_method, version),
        **driver_token(fact, told, version),
        "currency": fact.currency,
        "charging_periods": periods(told.get("charging_periods", []), version),
        "total_energy": number_of(fact.kwh),
        "last_updated": written(fact.last_updated_at),
        **_meter(fact),
        **_costs(fact, told, version),
    }
    if fact.total_hours:
        out["total_time"] = number_of(fact.total_hours)
    if fact.parking_hours:
        out["total_parking_time"] = number_of(fact.parking_hours)
    if listed := tariffs(told.get("tariffs", []), fact.ocpi_version, version):
        out["tariffs"] = listed
    if "remark" in told:
        out["remark"] = told["remark"]
    needed(out, "charging_periods", "total_time")
    if version == "2.1.1":
        out |= _cdr_2_1_1(fact, told, location)
    else:
        out |= _cdr_2_2(fact, told)
    kept = {name: one for name, one in out.items() if name not in ("location", "tariffs")}
    fitting(kept, id_length=36 if version == "2.1.1" else _CDR_ID)
    return AS_TOLD.encode(out)


def _cdr_2_1_1(
    fact: CdrSeen, told: dict[str, Any], location: dict[str, Any] | None
) -> dict[str, Any]:
    if fact.credit:
        raise CannotRender("credit", "2.1.1 has no credit CDR")
    return {
        "stop_date_time": written(fact.ended_at),
        "location": _location_2_1_1(told, location),
    }


def _cdr_2_2(fact: CdrSeen, told: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = _owner(fact) | {
        "end_date_time": written(fact.ended_at),
        "cdr_location": _cdr_location(fact, told),
    }
    needed(out, "country_code", "party_id")
    references = {
        "session_id": fact.ocpi_session_id,
        "authorization_reference": fact.authorization_reference,
        "invoice_reference_id": fact.invoice_reference_id,
        "credit_reference_id": fact.credit_reference_id,
    }
    out |= {name: value for name, value in references.items() if value}
    out |= {name: told[name] for name in _AS_TOLD_2_2 if name in told}
    if fact.credit or "credit" in told:
        out["credit"] = fact.credit
    return out


# --- parts ------------------------------------------------------------------------------------


def _owner(fact: SessionSeen | CdrSeen) -> dict[str, Any]:
    return {"country_code": fact.country_code, "party_id": fact.party_id}


def _meter(fact: SessionSeen | CdrSeen) -> dict[str, Any]:
    return {"meter_id": fact.meter_id} if fact.meter_id else {}


def _costs(
    fact: SessionSeen | CdrSeen, told: dict[str, Any], version: OcpiVersion
) -> dict[str, Any]:
    """On a credit CDR only the total is below zero (OCPI 2.2.1, cdrs 3.1)."""
    credit = isinstance(fact, CdrSeen) and fact.credit
    out: dict[str, Any] = {}
    for one in fact.costs:
        if one.kind == "total":
            out["total_cost"] = price(one, version, told.get("total_cost"))
        elif version != "2.1.1":
            name = f"total_{one.kind}_cost"
            above = OcpiCost(kind=one.kind, net=_above(one.net), gross=_above(one.gross))
            out[name] = price(above if credit else one, version, told.get(name))
    return out


def _above(side: str) -> str:
    return side.removeprefix("-")


def _location_2_1_1(told: dict[str, Any], given: dict[str, Any] | None) -> dict[str, Any]:
    location = told.get("location") or given
    if not isinstance(location, dict):
        raise CannotRender("location", "not known, and required in 2.1.1")
    return location


def _cdr_location(fact: CdrSeen, told: dict[str, Any]) -> dict[str, Any]:
    """As told, or out of the location, EVSE and connector inside a 2.1.1 CDR."""
    place = told.get("cdr_location")
    if place is None:
        place = _out_of_2_1_1(told.get("location", {}))
    out = {
        **place,
        "id": fact.location_id,
        "evse_uid": named(fact.evse_uid),
        "evse_id": named(fact.evse_id),
        "connector_id": named(fact.connector_id),
    }
    out.pop("time_zone", None)
    required = "address city country coordinates connector_standard connector_format"
    needed(out, "id", *required.split(), "connector_power_type")
    return out


def _out_of_2_1_1(location: dict[str, Any]) -> dict[str, Any]:
    names = ("name", "address", "city", "postal_code", "country", "coordinates")
    out = {name: location[name] for name in names if name in location}
    for evse in location.get("evses", ()):
        for connector in evse.get("connectors", ()):
            out["connector_standard"] = connector.get("standard")
            out["connector_format"] = connector.get("format")
            out["connector_power_type"] = connector.get("power_type")
    return out
