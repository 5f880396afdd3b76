"""The path of an object within a location: location, EVSE, connector (protocols.md, section 7)."""

from typing import Any

from connectors.ocpi.objects import Place

LEVELS = ("location", "evse", "connector")


def steps(place: Place) -> list[str]:
    """The ids of the path, outermost first; a whole URL, and one with its owner, are met, too."""
    found = [step for step in place.object_id.strip().split("/") if step]
    if "locations" in found[:-1]:
        found = found[found.index("locations") + 1 :]
    owner = [place.country_code.casefold(), place.party_id.casefold()]
    if len(found) > len(owner) and [step.casefold() for step in found[:2]] == owner:
        return found[2:]
    return found


def location_id(found: dict[str, Any], place: Place, kind: str) -> str:
    """The location to which the object belongs, empty: not told. Its EVSEs share its state."""
    of_path = steps(place)
    if of_path:
        return of_path[0]
    value = found.get("id") if kind == LEVELS[0] else None
    return str(value).strip() if isinstance(value, str | int) else ""
