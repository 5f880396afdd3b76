"""The books of one hold: what was approved and where it is now.

Always: approved = captured + released + lapsed + open, by construction, whatever acquirers say and
in whatever order. How an unused rest goes back is the acquirer's `remainder` (design.md 1.5).
"""

import msgspec

from streams.core.session import MONEY, Answer, HoldTerms, PaymentSession
from streams.core.strategy_policy import Acquirer
from streams.core.verdicts import NO, capture_failed, is_definite, of_kind, verdict

NO_TERMS = HoldTerms()


class HoldBook(msgspec.Struct, frozen=True, kw_only=True):
    """One hold. Amounts are minor units. `capped_minor`: the issuer gave less than was asked.

    `in_flight`: a command on this hold has no verdict, by kind. `refused_raise`: the reason of the
    first raise that was refused, None: none was.
    """

    hold_id: str
    requested_minor: int
    approved_minor: int
    captured_minor: int
    released_minor: int
    lapsed_minor: int
    open_minor: int
    capped_minor: int | None
    outcome: str
    in_flight: frozenset[str]
    raises: int
    raises_approved: int
    raises_declined: int
    refused_raise: str | None
    expires_at: int
    psp_reference: str


class _Flow(msgspec.Struct):
    """Where the approved money has gone so far; moves never take more than there is."""

    open: int
    captured: int = 0
    released: int = 0
    lapsed: int = 0

    def release(self, amount: int) -> None:
        moved = min(amount, self.open)
        self.released += moved
        self.open -= moved


def book(session: PaymentSession, hold_id: str, acquirer: Acquirer | None) -> HoldBook:
    """The books of one hold as of the session's time."""
    raises = of_kind(session, "raise", hold_id)
    totals = _approved_totals(session, hold_id)
    captures = _captures(session, hold_id)
    # An acquirer that takes more than it ever approved is their error: shown, never hidden.
    taken = sum(amount for _, amount, failed in captures if not failed)
    approved = max([*totals, taken, 0])
    flow = _flow(session, hold_id, approved, acquirer)
    refused = [one for one in raises if verdict(session, one.command_id) in NO]
    placed = session.issued.get(hold_id)
    return HoldBook(
        hold_id=hold_id,
        requested_minor=max(
            [placed.amount_minor if placed else 0, *(r.amount_minor for r in raises)]
        ),
        approved_minor=approved,
        captured_minor=flow.captured,
        released_minor=flow.released,
        lapsed_minor=flow.lapsed,
        open_minor=flow.open,
        capped_minor=_cap(session, hold_id),
        outcome=verdict(session, hold_id),
        in_flight=_in_flight(session, hold_id),
        raises=len(raises),
        raises_approved=sum(verdict(session, one.command_id) == "done" for one in raises),
        raises_declined=len(refused),
        refused_raise=session.answers[refused[0].command_id].reason if refused else None,
        expires_at=_terms(session, hold_id).expires_at,
        psp_reference=_terms(session, hold_id).psp_reference,
    )


def hold_ids(session: PaymentSession) -> list[str]:
    """All holds of the session, ours and those that others told of."""
    found = {one.hold_id for one in session.issued.values() if one.kind == "hold"}
    found |= {one.hold_id for one in session.answers.values() if one.kind == "hold"}
    return sorted(found)


def _terms(session: PaymentSession, hold_id: str) -> HoldTerms:
    return session.terms.get(hold_id, NO_TERMS)


def _approved_totals(session: PaymentSession, hold_id: str) -> list[int]:
    return [
        answer.amount_minor
        for answer in session.answers.values()
        if answer.hold_id == hold_id
        and answer.outcome == "done"
        and answer.kind in ("hold", "raise")
    ]


def _captures(session: PaymentSession, hold_id: str) -> list[tuple[str, int, bool]]:
    """Id, amount, and whether it failed after all; also captures that others made."""
    return sorted(
        (command_id, answer.amount_minor, capture_failed(session, command_id, hold_id))
        for command_id, answer in session.answers.items()
        if answer.kind == "capture" and answer.outcome == "done" and answer.hold_id == hold_id
    )


def _flow(session: PaymentSession, hold_id: str, approved: int, acquirer: Acquirer | None) -> _Flow:
    flow = _Flow(open=approved)
    if not approved:
        return flow
    lowered = [one.amount_minor for one in _done(session, "lower", hold_id)]
    if lowered:
        flow.release(approved - min(lowered))
    gives_back = acquirer is not None and acquirer.remainder == "AUTO_AT_CAPTURE"
    for _, amount, failed in _captures(session, hold_id):
        moved = min(amount, flow.open)
        flow.open -= moved
        flow.captured += moved
        if gives_back:
            flow.release(flow.open)
        if failed:
            flow.captured -= moved
            flow.open += moved
    for command in _done(session, "release", hold_id):
        flow.release(command.amount_minor)
    if _has_lapsed(session, hold_id):
        flow.lapsed, flow.open = flow.open, 0
    return flow


def _done(session: PaymentSession, kind: str, hold_id: str) -> list[Answer]:
    return [
        answer
        for answer in session.answers.values()
        if answer.kind == kind and answer.hold_id == hold_id and answer.outcome == "done"
    ]


def _has_lapsed(session: PaymentSession, hold_id: str) -> bool:
    """Told by the acquirer, or its own expiry has passed: a lapsed hold is never captured."""
    expires_at = _terms(session, hold_id).expires_at
    if 0 < expires_at <= session.now_at:
        return True
    return any(one.event == "hold_lapsed" and one.hold_id == hold_id for one in session.notices)


def _cap(session: PaymentSession, hold_id: str) -> int | None:
    """A partial approval is the issuer's word on how much there is (payments.md 7.9)."""
    partial = [
        answer.amount_minor
        for command_id, answer in session.answers.items()
        if answer.hold_id == hold_id
        and answer.outcome == "done"
        and answer.kind in ("hold", "raise")
        and (asked := session.issued.get(command_id)) is not None
        and answer.amount_minor < asked.amount_minor
    ]
    return max(partial) if partial else None


def _in_flight(session: PaymentSession, hold_id: str) -> frozenset[str]:
    return frozenset(
        command.kind
        for command in session.issued.values()
        if command.hold_id == hold_id
        and command.kind in MONEY
        and not is_definite(session, command.command_id)
    )
