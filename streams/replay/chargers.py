"""A charger and a driver as recorded: they answer commands and tell what they did, late if dark.

Pure: `Charger.until(at)` gives what becomes known by `at`, `Charger.command(...)` takes a command.
What is real: arrival, length of stay, end of charging, energy, peak power. What is filled in: the
curve between, the card, the begin (the recorded arrival plus the wait for the hold).
"""

from typing import NamedTuple

import msgspec

from schemas import ids, topics
from schemas.commands import ShowDeclined, StartCharging, StopCharging
from schemas.facts import ChargingEnded, ChargingStarted, ChargingUpdated, Fact, MeterReading
from streams.replay.curve import energy_at, power_at
from streams.replay.folding import Planned

START_LATENCY_MS = 3_000
STOP_LATENCY_MS = 5_000
READING_MS = 30_000


class Emission(NamedTuple):
    """A fact for a topic, at the instant it reaches us."""

    arrives_at: int
    topic: str
    key: str
    fact: Fact


class Outage(msgspec.Struct, frozen=True):
    """Dark from `from_ms` to `to_ms` after the begin of the charging; afterwards all comes late.

    `stride` permutes the backlog (a multiplier coprime to its length), `repeat_every` repeats.
    """

    from_ms: int
    to_ms: int
    stride: int
    repeat_every: int


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """Whose chargers these are. `run` keeps the transactions of two replays apart."""

    tenant: str
    network: str
    run: str = "1"


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """What the charging came to in this replay, for pricing it independently."""

    started_at: int
    charging_end_at: int
    ended_at: int
    energy_wh: int
    cut_short: bool


