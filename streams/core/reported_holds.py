"""A first hold that a terminal, a station or a web page placed itself, and told of (design.md 4).

Told, it is a request and a yes to hold 1, which no command of ours has asked for: in either order
with the request itself, and as often as it is told.
"""

from msgspec.structs import replace

from schemas import codec, ids
from schemas.facts import AcquirerAnswered, HoldReported, SessionRequested
from streams.core.routing import ANY
from streams.core.session import PaymentSession, Reported, places_first_hold

_ASKED = tuple(name for name in SessionRequested.__struct_fields__ if name != "hold_by")


def as_request(fact: HoldReported) -> SessionRequested:
    """What it says of the request."""
    said = {name: getattr(fact, name) for name in _ASKED}
    return SessionRequested(**said, hold_by=fact.reported_by)


def check_request(fact: SessionRequested) -> None:
    """Raise codec.NotReadable where another places the hold: at our amount, or our choice of whom.

    Asked of what opens a session: whatever joins it says the same.
    """
    if fact.hold_by == "performer":
        return
    if fact.stage != "tapped":
        raise codec.NotReadable("contradiction", f"hold_by: {fact.hold_by} at {fact.stage}")
    if fact.acquirer_id in ANY:
        raise codec.NotReadable("contradiction", "acquirer_id: a hold is with one acquirer")


def as_answer(fact: HoldReported) -> AcquirerAnswered:
    """What it says of hold 1; who placed it is its performer, and says so as one."""
    hold_id = ids.hold_id(fact.session_id, 1)
    return AcquirerAnswered(
        tenant=fact.tenant,
        session_id=fact.session_id,
        command_id=hold_id,
        kind="hold",
        hold_id=hold_id,
        acquirer_id=fact.acquirer_id,
        outcome="done",
        amount_minor=fact.approved_minor,
        currency=fact.currency,
        psp_reference=fact.psp_reference,
        expires_at=fact.expires_at,
        source="consumer",
        answered_at=fact.placed_at,
    )


def with_report(session: PaymentSession, said: AcquirerAnswered) -> PaymentSession:
    """All yeses to a first hold that we did not ask for are kept: they may differ."""
    if places_first_hold(session) or said.command_id != ids.hold_id(session.session_id, 1):
        return session
    told = Reported(said.answered_at, said.amount_minor, said.psp_reference, said.expires_at)
    if said.outcome != "done" or told in session.reported:
        return session
    return replace(session, reported=tuple(sorted({*session.reported, told})))


def report_alarms(session: PaymentSession) -> dict[str, tuple[str, str, int]]:
    """Who placed the hold, or its acquirer, says another amount of it, or tells of another one."""
    known = session.reported
    if not known:
        return {}
    first = known[0]
    found: dict[str, tuple[str, str, int]] = {}
    hold_id = ids.hold_id(session.session_id, 1)
    told = {(one.psp_reference, one.amount_minor) for one in known}
    told |= {
        (one.psp_reference, one.amount_minor)
        for one in session.notices
        if one.event == "held_unasked" and one.psp_reference == first.psp_reference
    }
    for reference, minor in sorted(told - {(first.psp_reference, first.amount_minor)}):
        words = f"reported {first.amount_minor} as {first.psp_reference}, then {minor}"
        name = f"{hold_id}/reported/{reference}/{minor}"
        more = minor - first.amount_minor if reference == first.psp_reference else minor
        found[name] = ("reported-hold", f"{words} as {reference}", more)
    return found


def is_reported(session: PaymentSession, psp_reference: str) -> bool:
    """Whether this is the hold that was reported, by its acquirer's name of it."""
    return any(one.psp_reference == psp_reference for one in session.reported)
