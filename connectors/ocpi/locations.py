"""Locations, their EVSEs and connectors as facts: what changed, told once. Pure.

A location is one object with parts (`newest`), so that PUT and PATCH at every level fit together in
any order and a hub beside a peer adds nothing. An EVSE that a newer list of its location leaves out
is gone: OCPI says REMOVED for it (protocols.md 7), and so do we.
"""

from typing import Any

from connectors.ocpi.building import built, hinted, provenance
from connectors.ocpi.locations_tables import CONNECTORS, EVSES
from connectors.ocpi.locations_told import Telling, spot_of
from connectors.ocpi.message import Message
from connectors.ocpi.newest import Told, View, merged, path
from connectors.ocpi.objects import ObjectState, Translated
from connectors.ocpi.power import power_max_w
from schemas.facts import Fact
from schemas.partners import EvseSeen, LocationSeen

_GONE = "REMOVED"
_OF_PLACE = ("id", "ocpi_version", "time_zone", "country")  # told with each of its EVSEs, too
_AS_TOLD = frozenset(
    "name address city postal_code country time_zone operator_name charging_when_closed".split()
)


def seen(state: ObjectState | None, message: Message) -> Translated:
    """The location after the message, what changed in it, and which parts were refused.

    Raises Unreadable when nothing of it can be taken.
    """
    state = state or ObjectState(kind="location")
    before = Standing(state)
    telling = Telling(before, message)
    spot = spot_of(message)
    telling.take(spot)
    new = merged(state, telling.told)
    facts = _changes(before, Standing(new), message, spot.ids[0], telling.told)
    if new.fields == state.fields and not telling.refused:
        message.reader.note("repeated", "location")
    return Translated(new, tuple(facts), tuple(telling.refused), tuple(message.reader.notes))


class Standing(View):
    """A location as it stands."""

    def listed(self, holder: str, name: str) -> list[str]:
        """The parts on their holder's newest list, in its order, and those told of since."""
        under = f"{holder}/{name}" if holder else name
        known = self.parts(under)
        named = self.values(holder).get(name)
        if named is None:
            return known
        listed_at, there = self.field_at(holder, name), set(known)
        on_list = {f"{under}/{path(one)}": None for one in named}
        since = [one for one in known if one not in on_list and self.told_at(one) > listed_at]
        return [*(one for one in on_list if one in there), *since]

    def gone(self) -> set[str]:
        """The EVSEs that a newer list of the location leaves out."""
        return set(self.parts(EVSES)) - set(self.listed("", EVSES))

    def standing_uids(self) -> list[str]:
        return [self.values(one)["uid"] for one in self.listed("", EVSES) if self.stands(one)]

    def stands(self, evse: str) -> bool:
        fields = self.values(evse)
        return "uid" in fields and fields.get("status") != _GONE

    def plugs(self, evse: str) -> list[str]:
        """The connectors of an EVSE, but for those that only a PATCH ever named."""
        return [one for one in self.listed(evse, CONNECTORS) if self.whole_at(one) >= 0]

    def place(self) -> list[Any]:
        return [self.values().get(name) for name in _OF_PLACE]


def _changes(
    before: Standing, after: Standing, message: Message, identity: str, told: list[Told]
) -> list[Fact]:
    facts: list[Fact] = []
    evses = {"/".join(one.part.split("/")[:2]) for one in told if one.part}
    gone_before, gone = before.gone(), after.gone()
    moved = gone ^ gone_before | {one for one in evses if before.stands(one) != after.stands(one)}
    if after.whole_at() < 0:
        if any(not one.part for one in told):
            message.reader.note("waits-for-its-object", "location")
    elif before.values() != after.values() or moved or before.whole_at() < 0:
        facts.append(_location_seen(after, message, identity))
    touched = evses | moved
    if before.place() != after.place():
        touched |= set(after.parts(EVSES))
    for part in sorted(touched):
        if after.whole_at(part) < 0:
            message.reader.note("waits-for-its-object", part[:100])
        elif _said(before, part, gone_before) != _said(after, part, gone):
            facts.append(_evse_seen(after, part, message, identity, gone=part in gone))
    return facts


def _said(view: Standing, part: str, gone: set[str]) -> object:
    """All that an EvseSeen says, but for where it comes from; None: the EVSE is not known."""
    if view.whole_at(part) < 0:
        return None
    plugs = [view.values(one) for one in view.plugs(part)]
    return view.values(part), plugs, view.place(), part in gone


def _location_seen(view: Standing, message: Message, identity: str) -> LocationSeen:
    fields = view.values()
    return built(
        LocationSeen,
        provenance(message, fields["ocpi_version"], view.told_at())
        | {name: fields[name] for name in _AS_TOLD & fields.keys()}
        | {
            "location_id": fields.get("id", identity),
            "published": fields.get("publish", True),
            "evse_uids": view.standing_uids(),
        },
    )


def _evse_seen(
    view: Standing, part: str, message: Message, identity: str, *, gone: bool
) -> EvseSeen:
    fields, of_place = view.values(part), view.values()
    plugs = view.plugs(part)
    at = max(view.told_at(one) for one in [part, *plugs])
    version = of_place.get("ocpi_version") or hinted(message.place, "2.2.1")
    return built(
        EvseSeen,
        provenance(message, version, at)
        | {
            "location_id": of_place.get("id", identity),
            "evse_uid": fields["uid"],
            "evse_id": fields.get("evse_id", ""),
            "status": _GONE if gone else fields.get("status", ""),
            "capabilities": fields.get("capabilities", []),
            "connectors": [_connector(view, one, message) for one in plugs],
            "time_zone": of_place.get("time_zone", ""),
            "country": of_place.get("country", ""),
        },
    )


def _connector(view: Standing, part: str, message: Message) -> dict[str, Any]:
    fields = view.values(part)
    watts = power_max_w(
        fields.get("power_type", ""),
        fields.get("max_voltage", 0),
        fields.get("max_amperage", 0),
        fields.get("max_electric_power", 0),
        message.reader,
    )
    return {
        "connector_id": fields["id"],
        "standard": fields.get("standard", ""),
        "format": fields.get("format", ""),
        "power_type": fields.get("power_type", ""),
        "power_max_w": watts,
        "tariff_ids": fields.get("tariff_ids", []),
        "last_updated_at": max(0, view.told_at(part)),
    }
