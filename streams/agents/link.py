"""Link: gives every charger's fact to its session, and lets few readings through (the gate).

One partition owns chargers (readings, transactions, watches), aliases (bindings, lookups) and its
own time. Decisions are `streams.core.gate` and `streams.core.linking`; this is plumbing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from schemas import codec, ids, topics
from schemas.facts import (
    AliasBound,
    AliasLookup,
    ChargerSeen,
    ChargingEnded,
    ChargingStarted,
    ChargingUpdated,
    Fact,
    LinkedFact,
    MeterReading,
    NoticeUnbound,
    SettlementNotified,
    Tick,
    Watch,
    Watermark,
)
from streams.agents.waiting import (
    BEYOND,
    HORIZON_MS,
    ORPHAN_AFTER_MS,
    SET_ASIDE_MAX,
    orphan,
    unclaimed,
)
from streams.core import gate, linking
from streams.core.gate import Charging, Forward, Kept
from streams.core.linking import AliasState
from streams.core.schedule import Schedule
from streams.engine.stage import (
    BadRecord,
    Logic,
    Output,
    Record,
    References,
    Stage,
    StateKind,
    View,
)

CHARGING = b"c"
ALIAS = b"a"
NEVER_SEEN = AliasState()
DAY_MS = 24 * 60 * 60 * 1000

REASONS = {
    gate.ReadingFalls: "falling-register",
    gate.ReadingLeaps: "implausible-register",
    gate.TooManyKept: "too-many-unbound",
    gate.BoundElsewhere: "bound-elsewhere",
    linking.TooManyWaiting: "too-many-waiting",
}
REFUSED = tuple(REASONS)
NOT_BELIEVED = frozenset({REASONS[gate.ReadingFalls], REASONS[gate.ReadingLeaps]})


class LinkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How long a fact waits till it is told of and at most; how long a charging is kept."""

    orphan_after_ms: int = ORPHAN_AFTER_MS
    horizon_ms: int = HORIZON_MS
    bound_kept_ms: int = 14 * DAY_MS
    unbound_kept_ms: int = 2 * DAY_MS


def decoded(record: Record) -> Fact:
    """The record's fact. Raises BadRecord with the codec's own words."""
    try:
        return codec.decode(record.value)
    except codec.NotReadable as error:
        raise BadRecord(error.reason, error.detail) from error


class Place(NamedTuple):
    """A charging, and where it is kept."""

    tenant: str
    charging_id: str
    key: bytes


def _place(fact: Any) -> tuple[str, bytes]:
    """The charging that a fact of a charger is about, and the key of its state."""
    charging_id = ids.charging_id(fact.tenant, fact.network, fact.charger_id, fact.transaction_id)
    return charging_id, CHARGING + charging_id.encode()


def _place_of(
    tenant: str,
    network: str,
    charger_id: str,
    evse_uid: str,  # noqa: ARG001 - a reading's texts are five, and this is one of them
    transaction_id: str,
) -> Place:
    charging_id = ids.charging_id(tenant, network, charger_id, transaction_id)
    return Place(tenant, charging_id, CHARGING + charging_id.encode())


_Numbers = tuple[Place, int, int, int, int, int]  # as of `metering.Quick.read`
_quick_reading = codec.quick_readings(_place_of)


def _kept(record: Record) -> Kept:
    return Kept(record.topic, record.partition, record.offset, record.value)


