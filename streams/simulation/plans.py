"""What one world holds: drawn once from its seed, before anything happens in it."""

from typing import Literal, NamedTuple

from schemas.facts import Performer, Role
from streams.simulation.chance import Chance
from streams.simulation.policies import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    OPERATORS,
    TERMS,
    Figures,
    Receipts,
    Terms,
)
from streams.simulation.tariffs import TARIFFS, Prices

T0 = 1_790_000_000_000
REGIMES: tuple[Literal["SIGN_SYNC", "SIGN_CHAINED", "PERIODIC_REPORT"], ...] = (
    "SIGN_CHAINED",
    "SIGN_CHAINED",
    "SIGN_SYNC",
    "PERIODIC_REPORT",
)
CDRS: tuple[Literal["right", "rejected", "changed", "credited"], ...] = (
    "right",
    "right",
    "rejected",
    "changed",
    "credited",
)
DRIVERS = (1, 4, 8, 12, 16)
"""So many come to one world: a few are soon told, many meet at chargers and on one fiscal chain."""

OCPI: tuple[Literal["none", "agrees", "stale", "more"], ...] = ("agrees", "agrees", "stale", "more")
SIGNED: tuple[Literal["registry", "enclosed", "tampered"], ...] = (
    "registry",
    "registry",
    "enclosed",
    "tampered",
)
OTHER_ROLES: tuple[Role, ...] = ("terminal_provider_side", "observer", "unknown")


class ChargingPlan(NamedTuple):
    """One charging. `missing`: numbers that never reach us; `dark`: spans after its begin, ms.

    `numbered`: OCPP 2.x; else there are no sequence numbers (1.6). `reset_at_wh`: the register
    begins anew once so much was delivered, -1: never. `leaps`: one reading tells a wild figure.
    `unheard`: the charger never heard what its transaction is called, and says -1 (1.6). `signed`:
    by what key its end is, if at all. `stays`: a stop ends the energy, and the car stays.
    `late_ms`: that no energy flows any more is told only so long after the end.
    """

    after_ms: int
    begin_wh: int
    power_w: int
    energy_wh: int
    parking_ms: int
    every_ms: int
    dark: tuple[int, int]
    skew_ms: int
    numbered: bool
    missing: frozenset[int]
    end_lost: bool
    reset_at_wh: int
    leaps: bool
    obeys: bool
    unheard: bool
    signed: Literal["", "registry", "enclosed", "tampered"] = ""
    stays: bool = False
    late_ms: int = 0


class CdrPlan(NamedTuple):
    """What the charge point operator tells of the charging, and how long after its end.

    `session`: its OCPI session ends with the same energy, never ends, or ends with more.
    """

    kind: Literal["right", "rejected", "changed", "credited"]
    after_ms: int
    session: Literal["none", "agrees", "stale", "more"] = "none"


class SessionPlan(NamedTuple):
    """One driver: card, terminal, charger and what goes wrong. `cdr`: None is ever told.

    `decided`: a person settles what is not proven for long; `goodwill`: per cent of what was
    captured that a person gives back.
    """

    number: int
    at: int
    stage: Literal["tapped", "amount_first", "tap_first"]
    power_type: Literal["AC", "DC"]
    power_max_w: int
    terms: Terms
    prices: Prices
    available: int
    role: Role
    capture_by: Performer
    scheme: str
    cvm: str
    start_after_ms: int
    starts: bool
    chargings: tuple[ChargingPlan, ...]
    repeats: int
    reused: bool
    walks_away: bool
    cdr: CdrPlan | None
    decided: bool = False
    goodwill: int = 0


