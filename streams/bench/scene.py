"""What both sides of the benchmark read: open chargings, and their readings in order of time.

Everything follows from the numbers in `Scene`, so that what must come out is known without asking
anybody: the newest register value of every charging, and every sequence number up to the last.
"""

import hashlib
import random
from collections.abc import Iterator, Mapping

import msgspec

from schemas import ids
from schemas.facts import MeterReading, Watch

TENANT, NETWORK = "bench", "nordlade"
BEGAN_AT = 1_790_000_000_000
EVERY_MS = 10_000  # between two readings of one charging
STEP_WH = 137  # a DC charger at 50 kW in ten seconds
FAR_AWAY_WH = 10**9  # where the watch wakes: no reading of a benchmark gets there


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """`chargings` of one charger each, `rounds` readings of every one of them."""

    chargings: int = 20_000
    rounds: int = 40
    seed: int = 1

    @property
    def readings(self) -> int:
        return self.chargings * self.rounds


def charger(number: int) -> str:
    return f"NO-NLA-{number:06d}"


def transaction(number: int) -> str:
    return f"tx-{number:08d}"


def charger_key(number: int) -> bytes:
    """The Kafka key of a charger's records."""
    return ids.charger_key(TENANT, NETWORK, charger(number)).encode()


def charging_id(number: int) -> str:
    return ids.charging_id(TENANT, NETWORK, charger(number), transaction(number))


def watches(scene: Scene) -> Iterator[tuple[bytes, Watch]]:
    """One a charging, by key: it binds the charging to a session and never wakes it."""
    for number in range(scene.chargings):
        yield (
            charger_key(number),
            Watch(
                tenant=TENANT,
                network=NETWORK,
                charger_id=charger(number),
                transaction_id=transaction(number),
                session_id=hashlib.sha256(str(number).encode()).hexdigest()[:32],
                version=1,
                wake_energy_wh=FAR_AWAY_WH,
                wake_read_at=0,
                closing=False,
            ),
        )


def energy_wh(number: int, turn: int) -> int:
    return 1_000 * number + STEP_WH * turn


def readings(scene: Scene) -> Iterator[tuple[bytes, MeterReading]]:
    """By key, in order of time; within one round the chargings come in an order of their own."""
    chance = random.Random(scene.seed)  # noqa: S311 - an order, no secret
    order = list(range(scene.chargings))
    for turn in range(scene.rounds):
        chance.shuffle(order)
        for number in order:
            yield (
                charger_key(number),
                MeterReading(
                    tenant=TENANT,
                    network=NETWORK,
                    charger_id=charger(number),
                    evse_uid=f"NO*NLA*E{number:06d}*1",
                    transaction_id=transaction(number),
                    seq=turn,
                    energy_wh=energy_wh(number, turn),
                    power_w=49_320,
                    read_at=BEGAN_AT + EVERY_MS * turn,
                ),
            )


def expected(scene: Scene) -> dict[str, int]:
    """The newest register value by charging id."""
    last = scene.rounds - 1
    return {charging_id(number): energy_wh(number, last) for number in range(scene.chargings)}


def digest(newest: Mapping[str, int]) -> str:
    """One name for all of these values, whatever their order."""
    return hashlib.sha256(msgspec.json.encode(newest, order="sorted")).hexdigest()
