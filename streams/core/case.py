"""A session as the rules look at it: everything they ask about, derived once from the facts."""

from typing import NamedTuple

import msgspec

from schemas import ids
from schemas.facts import Performer, SessionRequested
from streams.core import due, pricing, takeover, taps
from streams.core.acquirers import Acquirer
from streams.core.ahead import Ahead, ahead_of, most_w
from streams.core.charging import Total, so_far
from streams.core.declines_after import CLEAR, Aftermath, aftermath_of, visit_of
from streams.core.headroom import Reach
from streams.core.hold_clocks import NO_DEADLINE, Deadline
from streams.core.holds import HoldBook, acquirer_id_of, book, first_acquirer_id, hold_ids
from streams.core.metered import metered
from streams.core.once import once
from streams.core.plausible import believed
from streams.core.pricing import Quantities, Tariff, Unpriceable
from streams.core.proof import DISAGREE, Ground, Proof, prove, unproven
from streams.core.proof_charger import floor_wh
from streams.core.proof_partner import Asked
from streams.core.session import Charging, IssuedCommand, PaymentSession, dark_at
from streams.core.strategy import Choice
from streams.core.strategy_policy import Policy
from streams.core.verdicts import NO, SHOW_DECLINED, is_definite, of_kind, unsettled, verdict

ATTEMPTS_MAX = 3
"""Definite noes to a capture, a release or a lowering before a person has to look at it."""

HOLDS_MAX = 5
"""Holds asked for in one session, all acquirers and amounts together."""

_CHANGES = frozenset({"raise", "lower", "release"})
_ENDING = frozenset({"lower", "capture", "release"})
CAPTURED_BY_US = frozenset({"executor", "operator"})


class AsRead(NamedTuple):
    """What flowed when, and what is due as soon as any energy flows, by the readings alone."""

    metered: pricing.Course | None
    flowing_minor: int


