"""Chargers and cars: they draw power, tell of it, fall silent, come back and repeat themselves."""

from collections.abc import Callable
from typing import Any, Literal

from schemas import ids, topics
from schemas.commands import StartCharging, StopCharging
from schemas.facts import ChargingEnded, ChargingStarted, ChargingUpdated, Fact, MeterReading
from streams.simulation.chance import Chance
from streams.simulation.partner import Partner
from streams.simulation.plans import ChargingPlan, SessionPlan, charger_of
from streams.simulation.sky import NETWORK, TENANT, Sky
from streams.simulation.truth import ChargingTruth, SessionTruth

_HOUR_MS = 3_600_000
_WILD_WH = 5_000_000


class EVSE:
    """One driver's place: the chargings that its remote start leads to."""

    def __init__(
        self,
        plan: SessionPlan,
        truth: SessionTruth,
        sky: Sky,
        chance: Chance,
        partner: Partner,
    ) -> None:
        self._plan = plan
        self._partner = partner
        self._truth = truth
        self._sky = sky
        self._chance = chance
        self._started = False
        self._cancelled = False
        self.chargings: list[Charging] = []

    def command(self, command: StartCharging | StopCharging) -> None:
        """Take a command; what it causes comes later. A command taken twice is taken once."""
        if isinstance(command, StartCharging):
            if not self._started and self._plan.starts:
                self._started = True
                self._sky.after(
                    self._plan.start_after_ms, lambda: self._begin(0, command.remote_start_id)
                )
            return
        for one in self.chargings:
            if command.transaction_id in ("", one.transaction_id):
                one.stop()
        if not self.chargings and self._chance.happens(500):
            self._cancelled = True

    def _begin(self, number: int, remote_start: str) -> None:
        if self._cancelled or number >= len(self._plan.chargings):
            return
        plan = self._plan.chargings[number]
        transaction = f"tx-{self._plan.number}-{number}"
        charger = charger_of(self._plan)
        truth = ChargingTruth(
            ids.charging_id(TENANT, NETWORK, charger, transaction), transaction, plan.numbered
        )
        self._truth.chargings.append(truth)

        self._partner.began(truth)

        def over() -> None:
            self._partner.ended(truth)
            if number + 1 < len(self._plan.chargings):
                after_ms = self._plan.chargings[number + 1].after_ms
                self._sky.after(after_ms, lambda: self._begin(number + 1, remote_start))

        charging = Charging(plan, truth, self._sky, self._chance, over)
        self.chargings.append(charging)
        charging.begin(charger, remote_start)


