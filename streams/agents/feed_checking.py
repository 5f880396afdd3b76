"""A sample of a feed, message by message, through the same stage that runs it: no Kafka."""

import asyncio
from pathlib import Path
from typing import Any, Literal

import msgspec

from connectors.acquirers.settings import AccountSettings
from connectors.feeding import Note, Refused
from connectors.stripping import clean_text
from schemas import codec
from streams.agents.feed import FeedLogic
from streams.agents.feed_mapping import Feed, Source, feed_of
from streams.agents.feed_opening import opened
from streams.agents.feed_samples import (
    Unusable,
    as_frame,
    dated,
    messages,
    names_of,
    record_of,
)
from streams.agents.feed_sources import Taken
from streams.agents.feed_unsigned import ACQUIRER, NOBODY, accounts_for
from streams.engine.references import ReferenceReader
from streams.engine.stage import NeedLookup, Output, Record
from streams.engine.state import StateStore, WorkingCopy
from streams.settings import Settings

__all__ = ["Became", "Checked", "Message", "Unusable", "checked", "default_feed"]

_DEFAULT = "sample"


class Became(msgspec.Struct, frozen=True, kw_only=True):
    """One fact of ours. `fields` as the contract has them; bytes as base64."""

    record: str
    topic: str
    key: str
    fields: dict[str, Any]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the sample, counted from 1 on. Skipped: nothing in it is for us."""

    number: int
    outcome: Literal["accepted", "skipped", "refused"]
    facts: list[Became]
    refused: list[Refused]
    notes: list[Note]


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What a sample becomes: every message in its order, and how many there were of each.

    `accepted` counts the skipped ones, too; `facts` all that came of it.
    """

    source: str
    messages: list[Message]
    accepted: int
    refused: int
    facts: int


def default_feed(source: Source) -> Feed:
    """Bare messages, of a charger, partner or account called `sample`."""
    places: dict[Source, dict[str, Any]] = {
        "ocpp": {"charger": "sample", "network": "sample"},
        "ocpi": {"partner": "sample"},
        "acquirer": {"acquirer": {"header": ACQUIRER}},
    }
    return feed_of({"source": source, "name": _DEFAULT, "where": places[source]}, Path())


def checked(
    feed: Feed,
    sample: bytes,
    settings: Settings,
    accounts: dict[str, AccountSettings],
    now_at: int,
) -> Checked:
    """Raises Unusable. What tells no instant of its own was received at `now_at`.

    Without a mapping OCPP's messages are received when they say that they happened.
    """
    source = feed.mapping.source
    found = messages(sample, source)
    records = [record_of(one, number, now_at) for number, one in enumerate(found, start=1)]
    if feed.mapping.name == _DEFAULT and source == "ocpp":
        records = [_replaced(one, as_frame(one.value, one.offset)) for one in records]
        records = dated(records, now_at)
    if feed.mapping.name == _DEFAULT and source == "acquirer":
        if not accounts:
            feed = _unverified(feed)
        accounts, records = _for_one_account(accounts, records, settings.tenant)
    stage = opened(feed, "sample", 1, settings, accounts)
    logic = stage.open(0, ReferenceReader("", ()))
    told = asyncio.run(_told(logic, StateStore(stage.kinds), records))
    refused = sum(one.outcome == "refused" for one in told)
    return Checked(
        source=source,
        messages=told,
        accepted=len(told) - refused,
        refused=refused,
        facts=sum(len(one.facts) for one in told),
    )


def _for_one_account(
    accounts: dict[str, AccountSettings], records: list[Record], tenant: str
) -> tuple[dict[str, AccountSettings], list[Record]]:
    """Which one is meant where no mapping says so. Raises Unusable."""
    if not accounts:
        return accounts_for(records, tenant)
    if len(accounts) > 1:
        raise Unusable(f"of which account? A mapping says so: {', '.join(sorted(accounts))}")
    header = (ACQUIRER, next(iter(accounts)).encode())
    return accounts, [
        msgspec.structs.replace(one, headers=(*one.headers, header)) for one in records
    ]


def _unverified(feed: Feed) -> Feed:
    mapping = feed.mapping.model_copy(update={"verify": False})
    return msgspec.structs.replace(feed, mapping=mapping)


def _replaced(record: Record, value: bytes) -> Record:
    return msgspec.structs.replace(record, value=value)


async def _told(logic: FeedLogic, store: StateStore, records: list[Record]) -> list[Message]:
    """State is kept from message to message, each a transaction of its own."""
    told = []
    for record in records:
        view = WorkingCopy(store)
        taken = await _taken(logic, record, view)
        store.commit(view.changes())
        told.append(_message(record, taken))
    return told


async def _taken(logic: FeedLogic, record: Record, view: WorkingCopy) -> Taken:
    """Once more after each question to a registry, which remembers its answer."""
    while True:
        try:
            return logic.taken(record, view)
        except NeedLookup as need:
            await need.look_up()


def _message(record: Record, taken: Taken) -> Message:
    facts = [_became(one) for one in taken.outputs]
    outcome: Literal["accepted", "skipped", "refused"] = "accepted" if facts else "skipped"
    return Message(
        number=record.offset,
        outcome="refused" if taken.refused else outcome,
        facts=facts,
        refused=[_shown(one, record) for one in taken.refused],
        notes=taken.notes,
    )


def _shown(one: Refused, record: Record) -> Refused:
    """What is shown may not hold a card number either."""
    problem = one.problem
    if one.reason == "not-a-frame" and (names := names_of(record.value)):
        problem += (
            f"; an envelope with the fields {', '.join(names)}? Then a mapping says where in it the"
            " payload stands, and the action where that is no frame (where.payload, where.action)"
        )
    if one.reason == "unknown-acquirer" and NOBODY in problem:
        names = names_of(record.value)
        problem = f"the webhook is of {NOBODY}, by its fields: {', '.join(names) or 'it has none'}"
    return msgspec.structs.replace(one, problem=clean_text(problem)[0])


def _became(output: Output) -> Became:
    fact = codec.decode(output.value)
    return Became(
        record=type(fact).__name__,
        topic=output.topic,
        key=(output.key or b"").decode(),
        fields=msgspec.to_builtins(fact),
    )