class Case(msgspec.Struct, kw_only=True, eq=False, dict=True):
    """The facts of a session, put as the rules ask for them. Amounts in minor units, gross.

    `cost_minor` is what the proven quantities cost, None while they are not proven; `proof` why
    (streams.core.proof). `price_minor` is what is due so far. `hold` is the newest of `holds`, None
    until one was asked for, `start` until we asked to start. `has_cover`: energy may flow, on an
    open hold in its time that nobody has begun to finish. `chargings` are as proven, else as far as
    they can be true, `doubts` the words about those that cannot (streams.core.plausible).
    `given_up`: the driver was told that there will be no charging, so that whatever is approved
    later goes back. `metered`: what flowed when, None where quantities alone decide.
    `stops`: whether any stop was ever sent.
    """

    session: PaymentSession
    request: SessionRequested
    now_at: int
    policy: Policy
    tariff: Tariff | None
    acquirer: Acquirer | None
    holds: list[HoldBook]
    hold: HoldBook | None
    start: IssuedCommand | None
    given_up: bool
    has_cover: bool
    chargings: list[Charging]
    live: list[Charging]
    total: Total
    price_minor: int
    cost_minor: int | None
    ahead: Ahead
    metered: pricing.Course | None
    doubts: dict[str, tuple[str, str]]
    proof: Proof
    stops: bool

    @property
    def route(self) -> tuple[str, ...]:
        """The acquirers that may be asked, in order; empty where the request named one."""
        return self.session.pinned.route if self.session.pinned else ()

    @once
    def choice(self) -> Choice | None:
        """What the hold goes by: of the tap that it rests on, else of one that may be held now."""
        pinned = self.session.pinned
        if not self.session.taps:
            return pinned.choice if pinned and self.session.request.stage == "tapped" else None
        number = taps.rests_on(self.session, self.hold.hold_id if self.hold is not None else "")
        chosen = taps.chosen_for(self.session, number)
        return chosen.choice if chosen is not None and chosen.settled else None

    @once
    def captures_here(self) -> bool:
        """Whether a capture is for our executor or the operator's consumer, and not a third's."""
        return self.request.capture_by in CAPTURED_BY_US or self.taken_over

    @once
    def taken_over(self) -> bool:
        """Whether our executor captures in the place of who was to."""
        session = self.session
        return bool(session.takeovers) and takeover.stands(session, self.hold, self.acquirer)

    @property
    def performer(self) -> Performer:
        """Who is asked to move money by now."""
        return takeover.US if self.taken_over else self.request.capture_by

    @once
    def raise_reach(self) -> Reach:
        """What can still fall due until a raise is answered, or a stop after its refusal done."""
        assert self.tariff is not None  # nothing is held without a price
        ahead = self.ahead
        return due.reach(self.tariff, self.metered, ahead.raise_w, ahead.raise_ms, ahead.running)

    @once
    def stop_reach(self) -> Reach:
        """What can still fall due until the next reading calls for a stop and it is carried out."""
        assert self.tariff is not None  # nothing is held without a price
        ahead = self.ahead
        return due.reach(self.tariff, self.metered, ahead.stop_w, ahead.stop_ms, ahead.running)

    @property
    def look_ahead_minor(self) -> int:
        return self.raise_reach.most_minor

    @property
    def stop_ahead_minor(self) -> int:
        return self.stop_reach.most_minor

    @once
    def as_read(self) -> "AsRead":
        """The same by the readings alone: no time has passed since each charging's newest."""
        flowed = so_far(self.chargings, 0)
        course = self.metered
        if course is not None:
            course = metered(self.chargings, 0, self.request.time_zone)
        assert self.tariff is not None  # nothing is held without a price
        return AsRead(course, due.once_flowing(self.tariff, course, flowed))

    @once
    def flowing_minor(self) -> int:
        """What is due as soon as any energy flows: the price so far, but for what waits for it."""
        if self.total.so_far.energy_wh or self.tariff is None or not self.live:
            return self.price_minor
        return due.once_flowing(self.tariff, self.metered, self.total.so_far)

    @once
    def unsettled(self) -> list[IssuedCommand]:
        """Money commands without a verdict, oldest first, that something still hangs on."""
        found = unsettled(self.session)
        return [one for one in found if not self._is_moot(one)] if found else found

    def _is_moot(self, command: IssuedCommand) -> bool:
        """A change of a hold that never arrived, and whose hold is gone since.

        Or a capture, where who was to capture has done so after all (takeover.py).
        """
        if command.kind not in _CHANGES and (command.kind != "capture" or self.captures_here):
            return False
        if verdict(self.session, command.command_id) != "not_found":
            return False
        return any(
            one.hold_id == command.hold_id
            and (one.lapsed_minor or one.captured_minor)
            and not one.open_minor
            for one in self.holds
        )

    @once
    def untold(self) -> list[Charging]:
        """Those that run and were not told to stop."""
        session_id, issued = self.session.session_id, self.session.issued
        if not self.stops:
            return self.live
        return [
            one for one in self.live if ids.stop_id(session_id, one.transaction_id) not in issued
        ]

    @once
    def running_on(self) -> list[Charging]:
        """Settled by a person, though their chargers have not ended them as far as is known."""
        if self.proof.decision is None:
            return []
        known = sorted(self.session.chargings.values(), key=lambda one: one.charging_id)
        return [one for one in known if one.end is None]

    def issued(self, command_id: str) -> IssuedCommand | None:
        return self.session.issued.get(command_id)

    def acquirer_of(self, hold_id: str) -> Acquirer | None:
        """Who was asked for this hold, and is for everything about it."""
        return self.policy.acquirers.get(acquirer_id_of(self.session, hold_id))

    @once
    def attempts_left(self) -> int:
        """Raises that the acquirer still allows on this hold, declined ones counted."""
        if self.acquirer is None or self.hold is None:
            return 0
        return max(self.acquirer.attempts_cap - self.hold.raises, 0)

    @property
    def may_raise(self) -> bool:
        """Whether the hold can grow by now."""
        return self.may_grow and self.after_refusals.again_at <= self.now_at

    @once
    def may_grow(self) -> bool:
        """Whether the hold can still grow, now or later: nothing forbids it, and no end begun."""
        hold, choice = self.hold, self.choice
        if hold is None or choice is None or not choice.rises:
            return False
        if hold.capped_minor is not None:
            return False
        if not self.after_refusals.raises or not self.raises_here:
            return False
        made = self.session.issued.values()
        if any(one.hold_id == hold.hold_id and one.kind in _ENDING for one in made):
            return False  # totals only rise, and then fall: a raise after that is lost in the books
        return self.attempts_left > 0 and hold.open_minor < choice.ceiling_minor

    @once
    def raises_here(self) -> bool:
        """Whether the acquirer that has the hold raises one on such a card.

        The staircase was chosen for the first acquirer of the route, which need not be this one.
        """
        if self.acquirer is None or self.hold is None:
            return False
        card = taps.presented_for(self.session, self.hold.hold_id)
        return self.acquirer.raises(card.scheme, card.funding)

    @once
    def may_raise_now(self) -> bool:
        """Whether it can grow at once: nothing that changes it is under way."""
        hold = self.hold
        if hold is None or not self.has_cover or not self.may_raise or self.doubts:
            return False  # nobody pays more for what cannot be
        return "raise" not in hold.in_flight and "lower" not in hold.in_flight

    @once
    def after_refusals(self) -> Aftermath:
        """What follows from the raises of this hold that were refused."""
        hold, choice = self.hold, self.choice
        if hold is None or choice is None or hold.refused_raise is None:
            return CLEAR
        return aftermath_of(self.session, hold.hold_id, self.policy.declines, choice.cell)

    @property
    def superseded(self) -> bool:
        """A later session of the same card took its place before any energy flowed here."""
        return not self.chargings and bool(visit_of(self.session).superseded_by)

    @once
    def next_hold(self) -> int | None:
        """The number of another hold; None while one before it may live, or after too many.

        Only a definite no ends a hold that was asked for (design.md 1.2).
        """
        if self.given_up or len(self.holds) >= HOLDS_MAX:
            return None
        over = all(one.outcome in NO and one.approved_minor == 0 for one in self.holds)
        return len(self.holds) + 1 if over else None

    @property
    def floor(self) -> tuple[int, int]:
        """Wh between begin and end of the chargings that ended, and their price without any time.

        What may be missing between them can only add to it; above a CDR that differs it is not
        undisputed.
        """
        assert self.tariff is not None  # nothing is held without a price
        sound = [one for one in self.chargings if one.charging_id not in self.doubts]
        energy_wh = sum(
            floor_wh(one, self.policy.proof, dark_at(self.session, one.charging_id))
            for one in sound
        )
        if self.proof.waits == DISAGREE and self.proof.cdr is not None:
            energy_wh = min(energy_wh, max(self.proof.cdr.energy_wh, 0))
        if energy_wh == 0:
            return 0, 0
        return energy_wh, due.floor(self.tariff, self.metered, Quantities(energy_wh, 0, 0))

    def next_number(self, kind: str, hold_id: str = "") -> int | None:
        """The number of the next attempt; None while one has no definite no, or too many have.

        Who takes over has attempts of its own. Nor is there another capture once a refund was asked
        for: what was refunded had been taken.
        """
        if kind == "capture" and any(one.kind == "refund" for one in self.session.issued.values()):
            return None
        made = of_kind(self.session, kind, hold_id)
        if sum([one.performer == self.performer for one in made]) >= ATTEMPTS_MAX:
            return None
        noes = all(is_definite(self.session, one.command_id) for one in made)
        done = any(verdict(self.session, one.command_id) == "done" for one in made)
        return len(made) + 1 if noes and not done else None


