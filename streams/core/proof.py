"""The proof ladder: which number is final, by which rung, and what it costs (design.md, section 6).

A charger's own data first, then a partner's CDR, then a person. Where charger and CDR differ by
more than `[reconciliation]` lives with, nothing is proven until the policy or a person settles it:
a lower rung never takes what a higher one denies. All is derived from facts that only join and the
session's time, so that neither order nor repetition of facts can matter.
"""

from typing import NamedTuple

from msgspec.structs import replace

from streams.core import due, partner_view
from streams.core.charging import quantities, summed
from streams.core.hold_clocks import Deadline
from streams.core.metered import metered
from streams.core.pricing import Quantities, Tariff
from streams.core.proof_charger import Asks, Shown, asks_of, by_charger
from streams.core.proof_decided import decided
from streams.core.proof_partner import Asked, by_partner
from streams.core.proof_policy import (
    COMPLETE_TRANSACTION,
    LADDER,
    OPERATOR_RELEASE,
    SIGNED_END,
)
from streams.core.reconciliation_policy import Reconciliation
from streams.core.rollover import unrolled
from streams.core.session import (
    Charging,
    PartnerCdr,
    PaymentSession,
    Released,
    Signed,
    dark_at,
)

BY_CHARGER = frozenset({SIGNED_END, COMPLETE_TRANSACTION})
DISAGREE, AWAITS_CDR, UNPROVEN = "disagree", "awaits-cdr", "unproven"
SECOND_PERSON = "second-person"


class Proof(NamedTuple):
    """What is proven of a session. `rung` empty: nothing, and `waits` and `why` say for what.

    `chargings` as they are proven, else as believed; `final` and `cost_minor` what they come to.
    `charger_wh`: what its chargers say in all, -1: they do not. `settled_by` and
    `price_authority`: see schemas.commands.CaptureHold. `again_at`: when time alone may prove more,
    `late_at`: when people are told that it is missing; 0: never.
    """

    rung: str
    chargings: list[Charging]
    final: Quantities | None = None
    cost_minor: int | None = None
    price_authority: str = "tariff"
    settled_by: str = ""
    waits: str = UNPROVEN
    why: str = ""
    charger_wh: int = -1
    cdr: PartnerCdr | None = None
    pairs: tuple[Signed, ...] = ()
    decision: Released | None = None
    again_at: int = 0
    late_at: int = 0

    @property
    def by_charger(self) -> bool:
        """Whether the chargers themselves prove it."""
        return self.rung in BY_CHARGER


class Ground(NamedTuple):
    """What a proof is made from.

    `doubts`: words of chargings that cannot be true. `deadline`: of the hold. `taken`: a capture
    stands, so that nothing has to wait any more.
    """

    asked: Asked
    tariff: Tariff | None
    doubts: dict[str, tuple[str, str]]
    deadline: Deadline
    taken: bool


def unproven(session: PaymentSession, chargings: list[Charging]) -> Proof | None:
    """That nothing is, seen at once, as nearly always: energy flows, and nobody knows more."""
    if session.cdrs or session.released:
        return None
    for one in chargings:
        if one.end is None:
            return Proof("", chargings)
    return None if chargings else Proof("", chargings)


def prove(ground: Ground) -> Proof:
    """By the highest rung that holds and that the policy accepts."""
    asked = ground.asked
    if ground.tariff is None:
        return Proof("", asked.chargings, why="no tariff")
    asks = asks_of(ground.tariff)
    cdr = partner_view.countable_cdr(asked.session) if asked.session.cdrs else None
    shown = [_shown(ground, one, asks) for one in asked.chargings]
    found = _by_charger(ground, shown, cdr) if shown and all(one.rung for one in shown) else None
    if found is not None and (found.rung or found.waits != UNPROVEN):
        return found
    # A decision that was captured by stands against a partner's later word, not a charger's.
    by_person = _by_person(ground, _unproven(ground, shown, cdr)) if ground.taken else None
    if by_person is not None and by_person.rung:
        return by_person
    found = _by_partner(ground, shown, asks, cdr)
    return _by_person(ground, found) if found.waits == UNPROVEN else found


