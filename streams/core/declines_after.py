"""What follows from the raises of a hold that were refused: how it goes on, from the facts alone.

A function of the refusals in the order of their numbers, so that nothing depends on when they were
heard of (payments.md, section 3 and 7.5: a declined raise never touches the hold that there is).
"""

from typing import NamedTuple

from streams.core.declines import Decline, understood
from streams.core.declines_policy import RAISING, Action, DeclinePolicy
from streams.core.session import NO_VISIT, IssuedCommand, PaymentSession, VisitKnown
from streams.core.taps import presented
from streams.core.verdicts import NO, of_kind, verdict


class Aftermath(NamedTuple):
    """`action`: by the newest refusal; None: no raise was refused. `reason`: that refusal's.

    `below_minor`: totals from here on were refused for want of money; None: none. `again_at`: no
    raise before this instant. `grace_minor`: how far beyond the hold energy may flow.
    """

    action: Action | None = None
    reason: str = ""
    below_minor: int | None = None
    again_at: int = 0
    grace_minor: int = 0

    @property
    def raises(self) -> bool:
        """Whether another raise may follow, now or later."""
        return self.action is None or self.action in RAISING


CLEAR = Aftermath()


def decline_of(session: PaymentSession, command_id: str) -> Decline:
    """The no to a hold or a raise, understood. There must be one."""
    answer = session.answers[command_id]
    return understood(answer.reason, answer.raw_code, answer.advice_code, at=answer.answered_at)


def visit_of(session: PaymentSession) -> VisitKnown:
    """What is known of the visit of the card that was tapped last."""
    if not session.visits:
        return NO_VISIT
    return session.visits.get(presented(session).card_token, NO_VISIT)


def may_try_again(session: PaymentSession, at: int) -> bool:
    """Whether the card's scheme still allows an attempt (payments.md 1.6)."""
    visit = visit_of(session)
    spent = visit.attempts_left == 0 and not 0 < visit.again_at <= at
    return not visit.barred and not spent and visit.wait_until_at <= at


def aftermath_of(
    session: PaymentSession, hold_id: str, policy: DeclinePolicy, cell: str
) -> Aftermath:
    """How the session goes on with this hold as of its own time."""
    refused = [
        one for one in of_kind(session, "raise", hold_id) if verdict(session, one.command_id) in NO
    ]
    if not refused:
        return CLEAR
    last = refused[-1]
    decline = decline_of(session, last.command_id)
    actions = policy.actions(cell, decline.kind)
    action = actions[min(len(refused), len(actions)) - 1]
    if action in RAISING and not (decline.again and may_try_again(session, session.now_at)):
        action = actions[-1]
    waits = action == "retry_once"
    answered_at = session.answers[last.command_id].answered_at
    return Aftermath(
        action=action,
        reason=decline.reason,
        below_minor=_below_minor(session, refused, action),
        again_at=answered_at + policy.backoff_ms if waits else 0,
        grace_minor=policy.grace_minor.get(session.request.currency, 0) if action == "grace" else 0,
    )


def _below_minor(
    session: PaymentSession, refused: list[IssuedCommand], action: Action
) -> int | None:
    """The least total that was refused for want of money, or that is to be gone below now."""
    scarce = [
        one.amount_minor
        for one in refused
        if decline_of(session, one.command_id).retry == "smaller"
    ]
    if action == "smaller_step":
        scarce.append(refused[-1].amount_minor)
    return min(scarce, default=None)


def bounded(
    after: Aftermath,
    policy: DeclinePolicy,
    held_minor: int,
    total_minor: int | None,
    step_minor: int,
) -> int | None:
    """The raise's total as far as the refusals leave room; None: no room.

    Of what lies between the hold and the refused total `smaller_percent` is asked for, while that
    is worth an attempt: a quarter of the usual step, for attempts are counted.
    """
    if total_minor is None or after.below_minor is None or total_minor < after.below_minor:
        return total_minor
    room = (after.below_minor - held_minor) * policy.smaller_percent // 100
    return held_minor + room if room >= max(step_minor // 4, 1) else None
