"""Visits: what sessions did with their cards in, what they have to know of it out.

A shell of `streams.core.visits`: one book a card and site, keyed by the acquirer's token.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from schemas import topics
from schemas.facts import CardUsed
from streams.agents.received import received
from streams.agents.routes import output
from streams.core import visits
from streams.core.visits import CardBook
from streams.engine.stage import (
    Logic,
    Output,
    Record,
    References,
    Stage,
    StateKind,
    View,
)

CARD = b"c"


class VisitsLogic(Logic):
    """One partition of visits."""

    def step(self, record: Record, view: View) -> Iterable[Output]:
        use = received(record, CardUsed)
        key = CARD + record.key
        change = visits.apply(view.get(key), use)
        if change.visit is None:
            return ()
        view.put(key, change.book)
        return [output(change.visit), *(output(one) for one in change.seen)]

    def committed(self, touched: Mapping[bytes, Any]) -> None:
        """Nothing is derived from the state."""

    def aborted(self) -> None:
        """Nothing was planned."""


@dataclass(frozen=True, kw_only=True)
class VisitsStage(Stage):
    """Visits as the engine runs it."""

    def open(self, partition: int, references: References) -> VisitsLogic:  # noqa: ARG002 - none
        return VisitsLogic()


def visits_stage(partitions: int) -> VisitsStage:
    return VisitsStage(
        name="visits",
        version=1,
        inputs=(topics.CARD_USES,),
        state_topic=topics.VISITS_STATE,
        parked_topic=topics.PARKED,
        partitions=partitions,
        kinds=(StateKind(prefix=CARD, type=CardBook),),
        barrier_topics=frozenset(),
    )