class WorldPlan(NamedTuple):
    """One world. Rates are per mille: of crashes a transaction, of faults a request, of repeats.

    `behind`: so many facts may wait, for seconds, before the stages get to them; `batch`: so many
    records of an input go into one transaction at most. `outage`: when the acquirer `away` is not
    reached, none where that is empty.
    `receipts`: None, where nobody asks for them; `office_faults`, `office_refusals` and
    `office_outage` of those who sign them.
    """

    seed: int
    partitions: int
    operator: Figures
    tick_ms: int
    behind: int
    batch: int
    crashes: int
    faults: int
    repeats: int
    refusals: int
    outage: tuple[int, int]
    away: str
    slowest_ms: int
    sessions: tuple[SessionPlan, ...]
    receipts: Receipts | None
    office_faults: int
    office_refusals: int
    office_outage: tuple[int, int]


def charger_of(plan: SessionPlan) -> str:
    """Drivers of one world share four chargers: transactions of several sessions on each."""
    return f"c{plan.number % 4}"


def plan_of(seed: int) -> WorldPlan:
    """The world of this seed."""
    chance = Chance(seed, "plan")
    kind = chance.between(0, 9)  # a quarter of the worlds have a good day: nothing may fail there
    good = kind < 2  # noqa: PLR2004 - see above
    operator = chance.one_of(OPERATORS)
    outage_at = T0 + chance.between(0, 2 * HOUR_MS)
    outage_ms = 0 if good or chance.happens(700) else chance.skewed(5 * MINUTE_MS, DAY_MS)
    drivers = chance.one_of(DRIVERS)
    sessions = tuple(_session(chance, number, good=good) for number in range(drivers))
    partner = Chance(seed, "partner")
    sessions = tuple(_with_partner(partner, one, good=good) for one in sessions)
    people = Chance(seed, "people")
    sessions = tuple(_with_people(people, one, good=good) for one in sessions)
    fiscal = Chance(seed, "fiscal")
    return WorldPlan(
        seed=seed,
        partitions=chance.between(1, 2),
        operator=operator,
        tick_ms=MINUTE_MS * chance.one_of((1, 5, 10, 20)) if chance.happens(970) else 1_000,
        behind=chance.one_of((1, 5, 20)),
        batch=chance.one_of((1, 8, 32)),
        crashes=0 if good else chance.one_of((0, 0, 10, 50)),
        faults=0 if good else chance.one_of((0, 50, 150, 400)),
        repeats=0 if good else chance.one_of((0, 50, 200)),
        refusals=0 if good else chance.one_of((0, 0, 100, 300)),
        outage=(outage_at, outage_at + outage_ms),
        away="" if chance.happens(300) else chance.one_of(TERMS).acquirer_id,
        slowest_ms=2_000 if good else chance.one_of((2_000, MINUTE_MS, HOUR_MS, 2 * DAY_MS)),
        sessions=sessions,
        receipts=_receipts(fiscal),
        office_faults=0 if good else fiscal.one_of((0, 100, 400)),
        office_refusals=0 if good else fiscal.one_of((0, 0, 0, 150)),
        office_outage=(T0, T0 + (0 if good else fiscal.one_of((0, 0, HOUR_MS, 6 * HOUR_MS)))),
    )


def _with_partner(chance: Chance, plan: SessionPlan, *, good: bool) -> SessionPlan:
    """Drawn apart, so that the other worlds of a seed stay what they were."""
    if not good and chance.happens(300):
        return plan._replace(
            chargings=tuple(one._replace(unheard=not one.numbered) for one in plan.chargings)
        )
    if chance.happens(500):
        return plan
    kind = "right" if good else chance.one_of(CDRS)
    after_ms = chance.skewed(MINUTE_MS, DAY_MS)
    session = OCPI[0] if good else chance.one_of(OCPI)
    return plan._replace(cdr=CdrPlan(kind, after_ms, session if chance.happens(500) else "none"))


def _with_people(chance: Chance, plan: SessionPlan, *, good: bool) -> SessionPlan:
    """Whose meters sign, and what people decide."""
    chargings = plan.chargings
    if chance.happens(250):
        by = SIGNED[0] if good else chance.one_of(SIGNED)
        chargings = tuple(one._replace(signed=by) for one in chargings)
    chargings = tuple(
        one._replace(
            stays=chance.happens(200),
            late_ms=0 if good or chance.happens(900) else chance.skewed(MINUTE_MS, 5 * HOUR_MS),
        )
        for one in chargings
    )
    return plan._replace(
        chargings=chargings,
        decided=chance.happens(400),
        goodwill=chance.one_of((1, 30, 100)) if chance.happens(80) else 0,
    )


