"""Acquirers' webhooks from a topic: from one located message to answers and notices on ours.

Plumbing alone: what a webhook means is the adapters in `connectors.acquirers`.
"""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from connectors.acquirers.acquirer import BadNotice, Forged, Notice, NoticeReader
from connectors.acquirers.shapes import Shape, Shapes
from connectors.feeding import Note, Refused
from schemas import topics
from schemas.facts import NoticeUnbound
from streams.agents.feed_drift import Mark
from streams.agents.feed_envelope import Document, NotLocated
from streams.agents.feed_mapping import Feed
from streams.agents.feed_pins import Pins
from streams.agents.feed_sources import Located, Taken, fact_output, lags_of
from streams.engine.stage import Output, Record, StateKind, View

_DONE_AT = ("answered_at", "occurred_at")


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
        self._pins = Pins(feed.mapping.pins)
        self._shapes = Shapes()
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
        body, shape = self._located.body(document), Shape()
        try:
            notices = reader.read(self._http_headers(record, document), body)
            shape = self._shapes.of(body)
        except Forged:
            notices = ()
            refused.append(Refused("forged", "", "no signature of its account's secrets, or late"))
        except BadNotice as bad:
            notices, shape = bad.facts, self._shapes.of(body)
            refused.append(Refused("bad-notice", bad.field, bad.problem))
        changed = self._pins.changed(acquirer, "", shape.version)
        if changed is not None and changed.strict:
            notices, refused = (), [changed.refused]
        if self._own_tenant:
            _check_tenant(notices, self._located.text("tenant", record, document))
        outputs = [_notice_output(one) for one in notices]
        notes = [] if notices or refused else [Note("not-about-money")]
        if not self._verify:
            notes.append(Note("signature-not-checked", "the mapping says verify = false"))
        lags = lags_of(acquirer, "acquirer", notices[-1:], self._clock.at, _DONE_AT)
        if changed is not None and not changed.strict:
            notes.append(changed.note)
        return Taken(acquirer, outputs, refused, notes, lags, marks=_marks(shape))

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


def _marks(shape: Shape) -> tuple[Mark, ...]:
    version: tuple[Mark, ...] = (("version", shape.version),) if shape.version else ()
    events: list[Mark] = [("word", one) for one in shape.events]
    fields: list[Mark] = [("field", one) for one in shape.fields]
    return (*version, *events, *fields)


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