class Charging:
    """One charging, from its begin to its end."""

    def __init__(
        self,
        plan: ChargingPlan,
        truth: ChargingTruth,
        sky: Sky,
        chance: Chance,
        over: Callable[[], None],
    ) -> None:
        self.transaction_id = truth.transaction_id
        self._plan = plan
        self._truth = truth
        self._sky = sky
        self._chance = chance
        self._over = over
        self._charger = ""
        self._begun_at = 0
        self._full_at = 0
        self._suspended = False
        self._most_wh = plan.energy_wh
        self._seq = -1
        self._backlog: list[tuple[str, Fact, int]] = []
        self._unheard: list[tuple[str, Fact, int]] = []
        self._leapt = False

    # --- what happens ---

    def begin(self, charger: str, remote_start: str) -> None:
        plan, self._charger, self._begun_at = self._plan, charger, self._sky.now_at
        self._truth.begun, self._truth.begun_at = True, self._sky.now_at
        fact = ChargingStarted(
            **self._place(began=False),
            remote_start_id=remote_start,
            payment_kind="card",
            seq=self._next(),
            energy_wh=plan.begin_wh,
            offline=self._dark(),
            started_at=self._told_at(),
        )
        self._tell(topics.TRANSACTIONS, fact, fact.seq)
        need_ms = -(-plan.energy_wh * _HOUR_MS // plan.power_w)
        self._full_at = self._begun_at + need_ms
        if plan.dark[1]:
            self._sky.after(plan.dark[1], self._come_back)
        self._sky.after(min(plan.every_ms, need_ms or plan.every_ms), self._look)

    def stop(self) -> None:
        """A stop by us: heard when there is a link, obeyed by most."""
        if self._truth.ended or not self._plan.obeys:
            return
        wait_ms = self._chance.between(500, 5_000)
        if self._dark():
            wait_ms += self._begun_at + self._plan.dark[1] - self._sky.now_at
        self._sky.after(wait_ms, self._stopped)

    def _stopped(self) -> None:
        """No more energy; whether the car goes is another thing."""
        if not self._plan.stays:
            self._end("Remote")
        elif not self._suspended and not self._truth.ended:
            self._most_wh = self._delivered()
            self._full("suspended_evse")

    def _look(self) -> None:
        if self._truth.ended or self._suspended:
            return
        now_at = self._sky.now_at
        if now_at >= self._full_at:
            self._full()
            return
        fact = MeterReading(
            **self._place(),
            seq=self._next(),
            energy_wh=self._shown(),
            power_w=self._plan.power_w,
            read_at=self._told_at(),
        )
        self._tell(topics.READINGS, fact, fact.seq)
        self._sky.after(min(self._plan.every_ms, self._full_at - now_at), self._look)

    def _full(self, state: Literal["suspended_ev", "suspended_evse"] = "suspended_ev") -> None:
        self._full_at, self._suspended = self._sky.now_at, True
        fact = ChargingUpdated(
            **self._place(),
            seq=self._next(),
            charging_state=state,
            energy_wh=self._shown(),
            power_w=0,
            offline=self._dark(),
            updated_at=self._told_at(),
        )
        self._tell(topics.TRANSACTIONS, fact, fact.seq, late=self._plan.late_ms > 0)
        self._sky.after(self._plan.parking_ms, lambda: self._end("EVDisconnected"))

    def _end(self, reason: str) -> None:
        truth, now_at = self._truth, self._sky.now_at
        if truth.ended:
            return
        truth.ended, truth.ended_at = True, now_at
        truth.energy_wh = self._delivered()
        truth.parking_ms = now_at - self._full_at if self._suspended else 0
        fact = ChargingEnded(
            **self._place(),
            seq=self._next(),
            energy_wh=self._shown(),
            reason=reason,
            offline=self._dark(),
            ended_at=self._told_at(),
            **self._signature(),
        )
        truth.told_wh = fact.energy_wh
        if self._plan.end_lost:
            truth.told.add(fact.seq if self._plan.numbered else len(truth.told))
        else:
            self._tell(topics.TRANSACTIONS, fact, fact.seq)
        for told in self._unheard:
            self._sky.after(self._plan.late_ms, lambda one=told: self._send(*one))  # type: ignore[misc] # mypy cannot infer a lambda with a default
        self._over()

    def _signature(self) -> dict[str, Any]:
        """As the feed tells it, having looked at what the meter signed."""
        by = self._plan.signed
        if not by:
            return {}
        if by == "tampered":
            return {"signed_outcome": by, "signed_reason": "another hash"}
        self._truth.signed = by == "registry"
        return {
            "signed_outcome": "valid",
            "signed_key_from": by,
            "signed_meter": f"meter-{self._charger}",
            "signed_wh": self._delivered(),
            "signed_from_at": self._begun_at + self._plan.skew_ms,
            "signed_to_at": self._told_at(),
        }

    def _delivered(self) -> int:
        elapsed_ms = self._sky.now_at - self._begun_at
        return min(self._most_wh, self._plan.power_w * elapsed_ms // _HOUR_MS)

    # --- what it tells ---

    def _shown(self) -> int:
        plan, delivered = self._plan, self._delivered()
        if 0 <= plan.reset_at_wh < delivered:
            self._truth.odd = True
            return delivered - plan.reset_at_wh
        if plan.leaps and not self._leapt and delivered > plan.energy_wh // 2:
            self._leapt = self._truth.odd = True
            return plan.begin_wh + _WILD_WH
        return plan.begin_wh + delivered

    def _told_at(self) -> int:
        return self._sky.now_at + self._plan.skew_ms

    def _place(self, *, began: bool = True) -> dict[str, Any]:
        return {
            "tenant": TENANT,
            "network": NETWORK,
            "charger_id": self._charger,
            "evse_uid": self._charger,
            "transaction_id": "-1" if self._plan.unheard and began else self.transaction_id,
        }

    def _next(self) -> int:
        self._seq += 1
        return self._seq if self._plan.numbered else -1

    def _dark(self) -> bool:
        from_ms, to_ms = self._plan.dark
        return from_ms <= self._sky.now_at - self._begun_at < to_ms

    def _tell(self, topic: str, fact: Fact, seq: int, *, late: bool = False) -> None:
        number = seq if self._plan.numbered else len(self._truth.told)
        self._truth.told.add(number)
        if seq in self._plan.missing:
            return
        if self._dark():
            self._backlog.append((topic, fact, number))
        elif late:
            self._unheard.append((topic, fact, number))
        else:
            self._send(topic, fact, number)

    def _come_back(self) -> None:
        """The link is back: the backlog out of order, and part of it twice."""
        backlog, self._backlog = self._backlog, []
        mixed = self._chance.shuffled(backlog) if self._chance.happens(500) else backlog
        for topic, fact, number in mixed:
            self._send(topic, fact, number)
            if self._chance.happens(100):
                self._send(topic, fact, number)

    def _send(self, topic: str, fact: Fact, number: int) -> None:
        key = ids.charger_key(TENANT, NETWORK, self._charger)
        self._sky.deliver(topic, key, fact, lambda: self._arrived(fact, number))

    def _arrived(self, fact: Fact, number: int) -> None:
        truth = self._truth
        truth.arrived.add(number)
        if isinstance(fact, ChargingStarted):
            truth.arrived_at = truth.arrived_at or self._sky.now_at
        if isinstance(fact, ChargingEnded) and not self._plan.unheard:
            truth.end_arrived = True
        if not truth.whole_at and truth.whole:
            truth.whole_at = self._sky.now_at
