"""The charge point operator's CDRs: told long after the charging, and not all of them are right.

What counts says what was delivered; what says anything else was refused by a hub, or taken back at
once by a credit CDR with the right one in its place. A CDR is no money: whatever it says, a session
has one capture.
"""

from functools import partial
from typing import Any

from msgspec.structs import replace

from schemas import ids, topics
from schemas.roaming import CdrSeen, OcpiCost, SessionSeen
from streams.simulation.chance import Chance
from streams.simulation.plans import SessionPlan, charger_of
from streams.simulation.policies import COUNTRY
from streams.simulation.sky import TENANT, Sky
from streams.simulation.tariffs import Used, price_minor
from streams.simulation.truth import ChargingTruth

_PARTY = "CPO"
_DIGITS = 64
_OTHER_DIGEST = "2" * _DIGITS


class Partner:
    """The CDRs of one session of one charging: with several nobody could tell whose a CDR is."""

    def __init__(self, plan: SessionPlan, sky: Sky, chance: Chance) -> None:
        self._plan = plan
        self._sky = sky
        self._chance = chance

    def began(self, truth: ChargingTruth) -> None:
        """The charging is there: its OCPI session is, too."""
        if self._session_is_told():
            self._push(self._session(truth, "ACTIVE", 0))

    def ended(self, truth: ChargingTruth) -> None:
        """The charging is over: its CDR is made."""
        told = self._plan.cdr
        if told is None or len(self._plan.chargings) > 1:
            return
        if self._session_is_told() and told.session != "stale":
            wh = truth.energy_wh if told.session == "agrees" else truth.energy_wh * 2 + 1_000
            self._push(self._session(truth, "COMPLETED", wh))
        right = self._cdr(truth, "1", truth.energy_wh)
        wrong = self._cdr(truth, "1", truth.energy_wh * 2 + 1_000)
        match told.kind:
            case "right":
                facts = [right]
            case "rejected":
                facts = [replace(wrong, rejected_code=2001)]
            case "changed":
                facts = [right, replace(wrong, money_digest=_OTHER_DIGEST)]
            case "credited":
                facts = [wrong, self._credit(wrong), self._cdr(truth, "3", truth.energy_wh)]
        self._sky.after(told.after_ms, lambda: self._tell(facts, truth))

    def _session_is_told(self) -> bool:
        told = self._plan.cdr
        return told is not None and told.session != "none" and len(self._plan.chargings) == 1

    def _push(self, fact: SessionSeen) -> None:
        key = ids.ocpi_alias(TENANT, (COUNTRY, _PARTY), "session", fact.ocpi_session_id)
        self._sky.deliver(topics.OCPI_SESSIONS, key, fact)

    def _tell(self, facts: list[CdrSeen], truth: ChargingTruth) -> None:
        """One after the other on one topic, under one key: in their order, as the feed has them."""
        key = ids.ocpi_alias(TENANT, (COUNTRY, _PARTY), "session", facts[0].ocpi_session_id)
        for one in facts:
            self._sky.deliver(topics.OCPI_CDRS, key, one, partial(self._arrived, one, truth))
            if self._chance.happens(200):
                self._sky.deliver(topics.OCPI_CDRS, key, one)

    def _arrived(self, fact: CdrSeen, truth: ChargingTruth) -> None:
        if fact.money_digest == _OTHER_DIGEST:
            truth.cdr_changed_at = truth.cdr_changed_at or self._sky.now_at

    def _credit(self, wrong: CdrSeen) -> CdrSeen:
        return replace(
            wrong,
            cdr_id=f"cdr-{self._plan.number}-2",
            credit=True,
            credit_reference_id=wrong.cdr_id,
            energy_wh=-wrong.energy_wh,
            kwh=f"-{wrong.kwh}",
            costs=[OcpiCost(kind="total", net="", gross=f"-{wrong.costs[0].gross}")],
        )

    def _session(self, truth: ChargingTruth, status: str, energy_wh: int) -> SessionSeen:
        now_at = self._sky.now_at
        return SessionSeen(
            **self._common(energy_wh),
            status=status,
            costs=[],
            started_at=truth.begun_at,
            ended_at=truth.ended_at,
            last_updated_at=now_at,
            periods_known=0,
            charging_periods="[]",
            body="{}",
            oddities=[],
            raw_digest="0" * _DIGITS,
            received_at=now_at,
        )

    def _common(self, energy_wh: int) -> dict[str, Any]:
        """What sessions and CDRs say alike."""
        return {
            "tenant": TENANT,
            "partner": "hub",
            "ocpi_version": "2.3.0",
            "country_code": COUNTRY,
            "party_id": _PARTY,
            "ocpi_session_id": f"ses-{self._plan.number}",
            "authorization_reference": f"REF-{self._plan.number}",
            "auth_method": "COMMAND",
            "token_type": "AD_HOC_USER",
            "token_uid": "",
            "contract_id": "",
            "payment_kind": "card",
            "location_id": "",
            "evse_uid": charger_of(self._plan),
            "evse_id": "",
            "connector_id": "",
            "meter_id": "",
            "currency": self._plan.prices.currency,
            "kwh": f"{energy_wh // 1000}.{energy_wh % 1000:03d}",
            "energy_wh": energy_wh,
        }

    def _cdr(self, truth: ChargingTruth, number: str, energy_wh: int) -> CdrSeen:
        prices = self._plan.prices
        minor = price_minor(prices, Used(energy_wh, truth.parking_ms))
        whole, part = divmod(minor, 10**prices.exponent)
        gross = f"{whole}.{part:0{prices.exponent}d}" if prices.exponent else str(whole)
        now_at = self._sky.now_at
        return CdrSeen(
            **self._common(energy_wh),
            cdr_id=f"cdr-{self._plan.number}-{number}",
            total_hours="",
            parking_hours="",
            costs=[OcpiCost(kind="total", net="", gross=gross)],
            credit=False,
            credit_reference_id="",
            invoice_reference_id="",
            started_at=truth.begun_at,
            ended_at=truth.ended_at,
            last_updated_at=now_at,
            periods_known=0,
            periods_digest="0" * _DIGITS,
            body="{}",
            body_digest="0" * _DIGITS,
            money_digest=number * _DIGITS,
            oddities=[],
            raw_digest="0" * _DIGITS,
            received_at=now_at,
        )
