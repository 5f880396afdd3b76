"""A session as the rules look at it: everything they ask about, derived once from the facts."""

from typing import NamedTuple

from schemas import ids
from schemas.facts import SessionRequested
from streams.core.acquirers import Acquirer
from streams.core.charging import Total, total
from streams.core.holds import HoldBook, book
from streams.core.session import Charging, IssuedCommand, PaymentSession
from streams.core.strategy import Choice, accrual_minor, look_ahead_minor
from streams.core.strategy_policy import Policy
from streams.core.tariff import NOTHING, Quantities, Tariff, Unpriceable, parse, price
from streams.core.verdicts import given_up, is_definite, of_kind, verdict

ATTEMPTS_MAX = 3
"""Definite noes to a capture, a release or a lowering before a person has to look at it."""

_ENDING = ("lower", "capture", "release")
CAPTURED_BY_US = frozenset({"executor", "operator"})
_MS_PER_HOUR = 3_600_000


class Case(NamedTuple):
    """The facts of a session, put as the rules ask for them. Amounts in minor units, gross.

    `cost_minor` is what the proven quantities cost, None while they are not proven; `price_minor`
    is what is due so far. `hold` is None until it was asked for, `start` until we asked to start.
    `has_cover`: energy may flow, on an open hold that nobody has begun to finish. `given_up`: the
    driver was told that there will be no charging, so that whatever is approved later goes back.
    """

    session: PaymentSession
    policy: Policy
    tariff: Tariff | None
    acquirer: Acquirer | None
    hold: HoldBook | None
    start: IssuedCommand | None
    given_up: bool
    has_cover: bool
    chargings: list[Charging]
    live: list[Charging]
    total: Total
    price_minor: int
    cost_minor: int | None

    @property
    def request(self) -> SessionRequested:
        return self.session.request

    @property
    def now_at(self) -> int:
        return self.session.now_at

    @property
    def choice(self) -> Choice | None:
        return self.session.pinned.choice if self.session.pinned else None

    @property
    def captures_here(self) -> bool:
        """Whether a capture is for our executor or the operator's consumer, and not a third's."""
        return self.request.capture_by in CAPTURED_BY_US

    @property
    def power_max_w(self) -> int:
        told = self.request.power_max_w
        return told if told > 0 else self.policy.look_ahead.power_when_unknown_w

    @property
    def look_ahead_minor(self) -> int:
        assert self.tariff is not None  # nothing is held without a price
        return look_ahead_minor(self.policy, self.tariff, self.request.power_max_w)

    @property
    def stop_latency_minor(self) -> int:
        """What can still fall due after a stop was asked for."""
        assert self.tariff is not None  # nothing is held without a price
        return accrual_minor(self.tariff, self.power_max_w, self.policy.stop_latency_ms)

    @property
    def stop_latency_wh(self) -> int:
        return -(-self.power_max_w * self.policy.stop_latency_ms // _MS_PER_HOUR)

    def issued(self, command_id: str) -> IssuedCommand | None:
        return self.session.issued.get(command_id)

    @property
    def attempts_left(self) -> int:
        """Raises that the acquirer still allows on this hold, declined ones counted."""
        if self.acquirer is None or self.hold is None:
            return 0
        return max(self.acquirer.attempts_cap - self.hold.raises, 0)

    @property
    def may_raise(self) -> bool:
        """Whether the hold can still grow: no raise refused or given in part, no end begun."""
        hold, choice = self.hold, self.choice
        if hold is None or choice is None or choice.strategy != "incremental":
            return False
        if hold.refused_raise is not None or hold.capped_minor is not None:
            return False
        if any(of_kind(self.session, kind, hold.hold_id) for kind in _ENDING):
            return False  # totals only rise, and then fall: a raise after that is lost in the books
        return self.attempts_left > 0 and hold.open_minor < choice.ceiling_minor

    def next_number(self, kind: str, hold_id: str = "") -> int | None:
        """The number of the next attempt; None while one has no definite no, or too many have."""
        made = of_kind(self.session, kind, hold_id)
        if len(made) >= ATTEMPTS_MAX:
            return None
        noes = all(is_definite(self.session, one.command_id) for one in made)
        done = any(verdict(self.session, one.command_id) == "done" for one in made)
        return len(made) + 1 if noes and not done else None


def case_of(session: PaymentSession, policy: Policy) -> Case:
    """Everything the rules ask about. `policy` is the version that the session has pinned."""
    request = session.request
    acquirer = policy.acquirers.get(request.acquirer_id)
    tariff = _tariff(session)
    chargings = list(session.chargings.values())
    totals = total(chargings, session.now_at)
    hold_id = ids.hold_id(session.session_id, 1)
    known = hold_id in session.issued or hold_id in session.answers
    hold = book(session, hold_id, acquirer) if known else None
    gave_up = given_up(session)
    return Case(
        session=session,
        policy=policy,
        tariff=tariff,
        acquirer=acquirer,
        hold=hold,
        start=session.issued.get(ids.start_id(session.session_id)),
        given_up=gave_up,
        has_cover=hold is not None and not gave_up and _covers(hold),
        chargings=chargings,
        live=[one for one in chargings if one.end is None],
        total=totals,
        price_minor=_due(tariff, totals.so_far if chargings else NOTHING),
        cost_minor=None if totals.final is None else _due(tariff, totals.final),
    )


def _covers(hold: HoldBook) -> bool:
    if hold.open_minor == 0 or hold.captured_minor:
        return False
    return "capture" not in hold.in_flight and "release" not in hold.in_flight


def _tariff(session: PaymentSession) -> Tariff | None:
    body = session.pinned.tariff_body if session.pinned else ""
    try:
        return parse(body) if body else None
    except Unpriceable:
        return None  # refused by name at the opening


def _due(tariff: Tariff | None, quantities: Quantities) -> int:
    """Nothing delivered is nothing due: flat fees and times are for those who got energy."""
    if tariff is None or quantities.energy_wh == 0:
        return 0
    return price(tariff, quantities).minor
