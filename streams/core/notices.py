"""What an acquirer says without naming our session: of which command, or of which of our holds.

Link has found the session by an alias that the session itself bound, when it asked for the hold or
learnt its reference: so the command, or the hold, is known here before anything is said of it.
"""

from schemas import ids
from schemas.facts import AcquirerAnswered, AcquirerNotified, NoticeUnbound
from streams.core.session import IssuedCommand, PaymentSession, places_first_hold

_ASKED = {
    "hold": ("hold",),
    "raise": ("raise", "lower"),  # an adjustment; acquirers have one word for both
    "capture": ("capture",),
    "release": ("release",),
    "refund": ("refund",),
}
_LATER = {"capture_failed": ("capture",), "refund_failed": ("refund",)}
_UNASKED = {
    "hold": "held_unasked",
    "raise": "held_unasked",
    "capture": "captured_unasked",
    "release": "hold_lapsed",
    "refund": "refunded_unasked",
}


def bound(
    session: PaymentSession, fact: NoticeUnbound
) -> AcquirerAnswered | AcquirerNotified | None:
    """The same as a fact about this session. None: what nobody asked for was not done, either."""
    if fact.event in _LATER:
        command = _command(session, fact, _LATER[fact.event])
        return _notified(session, fact, fact.event, command)
    if fact.event not in _ASKED:
        return _notified(session, fact, fact.event, None)
    command = _command(session, fact, _ASKED[fact.event])
    if command is not None:
        return _answered(session, fact, command)
    if fact.outcome != "done":
        return None
    return _notified(session, fact, _UNASKED[fact.event], None)


def _command(
    session: PaymentSession, fact: NoticeUnbound, kinds: tuple[str, ...]
) -> IssuedCommand | None:
    """The one with this reference, which is a hash of its id: it proves, and cannot be read."""
    tenant = session.request.tenant
    for command in session.issued.values():
        if command.kind not in kinds or command.acquirer_id != fact.acquirer_id:
            continue
        if ids.idempotency_key(tenant, command.command_id) == fact.merchant_reference:
            return command
    return None


def hold_of(session: PaymentSession, psp_reference: str) -> str:
    """The hold that the acquirer calls so; empty: none."""
    found = [name for name, one in session.terms.items() if one.psp_reference == psp_reference]
    return min(found) if found and psp_reference else ""


def _answered(
    session: PaymentSession, fact: NoticeUnbound, command: IssuedCommand
) -> AcquirerAnswered:
    return AcquirerAnswered(
        tenant=session.request.tenant,
        session_id=session.session_id,
        command_id=command.command_id,
        kind=command.kind,  # type: ignore[arg-type] # one of _ASKED's words, all of CommandKind
        hold_id=command.hold_id,
        acquirer_id=fact.acquirer_id,
        outcome=fact.outcome,
        amount_minor=fact.amount_minor,
        currency=fact.currency,
        reason=fact.reason,
        raw_code=fact.raw_code,
        psp_reference=fact.psp_reference,
        expires_at=fact.expires_at,
        source="webhook",
        answered_at=fact.occurred_at,
        advice_code=fact.advice_code,
    )


def _notified(
    session: PaymentSession, fact: NoticeUnbound, event: str, command: IssuedCommand | None
) -> AcquirerNotified:
    hold_id = hold_of(session, fact.psp_reference) if command is None else command.hold_id
    if event == "held_unasked" and not places_first_hold(session):
        hold_id = ""  # whose it is shows when it is reported, which may be later
    return AcquirerNotified(
        tenant=session.request.tenant,
        session_id=session.session_id,
        hold_id=hold_id,
        acquirer_id=fact.acquirer_id,
        event=event,  # type: ignore[arg-type] # a word of both records, or one of _UNASKED's
        command_id="" if command is None else command.command_id,
        amount_minor=fact.amount_minor,
        currency=fact.currency,
        psp_reference=fact.psp_reference,
        occurred_at=fact.occurred_at,
    )