class LinkLogic(Logic):
    """One partition of link."""

    def __init__(self, partition: int, partitions: int, settings: LinkSettings) -> None:
        self._partition = partition
        self._partitions = partitions
        self._settings = settings
        self._schedule = Schedule()
        self._set_aside = 0  # aliases in this tick
        self._handlers: dict[type[Fact], Callable[[Any, Record, View], Iterable[Output]]] = {
            MeterReading: self._reading,
            ChargingStarted: self._transaction,
            ChargingUpdated: self._transaction,
            ChargingEnded: self._transaction,
            ChargerSeen: self._seen,
            SettlementNotified: self._seen,
            Watch: self._watch,
            AliasBound: self._bound,
            AliasLookup: self._lookup,
            NoticeUnbound: self._notice,
            Tick: self._tick,
        }

    # --- the engine's calls ---

    def restored(self, states: Iterator[tuple[bytes, Any]]) -> None:
        for key, value in states:
            self._plan(key, value)
        self._schedule.committed()

    def is_barrier(self, record: Record, view: View) -> bool:  # noqa: ARG002 - every tick is one
        return record.topic == topics.TICKS

    def step(self, record: Record, view: View) -> Iterable[Output]:
        try:
            quick = _quick_reading(record.value)
            if quick is not None:
                return self._numbers(quick, record, view)
            fact = codec.decode(record.value)
            handler = self._handlers.get(type(fact))
            if handler is not None:
                return handler(fact, record, view)
        except codec.NotReadable as error:
            raise BadRecord(error.reason, error.detail) from error
        except REFUSED as error:
            name = codec.record_name(record.value)
            raise BadRecord(REASONS[type(error)], f"{name}: {error}") from error
        raise BadRecord("wrong-topic", f"{type(fact).__name__} does not belong on {record.topic}")

    def committed(self, touched: Mapping[bytes, Any]) -> None:  # noqa: ARG002 - planned as we went
        self._schedule.committed()

    def aborted(self) -> None:
        self._schedule.aborted()

    def quarantine(self, record: Record, reason: str, view: View) -> Iterable[Output]:
        """A refused reading was still sent: its number counts, or the end could never be whole."""
        if reason not in NOT_BELIEVED or record.topic != topics.READINGS:
            return ()
        fact = decoded(record)
        assert isinstance(fact, MeterReading)
        charging_id, key = _place(fact)
        charging: Charging = view.get(key) or Charging()
        forwards = gate.note_sequence(charging, fact.seq)
        view.put(key, charging)
        return self._forwarded(fact.tenant, charging, charging_id, forwards)

    # --- chargers ---

    def _reading(self, fact: MeterReading, record: Record, view: View) -> Iterable[Output]:
        place = _place_of(
            fact.tenant, fact.network, fact.charger_id, fact.evse_uid, fact.transaction_id
        )
        numbers = (place, fact.seq, fact.energy_wh, fact.power_w, fact.read_at, fact.flags)
        return self._numbers(numbers, record, view)

    def _numbers(self, numbers: _Numbers, record: Record, view: View) -> Iterable[Output]:
        """A reading; nearly always of a charging that is known and claimed, and it ends here."""
        place, seq, energy_wh, _, read_at, _ = numbers
        key = place.key
        charging: Charging | None = view.change(key)
        if charging is None:
            charging = Charging()
            view.put(key, charging)
        unclaimed = not charging.session_id
        if unclaimed and gate.may_pass_unwritten(charging, read_at):
            return ()
        kept = Kept(record.topic, record.partition, record.offset, record.value)
        forwards = gate.take_register(charging, seq, energy_wh, read_at, kept)
        if unclaimed:
            self._plan(key, charging)
        if not forwards:
            return ()
        return self._forwarded(place.tenant, charging, place.charging_id, forwards)

    def _transaction(self, fact: Any, record: Record, view: View) -> list[Output]:
        charging_id, key = _place(fact)
        charging: Charging = view.get(key) or Charging()
        kept = _kept(record)
        forwards = gate.take_transaction(charging, fact, kept)
        outputs = self._forwarded(fact.tenant, charging, charging_id, forwards)
        if isinstance(fact, ChargingStarted) and not charging.session_id:
            outputs += self._asked(fact, charging, charging_id, kept)
        view.put(key, charging)
        self._plan(key, charging)
        return outputs

    def _asked(
        self, fact: ChargingStarted, charging: Charging, charging_id: str, kept: Kept
    ) -> list[Output]:
        """The begin names its session by an alias: send it to whoever knows the alias."""
        if fact.payment_kind == "contract" or not fact.remote_start_id:
            return []
        charging.alias = ids.charger_alias(
            fact.tenant, fact.network, fact.charger_id, "remote_start", fact.remote_start_id
        )
        lookup = AliasLookup(
            tenant=fact.tenant,
            alias=charging.alias,
            charging_id=charging_id,
            occurred_at=fact.started_at,
            source_topic=kept.topic,
            source_partition=kept.partition,
            source_offset=kept.offset,
            fact=kept.value,
        )
        return [Output(topics.LOOKUPS, lookup.alias.encode(), codec.encode(lookup))]

    def _seen(
        self,
        fact: ChargerSeen | SettlementNotified,  # noqa: ARG002 - one shape
        record: Record,  # noqa: ARG002 - as fact
        view: View,  # noqa: ARG002 - as fact
    ) -> list[Output]:
        return []  # silence and risk windows are judged from it when they come (issue 5)

    def _watch(self, fact: Watch, record: Record, view: View) -> list[Output]:  # noqa: ARG002 - one shape
        charging_id, key = _place(fact)
        charging: Charging = view.get(key) or Charging()
        forwards = gate.take_watch(charging, fact)
        view.put(key, charging)
        self._plan(key, charging)
        return self._forwarded(fact.tenant, charging, charging_id, forwards)

    def _forwarded(
        self, tenant: str, charging: Charging, charging_id: str, forwards: list[Forward]
    ) -> list[Output]:
        return [
            linked(tenant, charging.session_id, charging_id, forward)
            for forward in forwards
            if charging.session_id
        ]

    # --- aliases ---

    def _bound(self, fact: AliasBound, record: Record, view: View) -> list[Output]:  # noqa: ARG002 - one shape
        key = ALIAS + fact.alias.encode()
        state, released = linking.bind(view.get(key) or NEVER_SEEN, fact)
        view.put(key, state)
        self._plan(key, state)
        return [
            linked(waiting.tenant, session, waiting.charging_id, Forward(waiting.fact))
            for session, waiting in released
        ]

    def _lookup(self, fact: AliasLookup, record: Record, view: View) -> list[Output]:  # noqa: ARG002 - one shape
        key = ALIAS + fact.alias.encode()
        state, session = linking.look_up(view.get(key) or NEVER_SEEN, fact)
        if session is not None:
            kept = Kept(fact.source_topic, fact.source_partition, fact.source_offset, fact.fact)
            return [linked(fact.tenant, session, fact.charging_id, Forward(kept))]
        view.put(key, state)
        self._plan(key, state)
        return []

    def _notice(self, fact: NoticeUnbound, record: Record, view: View) -> list[Output]:
        """An acquirer's word of a payment: it asks for itself, by the alias that it came under."""
        if fact.alias.encode() != record.key:
            raise BadRecord("wrong-key", f"alias: {fact.alias!r} is not the key")
        lookup = AliasLookup(
            tenant=fact.tenant,
            alias=fact.alias,
            charging_id=fact.alias,  # no charging is told: the alias stands for it
            occurred_at=fact.occurred_at,
            source_topic=record.topic,
            source_partition=record.partition,
            source_offset=record.offset,
            fact=record.value,
        )
        return self._lookup(lookup, record, view)

    # --- time ---

    def _plan(self, key: bytes, value: Any) -> None:
        if key[:1] == ALIAS:
            self._schedule.plan(key, self._alias_due(value))
        elif key[:1] == CHARGING:
            self._schedule.plan(key, self._charging_due(value))

    def _alias_due(self, state: AliasState) -> int | None:
        """When the first of those that wait is to be told of, or, told of before, set aside."""
        orphan_ms, horizon_ms = self._settings.orphan_after_ms, self._settings.horizon_ms
        instants = [
            one.occurred_at + (horizon_ms if one.told else orphan_ms) for one in state.waiting
        ]
        return min(instants) if instants else None

    def _charging_due(self, charging: Charging) -> int | None:
        if charging.session_id:
            if not charging.closing:
                return None
            return max(charging.read_at, charging.since) + self._settings.bound_kept_ms
        return max(charging.read_at, charging.since) + self._settings.unbound_kept_ms

    def _tick(self, fact: Tick, record: Record, view: View) -> list[Output]:
        if fact.partition != record.partition:
            raise BadRecord("wrong-partition", f"partition: tick for {fact.partition}")
        self._set_aside = 0
        outputs: list[Output] = []
        while (key := self._schedule.take_due(fact.at)) is not None:
            outputs += self._aged(key, fact.at, view)
        mark = codec.encode(
            Watermark(link_partition=self._partition, link_partitions=self._partitions, at=fact.at)
        )
        name = str(self._partition).encode()
        everywhere = [
            Output(topics.EVENTS, name, mark, partition) for partition in range(self._partitions)
        ]
        return outputs + everywhere

    def _aged(self, key: bytes, now_at: int, view: View) -> list[Output]:
        if key[:1] == CHARGING:
            charging: Charging = view.get(key)
            view.delete(key)
            charging_id = key[1:].decode()
            return [unclaimed(charging_id, kept, "never-claimed") for kept in charging.kept]
        state: AliasState = view.get(key)
        horizon_at = now_at - self._settings.horizon_ms
        beyond = [one for one in state.waiting if one.told and one.occurred_at <= horizon_at]
        if beyond and self._set_aside >= SET_ASIDE_MAX:
            self._schedule.plan(key, now_at + 1)
            return []
        self._set_aside += bool(beyond)
        limit = now_at - self._settings.orphan_after_ms
        old = [one for one in state.waiting if not one.told and one.occurred_at <= limit]
        waiting = [
            msgspec.structs.replace(one, told=True) if one in old else one
            for one in state.waiting
            if one not in beyond
        ]
        changed = AliasState(state.bindings, waiting)
        if waiting or state.bindings:
            view.put(key, changed)
        else:
            view.delete(key)
        self._plan(key, changed)
        alias = key[1:].decode()
        told = [orphan(alias, state, one, now_at) for one in old]
        return told + [unclaimed(one.charging_id, one.fact, BEYOND) for one in beyond]


