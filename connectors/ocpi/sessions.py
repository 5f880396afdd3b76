"""OCPI Sessions as SessionSeen: PUTs, PATCHes and pages of GETs, in any order (protocols.md 3)."""

from typing import Any

from connectors.feeding import Note
from connectors.ocpi.building import built
from connectors.ocpi.costs import costs, lines, signed
from connectors.ocpi.driver import driver, spot, standard, without_cards
from connectors.ocpi.energy import Reach, put_right, watt_hours
from connectors.ocpi.identity import owner
from connectors.ocpi.merging import RANK, Told, effective, merged, newest_at
from connectors.ocpi.message import Message, matching
from connectors.ocpi.objects import ObjectState, Translated
from connectors.ocpi.reading import CANONICAL, at_of, decimal_text
from connectors.ocpi.tables import SESSION
from connectors.ocpi.versions import version_of
from schemas.roaming import SessionSeen

_ENDED = frozenset({"COMPLETED", "INVALID"})
_PATCHED = "PATCH"


def seen(state: ObjectState | None, message: Message) -> Translated:
    """The session after this message, where it says anything new. Raises Unreadable."""
    reader = message.reader
    read = SESSION.read(without_cards(message.found, reader), reader, partial=True)
    matching(read, message.place)
    full = _is_full(read, message, state)
    if full:
        SESSION.whole(read, reader)
    told = Told(read, _at(read, message), full, () if full else _cleared(message))
    before = state or ObjectState(kind="session")
    after = merged(before, told)
    if _same(before, after):
        return Translated(before, notes=(*reader.notes, Note("repeated", "session")))
    now = effective(after)
    if not SESSION.must - {"id"} <= now.keys():
        return Translated(after, notes=(*reader.notes, Note("patch-without-object", "session")))
    fact = _fact(after, now, read, message)
    return Translated(after, facts=(fact,), notes=tuple(reader.notes))


def _is_full(read: dict[str, Any], message: Message, known: ObjectState | None) -> bool:
    """Whether it replaces all there is: by its method, or else by what it tells.

    A PATCH has its id in its path; a topic has no paths, so that bodies of PATCHes come with one.
    """
    if message.place.method:
        return message.place.method != _PATCHED
    if known is None or read.keys() >= SESSION.must:
        return "id" in read
    message.reader.note("part-without-method", "session")
    return False


def _cleared(message: Message) -> tuple[str, ...]:
    """What a PATCH takes away with null: never what every session has (CitrineOS sends those)."""
    kept = SESSION.required | {"charging_periods"}
    return tuple(name for name in message.told_null() if name in SESSION.fields.keys() - kept)


def _at(read: dict[str, Any], message: Message) -> int:
    """When it held: `last_updated`; without one, when it came (ocpi/ocpi 355)."""
    if "last_updated" in read:
        return at_of(read["last_updated"])
    message.reader.note("no-last-updated", "session")
    return message.place.received_at


def _same(before: ObjectState, after: ObjectState) -> bool:
    return (before.put_at, before.fields, before.periods, before.statuses) == (
        after.put_at,
        after.fields,
        after.periods,
        after.statuses,
    )


def _fact(
    after: ObjectState, now: dict[str, Any], read: dict[str, Any], message: Message
) -> SessionSeen:
    reader, quirks = message.reader, message.quirks
    if now["status"] not in RANK:
        reader.note("unknown-status", now["status"][:100])
    started_at, ended_at = _instants(now)
    took_ms = max(0, (ended_at or at_of(now["last_updated"])) - started_at) if started_at else 0
    has_ended = now["status"] in _ENDED
    known = now.get("charging_periods", [])
    reach = Reach.of("kwh", took_ms, standard(now), quirks)
    energy = put_right(now["kwh"], known, reach, (quirks, reader), final=has_ended)
    country, party = owner(now, message.place)
    running = {"total_cost": now["total_cost"]} if "total_cost" in now else {}
    told_starts = {one["start_date_time"] for one in read.get("charging_periods", ())}
    periods = [one for one in energy.periods if has_ended or one["start_date_time"] in told_starts]
    body = {**now, "id": message.object_id, "kwh": energy.kwh}
    body.pop("charging_periods", None)
    return built(
        SessionSeen,
        {
            **_where_from(message),
            "ocpi_version": version_of(now, message.place.version_hint),
            "country_code": country,
            "party_id": party,
            "ocpi_session_id": message.object_id,
            "authorization_reference": now.get("authorization_reference", ""),
            "auth_method": now.get("auth_method", ""),
            **driver(now, quirks)._asdict(),
            **spot(now, reader)._asdict(),
            "meter_id": now.get("meter_id", ""),
            "status": now["status"],
            "currency": now["currency"],
            "kwh": decimal_text(energy.kwh),
            "energy_wh": watt_hours(energy.kwh),
            "costs": lines(signed(costs(running, quirks, reader), credit=False)),
            "started_at": started_at,
            "ended_at": ended_at,
            "last_updated_at": newest_at(after),
            "periods_known": len(energy.periods),
            "charging_periods": CANONICAL.encode(periods).decode(),
            "body": CANONICAL.encode(body).decode(),
            "oddities": reader.oddities(),
        },
    )


def _instants(now: dict[str, Any]) -> tuple[int, int]:
    """Start and end; 1970, agreed to mean "unknown", is 0 and so is what is not told."""
    start = now.get("start_date_time") or now.get("start_datetime")
    end = now.get("end_date_time") or now.get("end_datetime")
    return (at_of(start) if start else 0), (at_of(end) if end else 0)


def _where_from(message: Message) -> dict[str, Any]:
    return {
        "tenant": message.place.tenant,
        "partner": message.place.partner,
        "raw_digest": message.raw_digest,
        "received_at": message.place.received_at,
    }
