"""OCPP and OCPI feeds: from one located message to facts on our topics, by the translators.

Plumbing alone: what a message means is `connectors.ocpp` and `connectors.ocpi`. The third kind,
acquirers' webhooks, is `feed_webhooks.py`.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

import msgspec

from connectors.feeding import Note, Refused
from connectors.lag import Lag, lag
from connectors.ocpi import feed as ocpi
from connectors.ocpp import feed as ocpp
from schemas import codec, ids, topics
from schemas.facts import Fact, MeterReading
from schemas.roaming import CdrSeen, SessionSeen
from streams.agents.feed_drift import Mark
from streams.agents.feed_envelope import (
    Document,
    Locator,
    NotLocated,
    OptionalLocator,
    instant_of,
)
from streams.agents.feed_mapping import NEEDED, Feed
from streams.agents.feed_pins import Pins
from streams.engine.stage import Output, Record, StateKind, View

_Word = TypeVar("_Word")

CHARGER = b"c"
OBJECT = b"o"
_OUTPUT_MAX = 890_000  # bytes of a value, so that with its key it is not too large for a batch
Direction = Literal["from_charger", "to_charger", ""]
_OF_CHARGER = frozenset({"tenant", "network", "charger", "version", "direction"})
_KNOWN_MAX = 200_000  # envelopes; then it starts over
_VERSIONS: dict[str, str] = {
    "": "", "1.6": "1.6", "1.6j": "1.6", "2.0.1": "2.0.1", "2.1": "2.1",
    "ocpp1.6": "1.6", "ocpp2.0.1": "2.0.1", "ocpp2.1": "2.1",
}  # fmt: skip
_DIRECTIONS: dict[str, Direction] = {
    "": "", "from_charger": "from_charger", "to_charger": "to_charger",
}  # fmt: skip
_FRAME_TYPES = {"CALL": b"2", "CALLRESULT": b"3", "CALLERROR": b"4"} | {
    number: number.encode() for number in "23456"
}
_WHEN = ("read_at", "started_at", "updated_at", "ended_at", "seen_at")
# Of a partner's object: a charging began long before its CDR.
_UPDATED = ("last_updated_at",)
_CHECKED = frozenset({CdrSeen, SessionSeen})  # as they were made, of bounded numbers and texts


class Taken(NamedTuple):
    """What became of one message; `partner` is who is measured, by lag and by refusals.

    `tenant` (empty: not found), `make` and `marks` are for the counts of what is new about it.
    """

    partner: str
    outputs: list[Output]
    refused: list[Refused]
    notes: list[Note]
    lags: list[Lag]
    tenant: str = ""
    make: str = ""
    marks: tuple[Mark, ...] = ()


class Source(Protocol):
    """One kind of feed on one partition."""

    @property
    def kinds(self) -> tuple[StateKind, ...]:
        """What it remembers."""
        ...

    def take(self, record: Record, document: Document, view: View) -> Taken:
        """Raises NotLocated."""
        ...


class Located:
    """The mapping's places by name."""

    def __init__(self, feed: Feed, tenant: str) -> None:
        where = feed.mapping.where
        needed = {*NEEDED[feed.mapping.source], *where.keys() & {"tenant"}}
        defaults = {"tenant": tenant}
        self._places: dict[str, Locator] = {}
        for name in {*where, "tenant"}:
            kind = Locator if name in needed or name == "tenant" else OptionalLocator
            self._places[name] = kind(name, where.get(name), defaults.get(name, ""))
        self._body = where["payload"].steps if "payload" in where else ()

        self._headers = frozenset(one.header for one in where.values() if one.header is not None)
        self._by_path = frozenset(name for name, one in where.items() if one.steps)

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def envelope(self, record: Record, names: frozenset[str]) -> tuple[Any, ...] | None:
        """What alone decides on these places; None where the value has a part in it."""
        if self._by_path & names:
            return None
        wanted = self._headers
        if not wanted:
            return (record.key,)
        return (record.key, *[one for one in record.headers if one[0] in wanted])

    def text(self, name: str, record: Record, document: Document) -> str:
        """'' for a place that the mapping does not have."""
        place = self._places.get(name)
        return "" if place is None else place.of(record, document)

    def received_at(self, record: Record, document: Document) -> int:
        """When they had it: by the mapping, else by Kafka."""
        text = self.text("time", record, document)
        return instant_of("time", text) if text else record.timestamp_at

    def body(self, document: Document) -> bytes:
        """The payload. Raises NotLocated."""
        found = document.body(self._body)
        if found is None:
            raise NotLocated("not-located", "payload", "not there")
        return found


