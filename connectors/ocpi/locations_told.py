"""What one message says of a location and its parts: at each level, as PUT or as PATCH. Pure.

An EVSE may be told within its location or alone, by `{location_id}/{evse_uid}`, a connector by one
step more. What is told within a location is as new as the location at least: senders forget to
bring one of the two instants forward.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from connectors.feeding import Refused
from connectors.ocpi import paths
from connectors.ocpi.building import hinted, is_patch, told, updated_at
from connectors.ocpi.locations_tables import (
    CONNECTOR,
    CONNECTORS,
    EVSE,
    EVSES,
    LOCATION,
    NEW_IN_2_3_0,
    OF_2_1_1,
)
from connectors.ocpi.message import Message
from connectors.ocpi.newest import Told, View, path
from connectors.ocpi.objects import Place
from connectors.ocpi.paths import LEVELS
from connectors.ocpi.reading import Unreadable, identifier
from connectors.ocpi.shapes import Shape
from connectors.stripping import clean_text
from schemas.roaming import OcpiVersion

_KEPT = frozenset(
    "country_code party_id id publish name address city postal_code country time_zone"
    " charging_when_closed operator_name".split()
)
_FOR_PEOPLE = frozenset({"name", "address", "city", "operator_name"})
_OF_EVSE = frozenset({"uid", "evse_id", "status", "capabilities"})
_WHOLE = frozenset({"max_voltage", "max_amperage", "max_electric_power"})
_OF_CONNECTOR = _WHOLE | {"id", "standard", "format", "power_type", "tariff_ids"}
_RENAMED = {"voltage": "max_voltage", "amperage": "max_amperage"}


class Spot(NamedTuple):
    """What a message is about: the ids of its location, EVSE and connector as far as it goes."""

    level: str
    ids: tuple[str, ...]


def spot_of(message: Message) -> Spot:
    """By the path where there is one, else by the body. Raises Unreadable."""
    steps = paths.steps(message.place)
    kind = message.kind if message.kind in LEVELS else LEVELS[0]
    depth = max(LEVELS.index(kind) + 1, min(len(steps), len(LEVELS)))
    name = "uid" if LEVELS[depth - 1] == "evse" else "id"
    own = _own_id(message, name)
    if len(steps) == depth - 1 and own is not None:
        steps = [*steps, own]
    if len(steps) != depth:
        raise Unreadable("missing", "the path does not say of which object", name)
    if own is not None and own.casefold() != steps[-1].casefold():
        raise Unreadable("contradicts-its-path", f"the path says {steps[-1]!r}"[:200], name)
    return Spot(LEVELS[depth - 1], tuple(steps))


def _own_id(message: Message, name: str) -> str | None:
    value = message.found.get(name)
    if value is None:
        return None
    try:
        return identifier(value, message.reader)
    except Unreadable as error:
        error.path.append(name)
        raise


def version_of(found: dict[str, Any], place: Place) -> OcpiVersion:
    """By what stands in a location and in what it holds; 2.2.1 where it could be two."""
    evses = [one for one in found.get(EVSES) or () if isinstance(one, dict)]
    plugs = [plug for evse in evses for plug in _inner(evse)]
    if not {"publish", "country_code"} & found.keys():
        return "2.1.1" if not evses or any(OF_2_1_1 & plug.keys() for plug in plugs) else "2.2.1"
    for level, objects in zip(LEVELS, ([found], evses, plugs), strict=True):
        if any(NEW_IN_2_3_0[level] & one.keys() for one in objects):
            return "2.3.0"
    return hinted(place, "2.2.1")


def _inner(evse: dict[str, Any]) -> Iterator[dict[str, Any]]:
    found = evse.get(CONNECTORS)
    yield from (one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()


class Telling:
    """What one message says of a location's parts (`told`), and what of it cannot be read."""

    def __init__(self, view: View, message: Message) -> None:
        self.told: list[Told] = []
        self.refused: list[Refused] = []
        self._view = view
        self._message = message
        self._patch = is_patch(message)

    def take(self, spot: Spot) -> None:
        """Raises Unreadable when the object itself cannot be taken."""
        shape = (LOCATION, EVSE, CONNECTOR)[LEVELS.index(spot.level)]
        take = (self._location, self._evse, self._connector)[LEVELS.index(spot.level)]
        name = "uid" if shape is EVSE else "id"
        found = {name: spot.ids[-1]} | self._message.found
        fields = told(self._message._replace(found=found), shape)
        if self._patch:
            fields.pop(name, None)
        take(spot.ids, fields, -1)

    def _at(self, part: str, fields: dict[str, Any], least: int) -> int:
        own = updated_at(fields)
        if own < 0 and least < 0:
            self._message.reader.note("instant-not-told", "last_updated")
            return self._view.next_at(part)
        return max(own, least)

    def _tell(self, part: str, at: int, fields: dict[str, Any]) -> None:
        self.told.append(Told(part, at, not self._patch, fields))

    def _location(self, ids: tuple[str, ...], fields: dict[str, Any], least: int) -> None:
        at = self._at("", fields, least)
        if "operator" in fields:
            fields["operator_name"] = (fields["operator"] or {}).get("name")
        kept = {name: fields[name] for name in _KEPT & fields.keys()}
        for name in _FOR_PEOPLE & kept.keys():
            kept[name] = kept[name] and clean_text(kept[name])[0]
        if not self._patch:
            kept["ocpi_version"] = version_of(self._message.found, self._message.place)
        if fields.get(EVSES) is not None:
            kept |= self._listed(EVSE, ids, fields[EVSES], at)
        self._tell("", at, kept)

    def _evse(self, ids: tuple[str, ...], fields: dict[str, Any], least: int) -> None:
        part = path(EVSES, ids[1])
        at = self._at(part, fields, least)
        kept = {name: fields[name] for name in _OF_EVSE & fields.keys()}
        if fields.get(CONNECTORS) is not None:
            kept |= self._listed(CONNECTOR, ids, fields[CONNECTORS], at)
        self._tell(part, at, kept)

    def _connector(self, ids: tuple[str, ...], fields: dict[str, Any], least: int) -> None:
        part = path(EVSES, ids[1], CONNECTORS, ids[2])
        at = self._at(part, fields, least)
        for old, new in _RENAMED.items():
            if old in fields:
                fields.setdefault(new, fields[old])
        if "tariff_id" in fields:
            only = fields["tariff_id"]
            fields.setdefault("tariff_ids", None if only is None else [only])
        for name in _WHOLE & fields.keys():
            fields[name] = None if fields[name] is None else int(fields[name])
        self._tell(part, at, {name: fields[name] for name in _OF_CONNECTOR & fields.keys()})

    def _listed(
        self, shape: Shape, ids: tuple[str, ...], found: list[Any], at: int
    ) -> dict[str, Any]:
        """The parts of a list, each for itself; the list itself only where all could be read."""
        name, own = (EVSES, "uid") if shape is EVSE else (CONNECTORS, "id")
        take = self._evse if shape is EVSE else self._connector
        known: list[str] = []
        for number, one in enumerate(found):
            before = len(self.refused)
            try:
                fields = shape.read(one, self._message.reader)
                take((*ids, fields[own]), fields, at)
                known.append(fields[own].casefold())
            except Unreadable as error:
                self.refused.append(error.refused())
            for index in range(before, len(self.refused)):
                inner = self.refused[index]
                self.refused[index] = Refused(
                    inner.reason, _within(f"{name}[{number}]", inner.field), inner.problem
                )
        return {name: known} if len(known) == len(found) else {}


def _within(holder: str, field: str) -> str:
    return f"{holder}.{field}" if field else holder