def case_of(session: PaymentSession, policy: Policy) -> Case:
    """Everything the rules ask about. `policy` is the version that the session has pinned."""
    tariff = _tariff(session)
    request, now_at = session.request, session.now_at
    known = list(session.chargings.values())
    powers = [evse_w(policy, request, one) for one in known]
    chargings, doubts = believed(known, powers)
    holds = [
        book(session, one, policy.acquirers.get(acquirer_id_of(session, one)))
        for one in hold_ids(session)
    ]
    hold = holds[-1] if holds else None
    asked = hold.acquirer_id if hold is not None else first_acquirer_id(session)
    kinds = [one.kind for one in session.issued.values()]
    gave_up = SHOW_DECLINED in kinds
    proof = unproven(session, chargings)
    if proof is None:
        asked_of = Asked(session, chargings, policy, max([request.power_max_w, *powers]), now_at)
        proof = prove(Ground(asked_of, tariff, doubts, *_of_holds(holds)))
    chargings = proof.chargings
    flowed = None
    if tariff is not None and tariff.simple is None:
        flowed = metered(chargings, now_at, request.time_zone)
    delivered = so_far(chargings, now_at)
    return Case(
        session=session,
        request=request,
        now_at=now_at,
        policy=policy,
        tariff=tariff,
        acquirer=policy.acquirers.get(asked),
        holds=holds,
        hold=hold,
        start=session.issued.get(ids.start_id(session.session_id)),
        given_up=gave_up,
        has_cover=hold is not None and not gave_up and _covers(hold, session.now_at),
        chargings=chargings,
        live=[one for one in chargings if one.end is None],
        total=Total(delivered, proof.final),
        price_minor=due.so_far(tariff, flowed, delivered),
        cost_minor=proof.cost_minor,
        ahead=ahead_of(policy.look_ahead, session.pinned, request.power_max_w, chargings),
        metered=flowed,
        doubts=doubts,
        proof=proof,
        stops="stop" in kinds,
    )


def _of_holds(holds: list[HoldBook]) -> tuple[Deadline, bool]:
    """Until when a proof is of use, and whether it has been used already."""
    taken = any(one.captured_minor or "capture" in one.in_flight for one in holds)
    return (holds[-1].deadline if holds else NO_DEADLINE), taken


def evse_w(policy: Policy, request: SessionRequested, charging: Charging) -> int:
    """The most that this charging's EVSE delivers: as told, or more where more was seen."""
    return most_w(policy.look_ahead, request.power_max_w, charging.top_power_w)


def _covers(hold: HoldBook, now_at: int) -> bool:
    if hold.open_minor == 0 or hold.captured_minor or 0 < hold.deadline.ends_at <= now_at:
        return False  # what cannot be captured any more pays for nothing
    return "capture" not in hold.in_flight and "release" not in hold.in_flight


def _tariff(session: PaymentSession) -> Tariff | None:
    body = session.pinned.tariff_body if session.pinned else ""
    try:
        return due.tariff_for(body, session.request) if body else None
    except Unpriceable:
        return None  # refused by name at the opening
