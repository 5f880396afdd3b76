"""Which object and which version of OCPI a body is, by what stands in it.

Paths and labels lie in the field: `/2.2.1/` serves bodies of 2.3.0, and hubs put what they take
from one version into another. They count only where the body shows neither (protocols.md 11).
"""

from collections.abc import Mapping
from typing import Any

from schemas.roaming import OcpiVersion

VERSIONS: tuple[OcpiVersion, ...] = ("2.1.1", "2.2.1", "2.3.0")
# The first kind of which a body has all fields of one set; sets are distinct to their kind.
CDR_ALONE = "total_energy"
MARKS: tuple[tuple[str, frozenset[str]], ...] = (
    ("cdr", frozenset({CDR_ALONE})),
    ("cdr", frozenset({"stop_date_time"})),
    ("cdr", frozenset({"cdr_location"})),
    ("cdr", frozenset({"credit_reference_id"})),
    ("advice", frozenset({"capture_status_code"})),
    ("advice", frozenset({"eft_data"})),
    ("terminal", frozenset({"terminal_id"})),
    ("invoice", frozenset({"invoice_id", "cdrs"})),
    ("session", frozenset({"kwh"})),
    ("session", frozenset({"start_datetime"})),
    ("token", frozenset({"whitelist"})),
    ("token", frozenset({"visual_number"})),
    ("tariff", frozenset({"elements", "currency"})),
    ("location", frozenset({"evses"})),
    ("evse", frozenset({"connectors"})),
    ("location", frozenset({"address", "coordinates"})),
    ("connector", frozenset({"standard", "power_type"})),
    ("session", frozenset({"charging_periods", "last_updated"})),
    ("session", frozenset({"start_date_time", "status"})),  # its kwh is null
)
_OF_2_1_1 = frozenset({"start_datetime", "end_datetime", "stop_date_time", "auth_id", "location"})
_OF_2_2 = frozenset({"cdr_token", "cdr_location", "location_id", "evse_uid", "end_date_time"})
COSTS = (
    "total_cost",
    "total_fixed_cost",
    "total_energy_cost",
    "total_time_cost",
    "total_parking_cost",
    "total_reservation_cost",
)


def kind_of(told: Mapping[str, Any], hint: str) -> str:
    """The kind of object by the fields told, or else the hint; empty: not known."""
    names = told.keys()
    for kind, marks in MARKS:
        if marks <= names:
            return kind
    return hint


def version_of(told: Mapping[str, Any], hint: str) -> OcpiVersion:
    """The version of a Session or CDR by its names and the shape of its prices.

    A body of 2.2.1 or later with neither price nor any other mark is what the hint says, or else
    of 2.2.1, which most partners speak.
    """
    prices = [told[name] for name in COSTS if name in told]
    if any(isinstance(one, dict) and "before_taxes" in one for one in prices):
        return "2.3.0"
    if any(isinstance(one, dict) for one in prices):
        return "2.2.1"
    if told.keys() & _OF_2_1_1 or (prices and not told.keys() & _OF_2_2):
        return "2.1.1"
    if _is_2_3_0(told):
        return "2.3.0"
    for version in VERSIONS:
        if version == hint and not (version == "2.1.1" and told.keys() & _OF_2_2):
            return version
    return "2.2.1"


def _is_2_3_0(told: Mapping[str, Any]) -> bool:
    driver_token = told.get("cdr_token")
    return isinstance(driver_token, dict) and driver_token.get("type") == "EMAID"
