"""The gate's promise, checked from outside: no reading passed a watch without waking its session.

In which order link met a watch and a reading is not journalled, and need not be: whichever came
first, the other is compared with it at once. So the newest watch of a charging and the readings
that link has applied and not parked say whether a crossing must have gone on. An older watch that
never fired is no miss: the newer one was decided from later facts.
"""

from collections.abc import Iterator, Mapping

import msgspec

from schemas import codec, ids, topics
from schemas.facts import (
    ChargerSeen,
    ChargingEnded,
    ChargingStarted,
    ChargingUpdated,
    LinkedFact,
    SettlementNotified,
    Watch,
)
from streams.audit.findings import Finding, finding
from streams.audit.inputs import Place
from streams.audit.shelf import Drawer, Shelf
from streams.audit.silences import Ears, Heard
from streams.core import gate
from streams.core.gate import Charging, Forward, Kept
from streams.core.silence import Rhythm
from streams.engine.stage import Record

Bounds = Mapping[tuple[str, int], int]  # topic, partition: the next offset that a stage will apply
_REFUSED = (gate.ReadingFalls, gate.ReadingLeaps, gate.TooManyKept, gate.BoundElsewhere)


class Watched(msgspec.Struct, array_like=True, gc=False):
    """One charging. `woken`: the highest version of which a crossing reached its session."""

    charging: Charging
    woken: int = 0
    watched_at: int = -1  # offset of the newest watch
    partition: int = 0


class Crossing(msgspec.Struct, array_like=True, frozen=True):
    """Offsets of the watch and of the reading that passed it."""

    session_id: str
    version: int
    partition: int
    watch: int
    reading: int


class Unlinked(msgspec.Struct, array_like=True, frozen=True):
    """A charger's fact that has to reach its session, once there is one."""

    charging_id: str
    is_end: bool


class Noted(msgspec.Struct):
    """What is between the topics; counts since the auditor began. Kept in the checkpoint."""

    crossings: dict[str, Crossing] = {}
    unlinked: dict[Place, Unlinked] = {}
    linked_ahead: set[Place] = set()
    taken_to: dict[int, int] = {}
    readings: int = 0
    crossed: int = 0
    heard: Heard = msgspec.field(default_factory=Heard)