class Charger:
    """One recorded session on its EVSE."""

    def __init__(self, plan: Planned, site: Site, begin_wh: int, outage: Outage | None) -> None:
        self._plan = plan
        self._site = site
        self._begin_wh = begin_wh
        self._outage = outage
        self._seq = 0
        self._started_at = 0
        self._stop_at = 0
        self._told_until = 0
        self._backlog: list[Emission] = []
        self.refused = False
        self.delivered: Delivered | None = None

    @property
    def key(self) -> str:
        return ids.charger_key(self._site.tenant, self._site.network, self._plan.evse)

    @property
    def transaction_id(self) -> str:
        return f"{self._plan.recorded.session}@{self._site.run}"

    @property
    def finished(self) -> bool:
        return self.refused or (self.delivered is not None and not self._backlog)

    @property
    def started_at(self) -> int:
        """The instant at which energy began to flow; 0: not yet."""
        return self._started_at

    # --- commands ---

    def command(
        self, command: StartCharging | StopCharging | ShowDeclined, now_at: int
    ) -> list[Emission]:
        """Take a command that was issued by `now_at`; what it causes comes later."""
        match command:
            case ShowDeclined():
                self.refused = self._started_at == 0
            case StartCharging():
                if not self._started_at:
                    return self._start(now_at + START_LATENCY_MS, command.remote_start_id)
            case StopCharging():
                self._stop(now_at + STOP_LATENCY_MS)
        return []

    def _stop(self, at: int) -> None:
        if self.delivered is not None or self._stop_at:
            return
        if not self._started_at:
            self.refused = True
            return
        if self._dark(at) and self._outage is not None:  # the command waits for the link
            at = self._started_at + self._outage.to_ms + STOP_LATENCY_MS
        self._stop_at = at

    def _start(self, at: int, remote_start: str) -> list[Emission]:
        self._started_at = at
        self._told_until = at
        fact = ChargingStarted(
            tenant=self._site.tenant,
            network=self._site.network,
            charger_id=self._plan.evse,
            evse_uid=self._plan.evse,
            transaction_id=self.transaction_id,
            remote_start_id=remote_start,
            payment_kind="card",
            seq=self._next(),
            energy_wh=self._begin_wh,
            offline=False,
            started_at=at,
        )
        return [Emission(at, topics.TRANSACTIONS, self.key, fact)]

    # --- what it tells ---

    def until(self, now_at: int) -> list[Emission]:
        """All that reaches us after the last call and by `now_at`, in order of arrival."""
        told: list[Emission] = []
        if self._started_at and self.delivered is None and not self.refused:
            for fact, at in self._happened(now_at):
                self._tell(fact, at, told)
        return told + self._come_back(now_at)

    def _happened(self, now_at: int) -> list[tuple[Fact, int]]:
        recorded = self._plan.recorded
        stay_ms = recorded.departure_at - recorded.arrival_at
        charge_ms = recorded.charging_end_at - recorded.arrival_at
        end_at = self._started_at + stay_ms
        charged_at = self._started_at + charge_ms
        cut = bool(self._stop_at) and self._stop_at < end_at
        if cut:
            end_at = self._stop_at
        facts: list[tuple[Fact, int]] = []
        at = self._told_until + READING_MS
        while at <= now_at and at < end_at:
            facts.append((self._reading(at), at))
            if at - READING_MS < charged_at <= at and charged_at < end_at:
                facts.append((self._updated(charged_at), at))
            self._told_until = at
            at += READING_MS
        if end_at <= now_at:
            if self._told_until < charged_at < end_at:  # ended between two readings
                facts.append((self._updated(charged_at), end_at))
            facts.append((self._ended(end_at, "Remote" if cut else "EVDisconnected"), end_at))
            self._settle(end_at, min(charged_at, end_at))
        return facts

    def _settle(self, ended_at: int, charging_end_at: int) -> None:
        energy = self._energy(ended_at)
        self.delivered = Delivered(
            started_at=self._started_at,
            charging_end_at=charging_end_at,
            ended_at=ended_at,
            energy_wh=energy,
            cut_short=energy < self._plan.recorded.energy_wh,
        )

    def _energy(self, at: int) -> int:
        return energy_at(self._plan.recorded, at - self._started_at)

    def _next(self) -> int:
        self._seq += 1
        return self._seq - 1

    def _reading(self, at: int) -> MeterReading:
        return MeterReading(
            tenant=self._site.tenant,
            network=self._site.network,
            charger_id=self._plan.evse,
            evse_uid=self._plan.evse,
            transaction_id=self.transaction_id,
            seq=self._next(),
            energy_wh=self._begin_wh + self._energy(at),
            power_w=power_at(self._plan.recorded, at - self._started_at, READING_MS),
            read_at=at,
        )

    def _updated(self, at: int) -> ChargingUpdated:
        return ChargingUpdated(
            tenant=self._site.tenant,
            network=self._site.network,
            charger_id=self._plan.evse,
            evse_uid=self._plan.evse,
            transaction_id=self.transaction_id,
            seq=self._next(),
            charging_state="suspended_ev",
            energy_wh=self._begin_wh + self._energy(at),
            power_w=0,
            offline=self._dark(at),
            updated_at=at,
        )

    def _ended(self, at: int, reason: str) -> ChargingEnded:
        return ChargingEnded(
            tenant=self._site.tenant,
            network=self._site.network,
            charger_id=self._plan.evse,
            evse_uid=self._plan.evse,
            transaction_id=self.transaction_id,
            seq=self._next(),
            energy_wh=self._begin_wh + self._energy(at),
            reason=reason,
            offline=self._dark(at),
            ended_at=at,
        )

    def all_readings(self, network: str) -> list[MeterReading]:
        """What the meter showed from begin to end, as if on `network`: for measuring rates."""
        if self.delivered is None:
            return []
        last = self.delivered.ended_at
        times = range(self._started_at + READING_MS, last, READING_MS)
        return [
            msgspec.structs.replace(self._reading(at), network=network, seq=number)
            for number, at in enumerate(times)
        ]

    # --- the bad day ---

    def _dark(self, at: int) -> bool:
        if self._outage is None:
            return False
        elapsed = at - self._started_at
        return self._outage.from_ms <= elapsed < self._outage.to_ms

    def _tell(self, fact: Fact, at: int, told: list[Emission]) -> None:
        topic = topics.READINGS if isinstance(fact, MeterReading) else topics.TRANSACTIONS
        emission = Emission(at, topic, self.key, fact)
        if self._dark(at):
            self._backlog.append(emission)
        else:
            told.append(emission)

    def _come_back(self, now_at: int) -> list[Emission]:
        """The link is back: the whole backlog at once, out of order and in part twice."""
        if not self._backlog or self._outage is None:
            return []
        back_at = self._started_at + self._outage.to_ms
        if back_at > now_at:
            return []
        backlog, self._backlog = self._backlog, []
        count = len(backlog)
        shuffled = [backlog[index * self._outage.stride % count] for index in range(count)]
        repeated = shuffled[:: self._outage.repeat_every]
        return [one._replace(arrives_at=back_at) for one in [*shuffled, *repeated]]