def _shown(ground: Ground, charging: Charging, asks: Asks) -> Shown:
    doubt = ground.doubts.get(charging.charging_id)
    if doubt is not None:
        return Shown("", charging, doubt[1])
    wraps = ground.asked.policy.proof.register_wraps_wh
    if wraps and ground.tariff is not None and ground.tariff.simple is not None:
        asked = ground.asked
        charging = unrolled(charging, wraps, asked.power_w, asked.policy.risk.most_wh)
    dark = dark_at(ground.asked.session, charging.charging_id)
    return by_charger(charging, asks, ground.asked.policy, ground.asked.now_at, dark)


# --- rungs 1 and 2 --------------------------------------------------------------------------------


def _by_charger(ground: Ground, shown: list[Shown], cdr: PartnerCdr | None) -> Proof:
    rung = max((one.rung for one in shown), key=LADDER.index)
    proven = [one.charging for one in shown]
    pairs = tuple(one.pair for one in shown if one.pair is not None)
    blank = Proof("", ground.asked.chargings, pairs=pairs, cdr=cdr)
    if not ground.asked.policy.proof.accepts(rung):
        return blank
    blank = blank._replace(charger_wh=summed(map(quantities, proven)).energy_wh)
    return _reconciled(ground, blank, rung, proven)


# --- rungs 3 and 4 --------------------------------------------------------------------------------


def _by_partner(ground: Ground, shown: list[Shown], asks: Asks, cdr: PartnerCdr | None) -> Proof:
    told = by_partner(ground.asked, cdr, asks, taken=ground.taken)
    blank = _unproven(ground, shown, cdr)
    if told.rung and told.charging is not None:
        return _reconciled(ground, blank, told.rung, [told.charging])
    why = "; ".join(one for one in (blank.why, told.why) if one)
    again = [at for at in (told.again_at, blank.again_at) if at]
    return blank._replace(why=why, again_at=min(again, default=0))


def _unproven(ground: Ground, shown: list[Shown], cdr: PartnerCdr | None) -> Proof:
    """What the chargers alone do not prove, and why."""
    again = [one.again_at for one in shown if one.again_at]
    return Proof(
        "",
        ground.asked.chargings,
        why="; ".join(one.why or f"the policy accepts no {one.rung}" for one in shown),
        charger_wh=_claimed_wh(ground),
        cdr=cdr,
        again_at=min(again, default=0),
        late_at=_late_at(ground),
    )


def _claimed_wh(ground: Ground) -> int:
    """What ends say that prove nothing by themselves; -1 where they cannot be gone by."""
    chargings = ground.asked.chargings
    for one in chargings:
        if one.begun is None or one.end is None or one.end.doubtful or one.fell:
            return -1
    return max(summed(map(quantities, chargings)).energy_wh, -1) if chargings else -1


def _late_at(ground: Ground) -> int:
    """When an end has been without its proof for long; one that runs has other alarms."""
    ends = [one.end.ended_at for one in ground.asked.chargings if one.end is not None]
    if not ends or ground.taken:
        return 0
    return max(ends) + ground.asked.policy.proof.longest_wait_ms


# --- one number -----------------------------------------------------------------------------------


def _reconciled(ground: Ground, blank: Proof, rung: str, proven: list[Charging]) -> Proof:
    """With the CDR's figures beside the charger's: agreed, settled, or waiting."""
    policy, cdr = ground.asked.policy, blank.cdr
    ours = _proof(ground, blank, rung, proven)
    if cdr is None or not _differs(ground, ours, cdr):
        return _by_authority(ground, ours)
    way = policy.proof.disagreement
    by_charger = rung in BY_CHARGER
    # One CDR cannot be shared out among several chargings; the chargers' own words need not be.
    settles = by_charger if way == "charger" else len(proven) == 1
    if way == "person" or not settles:
        waiting = blank._replace(waits=DISAGREE, why="charger and CDR differ", late_at=0)
        found = _by_person(ground, waiting)
        # What was captured by stands, but for a CDR that the charger itself denies by now.
        stands = by_charger or not denied(ground.asked.chargings, cdr, policy.reconciliation)
        return _by_authority(ground, ours) if ground.taken and stands and not found.rung else found
    if way == "charger":
        return ours._replace(settled_by=way)
    return _settled(ground, ours, cdr, way)


def _differs(ground: Ground, ours: Proof, cdr: PartnerCdr) -> bool:
    limits, rules = ground.asked.policy.reconciliation, ground.asked.policy.proof
    if ours.charger_wh >= 0 and not limits.energy_agrees(cdr.energy_wh, ours.charger_wh):
        return True
    if not ours.by_charger and denied(ground.asked.chargings, cdr, limits):
        return True
    total = partner_view.total_minor(cdr)
    if total is None or ours.cost_minor is None or rules.price_authority == "cdr":
        return False
    return not limits.money_agrees(total, ours.cost_minor)