class Gates:
    """By charging, what a gate that lost nothing would have let through."""

    def __init__(
        self, noted: Noted, chargings: Drawer[Watched], shelf: Shelf, rhythm: Rhythm
    ) -> None:
        self._noted = noted
        self._chargings = chargings
        self.ears = Ears(noted.heard, shelf, self._known, rhythm)
        self._place = codec.quick_readings(_charging_of)

    def reading(self, record: Record) -> None:
        quick = self._place(record.value)
        if quick is None:
            return
        charging_id, seq, energy_wh, _, read_at, _ = quick
        self._noted.readings += 1
        watched = self._of(charging_id, record.partition)
        try:
            forwards = gate.take_register(watched.charging, seq, energy_wh, read_at, _kept(record))
        except _REFUSED:
            self._told(charging_id, watched, read_at)
            return
        self._chargings.put(charging_id, watched)
        self._note(charging_id, watched, forwards)

    def refused(self, record: Record) -> None:
        """A reading that link parked: no register to go by, and a sign of life all the same."""
        quick = self._place(record.value)
        if quick is not None:
            self._told(quick[0], self._of(quick[0], record.partition), quick[4])

    def _told(self, charging_id: str, watched: Watched, at: int) -> None:
        watched.charging.told_at = max(watched.charging.told_at, at)
        self._chargings.put(charging_id, watched)

    def transaction(self, record: Record) -> None:
        self._noted.taken_to[record.partition] = record.offset
        fact = codec.decode(record.value)
        if isinstance(fact, ChargerSeen):
            self.ears.seen(fact, ids.charger_key(fact.tenant, fact.network, fact.charger_id))
        elif isinstance(fact, SettlementNotified) and fact.transaction_id:
            self._settled(fact, record)
        if not isinstance(fact, ChargingStarted | ChargingUpdated | ChargingEnded):
            return
        charging_id = ids.charging_id(
            fact.tenant, fact.network, fact.charger_id, fact.transaction_id
        )
        watched = self._of(charging_id, record.partition)
        try:
            gate.take_transaction(watched.charging, fact, _kept(record))
        except _REFUSED:
            return
        watched.charging.kept = []
        self._chargings.put(charging_id, watched)
        place = (record.topic, record.partition, record.offset)
        if place in self._noted.linked_ahead:
            self._noted.linked_ahead.discard(place)
        else:
            self._noted.unlinked[place] = Unlinked(charging_id, isinstance(fact, ChargingEnded))

    def _settled(self, fact: SettlementNotified, record: Record) -> None:
        charging_id = ids.charging_id(
            fact.tenant, fact.network, fact.charger_id, fact.transaction_id
        )
        watched = self._of(charging_id, record.partition)
        watched.charging.since = watched.charging.since or fact.settled_at
        self._chargings.put(charging_id, watched)

    def watch(self, fact: Watch, record: Record) -> None:
        charging_id = ids.charging_id(
            fact.tenant, fact.network, fact.charger_id, fact.transaction_id
        )
        watched = self._of(charging_id, record.partition)
        try:
            forwards = gate.take_watch(watched.charging, fact)
        except _REFUSED:
            return
        if watched.charging.version == fact.version:
            watched.watched_at = record.offset
        self._chargings.put(charging_id, watched)
        self.ears.watched(charging_id, watched.charging)
        known = self._noted.crossings.get(charging_id)
        if known is not None and known.version < watched.charging.version:
            del self._noted.crossings[charging_id]
        self._note(charging_id, watched, forwards)

    def linked(self, fact: LinkedFact) -> None:
        """What did reach a session."""
        self.ears.linked(fact)
        place = (fact.source_topic, fact.source_partition, fact.source_offset)
        if (
            fact.source_topic == topics.TRANSACTIONS
            and self._noted.unlinked.pop(place, None) is None
        ):
            is_ahead = fact.source_offset > self._noted.taken_to.get(fact.source_partition, -1)
            if is_ahead:
                self._noted.linked_ahead.add(place)
        if not fact.crossing:
            return
        watched = self._of(fact.charging_id, 0)
        watched.woken = max(watched.woken, fact.crossing)
        self._chargings.put(fact.charging_id, watched)
        known = self._noted.crossings.get(fact.charging_id)
        if known is not None and known.version <= watched.woken:
            del self._noted.crossings[fact.charging_id]

    def parked(self, place: Place) -> None:
        self._noted.unlinked.pop(place, None)

    def _of(self, charging_id: str, partition: int) -> Watched:
        found = self._chargings.get(charging_id)
        if found is not None:
            return found
        self.ears.met(charging_id)
        return Watched(Charging(), partition=partition)

    def _known(self, charging_id: str) -> tuple[Charging, int] | None:
        found = self._chargings.get(charging_id)
        return None if found is None else (found.charging, found.watched_at)

    def _note(self, charging_id: str, watched: Watched, forwards: list[Forward]) -> None:
        for forward in forwards:
            if not forward.crossing:
                continue
            self._noted.crossed += 1
            if forward.crossing > watched.woken:
                self._noted.crossings[charging_id] = Crossing(
                    watched.charging.session_id,
                    forward.crossing,
                    forward.fact.partition,
                    watched.watched_at,
                    forward.fact.offset,
                )

    def misses(self, link: Bounds) -> Iterator[Finding]:
        """What link has dealt with, by the offsets that it stands at, and nobody was told of."""
        for charging_id, one in self._noted.crossings.items():
            if one.watch < link.get((topics.WATCHES, one.partition), 0):
                name = f"{topics.READINGS}/{one.partition}/{one.reading}"
                detail = f"{charging_id}: watch {one.version}"
                yield finding("crossing-missed", topics.EVENTS, one.session_id, name, detail)
        for place, unlinked in list(self._noted.unlinked.items()):
            yield from self._not_linked(place, unlinked, link)

    def _not_linked(self, place: Place, one: Unlinked, link: Bounds) -> Iterator[Finding]:
        watched = self._chargings.get(one.charging_id)
        if watched is None or not watched.charging.session_id:
            return
        if one.is_end and watched.charging.ended.offset != place[2]:
            del self._noted.unlinked[
                place
            ]  # told twice: the first one may have gone on in its place
        elif watched.watched_at < link.get((topics.WATCHES, place[1]), 0):
            name = "/".join(map(str, place))
            session_id = watched.charging.session_id
            yield finding("not-linked", topics.EVENTS, session_id, name, one.charging_id)


def _charging_of(tenant: str, network: str, charger_id: str, _: str, transaction_id: str) -> str:
    return ids.charging_id(tenant, network, charger_id, transaction_id)


def _kept(record: Record) -> Kept:
    return Kept(record.topic, record.partition, record.offset, b"")
