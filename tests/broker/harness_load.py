"""The load: drivers and chargers of `streams.replay` in lock-step with the pipeline, for as long
as faults come, and how long the pipeline took to be whole again after each."""

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta

from aiokafka.errors import KafkaError

from streams.demo.run import BEGIN_AT, STEP_MS
from streams.demo.scenery import ACQUIRERS, CURRENCY, tariffs
from streams.replay.driver import ClosedLoop, ReplaySettings
from streams.replay.fleet import Fleet, FleetSettings
from streams.replay.folding import folded
from streams.replay.recorded import Recorded

_BEGIN = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
_PATIENCE_S = 300
_TRY_AGAIN_S = 0.5
_RECEIPT_S = 0.5


def recorded_day(seed, number, sessions, every_s=15):
    """Sessions that nobody recorded: stays of 8 to 20 minutes, one in four at an AC post."""
    chance = random.Random(f"{seed}/{number}")
    for index in range(sessions):
        ac = index % 4 == 0
        power = 11_000 if ac else 150_000
        stay = chance.randrange(8, 21)
        arrival = _BEGIN + timedelta(seconds=every_s * index)
        charged = arrival + timedelta(minutes=stay)
        leaves = charged + timedelta(minutes=chance.choice((0, 0, 4)))
        yield Recorded(
            session=f"d{number}-{index}",
            evse=f"E{index % 9}",
            power_type="AC" if ac else "DC",
            arrival_at=_epoch_ms(arrival),
            charging_end_at=_epoch_ms(charged),
            departure_at=_epoch_ms(leaves),
            energy_wh=power * stay // 60 * chance.randrange(50, 100) // 100,
            power_max_w=power,
        )


def _epoch_ms(moment):
    return int(moment.timestamp()) * 1000


class Days:
    """One day after the other, each with new drivers; virtual time never goes back."""

    def __init__(self, world, sessions, bad_day_percent, country):
        self._world = world
        self._sessions = sessions
        self._bad_day_percent = bad_day_percent
        self._country = country
        self._tariffs = tariffs(world.settings.tenant, BEGIN_AT)
        self.now_at = BEGIN_AT
        self.number = 0

    def fleet(self, number, begin_at):
        facts = self._tariffs
        settings = FleetSettings(
            tenant=self._world.settings.tenant,
            network="faults",
            run=f"{self._world.seed}-{number}",
            seed=self._world.seed,
            bad_day_percent=self._bad_day_percent,
            currency=CURRENCY,
            country=self._country,
            tariffs={kind: (t.tariff_id, t.tariff_hash, t.body) for kind, t in facts.items()},
            acquirers=ACQUIRERS,
        )
        day = [*recorded_day(self._world.seed, number, self._sessions)]
        return Fleet(settings, folded(day, 0, begin_at))

    def next(self):
        self.number += 1
        return self.fleet(self.number, self.now_at + STEP_MS)


class Load(ClosedLoop):
    """One day; its steps are noted in `steps`."""

    def __init__(self, world, days, steps):
        self._days = days
        self.fleet = days.next()
        self.steps = steps
        settings = ReplaySettings(
            bootstrap=world.bootstrap,
            partitions=world.settings.kafka.partitions,
            begin_at=days.now_at,
            step_ms=STEP_MS,
            patience_s=_PATIENCE_S,
        )
        super().__init__(settings, self.fleet, lambda _: None)

    async def _wait_for(self, now_at):
        """Days pass in no time; what only waits for its receipt is given some of the wall's."""
        if self.fleet.finished and any(one.phase == "receipting" for one in self.ledgers.values()):
            await asyncio.sleep(_RECEIPT_S)

    async def _step(self, now_at):
        began_s = time.monotonic()
        await super()._step(now_at)
        self._days.now_at = now_at
        self.steps.note(began_s, time.monotonic())

    async def _hear(self, now_at, timeout_ms):
        await _patiently(lambda: super(Load, self)._hear(now_at, timeout_ms))

    async def _hear_to_the_end(self, now_at):
        await _patiently(lambda: super(Load, self)._hear_to_the_end(now_at))


async def _patiently(work):
    """A broker that is away is waited for, as everybody else does."""
    until_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return await work()
        except (KafkaError, OSError, TimeoutError):
            if time.monotonic() > until_s:
                raise
            await asyncio.sleep(_TRY_AGAIN_S)


class Steps:
    """What the steps of a row took: (began, applied by everybody), on the monotonic clock."""

    def __init__(self):
        self.taken = []
        self._another = asyncio.Event()

    def note(self, began_s, applied_s):
        self.taken.append((began_s, applied_s))
        self._another.set()
        self._another = asyncio.Event()

    async def more(self, count):
        """Wait for so many steps from now on."""
        for _ in range(count):
            await self._another.wait()

    async def recovered(self, since_s):
        """Seconds from an instant until a step that began after it was applied by everybody."""
        while not (self.taken and self.taken[-1][0] >= since_s):
            await self._another.wait()
        return next(applied for began, applied in self.taken if began >= since_s) - since_s

    def p95(self, since_s=0.0, until_s=float("inf")):
        took = sorted(end - began for began, end in self.taken if since_s <= began < until_s)
        return took[min(len(took) - 1, len(took) * 95 // 100)] if took else 0.0