def denied(chargings: list[Charging], cdr: PartnerCdr, limits: Reconciliation) -> bool:
    """Whether any reading, or any valid signature, says otherwise than the CDR."""
    for one in chargings:
        if one.begun is None:
            continue
        read_wh = one.top_wh - one.begun.energy_wh
        if read_wh > cdr.energy_wh and not limits.energy_agrees(cdr.energy_wh, read_wh):
            return True
        signed = [pair.wh for pair in one.signed if pair.rank == 0]
        if any(not limits.energy_agrees(cdr.energy_wh, wh) for wh in signed):
            return True
    return False


def _settled(ground: Ground, ours: Proof, cdr: PartnerCdr, way: str) -> Proof:
    """The lower of the two, or the CDR's, as the policy says; never above either for `lower`."""
    (one,) = ours.chargings
    assert one.begun is not None, "what is proven has begun"
    assert one.end is not None, "and ended"
    wh, total = cdr.energy_wh, partner_view.total_minor(cdr)
    if way == "lower" and ours.charger_wh >= 0:
        wh = min(wh, ours.charger_wh)
    end = replace(one.end, energy_wh=one.begun.energy_wh + wh)
    cut = replace(one, end=end, top_wh=min(one.top_wh, end.energy_wh))
    found = _proof(ground, ours, ours.rung, [cut])._replace(settled_by=way)
    if total is None or total < 0 or found.cost_minor is None:
        return found
    if way == "cdr":
        return found._replace(cost_minor=total, price_authority="cdr")
    return found._replace(cost_minor=min(total, found.cost_minor))


def _by_authority(ground: Ground, ours: Proof) -> Proof:
    """With the CDR's total in place of our price where that is the basis of the invoice."""
    rules, ends_at = ground.asked.policy.proof, ground.deadline.ends_at
    if rules.price_authority == "tariff" or not ours.cost_minor:
        return ours
    total = partner_view.total_minor(ours.cdr) if ours.cdr is not None else None
    if total is not None and total >= 0:
        return ours._replace(cost_minor=total, price_authority="cdr")
    if ground.taken and ground.asked.session.cdrs:
        # What was captured stands: a partner who contradicts or takes back a price makes no other.
        words = "the CDR's total is the price, and none that counts is there any more"
        return Proof("", ground.asked.chargings, waits=AWAITS_CDR, why=words)
    alone_at = min(ground.deadline.act_at, max(ends_at - rules.price_alone_before_ms, 0))
    if ground.asked.now_at >= alone_at:
        return ours._replace(price_authority="tariff_alone")
    words = "the CDR's total is the price, and it is not told yet"
    asked = ground.asked.chargings
    return Proof(
        "", asked, waits=AWAITS_CDR, why=words, charger_wh=ours.charger_wh, again_at=alone_at
    )


def _proof(ground: Ground, blank: Proof, rung: str, proven: list[Charging]) -> Proof:
    assert ground.tariff is not None, "nothing is proven without a price"
    final = summed(map(quantities, proven))
    course = None
    if ground.tariff.simple is None:
        zone = ground.asked.session.request.time_zone
        course = metered(proven, ground.asked.now_at, zone)
    cost = due.so_far(ground.tariff, course, final)
    return blank._replace(
        rung=rung, chargings=proven, final=final, cost_minor=cost, waits="", why="", again_at=0,
        late_at=0,
    )  # fmt: skip


# --- rung 5 ---------------------------------------------------------------------------------------


def _by_person(ground: Ground, found: Proof) -> Proof:
    settled = "person" if found.waits == DISAGREE else ""
    for one in decided(ground.asked, found.cdr):
        proof = _proof(ground, found, OPERATOR_RELEASE, one.chargings)
        cost = one.decision.amount_minor if one.decision.amount_minor >= 0 else proof.cost_minor
        assert cost is not None, "what is decided has a price"
        limit = ground.asked.policy.proof.second_person_above_minor
        if cost > limit and len(one.people) == 1:
            words = f"{cost} is above {limit}: a second person has to agree"
            found = found._replace(why=words, waits=SECOND_PERSON)
            continue
        return proof._replace(cost_minor=cost, decision=one.decision, settled_by=settled)
    return found
