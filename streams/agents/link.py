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
    MeterReading,
    NoticeUnbound,
    SettlementNotified,
    Tick,
    Watch,
    Watermark,
)
from schemas.partners import AdviceConfirmed
from schemas.roaming import CdrSeen, SessionSeen
from streams.agents.aliases import ALIAS, Aliases, linked
from streams.agents.silences import LIFE, Silences
from streams.agents.waiting import HORIZON_MS, ORPHAN_AFTER_MS, unclaimed
from streams.core import gate, linking, partner_links, silence
from streams.core.gate import Charging, Forward, Kept
from streams.core.linking import AliasState
from streams.core.partner_links import PartnerFact
from streams.core.schedule import Schedule
from streams.core.silence import Life, Rhythm
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
    """How long a fact waits till it is told of and at most; how long a charging is kept.

    `rhythm`: how long a charger with a running charging may be silent.
    """

    orphan_after_ms: int = ORPHAN_AFTER_MS
    horizon_ms: int = HORIZON_MS
    bound_kept_ms: int = 14 * DAY_MS
    unbound_kept_ms: int = 2 * DAY_MS
    rhythm: Rhythm = Rhythm()


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
        self._aliases = Aliases(self._schedule, settings.orphan_after_ms, settings.horizon_ms)
        self._silences = Silences(self._schedule, settings.rhythm, settings.bound_kept_ms, CHARGING)
        self._handlers: dict[type[Fact], Callable[[Any, Record, View], Iterable[Output]]] = {
            MeterReading: self._reading,
            ChargingStarted: self._transaction,
            ChargingUpdated: self._transaction,
            ChargingEnded: self._transaction,
            ChargerSeen: self._seen,
            SettlementNotified: self._settled,
            SessionSeen: self._partner,
            CdrSeen: self._partner,
            AdviceConfirmed: self._partner,
            Watch: self._watch,
            AliasBound: self._aliases.bound,
            AliasLookup: self._aliases.look_up,
            NoticeUnbound: self._aliases.notice,
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
            quick = _quick_reading(record.value)  # by its bytes, whatever its topic is called
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
        if reason == REASONS[gate.ReadingFalls]:
            forwards = gate.note_refused(charging, fact.seq, fact.energy_wh)
        else:
            forwards = gate.note_sequence(charging, fact.seq)
        charging.told_at = max(charging.told_at, fact.read_at)  # a sign of life all the same
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
        if isinstance(fact, ChargingEnded) and charging.session_id:
            self._silences.touched(charging_id, charging, view)
        return outputs

    def _asked(
        self, fact: ChargingStarted, charging: Charging, charging_id: str, kept: Kept
    ) -> list[Output]:
        """The begin names its session by aliases: send it to whoever knows the first of them."""
        names = partner_links.begin_aliases(fact)
        if not names:
            return []
        charging.alias = names[0]
        lookup = AliasLookup(
            tenant=fact.tenant,
            alias=names[0],
            charging_id=charging_id,
            occurred_at=fact.started_at,
            source_topic=kept.topic,
            source_partition=kept.partition,
            source_offset=kept.offset,
            fact=kept.value,
            others=names[1:],
        )
        return [Output(topics.LOOKUPS, lookup.alias.encode(), codec.encode(lookup))]

    def _seen(self, fact: ChargerSeen, record: Record, view: View) -> list[Output]:  # noqa: ARG002 - one shape
        self._silences.seen(fact, ids.charger_key(fact.tenant, fact.network, fact.charger_id), view)
        return []

    def _settled(self, fact: SettlementNotified, record: Record, view: View) -> list[Output]:
        """A payment at the station: of its transaction, else it asks by its own name."""
        if not fact.transaction_id:
            asked = partner_links.asking_station(fact)
            if asked is None:
                return []
            return self._aliases.ask(fact.tenant, asked, record, view)
        charging_id, key = _place(fact)
        charging: Charging = view.get(key) or Charging()
        forwards = gate.take_beside(charging, _kept(record), fact.settled_at)
        view.put(key, charging)
        self._plan(key, charging)
        return self._forwarded(fact.tenant, charging, charging_id, forwards)

    def _partner(self, fact: PartnerFact, record: Record, view: View) -> list[Output]:
        return self._aliases.ask(fact.tenant, partner_links.asking(fact), record, view)

    def _watch(self, fact: Watch, record: Record, view: View) -> list[Output]:  # noqa: ARG002 - one shape
        charging_id, key = _place(fact)
        charging: Charging = view.get(key) or Charging()
        was_live = silence.is_live(charging)
        forwards = gate.take_watch(charging, fact)
        view.put(key, charging)
        self._plan(key, charging)
        if silence.is_live(charging) != was_live:
            self._silences.touched(charging_id, charging, view)
        return self._forwarded(fact.tenant, charging, charging_id, forwards)

    def _forwarded(
        self, tenant: str, charging: Charging, charging_id: str, forwards: list[Forward]
    ) -> list[Output]:
        return [
            linked(tenant, charging.session_id, charging_id, forward, fell=charging.fell)
            for forward in forwards
            if charging.session_id
        ]

    # --- time ---

    def _plan(self, key: bytes, value: Any) -> None:
        if key[:1] == ALIAS:
            self._aliases.plan(key, value)
        elif key[:1] == CHARGING:
            look_at = silence.look_at(value)
            self._schedule.plan(key, self._kept_until(value) if look_at is None else look_at)
        elif key[:1] == LIFE:
            self._silences.plan(key, value)

    def _kept_until(self, charging: Charging) -> int | None:
        if charging.session_id:
            if not charging.closing:
                return None
            return max(charging.read_at, charging.since) + self._settings.bound_kept_ms
        return max(charging.read_at, charging.since) + self._settings.unbound_kept_ms

    def _tick(self, fact: Tick, record: Record, view: View) -> list[Output]:
        if fact.partition != record.partition:
            raise BadRecord("wrong-partition", f"partition: tick for {fact.partition}")
        self._aliases.begin_tick()
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
            kept_until, charging_id = self._kept_until(charging), key[1:].decode()
            if kept_until is not None and kept_until <= now_at:
                view.delete(key)
                return [unclaimed(charging_id, kept, "never-claimed") for kept in charging.kept]
            said, again_at = self._silences.look(charging_id, charging, now_at, view)
            self._schedule.plan(key, kept_until if again_at is None else again_at)
            return said
        if key[:1] == LIFE:
            self._silences.aged(key, now_at, view)
            return []
        return self._aliases.aged(key, now_at, view)


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
        version=2,
        inputs=(
            topics.READINGS,
            topics.TRANSACTIONS,
            topics.WATCHES,
            topics.ALIASES,
            topics.LOOKUPS,
            topics.TICKS,
            topics.OCPI_SESSIONS,
            topics.OCPI_CDRS,
            topics.ADVICES,
        ),
        state_topic=topics.LINK_STATE,
        parked_topic=topics.PARKED,
        partitions=partitions,
        kinds=(
            StateKind(prefix=CHARGING, type=Charging),
            StateKind(prefix=ALIAS, type=AliasState),
            StateKind(prefix=LIFE, type=Life),
        ),
        barrier_topics=frozenset({topics.TICKS}),
        check_keys=frozenset(
            {
                topics.READINGS,
                topics.TRANSACTIONS,
                topics.OCPI_SESSIONS,
                topics.OCPI_CDRS,
                topics.ADVICES,
            }
        ),
        settings=settings or LinkSettings(),
    )
