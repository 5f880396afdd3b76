"""What a session tells of its card: each thing once, on its way to the card's visit at the site."""

from collections.abc import Iterator
from typing import Literal

from msgspec.structs import replace

from schemas import ids
from schemas.facts import CardUsed
from streams.core import taps
from streams.core.case import Case
from streams.core.declines_after import decline_of
from streams.core.session import IssuedCommand, PaymentSession
from streams.core.verdicts import of_kind, verdict

_ASKING = ("hold", "raise")


def new_uses(case: Case, *, over: bool) -> list[tuple[str, CardUsed]]:
    """What was not told yet, by its name. Nothing of a card that has no token: never a PAN."""
    if not case.holds:
        return []
    token = taps.presented(case.session).card_token
    told = case.session.published.uses
    if not token or "over" in told:
        return []
    # Most facts tell nothing new of the card: records are written of what is new only.
    return [
        (name, _use(case, token, event, command))
        for name, event, command in _uses(case, over=over)
        if name not in told
    ]


_Event = Literal["tapped", "approved", "declined", "charging", "over"]


def _uses(case: Case, *, over: bool) -> Iterator[tuple[str, _Event, IssuedCommand | None]]:
    """All there is to tell by now: its name, what it is, and of which command."""
    session = case.session
    yield f"tapped/{taps.newest(session)}", "tapped", None
    if session.reported:
        yield ids.hold_id(session.session_id, 1), "approved", None
    for kind in _ASKING:
        for command in of_kind(session, kind):
            outcome = verdict(session, command.command_id)
            if outcome == "declined":
                yield command.command_id, "declined", command
            elif outcome == "done" and kind == "hold":
                yield command.command_id, "approved", command
    if case.chargings:
        yield "charging", "charging", None
    if over:
        yield "over", "over", None


def _use(case: Case, token: str, event: _Event, command: IssuedCommand | None) -> CardUsed:
    request = case.request
    use = CardUsed(
        tenant=request.tenant,
        site_id=site_of(case.session),
        card_token=token,
        session_id=request.session_id,
        network=request.network,
        charger_id=request.charger_id,
        evse_uid=request.evse_uid,
        scheme=taps.presented(case.session).scheme,
        event=event,
        command_id=command.command_id if command is not None else "",
        amount_minor=command.amount_minor if command is not None else _unasked(case, event),
        requested_at=request.requested_at,
        used_at=case.now_at,
    )
    return use if command is None or event != "declined" else _declined(case, use, command)


def _unasked(case: Case, event: _Event) -> int:
    """Of a hold that was reported the amount; it is no command of ours."""
    return case.session.reported[0].amount_minor if event == "approved" else 0


def _declined(case: Case, use: CardUsed, command: IssuedCommand) -> CardUsed:
    decline = decline_of(case.session, command.command_id)
    return replace(
        use,
        retry=decline.retry,
        wait_ms=decline.wait_ms,
        used_at=case.session.answers[command.command_id].answered_at,
    )


def site_of(session: PaymentSession) -> str:
    """The site that the terminal told, else the whole network: an acceptor is no smaller."""
    return session.request.site_id or session.request.network
