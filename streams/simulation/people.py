"""People: they settle what nothing else proves, and give money back.

They know what really happened, as somebody does who stands at the meter. What they decide is told
twice now and then, as everything is, and above the policy's limit a second person says the same.
"""

from schemas import ids, topics
from schemas.decisions import RefundDecided, ReleaseDecided
from schemas.facts import DiscrepancyChanged
from streams.simulation.chance import Chance
from streams.simulation.plans import SessionPlan
from streams.simulation.policies import DAY_MS, HOUR_MS, MINUTE_MS
from streams.simulation.sky import TENANT, Sky
from streams.simulation.tariffs import price_minor
from streams.simulation.truth import SessionTruth

ALONE_MINOR = 10_000
"""Up to this one person may decide; of both kinds, and where the policy says nothing else."""


class People:
    """Those of one session. `released`: prices they settled, by energy; `refunded`: by decision."""

    def __init__(self, plan: SessionPlan, truth: SessionTruth, sky: Sky, chance: Chance) -> None:
        self._plan = plan
        self._truth = truth
        self._sky = sky
        self._chance = chance
        self._asked = False
        self.released: dict[int, int] = {}
        self.refunded: dict[str, int] = {}

    def told(self, difference: DiscrepancyChanged) -> None:
        """Something stands in the way of a proof."""
        if difference.kind == "proof-late" and self._plan.decided and not self._asked:
            self._asked = True
            self._sky.after(self._chance.skewed(MINUTE_MS, 20 * HOUR_MS), self._release)

    def captured(self, amount_minor: int) -> None:
        """The driver saw it on the bill, and complains: part of it goes back."""
        if self._plan.goodwill and not self.refunded:
            part = max(amount_minor * self._plan.goodwill // 100, 1)
            self._refund_later(f"d{self._plan.number}", part)

    def _release(self) -> None:
        truth = self._truth
        if len(self._plan.chargings) > 1 or not all(one.ended for one in truth.chargings):
            return  # nobody can read at the meter yet what it will have been
        used = truth.used(truth.chargings)
        price = price_minor(self._plan.prices, used)
        self.released[used.energy_wh] = price
        people = ("ada", "ben") if price > ALONE_MINOR else ("ada",)
        for who in people:
            fact = ReleaseDecided(
                tenant=TENANT,
                session_id=truth.session_id,
                decision_id=ids.release_decision_id(truth.session_id, used.energy_wh, price),
                energy_wh=used.energy_wh,
                amount_minor=price,
                who=who,
                why="read at the meter",
                evidence="a photograph",
                decided_at=self._sky.now_at,
            )
            self._sky.deliver(topics.DECISIONS, truth.session_id, fact)

    def _refund_later(self, decision_id: str, amount_minor: int) -> None:
        self.refunded[decision_id] = amount_minor
        self._sky.after(
            self._chance.skewed(MINUTE_MS, 2 * DAY_MS),
            lambda: self._refund(decision_id, amount_minor),
        )

    def _refund(self, decision_id: str, amount_minor: int) -> None:
        fact = RefundDecided(
            tenant=TENANT,
            session_id=self._truth.session_id,
            decision_id=decision_id,
            amount_minor=amount_minor,
            currency=self._plan.prices.currency,
            reason="goodwill",
            who="ada",
            second_who="ben",
            why="the display was broken",
            evidence="a letter",
            decided_at=self._sky.now_at,
        )
        for _ in range(1 + self._chance.happens(300)):
            self._sky.deliver(topics.DECISIONS, self._truth.session_id, fact)