def fact_output(
    topic: str, key: bytes, fact: Fact, encode: Callable[[Fact], bytes] = codec.encode
) -> Output:
    """Raises NotLocated for a fact that the contract, or a batch, has no room for."""
    try:
        value = encode(fact)
    except codec.NotWritable as error:
        raise NotLocated("not-writable", "", str(error)) from error
    if len(value) > _OUTPUT_MAX:
        problem = f"{type(fact).__name__} of {len(value)} bytes; {_OUTPUT_MAX} are the most"
        raise NotLocated("too-large", "", problem)
    return Output(topic, key, value)


def _said(name: str, text: str, words: Mapping[str, _Word]) -> _Word:
    """The word as the translators know it. Raises NotLocated."""
    found = words.get(text.lower())
    if found is None:
        problem = f"{text[:40]!r} is none of {', '.join(filter(None, words))}"
        raise NotLocated("not-located", name, f"{problem}: the mapping's words can say so")
    return found


def _happened_at(fact: Fact, names: Iterable[str]) -> int:
    return next((getattr(fact, name) for name in names if hasattr(fact, name)), 0)


class _Charger(NamedTuple):
    """What the envelopes of a charger's messages say; its key, and that of its state."""

    tenant: str
    network: str
    charger_id: str
    version: str
    direction: Direction
    key: bytes
    state_key: bytes


class OcppSource:
    """OCPP frames, or bare payloads whose action stands beside them."""

    kinds = (StateKind(prefix=CHARGER, type=ocpp.ChargerState),)

    def __init__(self, feed: Feed, tenant: str) -> None:
        self._located = Located(feed, tenant)
        self._rules = feed.rules
        self._keys = feed.keys
        self._offset_min = feed.mapping.utc_offset_min
        self._pins = Pins(feed.mapping.pins)
        self._known: dict[tuple[Any, ...], _Charger] = {}

    def take(self, record: Record, document: Document, view: View) -> Taken:
        located = self._located
        charger = self._charger(record, document)
        received_at = located.received_at(record, document)
        place = ocpp.Place(
            tenant=charger.tenant,
            network=charger.network,
            charger_id=charger.charger_id,
            received_at=received_at,
            version=charger.version,
            direction=charger.direction,
            utc_offset_min=self._offset_min,
        )
        payload = located.body(document)
        if "action" in located:
            payload = self._framed(payload, record, document)
        before: ocpp.ChargerState | None = view.get(charger.state_key)
        found = ocpp.translate(before, payload, place, self._rules, self._keys.known)
        refused, notes = list(found.refused), list(found.notes)
        make = found.state.make
        changed = self._pins.changed(charger.network, make, found.version)
        if changed is not None:
            if changed.strict:
                refused = [changed.refused]
                found = ocpp.Translated(ocpp.only_make(before, make), version=found.version)
            else:
                notes.append(changed.note)
        outputs = [
            fact_output(
                topics.READINGS if type(fact) is MeterReading else topics.TRANSACTIONS,
                charger.key,
                fact,
            )
            for fact in found.facts
        ]
        if found.state is not before:
            view.put(charger.state_key, found.state)
        lags = lags_of(charger.network, "ocpp", found.facts[-1:], received_at, _WHEN)
        marks = _version_marks(found.version)
        return Taken(charger.network, outputs, refused, notes, lags, charger.tenant, make, marks)

    def _charger(self, record: Record, document: Document) -> "_Charger":
        """Whose message it is. Looked up once for all records with the same key and headers."""
        envelope = self._located.envelope(record, _OF_CHARGER)
        if envelope is None:
            return self._looked_up(record, document)
        found = self._known.get(envelope)
        if found is None:
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            found = self._known[envelope] = self._looked_up(record, document)
        return found

    def _looked_up(self, record: Record, document: Document) -> "_Charger":
        def text(name: str) -> str:
            return self._located.text(name, record, document)

        tenant, network, charger_id = text("tenant"), text("network"), text("charger")
        key = ids.charger_key(tenant, network, charger_id).encode()
        return _Charger(
            tenant,
            network,
            charger_id,
            _said("version", text("version"), _VERSIONS),
            _said("direction", text("direction"), _DIRECTIONS),
            key,
            CHARGER + key,
        )

    def _framed(self, payload: bytes, record: Record, document: Document) -> bytes:
        """The frame that the CSMS has taken apart; a payload that is a frame stays one."""
        if payload[:1] == b"[":
            return payload
        located = self._located
        told = located.text("message_type", record, document) or "CALL"
        kind = _FRAME_TYPES.get(told.upper())
        if kind is None:
            problem = f"{told[:40]!r} is none of {', '.join(_FRAME_TYPES)}"
            raise NotLocated("not-located", "message_type", problem)
        message_id = located.text("message_id", record, document) or f"@{record.offset}"
        parts = [kind, msgspec.json.encode(message_id)]
        if kind in (b"2", b"6"):
            parts.append(msgspec.json.encode(located.text("action", record, document)))
        return b"[" + b",".join([*parts, payload]) + b"]"


