"""What really happened, as nobody in the program can know it: kept for the checker."""

import msgspec

from streams.simulation.tariffs import Used


class ChargingTruth(msgspec.Struct):
    """One charging. `told`: what its charger told, by number; `arrived`: what we were given of it.

    `arrived_at`: when its begin reached us, by which alone it can be linked, 0: never; `whole_at`:
    when all had; `cdr_changed_at`: when its CDR came with another body. `odd`: the charger told
    something that cannot be; then no proof is owed. `signed`: its end is, by a key that counts.
    """

    charging_id: str
    transaction_id: str
    numbered: bool
    energy_wh: int = 0
    told_wh: int = 0
    parking_ms: int = 0
    begun: bool = False
    ended: bool = False
    odd: bool = False
    signed: bool = False
    told: set[int] = msgspec.field(default_factory=set)
    arrived: set[int] = msgspec.field(default_factory=set)
    arrived_at: int = 0
    cdr_changed_at: int = 0
    end_arrived: bool = False
    whole_at: int = 0
    begun_at: int = 0
    ended_at: int = 0

    @property
    def timed(self) -> bool:
        """Whether all that tells of its times is there: then its price is known to the minute."""
        return self.ended and self.arrived >= self.told

    @property
    def connected_ms(self) -> int:
        return self.ended_at - self.begun_at if self.ended else 0

    @property
    def complete(self) -> bool:
        """Whether its end is there: without numbers nobody can say that anything is missing.

        What its meter signed is the energy, whatever else never came.
        """
        alone = self.signed or (not self.numbered and self.ended)
        return self.whole or (alone and self.end_arrived)

    @property
    def whole(self) -> bool:
        """Whether all that it ever told has reached us: the highest rung there is today."""
        return self.numbered and self.ended and self.end_arrived and self.arrived >= self.told


class SessionTruth(msgspec.Struct):
    """One session, with its chargings in their order."""

    session_id: str
    chargings: list[ChargingTruth] = msgspec.field(default_factory=list)

    @property
    def seen(self) -> list[ChargingTruth]:
        return [one for one in self.chargings if one.arrived_at]

    @property
    def last_ended_at(self) -> int:
        """By the clock of the world, not the charger's."""
        return max((one.ended_at for one in self.chargings), default=0)

    def used(self, chargings: list[ChargingTruth]) -> Used:
        return Used(
            sum(one.energy_wh for one in chargings), sum(one.parking_ms for one in chargings)
        )
