"""The books of one hold: what was approved and where it is now.

Always: approved = captured + released + lapsed + open, by construction, whatever acquirers say and
in whatever order. How an unused rest goes back is the acquirer's `remainder` (design.md 1.5).
"""

from typing import NamedTuple

import msgspec

from schemas import ids
from streams.core import partner_view, taps
from streams.core.acquirers import Acquirer
from streams.core.hold_clocks import NO_DEADLINE, Authorised, Deadline, deadline
from streams.core.learn import DEFINITE
from streams.core.session import MONEY, Answer, HoldTerms, IssuedCommand, PaymentSession
from streams.core.verdicts import NO, capture_failed, number_of, verdict

NO_TERMS = HoldTerms()
HOLD_LAPSED = "hold_lapsed"
"""The reason of a definite no to whatever finds that the hold has run out."""


LAST_AT = 4_102_444_800_000
"""The last instant that a record can carry, the begin of 2100: as good as never."""


class HoldBook(msgspec.Struct, frozen=True, kw_only=True):
    """One hold. Amounts are minor units. `capped_minor`: the issuer gave less than was asked.

    `asked`: kinds of the commands on this hold; `in_flight`: of those without a verdict.
    `refused_raise`: the reason of the first raise that was refused, None: none was. `captures`: how
    many took effect, 1 at most. `expires_at`: until when its acquirer keeps it; `deadline`: until
    when it can be captured.
    """

    hold_id: str
    acquirer_id: str
    requested_minor: int
    approved_minor: int
    captured_minor: int
    released_minor: int
    lapsed_minor: int
    open_minor: int
    capped_minor: int | None
    outcome: str
    asked: frozenset[str]
    in_flight: frozenset[str]
    raises: int
    raises_approved: int
    raises_declined: int
    refused_raise: str | None
    expires_at: int
    psp_reference: str
    captures: int
    deadline: Deadline


class _Flow(msgspec.Struct):
    """Where the approved money has gone so far; moves never take more than there is."""

    open: int
    captured: int = 0
    released: int = 0
    lapsed: int = 0

    def release(self, amount: int) -> None:
        moved = max(min(amount, self.open), 0)
        self.released += moved
        self.open -= moved


class _Told(msgspec.Struct):
    """The done answers about one hold, by kind, with the ids of those that captured.

    `raised_at`: when a raise of it was approved last, 0: never. `lapsed`: something was refused
    because the hold is there no more.
    """

    totals: list[int]
    capped: list[int]
    lowered: list[int]
    captures: list[tuple[str, int, bool]]
    releases: list[int]
    raised_at: int = 0
    lapsed: bool = False


def hold_ids(session: PaymentSession) -> list[str]:
    """The holds there are, by number: what was asked for, or reported without being asked for."""
    known: list[str] = []
    while True:
        hold_id = ids.hold_id(session.session_id, len(known) + 1)
        if hold_id not in session.issued and hold_id not in session.answers:
            return known
        known.append(hold_id)


def acquirer_id_of(session: PaymentSession, hold_id: str) -> str:
    """Whoever was asked for the hold keeps it: nothing about it ever goes to another.

    So two conventions never meet on one hold (payments.md 7.10).
    """
    placed = session.issued.get(hold_id)
    if placed is not None and placed.acquirer_id:
        return placed.acquirer_id
    return first_acquirer_id(session)


def first_acquirer_id(session: PaymentSession) -> str:
    """Who is asked first: by the route that was pinned, else as the request says."""
    route = session.pinned.route if session.pinned else ()
    return route[0] if route else session.request.acquirer_id