@lru_cache(maxsize=64)
def _version_marks(version: str) -> tuple[Mark, ...]:
    return (("version", version),) if version else ()


def _ocpi_output(fact: Fact) -> Output:
    topic, key = ocpi.destination(fact)
    encode = codec.encode_checked if type(fact) in _CHECKED else codec.encode
    return fact_output(topic, key.encode(), fact, encode)


class OcpiSource:
    """OCPI objects as they were pushed or pulled."""

    kinds = (StateKind(prefix=OBJECT, type=ocpi.ObjectState),)

    def __init__(self, feed: Feed, tenant: str) -> None:
        self._located = Located(feed, tenant)
        self._feed = feed
        self._pins = Pins(feed.mapping.pins)

    def take(self, record: Record, document: Document, view: View) -> Taken:
        place = self._place(record, document)
        quirks = self._feed.quirks_of(place.partner)
        taken = Taken(place.partner, [], [], [], [], place.tenant)
        versions: dict[str, None] = {}
        states: dict[bytes, ocpi.ObjectState] = {}  # put once nothing can go wrong any more
        for piece in ocpi.pieces(self._located.body(document), place, quirks):
            key = OBJECT + piece.key.encode()
            before: ocpi.ObjectState | None = states.get(key) or view.get(key)
            found = ocpi.translate(before, piece, quirks)
            taken.refused.extend(found.refused)
            taken.notes.extend(found.notes)
            version = next((getattr(one, "ocpi_version", "") for one in found.facts), "")
            versions[version] = None
            changed = self._pins.changed(place.partner, "", version)
            if changed is not None and changed.strict:
                taken.refused.append(changed.refused)
                continue
            if changed is not None:
                taken.notes.append(changed.note)
            try:
                taken.outputs.extend([_ocpi_output(fact) for fact in found.facts])
            except NotLocated as wrong:
                taken.refused.append(wrong.refused)
                continue
            if found.state is not None:
                states[key] = found.state
            for fact in found.facts:
                kind = type(fact).__name__
                taken.lags.extend(
                    lags_of(place.partner, kind, (fact,), place.received_at, _UPDATED)
                )
        for key, state in states.items():
            view.put(key, state)
        marks = tuple(mark for one in versions for mark in _version_marks(one))
        return taken._replace(marks=marks)

    def _place(self, record: Record, document: Document) -> ocpi.Place:
        def text(name: str) -> str:
            return self._located.text(name, record, document)

        answered = text("answer_code")
        if answered and not (answered.isascii() and answered.isdigit() and len(answered) < 6):  # noqa: PLR2004 - OCPI's status codes have four digits
            raise NotLocated("not-located", "answer_code", f"{answered[:40]!r} is no status code")
        return ocpi.Place(
            tenant=text("tenant"),
            partner=text("partner"),
            version_hint=text("version"),
            country_code=text("country_code"),
            party_id=text("party_id"),
            object_hint=text("object"),
            object_id=text("object_id"),
            method=text("method").upper(),
            received_at=self._located.received_at(record, document),
            answer_code=int(answered or 0),
        )


def lags_of(
    partner: str, feed: str, facts: Iterable[Fact], received_at: int, names: tuple[str, ...]
) -> list[Lag]:
    found = (lag(partner, feed, _happened_at(fact, names), received_at) for fact in facts)
    return [one for one in found if one is not None]
