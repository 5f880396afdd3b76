"""A record of a stage that takes one kind, keyed as its own producer keys it."""

from typing import TypeVar

from schemas.facts import Fact
from streams.agents.link import decoded
from streams.agents.routes import route
from streams.engine.stage import BadRecord, Record

_T = TypeVar("_T", bound=Fact)


def received(record: Record, kind: type[_T]) -> _T:
    """The fact. Raises BadRecord: undecodable, wrong-topic, wrong-key."""
    fact = decoded(record)
    if not isinstance(fact, kind):
        raise BadRecord("wrong-topic", f"{type(fact).__name__} does not belong here")
    if route(fact)[1].encode() != record.key:
        # Neither is told: a key may hold a card's token, and what was put in its place anything.
        raise BadRecord("wrong-key", f"{kind.__name__}: its fields make another key")
    return fact