def book(session: PaymentSession, hold_id: str, acquirer: Acquirer | None) -> HoldBook:
    """The books of one hold as of the session's time."""
    told = _told(session, hold_id)
    expires_at = _expires_at(session, hold_id, told, acquirer)
    flow = _flow(session, hold_id, told, acquirer, expires_at)
    asked = _asked(session, hold_id)
    return HoldBook(
        hold_id=hold_id,
        acquirer_id=acquirer_id_of(session, hold_id),
        requested_minor=_requested(session, hold_id, asked.raises),
        approved_minor=flow.open + flow.captured + flow.released + flow.lapsed,
        captured_minor=flow.captured,
        released_minor=flow.released,
        lapsed_minor=flow.lapsed,
        open_minor=flow.open,
        capped_minor=max(told.capped) if told.capped else None,
        outcome=verdict(session, hold_id),
        asked=asked.kinds,
        in_flight=asked.in_flight,
        raises=len(asked.raises),
        raises_approved=asked.approved,
        raises_declined=len(asked.refused),
        refused_raise=_reason(session, asked.refused),
        expires_at=expires_at,
        psp_reference=session.terms.get(hold_id, NO_TERMS).psp_reference,
        captures=sum([not failed for _, _, failed in told.captures]) if told.captures else 0,
        deadline=_deadline(session, hold_id, told, acquirer, expires_at),
    )


def _reason(session: PaymentSession, refused: list[IssuedCommand]) -> str | None:
    return session.answers[refused[0].command_id].reason if refused else None


def _requested(session: PaymentSession, hold_id: str, raises: list[IssuedCommand]) -> int:
    """The most that was ever asked for; of a hold that nobody asked us for, what was reported."""
    placed = session.issued.get(hold_id)
    if placed is not None:
        first = placed.amount_minor
    else:
        first = session.reported[0].amount_minor if session.reported else 0
    return max([first, *[one.amount_minor for one in raises]]) if raises else first


def _told(session: PaymentSession, hold_id: str) -> _Told:
    told = _Told([], [], [], [], [])
    for command_id, answer in session.answers.items():
        if answer.hold_id != hold_id:
            continue
        if answer.outcome == "done":
            _done(told, session, command_id, answer)
        elif answer.outcome == "failed" and answer.reason == HOLD_LAPSED:
            told.lapsed = True
    if session.advices and hold_id == _taken_from(session):
        told.captures += [(one.key, one.minor, False) for one in partner_view.taken(session)]
    return told


def _done(told: _Told, session: PaymentSession, command_id: str, answer: Answer) -> None:
    """Answers to inquiries speak through the command they resolve."""
    amount = answer.amount_minor
    match answer.kind:
        case "hold" | "raise":
            _approved(told, answer, session.issued.get(command_id))
        case "lower":
            told.lowered.append(amount)
        case "capture":
            failed = capture_failed(session, command_id, answer.hold_id)
            told.captures.append((command_id, amount, failed))
        case "release":
            told.releases.append(amount)
        case _:
            pass  # of refunds refunds.py has the books


def _taken_from(session: PaymentSession) -> str:
    """The hold that a third party captures from: the newest that was approved."""
    approved = [one for one in hold_ids(session) if verdict(session, one) == "done"]
    return approved[-1] if approved else ""


def _approved(told: _Told, answer: Answer, asked: IssuedCommand | None) -> None:
    told.totals.append(answer.amount_minor)
    if answer.kind == "raise":
        told.raised_at = max(told.raised_at, answer.answered_at)
    if asked is not None and answer.amount_minor < asked.amount_minor:
        # A partial approval is the issuer's word on how much there is (payments.md 7.9).
        told.capped.append(answer.amount_minor)


def _flow(
    session: PaymentSession,
    hold_id: str,
    told: _Told,
    acquirer: Acquirer | None,
    expires_at: int,
) -> _Flow:
    if not (told.captures or told.lowered or told.releases):
        flow = _Flow(max([0, *told.totals]))  # as nearly always: nothing has moved
    else:
        flow = _moved(told, acquirer)
    if flow.open and (told.lapsed or _has_lapsed(session, hold_id, expires_at)):
        flow.lapsed, flow.open = flow.open, 0
    return flow


