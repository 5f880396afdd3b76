"""The tables of Location, EVSE and Connector over OCPI 2.1.1, 2.2.1 and 2.3.0 at once."""

from typing import Any

from connectors.ocpi.building import ignored, listed
from connectors.ocpi.reading import Reader, identifier, instant, number, text, wrong, yes
from connectors.ocpi.shapes import Shape, one, word
from connectors.ocpi.tables import country_code, party_id

_POWER_TYPES = frozenset({"AC_1_PHASE", "AC_2_PHASE", "AC_2_PHASE_SPLIT", "AC_3_PHASE", "DC"})
_STATUSES = frozenset(
    "AVAILABLE BLOCKED CHARGING INOPERATIVE OUTOFORDER PLANNED REMOVED RESERVED UNKNOWN".split()
)
EVSES, CONNECTORS = "evses", "connectors"
# Known and not needed here: no oddity when they are told.
_OF_LOCATION = (
    "type publish_allowed_to state coordinates related_locations parking_type parking_places"
    " directions suboperator owner facilities opening_times images energy_mix help_phone"
).split()
_OF_EVSE = (
    "status_schedule floor_level coordinates physical_reference directions parking_restrictions"
    " parking images accepted_service_providers"
).split()
# What no version before 2.3.0 has.
NEW_IN_2_3_0 = {
    "location": frozenset({"parking_places", "help_phone"}),
    "evse": frozenset({"parking", "accepted_service_providers"}),
    "connector": frozenset({"capabilities"}),
}
OF_2_1_1 = frozenset({"voltage", "amperage", "tariff_id"})


def _objects(value: Any, reader: Reader) -> list[Any]:
    """Left as they are: each is read for itself, so that a bad one does not take the rest along."""
    del reader
    if not isinstance(value, list):
        wrong(value, "a list")
    found: list[Any] = value
    return found


CONNECTOR = Shape(
    "Connector",
    {
        "id": identifier,
        "standard": text,
        "format": word(frozenset({"SOCKET", "CABLE"}), "connectors.format"),
        "power_type": word(_POWER_TYPES, "connectors.power_type"),
        "max_voltage": number,
        "voltage": number,
        "max_amperage": number,
        "amperage": number,
        "max_electric_power": number,
        "tariff_ids": listed(identifier),
        "tariff_id": identifier,
        "terms_and_conditions": ignored,
        "capabilities": ignored,
        "last_updated": instant,
    },
    required=("standard", "format", "power_type", "last_updated"),
    must=("id",),
)
EVSE = Shape(
    "EVSE",
    {
        "uid": identifier,
        "evse_id": identifier,
        "status": word(_STATUSES, "evses.status"),
        "capabilities": listed(text),
        "connectors": _objects,
        **dict.fromkeys(_OF_EVSE, ignored),
        "last_updated": instant,
    },
    required=("connectors", "last_updated"),
    must=("uid", "status"),
)
_OPERATOR = Shape("BusinessDetails", {"name": text, "website": ignored, "logo": ignored})
LOCATION = Shape(
    "Location",
    {
        "country_code": country_code,
        "party_id": party_id,
        "id": identifier,
        "publish": yes,
        "name": text,
        "address": text,
        "city": text,
        "postal_code": text,
        "country": text,
        "operator": one(_OPERATOR),
        "time_zone": text,
        "charging_when_closed": yes,
        "evses": _objects,
        **dict.fromkeys(_OF_LOCATION, ignored),
        "last_updated": instant,
    },
    required=("address", "city", "country", "coordinates", "last_updated"),
    must=("id",),
)
