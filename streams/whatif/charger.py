"""The recorded charging as it meets another policy: told from its begin, cut short where asked."""

from copy import copy
from typing import Any, Literal

import msgspec

from schemas import codec, ids
from schemas.facts import (
    ChargingEnded,
    ChargingStarted,
    ChargingUpdated,
    Fact,
    LinkedFact,
    MeterReading,
    SessionRequested,
)
from streams.whatif.recorded import Course

NOTHING = Course(start_ms=0, points=((0, 0),))
_TRANSACTION = "whatif"
_LAST_SEQ = 10**6
_MS_PER_HOUR = 3_600_000
_Charger = ChargingStarted | ChargingUpdated | ChargingEnded | MeterReading
State = Literal["charging", "suspended_ev", "suspended_evse", "ev_connected", "idle"]


class Charger:
    """One charging. `began_at`, `ended_at`: 0 until then; `ends_at`: as things stand now.

    `stopped_for`: why that is sooner than it was recorded. Its register begins at 0 Wh. `told`:
    every fact of it but readings, with its instant.
    """

    def __init__(self, request: SessionRequested, course: Course | None) -> None:
        self._request = request
        self.course = course or NOTHING
        self.began_at = 0
        self.ends_at = 0
        self.ended_at = 0
        self.stopped_for = ""
        self.told: list[tuple[int, LinkedFact]] = []
        self._name = ids.charging_id(
            request.tenant, request.network, request.charger_id, _TRANSACTION
        )

    def copy(self) -> "Charger":
        """Another that goes its own way from here."""
        other = copy(self)
        other.told = [*self.told]
        return other

    # --- what it does ---

    def begun(self, at: int, remote_start_id: str) -> LinkedFact:
        """Energy begins to flow."""
        self.began_at, self.ends_at = at, at + self.course.duration_ms
        fact = ChargingStarted(
            **self._names(),
            remote_start_id=remote_start_id,
            payment_kind="card",
            seq=0,
            energy_wh=0,
            offline=False,
            started_at=at,
            takes_limit=self.course.takes_limit,
        )
        return self._tell(fact, at)

    def stop(self, at: int, reason: str) -> bool:
        """Whether the end comes sooner by a stop that takes effect at `at`."""
        if not self.began_at or self.ended_at or at >= self.ends_at:
            return False
        self.ends_at, self.stopped_for = at, reason
        return True

    def limit(self, energy_wh: int, reason: str) -> bool:
        """Whether it will keep to a limit: it ends by itself when so much has flowed."""
        if not self.course.takes_limit or not self.began_at or self.ended_at:
            return False
        if energy_wh < self.course.energy_wh:
            at = self.began_at + self.course.ms_at(energy_wh)
            if at < self.ends_at:
                self.ends_at, self.stopped_for = at, reason
        return True

    def heard_at(self, at: int) -> int:
        """When what the charger says at this instant is heard, and what it is told reaches it."""
        ms = at - self.began_at
        if not self.began_at:
            return at
        until = next((until for since, until in self.course.dark if since <= ms < until), ms)
        return self.began_at + until

    def flows(self, at: int) -> bool:
        """Whether the charging goes on at this instant; its end is told by itself."""
        return 0 < self.began_at < at < self.ends_at and self.ended_at == 0

    @property
    def missed_wh(self) -> int:
        """What the car took when it was recorded, and does not get here."""
        return self.course.energy_wh - self.energy_wh

    @property
    def energy_wh(self) -> int:
        """What flowed in all."""
        return self.wh_at(self.ends_at)

    def wh_at(self, at: int) -> int:
        return self.course.wh_at(min(at, self.ends_at) - self.began_at) if self.began_at else 0

    # --- what it tells ---

    def reading(self, at: int) -> MeterReading:
        """The register now, and the mean power since the reading before."""
        interval_ms = self.course.interval_ms
        wh = self.wh_at(at)
        since = self.wh_at(at - interval_ms)
        power_w = (wh - since) * _MS_PER_HOUR // interval_ms if self.course.tells_power else -1
        return MeterReading(**self._names(), seq=-1, energy_wh=wh, power_w=power_w, read_at=at)

    def changed(self, at: int, state: str) -> LinkedFact:
        """A state of the charging, as it was recorded."""
        return self._tell(self._updated(at, msgspec.convert(state, State), -1), at)

    def limited(self, at: int, limit_wh: int) -> LinkedFact:
        """The charger's word that it keeps to a limit."""
        return self._tell(self._updated(at, "charging", limit_wh), at)

    def _updated(self, at: int, state: State, limit_wh: int) -> ChargingUpdated:
        return ChargingUpdated(
            **self._names(),
            seq=len(self.told),
            charging_state=state,
            energy_wh=self.wh_at(at),
            power_w=-1,
            offline=False,
            updated_at=at,
            limit_wh=limit_wh,
        )

    def ended(self, at: int) -> LinkedFact:
        """The end, whole in its sequence if the recorded one was."""
        self.ended_at = at
        cut = at < self.began_at + self.course.duration_ms
        fact = ChargingEnded(
            **self._names(),
            seq=_LAST_SEQ,
            energy_wh=self.wh_at(at),
            reason="Remote" if cut else "EVDisconnected",
            offline=False,
            ended_at=at,
        )
        return self._tell(fact, at, complete=self.course.complete)

    def _tell(self, fact: _Charger, at: int, *, complete: bool = False) -> LinkedFact:
        linked = self.linked(fact, complete=complete)
        self.told.append((at, linked))
        return linked

    def linked(
        self, fact: Fact, *, complete: bool = False, gap_ms: int = 0, crossing: int = 0
    ) -> LinkedFact:
        """The fact as link would send it on."""
        return LinkedFact(
            tenant=self._request.tenant,
            session_id=self._request.session_id,
            charging_id=self._name,
            source_topic="whatif",
            source_partition=0,
            source_offset=len(self.told),
            crossing=crossing,
            sequence_complete=complete,
            fact=codec.encode(fact),
            gap_ms=gap_ms,
        )

    def _names(self) -> dict[str, Any]:
        return {
            "tenant": self._request.tenant,
            "network": self._request.network,
            "charger_id": self._request.charger_id,
            "evse_uid": self._request.evse_uid,
            "transaction_id": _TRANSACTION,
        }
