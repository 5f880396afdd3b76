"""The three kinds of feed: from one located message to facts on our topics, by the translators.

Plumbing alone: what a message means is `connectors.ocpp`, `connectors.ocpi` and the adapters in
`connectors.acquirers`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

import msgspec

from connectors.acquirers.acquirer import BadNotice, Forged, Notice, NoticeReader
from connectors.feeding import Note, Refused
from connectors.lag import Lag, lag
from connectors.ocpi import feed as ocpi
from connectors.ocpp import feed as ocpp
from schemas import codec, ids, topics
from schemas.facts import Fact, MeterReading, NoticeUnbound
from streams.agents.feed_envelope import (
    Document,
    Locator,
    NotLocated,
    OptionalLocator,
    instant_of,
)
from streams.agents.feed_mapping import NEEDED, Feed
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
_WHEN = ("read_at", "started_at", "updated_at", "ended_at", "seen_at", "last_updated_at")
_DONE_AT = ("answered_at", "occurred_at")


class Taken(NamedTuple):
    """What became of one message; `partner` is who is measured, by lag and by refusals."""

    partner: str
    outputs: list[Output]
    refused: list[Refused]
    notes: list[Note]
    lags: list[Lag]


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


def fact_output(topic: str, key: bytes, fact: Fact) -> Output:
    """Raises NotLocated for a fact that the contract, or a batch, has no room for."""
    try:
        value = codec.encode(fact)
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
        self._offset_min = feed.mapping.utc_offset_min
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
        found = ocpp.translate(before, payload, place, self._rules)
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
        lags = _lags(charger.network, "ocpp", found.facts[-1:], received_at, _WHEN)
        return Taken(charger.network, outputs, list(found.refused), list(found.notes), lags)

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


def _ocpi_output(fact: Fact) -> Output:
    topic, key = ocpi.destination(fact)
    return fact_output(topic, key.encode(), fact)


class OcpiSource:
    """OCPI objects as they were pushed or pulled."""

    kinds = (StateKind(prefix=OBJECT, type=ocpi.ObjectState),)

    def __init__(self, feed: Feed, tenant: str) -> None:
        self._located = Located(feed, tenant)
        self._feed = feed

    def take(self, record: Record, document: Document, view: View) -> Taken:
        place = self._place(record, document)
        quirks = self._feed.quirks_of(place.partner)
        taken = Taken(place.partner, [], [], [], [])
        states: dict[bytes, ocpi.ObjectState] = {}  # put once nothing can go wrong any more
        for piece in ocpi.pieces(self._located.body(document), place, quirks):
            key = OBJECT + piece.key.encode()
            before: ocpi.ObjectState | None = states.get(key) or view.get(key)
            found = ocpi.translate(before, piece.payload, piece.place, quirks)
            taken.refused.extend(found.refused)
            taken.notes.extend(found.notes)
            try:
                taken.outputs.extend([_ocpi_output(fact) for fact in found.facts])
            except NotLocated as wrong:
                taken.refused.append(wrong.refused)
                continue
            if found.state is not None:
                states[key] = found.state
            for fact in found.facts:
                kind = type(fact).__name__
                taken.lags.extend(_lags(place.partner, kind, (fact,), place.received_at, _WHEN))
        for key, state in states.items():
            view.put(key, state)
        return taken

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


class Clock:
    """The time that the readers of webhooks go by: when the operator's gateway had the message."""

    def __init__(self) -> None:
        self.at = 0

    def __call__(self) -> int:
        return self.at


Readers = Callable[[Clock], Mapping[str, NoticeReader]]


class AcquirerSource:
    """Acquirers' webhooks as a gateway put them onto a topic: raw body, HTTP headers beside it."""

    kinds: tuple[StateKind, ...] = ()  # nothing is remembered of them

    def __init__(self, feed: Feed, tenant: str, readers: Readers) -> None:
        self._located = Located(feed, tenant)
        self._own_tenant = "tenant" in feed.mapping.where
        self._verify = feed.mapping.verify
        self._clock = Clock()
        self._readers = readers(self._clock)
        where = feed.mapping.where.get("headers")
        self._headers = None if where is None else where.steps

    def take(self, record: Record, document: Document, view: View) -> Taken:  # noqa: ARG002 - no state
        acquirer = self._located.text("acquirer", record, document)
        reader = self._readers.get(acquirer)
        if reader is None:
            problem = f"{acquirer[:100]!r} has no account, or no secret to check webhooks by"
            raise NotLocated("unknown-acquirer", "acquirer", problem)
        self._clock.at = self._located.received_at(record, document)
        refused: list[Refused] = []
        try:
            notices = reader.read(
                self._http_headers(record, document), self._located.body(document)
            )
        except Forged:
            notices = ()
            refused.append(Refused("forged", "", "no signature of its account's secrets, or late"))
        except BadNotice as bad:
            notices = bad.facts
            refused.append(Refused("bad-notice", bad.field, bad.problem))
        if self._own_tenant:
            _check_tenant(notices, self._located.text("tenant", record, document))
        outputs = [_notice_output(one) for one in notices]
        notes = [] if notices or refused else [Note("not-about-money")]
        if not self._verify:
            notes.append(Note("signature-not-checked", "the mapping says verify = false"))
        lags = _lags(acquirer, "acquirer", notices[-1:], self._clock.at, _DONE_AT)
        return Taken(acquirer, outputs, refused, notes, lags)

    def _http_headers(self, record: Record, document: Document) -> dict[str, str]:
        """Names in lower case; of the record itself, or of an object that the mapping names."""
        if self._headers is None:
            return {name.lower(): _text(value) for name, value in record.headers}
        raw = document.body(self._headers)
        try:
            told = msgspec.json.decode(raw or b"{}", type=dict[str, str | list[str]])
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise NotLocated("not-located", "headers", "no object of texts") from None
        return {
            name.lower(): value if isinstance(value, str) else ",".join(value)
            for name, value in told.items()
        }


def _check_tenant(notices: Iterable[Notice], tenant: str) -> None:
    """A mapping that says whose the messages are is not contradicted. Raises NotLocated."""
    if any(one.tenant != tenant for one in notices):
        problem = f"{tenant[:100]!r} is not the tenant of what it tells of"
        raise NotLocated("not-located", "tenant", problem)


def _notice_output(notice: Notice) -> Output:
    """To its session, or to whoever knows the alias that finds it."""
    if not isinstance(notice, NoticeUnbound):
        return fact_output(topics.RESPONSES, notice.session_id.encode(), notice)
    return fact_output(topics.LOOKUPS, notice.alias.encode(), notice)


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


def _lags(
    partner: str, feed: str, facts: Iterable[Fact], received_at: int, names: tuple[str, ...]
) -> list[Lag]:
    found = (lag(partner, feed, _happened_at(fact, names), received_at) for fact in facts)
    return [one for one in found if one is not None]
