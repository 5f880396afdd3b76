"""OCPI CDRs and credit CDRs as CdrSeen: immutable, so a second body is a matter for a person.

protocols.md section 4. A correction is a credit CDR of its own id; the sign of its costs follows
the flag. What was accepted once is told once; the same CDR through a hub in another version counts
as the same where what is owed is the same.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from connectors.feeding import Note
from connectors.ocpi.below_zero import un_negated
from connectors.ocpi.building import built
from connectors.ocpi.costs import Kind, Sides, costs, lines, signed
from connectors.ocpi.driver import driver, spot, standard, without_cards
from connectors.ocpi.energy import Energy, Reach, put_right, watt_hours
from connectors.ocpi.identity import owner
from connectors.ocpi.message import Message, digest, matching
from connectors.ocpi.objects import Kept, ObjectState, Translated
from connectors.ocpi.periods import Usual, in_order
from connectors.ocpi.reading import CANONICAL, Reader, Unreadable, at_of, decimal_text
from connectors.ocpi.tables import CDR
from connectors.ocpi.versions import version_of
from schemas.roaming import CdrSeen, OcpiVersion

_SEEN_MAX = 16  # renderings of one CDR; each partner has one
_ACCEPTED = 1_000  # OCPI status codes from here on are success
_REFUSING = 2_000  # and from here on errors
_HOUR_MS = 3_600_000
_CLOCKS_MS = _HOUR_MS // 10  # by so much times of one charging may disagree
_NOT_SIGNIFICANT = "[?]"  # GIREVE: in the remark of a CDR whose total means nothing


class _Read(NamedTuple):
    told: dict[str, Any]
    version: OcpiVersion
    energy: Energy
    costs: dict[Kind, Sides]
    credit: bool
    started_at: int
    ended_at: int


def seen(state: ObjectState | None, message: Message) -> Translated:
    """The CDR, where it is new. Raises Unreadable; `cdr-changed`: it is known with another body."""
    reader = message.reader
    return seen_as(state, message, CDR.read(without_cards(message.found, reader), reader))


def seen_as(state: ObjectState | None, message: Message, told: dict[str, Any]) -> Translated:
    """As `seen`, of fields that were read already."""
    reader = message.reader
    matching(told, message.place)
    read = _read(told, message)
    written, money_digest = _written(read), _money_digest(read)
    before = state or ObjectState(kind="cdr")
    mark = _mark(message, read.version, written.body_digest, before)
    if mark in before.seen:
        return Translated(before, notes=(*reader.notes, Note("repeated", "cdr")))
    if before.digest:
        _compare(before, mark, money_digest)
        if written.body_digest != before.digest:
            reader.note("cdr-in-another-form", message.place.partner)
    after = ObjectState(
        kind="cdr",
        digest=before.digest or written.body_digest,
        money_digest=before.money_digest or money_digest,
        seen=[*before.seen, mark][-_SEEN_MAX:],
    )
    fact = _fact(read, written, money_digest, message)
    return Translated(after, facts=(fact,), notes=tuple(reader.notes))


def _compare(before: ObjectState, mark: str, money_digest: str) -> None:
    """Immutable: one body a partner and version; of all of them, one amount. Raises Unreadable."""
    source, body_digest, _ = mark.rsplit(" ", 2)
    others = [one.rsplit(" ", 2) for one in before.seen]
    changed = any(one[0] == source and one[1] != body_digest for one in others)
    if changed or money_digest != before.money_digest:
        raise Unreadable("cdr-changed", "the CDR is known with another body", "id")


def _mark(message: Message, version: str, body_digest: str, before: ObjectState) -> str:
    """Who told which body, and whether somebody refused it: the rejection is news by itself.

    So is being accepted, but only after that.
    """
    told = f"{message.place.partner} {version} {body_digest}"
    refused = any(one.startswith(f"{told} ") and one != f"{told} 0" for one in before.seen)
    return f"{told} {_ACCEPTED if refused and _accepted(message) else _rejected(message)}"


def _accepted(message: Message) -> bool:
    return _ACCEPTED <= message.place.answer_code < _REFUSING


def _rejected(message: Message) -> int:
    code = message.place.answer_code
    return code if code >= _REFUSING else 0


# --- reading ----------------------------------------------------------------------------------


def _read(told: dict[str, Any], message: Message) -> _Read:
    reader, quirks = message.reader, message.quirks
    credit = _credit(told, reader)
    told = un_negated(told, reader) if credit else told
    started_at = at_of(told["start_date_time"]) if "start_date_time" in told else 0
    end = told.get("end_date_time") or told.get("stop_date_time")
    ended_at = at_of(end) if end else 0
    if started_at and ended_at and ended_at < started_at:
        reader.note("end-before-start")
    took_ms = _took_ms(told, max(ended_at - started_at, 0) if started_at else 0, reader)
    periods = in_order(told.get("charging_periods", []))
    if not periods:
        reader.note("no-periods")
    _hours(told)
    reach = Reach.of("total_energy", took_ms, standard(told), quirks)
    energy = put_right(told["total_energy"], periods, reach, (quirks, reader))
    found = costs(told, quirks, reader)
    if not credit and not energy.flows_back:
        _none_below_zero(found)
    return _Read(
        told=told,
        version=version_of(told, message.place.version_hint),
        energy=energy,
        costs=signed(found, credit=credit),
        credit=credit,
        started_at=started_at,
        ended_at=ended_at,
    )


def _took_ms(told: Mapping[str, Any], between: int, reader: Reader) -> int:
    """The longest that any of it may have taken; `between` start and end, ms, 0: not told.

    Where `total_time` cannot be hours, which it is kept as, only the instants count.
    """
    total = max(int(told.get("total_time", 0) * _HOUR_MS), 0)
    if not between or total <= 2 * between + _CLOCKS_MS:
        return max(between, total)
    units = (("seconds", 3_600 * between), ("minutes", 60 * between))
    unit = next((name for name, one in units if abs(total - one) * 10 <= one), "")
    reader.note(f"total-time-in-{unit}" if unit else "total-time-beyond-its-end")
    return between


def _hours(told: Mapping[str, Any]) -> None:
    """Time does not run backwards. Raises Unreadable."""
    for name in ("total_time", "total_parking_time"):
        if told.get(name, 0) < 0:
            raise Unreadable("negative", f"{told[name]} hours", name)


def _credit(told: Mapping[str, Any], reader: Reader) -> bool:
    """The flag decides; a reference without it is a credit CDR, too. Raises Unreadable."""
    if told.get("credit"):
        if "credit_reference_id" not in told:
            raise Unreadable("missing", "a credit CDR names what it credits", "credit_reference_id")
        return True
    if "credit_reference_id" in told:
        if told.get("credit") is False:
            raise Unreadable("contradicts", "a reference on what is no credit", "credit")
        reader.note("credit-by-its-reference")
        return True
    return False


def _none_below_zero(found: dict[Kind, Sides]) -> None:
    for kind, one in found.items():
        if (one.net or 0) < 0 or (one.gross or 0) < 0:
            name = "total_cost" if kind == "total" else f"total_{kind}_cost"
            raise Unreadable("negative", "below zero and no credit CDR", name)


# --- writing ----------------------------------------------------------------------------------


class _Written(NamedTuple):
    """The canonical body with its digests; the periods are encoded once for all of them."""

    body: str
    body_digest: str
    periods_digest: str


def _written(read: _Read) -> _Written:
    """`body_digest` is over all but when it was sent: a repeat with a new stamp is no change."""
    rest = {**read.told, "total_energy": read.energy.kwh}
    as_told = rest.pop("charging_periods", None)
    last_updated = rest.pop("last_updated")
    outlet = rest.get("cdr_location")
    if type(outlet) is Kept:
        rest["cdr_location"] = outlet.canonical
    listed = read.energy.periods
    periods = listed.canonical if isinstance(listed, Usual) else CANONICAL.encode(listed)
    periods_digest = digest(periods)
    body_digest = digest(CANONICAL.encode(rest) + periods_digest.encode())
    rest["last_updated"] = last_updated
    if as_told is not None:
        rest["charging_periods"] = msgspec.Raw(periods)
    return _Written(CANONICAL.encode(rest).decode(), body_digest, periods_digest)


def _money_digest(read: _Read) -> str:
    """What is owed and for what, in any version: seconds only, as hubs cut off fractions."""
    total = read.costs["total"]
    owed = total.net if total.net is not None else total.gross
    return digest(
        CANONICAL.encode(
            [
                read.told["currency"],
                decimal_text(owed),
                decimal_text(read.energy.kwh),
                read.credit,
                read.told.get("credit_reference_id", "").casefold() if read.credit else "",
                read.started_at // 1000,
                read.ended_at // 1000,
            ]
        )
    )


def _meant(read: _Read, reader: Reader) -> dict[Kind, Sides]:
    """A total that its sender says means nothing is not told; the body has it."""
    if _NOT_SIGNIFICANT not in read.told.get("remark", ""):
        return read.costs
    reader.note("total-not-significant")
    return {**read.costs, "total": Sides(None, None)}


def _fact(read: _Read, written: _Written, money_digest: str, message: Message) -> CdrSeen:
    told, reader, place = read.told, message.reader, message.place
    country, party = owner(told, place)
    return built(
        CdrSeen,
        {
            "tenant": place.tenant,
            "partner": place.partner,
            "ocpi_version": read.version,
            "country_code": country,
            "party_id": party,
            "cdr_id": told["id"],
            "ocpi_session_id": told.get("session_id", ""),
            "authorization_reference": told.get("authorization_reference", ""),
            "auth_method": told.get("auth_method", ""),
            **driver(told, message.quirks)._asdict(),
            **spot(told, reader)._asdict(),
            "meter_id": told.get("meter_id", ""),
            "currency": told["currency"],
            "kwh": decimal_text(read.energy.kwh),
            "energy_wh": watt_hours(read.energy.kwh),
            "total_hours": decimal_text(told.get("total_time")),
            "parking_hours": decimal_text(told.get("total_parking_time")),
            "costs": lines(_meant(read, reader)),
            "credit": read.credit,
            "credit_reference_id": told.get("credit_reference_id", ""),
            "invoice_reference_id": told.get("invoice_reference_id", ""),
            "started_at": read.started_at,
            "ended_at": read.ended_at,
            "last_updated_at": at_of(told["last_updated"]),
            "periods_known": len(read.energy.periods),
            "periods_digest": written.periods_digest,
            "body": written.body,
            "body_digest": written.body_digest,
            "money_digest": money_digest,
            "oddities": reader.oddities(),
            "rejected_code": _rejected(message),
            "accepted": _accepted(message),
            "raw_digest": message.raw_digest,
            "received_at": place.received_at,
        },
    )
