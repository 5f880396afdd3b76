"""Drivers at their terminals: they ask to charge, tap, tap again, walk away."""

from msgspec.structs import replace

from schemas import ids, topics
from schemas.commands import OfferAmount
from schemas.facts import CardRead, SessionRequested
from streams.simulation.chance import Chance
from streams.simulation.plans import SessionPlan, charger_of
from streams.simulation.policies import COUNTRY
from streams.simulation.sky import NETWORK, TENANT, Sky

_PROVIDER = "p"


def session_id_of(plan: SessionPlan) -> str:
    return ids.session_id(TENANT, _PROVIDER, f"REF-{plan.number}")


class Terminal:
    """One driver's terminal."""

    def __init__(self, plan: SessionPlan, tariff_hash: str, sky: Sky, chance: Chance) -> None:
        self.session_id = session_id_of(plan)
        self._plan = plan
        self._tariff_hash = tariff_hash
        self._sky = sky
        self._chance = chance
        self._taps = 0

    def ask(self) -> None:
        """The driver stands there."""
        request = self._request()
        self._sky.deliver(topics.REQUESTS, self.session_id, request)
        for _ in range(self._plan.repeats):
            again_at = request.requested_at + self._chance.skewed(0, 3_600_000)
            again = replace(request, requested_at=again_at)
            self._sky.at(again_at, lambda one=again: self._repeat(one))  # type: ignore[misc] # mypy cannot infer a lambda with a default
        if self._plan.reused:
            other = replace(request, terminal_id="elsewhere")
            self._sky.after(self._chance.skewed(1_000, 86_400_000), lambda: self._repeat(other))
        if self._plan.stage == "tap_first":
            self._sky.after(2_000, lambda: self._tap("", 0))

    def offered(self, offer: OfferAmount) -> None:
        """An amount is shown; most drivers agree to it."""
        if not self._plan.walks_away:
            wait_ms = self._chance.between(1_000, 20_000)
            self._sky.after(wait_ms, lambda: self._tap(offer.command_id, offer.ceiling_minor))

    def _repeat(self, request: SessionRequested) -> None:
        self._sky.deliver(topics.REQUESTS, self.session_id, request)

    def _tap(self, offer_id: str, consented: int) -> None:
        self._taps += 1
        plan, now_at = self._plan, self._sky.now_at
        fact = CardRead(
            tenant=TENANT,
            session_id=self.session_id,
            terminal_id=f"term-{plan.number}",
            tap=self._taps,
            scheme=plan.scheme,
            funding="credit",
            entry_mode="contactless",
            cvm=plan.cvm,
            bin_country=COUNTRY,
            card_token=f"tok-{plan.number}",
            offer_id=offer_id,
            consented_minor=consented,
            consented_at=now_at if consented else 0,
            read_at=now_at,
        )
        self._sky.deliver(topics.REQUESTS, self.session_id, fact)

    def _request(self) -> SessionRequested:
        plan = self._plan
        tapped = plan.stage == "tapped"
        return SessionRequested(
            tenant=TENANT,
            session_id=self.session_id,
            provider=_PROVIDER,
            authorization_reference=f"REF-{plan.number}",
            terminal_id=f"term-{plan.number}",
            network=NETWORK,
            charger_id=charger_of(plan),
            evse_uid=charger_of(plan),
            channel="terminal",
            role=plan.role,
            capture_by=plan.capture_by,
            power_type=plan.power_type,
            power_max_w=plan.power_max_w,
            scheme=plan.scheme if tapped else "",
            funding="credit" if tapped else "unknown",
            entry_mode="contactless" if tapped else "",
            cvm=plan.cvm if tapped else "",
            bin_country=COUNTRY if tapped else "",
            merchant_country=COUNTRY,
            card_token=f"tok-{plan.number}" if tapped else "",
            currency=plan.prices.currency,
            acquirer_id=plan.terms.acquirer_id,
            tariff_id=plan.prices.name,
            tariff_hash=self._tariff_hash,
            requested_at=self._sky.now_at,
            stage=plan.stage,
        )