def linked(tenant: str, session_id: str, charging_id: str, forward: Forward) -> Output:
    """The fact on its way to its session, with what the gate knows of it."""
    fact = LinkedFact(
        tenant=tenant,
        session_id=session_id,
        charging_id=charging_id,
        source_topic=forward.fact.topic,
        source_partition=forward.fact.partition,
        source_offset=forward.fact.offset,
        crossing=forward.crossing,
        sequence_complete=forward.sequence_complete,
        fact=forward.fact.value,
        gap_ms=forward.gap_ms,
    )
    return Output(topics.EVENTS, session_id.encode(), codec.encode(fact))


@dataclass(frozen=True, kw_only=True)
class LinkStage(Stage):
    """Link as the engine runs it."""

    settings: LinkSettings = field(default_factory=LinkSettings)

    def open(self, partition: int, references: References) -> LinkLogic:  # noqa: ARG002 - none used
        return LinkLogic(partition, self.partitions, self.settings)


def link_stage(partitions: int, settings: LinkSettings | None = None) -> LinkStage:
    """The stage over `partitions` partitions; the ticker is added by who composes it."""
    return LinkStage(
        name="link",
        version=1,
        inputs=(
            topics.READINGS,
            topics.TRANSACTIONS,
            topics.WATCHES,
            topics.ALIASES,
            topics.LOOKUPS,
            topics.TICKS,
        ),
        state_topic=topics.LINK_STATE,
        parked_topic=topics.PARKED,
        partitions=partitions,
        kinds=(
            StateKind(prefix=CHARGING, type=Charging),
            StateKind(prefix=ALIAS, type=AliasState),
        ),
        barrier_topics=frozenset({topics.TICKS}),
        check_keys=frozenset({topics.READINGS, topics.TRANSACTIONS}),
        settings=settings or LinkSettings(),
    )