def _moved(told: _Told, acquirer: Acquirer | None) -> _Flow:
    # An acquirer that takes more than it ever approved is their error: shown, never hidden.
    taken = sum([amount for _, amount, failed in told.captures if not failed])
    approved = max(*told.totals, taken, 0) if told.totals else taken
    flow = _Flow(open=approved)
    if told.lowered:
        flow.release(approved - min(told.lowered))
    gives_back = acquirer is not None and acquirer.remainder == "AUTO_AT_CAPTURE"
    for _, amount, failed in sorted(told.captures):
        moved = min(amount, flow.open)
        flow.open -= moved
        flow.captured += moved
        if gives_back:
            flow.release(flow.open)
        if failed:
            flow.captured -= moved
            flow.open += moved
    for amount in told.releases:
        flow.release(amount)
    return flow


def _expires_at(
    session: PaymentSession, hold_id: str, told: _Told, acquirer: Acquirer | None
) -> int:
    """As told, else by the acquirer's usual lifetime: no hold is waited for, or captured, for ever.

    0: not approved, or nobody knows.
    """
    answered_so = session.terms.get(hold_id, NO_TERMS).expires_at
    answer = session.answers.get(hold_id)
    if answered_so or acquirer is None or answer is None or answer.outcome != "done":
        return answered_so
    scheme = taps.presented_for(session, hold_id).scheme
    begins_at = answer.answered_at
    if acquirer.extends(scheme):
        begins_at = max(begins_at, told.raised_at)
    return min(begins_at + acquirer.lifetime_ms(scheme), LAST_AT)


def _deadline(
    session: PaymentSession,
    hold_id: str,
    told: _Told,
    acquirer: Acquirer | None,
    expires_at: int,
) -> Deadline:
    answer = session.answers.get(hold_id)
    if answer is None or answer.outcome != "done":
        return NO_DEADLINE
    request = taps.presented_for(session, hold_id)
    extends = acquirer is not None and acquirer.extends(request.scheme)
    return deadline(
        Authorised(  # by place: by name it takes as long again, for each fact of each session
            request.scheme,
            request.entry_mode,
            request.channel,
            request.merchant_country,
            request.bin_country,
            answer.answered_at,
            told.raised_at,
            _ended_at(session),
            expires_at,
            extends,
        )
    )


def _ended_at(session: PaymentSession) -> int:
    """When the last charging ended; 0 while one runs, or before any."""
    ended_at = 0
    for charging in session.chargings.values():
        if charging.end is None:
            return 0
        ended_at = max(ended_at, charging.end.ended_at)
    return ended_at


def _has_lapsed(session: PaymentSession, hold_id: str, expires_at: int) -> bool:
    """Told by the acquirer, or its own expiry has passed: a lapsed hold is never captured."""
    if 0 < expires_at <= session.now_at:
        return True
    return bool(session.notices) and any(
        one.event == "hold_lapsed" and one.hold_id == hold_id for one in session.notices
    )


class _Asked(NamedTuple):
    """What was asked of one hold: kinds, those of them without a verdict, and its raises.

    `raises` in the order of their numbers; `refused`: those of them, `approved`: how many.
    """

    kinds: frozenset[str]
    in_flight: frozenset[str]
    raises: list[IssuedCommand]
    refused: list[IssuedCommand]
    approved: int


def _asked(session: PaymentSession, hold_id: str) -> _Asked:
    kinds: list[str] = []
    in_flight: list[str] = []
    raises: list[IssuedCommand] = []
    for one in session.issued.values():
        kind = one.kind
        if one.hold_id != hold_id or kind not in MONEY:
            continue
        kinds.append(kind)
        if verdict(session, one.command_id) not in DEFINITE:
            in_flight.append(kind)
        if kind == "raise":
            raises.append(one)
    if not raises:
        return _Asked(frozenset(kinds), frozenset(in_flight), raises, raises, 0)
    raises.sort(key=number_of)
    outcomes = [verdict(session, one.command_id) for one in raises]
    refused = [one for one, outcome in zip(raises, outcomes, strict=True) if outcome in NO]
    approved = outcomes.count("done")
    return _Asked(frozenset(kinds), frozenset(in_flight), raises, refused, approved)
