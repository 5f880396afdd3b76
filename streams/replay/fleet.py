"""All recorded sessions as one fleet of terminals and chargers in virtual time. Pure.

A bad day (a seeded share of the sessions): the charger goes dark while charging and comes back with
its backlog out of order and in part twice. What the acquirer does to such a session is scripted by
whoever starts the acquirer; see `bad_day_sessions`.
"""

import hashlib
from collections.abc import Iterable

import msgspec

from schemas import ids, topics
from schemas.commands import OfferAmount, ShowDeclined, StartCharging, StopCharging
from schemas.facts import CardRead, ChargingStarted, MeterReading, SessionRequested
from streams.replay.cards import card_of, declared_of, draw
from streams.replay.chargers import Charger, Emission, Outage, Site
from streams.replay.folding import Planned

_STRIDE = 104_729  # a prime above any backlog: index * stride mod count permutes it
_DARK_MS = 10 * 60 * 1000
_REFERENCE_MAX = 36
_AGREES_PERCENT = 70
_READS_AND_TAPS_MS = 12_000


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """Where a charger stands. `tariffs`: id, hash and body by power type."""

    country: str
    currency: str
    tariffs: dict[str, tuple[str, str, str]]


class FleetSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`tariffs`: id, hash and body by power type; `acquirers`: ids to spread the cards over.

    `abroad`: where a seeded share of the chargers stands instead, in per cent.
    """

    tenant: str
    network: str
    run: str
    seed: int
    bad_day_percent: int
    currency: str
    country: str
    tariffs: dict[str, tuple[str, str, str]]
    acquirers: tuple[str, ...]
    abroad: Market | None = None
    abroad_percent: int = 0


def reference_of(session: str) -> str:
    """What the terminal mints: the recorded name, shortened to a digest where it is too long."""
    if len(session) <= _REFERENCE_MAX:
        return session
    return hashlib.sha256(session.encode()).hexdigest()[:_REFERENCE_MAX]


class Driver(msgspec.Struct, kw_only=True):
    """One recorded session: its request, its charger, whether it is its bad day."""

    plan: Planned
    request: SessionRequested
    charger: Charger
    bad_day: bool
    requested: bool = False


def _outage(settings: FleetSettings, plan: Planned) -> Outage:
    recorded = plan.recorded
    stay_ms = recorded.departure_at - recorded.arrival_at
    begins = 1 + draw(settings.seed, recorded.session, "dark", max(stay_ms // 2, 1))
    repeat = 2 + draw(settings.seed, recorded.session, "repeat", 4)
    return Outage(begins, begins + _DARK_MS, _STRIDE, repeat)


def is_bad_day(settings: FleetSettings, session: str) -> bool:
    return draw(settings.seed, session, "bad-day", 100) < settings.bad_day_percent


def market_of(settings: FleetSettings, evse: str) -> Market:
    """A charger stays where it is."""
    is_abroad = draw(settings.seed, evse, "abroad", 100) < settings.abroad_percent
    if settings.abroad is not None and is_abroad:
        return settings.abroad
    return Market(country=settings.country, currency=settings.currency, tariffs=settings.tariffs)


def _request(settings: FleetSettings, plan: Planned) -> SessionRequested:
    recorded = plan.recorded
    provider = f"replay-{settings.run}"
    reference = reference_of(recorded.session)
    card = card_of(settings.seed, recorded.session)
    declared = declared_of(settings.seed, recorded.session)
    market = market_of(settings, plan.evse)
    tariff_id, tariff_hash, _ = market.tariffs[recorded.power_type]
    chosen = draw(settings.seed, recorded.session, "acquirer", len(settings.acquirers))
    return SessionRequested(
        tenant=settings.tenant,
        session_id=ids.session_id(settings.tenant, provider, reference),
        provider=provider,
        authorization_reference=reference,
        terminal_id=f"terminal-{plan.evse}",
        network=settings.network,
        charger_id=plan.evse,
        evse_uid=plan.evse,
        channel="terminal",
        role="operator_side",
        capture_by="executor",
        power_type=recorded.power_type,
        power_max_w=recorded.power_max_w,
        scheme=card.scheme,
        funding=card.funding,
        entry_mode=card.entry_mode,
        cvm=card.cvm,
        bin_country=card.bin_country,
        merchant_country=market.country,
        card_token=card.card_token,
        declared_kind=declared.kind,
        declared_value=declared.value,
        currency=market.currency,
        acquirer_id=settings.acquirers[chosen],
        tariff_id=tariff_id,
        tariff_hash=tariff_hash,
        requested_at=plan.arrival_at,
    )


def _tap(request: SessionRequested, offer: OfferAmount, at: int) -> CardRead:
    """The same card once more, after this offer."""
    return CardRead(
        tenant=request.tenant,
        session_id=request.session_id,
        terminal_id=request.terminal_id,
        tap=int(offer.command_id.rpartition("/")[2]),
        scheme=request.scheme,
        funding=request.funding,
        entry_mode=request.entry_mode,
        cvm="online_pin",
        bin_country=request.bin_country,
        card_token=request.card_token,
        offer_id=offer.command_id,
        consented_minor=offer.ceiling_minor,
        consented_at=at,
        shown="terminal",
        read_at=at,
    )


class Fleet:
    """Steps through virtual time: what reaches us by an instant, what a command causes."""

    def __init__(self, settings: FleetSettings, plans: list[Planned]) -> None:
        site = Site(tenant=settings.tenant, network=settings.network, run=settings.run)
        registers: dict[str, int] = {}
        self.settings = settings
        self.drivers: dict[str, Driver] = {}
        for plan in plans:
            request = _request(settings, plan)
            begin_wh = registers.get(plan.evse, 1_000_000)
            registers[plan.evse] = begin_wh + plan.recorded.energy_wh
            bad = is_bad_day(settings, plan.recorded.session)
            outage = _outage(settings, plan) if bad else None
            charger = Charger(plan, site, begin_wh, outage)
            self.drivers[request.session_id] = Driver(
                plan=plan, request=request, charger=charger, bad_day=bad
            )
        self._waiting = sorted(self.drivers.values(), key=lambda one: one.plan.arrival_at)
        self._active: dict[str, Driver] = {}
        self.readings = 0

    def bad_day_sessions(self) -> list[str]:
        return [session for session, one in self.drivers.items() if one.bad_day]

    @property
    def finished(self) -> bool:
        return not self._waiting and not self._active

    def until(self, now_at: int) -> list[Emission]:
        """All that reaches us by `now_at`; the broker sees it in order of arrival."""
        told: list[Emission] = []
        while self._waiting and self._waiting[0].plan.arrival_at <= now_at:
            driver = self._waiting.pop(0)
            request = driver.request
            self._active[request.session_id] = driver
            arrival = driver.plan.arrival_at
            told.append(Emission(arrival, topics.REQUESTS, request.session_id, request))
        for session, driver in list(self._active.items()):
            told.extend(driver.charger.until(now_at))
            if driver.charger.finished:
                del self._active[session]
        self.readings += sum(isinstance(one.fact, MeterReading) for one in told)
        return sorted(told, key=lambda one: one.arrives_at)

    def command(
        self, command: StartCharging | StopCharging | ShowDeclined | OfferAmount, now_at: int
    ) -> list[Emission]:
        """A command for a session of ours; others' are none of our business."""
        driver = self.drivers.get(command.session_id)
        if driver is None:
            return []
        if isinstance(command, OfferAmount):
            return self._offered(driver, command, now_at)
        return driver.charger.command(command, now_at)

    def _offered(self, driver: Driver, offer: OfferAmount, now_at: int) -> list[Emission]:
        """Most drivers agree to less and tap again; the others are told in the end."""
        what = f"agrees/{offer.command_id.rpartition('/')[2]}"
        if draw(self.settings.seed, driver.plan.recorded.session, what, 100) >= _AGREES_PERCENT:
            return []
        at = now_at + _READS_AND_TAPS_MS
        tapped = _tap(driver.request, offer, at)
        return [Emission(at, topics.REQUESTS, tapped.session_id, tapped)]

    def turned_away(self, session_id: str) -> bool:
        """Its request was set aside and finds no answer: the driver leaves. False: not ours."""
        driver = self.drivers.get(session_id)
        if driver is not None:
            driver.charger.refused = True
        return driver is not None


def started(emissions: Iterable[Emission]) -> list[str]:
    """Transactions that begin in these: the gate must know their session before time goes on."""
    return [one.fact.transaction_id for one in emissions if isinstance(one.fact, ChargingStarted)]
