"""The books of what went back after it was captured: by our commands, by people, by hand.

Derived from the facts: a refund counts when its acquirer said yes and did not take that back. Of
what is refunded nothing is ever above what was captured; more is shown, never hidden.
"""

from typing import NamedTuple

from schemas import ids
from schemas.facts import SessionRequested
from streams.core.refund_policy import RefundPolicy
from streams.core.session import PaymentSession, RefundAsked
from streams.core.verdicts import NO, verdict

CARD, TRANSFER = "card", "transfer"
CORRECTION = "correction"
"""The reason of a decision that says how much too much was captured; any other is a gift."""
_DECISION = "decision-"
_OPENED, _REVERSED, _BY_HAND = "chargeback_opened", "chargeback_reversed", "refunded_unasked"


class Back(NamedTuple):
    """An amount that went back: for which cause (empty: by hand), `decided` by a person."""

    cause: str
    minor: int
    decided: bool
    at: int


def decision_cause(session: PaymentSession, decision_id: str) -> str:
    """As it stands in the id of the refund, where a separator within it is quoted."""
    return cause_of(session, ids.refund_id(session.session_id, f"{_DECISION}{decision_id}"))


def gone_back(session: PaymentSession, rules: RefundPolicy) -> list[Back]:
    """All that is known to have gone back, in the order of its instants."""
    found: list[Back] = []
    for command_id, answer in session.answers.items():
        if answer.kind == "refund" and verdict(session, command_id) == "done":
            cause = cause_of(session, command_id)
            decided = cause.startswith(_DECISION) or command_id not in session.issued
            found.append(Back(cause, answer.amount_minor, decided, answer.answered_at))
    for decision_id, one in session.refund_decisions.items():
        if one.route == TRANSFER and not unheeded(session.request, one, rules):
            cause = decision_cause(session, decision_id)
            found.append(Back(cause, one.amount_minor, decided=True, at=one.decided_at))
    found += [
        Back("", one.amount_minor, decided=True, at=one.occurred_at)
        for one in session.notices
        if one.event == _BY_HAND
    ]
    return sorted(found, key=lambda one: (one.at, one))


def cause_of(session: PaymentSession, command_id: str) -> str:
    return command_id.removeprefix(f"{session.session_id}/refund/")


def given_minor(session: PaymentSession, rules: RefundPolicy) -> int:
    """What people gave back, by decision or by hand: nobody asks the driver for it again."""
    return sum(one.minor for one in gone_back(session, rules) if one.decided)


def uncorrected_minor(session: PaymentSession, rules: RefundPolicy) -> int:
    """What corrections by people want back, less what has gone back for the same error.

    By them, or by itself for late facts: they tell of one error, so that the greater counts.
    """
    wanted, of_theirs = 0, set[str]()
    for decision_id, one in session.refund_decisions.items():
        cause = decision_cause(session, decision_id)
        if one.reason != CORRECTION or unheeded(session.request, one, rules):
            continue
        if verdict(session, f"{session.session_id}/refund/{cause}") not in NO:
            wanted += one.amount_minor
            of_theirs.add(cause)
    back = [
        one.minor for one in gone_back(session, rules) if one.cause in of_theirs or not one.decided
    ]
    return max(wanted - sum(back), 0)


def unheeded(request: SessionRequested, asked: RefundAsked, rules: RefundPolicy) -> str:
    """Why a decision is not obeyed, in words; '' where it is sound."""
    if asked.disputed:
        return "told twice, with two meanings"
    if asked.currency != request.currency:
        return f"in {asked.currency}, not in {request.currency}"
    if asked.amount_minor == 0:
        return "nothing is to go back"
    if asked.amount_minor <= rules.second_person_above_minor:
        return ""
    second = asked.second_who.strip().casefold()
    return "" if second not in ("", asked.who.strip().casefold()) else "wants a second person"


def is_doubtful(session: PaymentSession) -> bool:
    """Whether a transfer was told with two meanings: nobody knows how much of it has gone."""
    told = session.refund_decisions.values()
    return any(one.disputed and one.route == TRANSFER for one in told)


def failed(session: PaymentSession) -> list[str]:
    """Refunds with a definite no, those included that the acquirer took back later; by id."""
    return sorted(
        one.command_id
        for one in session.issued.values()
        if one.kind == "refund" and verdict(session, one.command_id) in NO
    )


def failed_at(session: PaymentSession, command_id: str) -> int:
    """Since when it is known that this refund came to nothing."""
    told = [one.occurred_at for one in session.notices if one.event == "refund_failed"]
    return max(told, default=session.answers[command_id].answered_at)


def in_flight(session: PaymentSession) -> bool:
    """Whether a refund was asked for and has no verdict: then there is no other."""
    return any(
        one.kind == "refund" and verdict(session, one.command_id) not in ("done", *NO)
        for one in session.issued.values()
    )


def by_hand(session: PaymentSession) -> bool:
    return any(one.event == _BY_HAND for one in session.notices)


def chargebacks(session: PaymentSession) -> list[tuple[str, str]]:
    """Those that are open: hold and the acquirer's name of the payment."""
    told = session.notices
    won = {(n.hold_id, n.psp_reference): n.occurred_at for n in told if n.event == _REVERSED}
    opened = {(n.hold_id, n.psp_reference): n.occurred_at for n in told if n.event == _OPENED}
    # One that was won can be opened anew.
    return sorted(one for one, at in opened.items() if at > won.get(one, -1))


def capture_of(session: PaymentSession) -> tuple[str, str] | None:
    """The one capture that took effect by our command, as asked, with its hold; None: it is not so.

    What somebody else captured, or another amount, or twice, is for people to look at.
    """
    done = [
        (command_id, answer)
        for command_id, answer in session.answers.items()
        if answer.kind == "capture" and verdict(session, command_id) == "done"
    ]
    if len(done) != 1:
        return None
    command_id, answer = done[0]
    asked = session.issued.get(command_id)
    as_asked = asked is not None and asked.amount_minor == answer.amount_minor
    return (command_id, answer.hold_id) if as_asked else None