def _receipts(chance: Chance) -> Receipts | None:
    if chance.happens(300):
        return None
    regime = chance.one_of(REGIMES)
    first = chance.happens(300)
    return Receipts(
        regime,
        "receipt_first" if first else "capture_first",
        "balance" if chance.happens(300) else "reduction",
    )


def _session(chance: Chance, number: int, *, good: bool) -> SessionPlan:
    power_type: Literal["AC", "DC"] = "AC" if chance.happens(300) else "DC"
    power_max_w = chance.one_of((11_000, 22_000) if power_type == "AC" else (50_000, 150_000))
    count = 1 if good or chance.happens(900) else 2
    role: Role = "operator_side"
    if not good and chance.happens(30):
        role = chance.one_of(OTHER_ROLES)
    return SessionPlan(
        number=number,
        at=T0 + chance.between(0, HOUR_MS),
        stage="tapped" if chance.happens(700) else chance.one_of(("amount_first", "tap_first")),
        power_type=power_type,
        power_max_w=power_max_w,
        terms=chance.one_of(TERMS[:-1] if good else TERMS),
        prices=chance.one_of(TARIFFS),
        available=10**7 if good else chance.one_of((0, 700, 2_500, 4_500, 10**7, 10**7, 10**7)),
        role=role,
        capture_by="operator" if chance.happens(100) else "executor",
        scheme=chance.one_of(("visa", "mastercard", "amex")),
        cvm=chance.one_of(("online_pin", "cdcvm")),
        start_after_ms=3_000 if good else chance.skewed(1_000, 20 * MINUTE_MS),
        starts=good or chance.happens(950),
        chargings=tuple(_charging(chance, power_max_w, one, good=good) for one in range(count)),
        repeats=0 if good else chance.between(0, 2),
        reused=not good and chance.happens(30),
        walks_away=not good and chance.happens(50),
        cdr=None,
    )


def _charging(chance: Chance, power_max_w: int, number: int, *, good: bool) -> ChargingPlan:
    power_w = power_max_w * chance.between(30, 100) // 100
    minutes = chance.one_of((0, 1, 5, 12, 20, 40) if power_max_w > 22_000 else (0, 5, 30, 90))  # noqa: PLR2004 - DC
    energy_wh = power_w * minutes // 60 + (chance.between(0, 999) if minutes else 0)
    dark = (0, 0)
    if not good and chance.happens(350):
        from_ms = chance.between(0, 25 * MINUTE_MS)
        dark = (from_ms, from_ms + chance.skewed(MINUTE_MS, 6 * DAY_MS))
    bad = not good
    lost = frozenset({chance.between(1, 12)}) if bad and chance.happens(50) else frozenset[int]()
    begin_wh = chance.one_of((0, 5_000, 123_456_789))
    resets = bad and chance.happens(20) and energy_wh > 0 and begin_wh > 0
    return ChargingPlan(
        after_ms=0 if number == 0 else chance.between(MINUTE_MS, HOUR_MS),
        begin_wh=begin_wh,
        power_w=power_w,
        energy_wh=energy_wh,
        parking_ms=chance.one_of((0, MINUTE_MS, 30 * MINUTE_MS, 3 * HOUR_MS)),
        every_ms=chance.one_of((20_000, 30_000, MINUTE_MS)),
        dark=dark,
        skew_ms=chance.one_of((0, 0, 0, -30_000, 45_000)) if bad else 0,
        numbered=good or chance.happens(960),
        missing=lost,
        end_lost=bad and chance.happens(60),
        reset_at_wh=energy_wh // 2 if resets else -1,
        leaps=bad and chance.happens(20),
        obeys=good or chance.happens(950),
        unheard=False,
    )
