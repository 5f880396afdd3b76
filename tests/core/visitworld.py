"""Uses of cards at a site, and the book that is kept of them."""

from schemas.facts import CardUsed
from streams.core import visits
from streams.core.declines_codes import day_at

T0 = day_at(2026, 11, 21)
MINUTE = 60_000


def used(session, event, at=T0, requested_at=T0, evse="1", **more):
    fields = {
        "tenant": "t",
        "site_id": "site",
        "card_token": "tok",
        "session_id": session,
        "network": "n",
        "charger_id": "c",
        "evse_uid": evse,
        "scheme": "visa",
        "event": event,
        "command_id": f"{session}/hold/1" if event in ("approved", "declined") else "",
        "amount_minor": 2_000,
        "requested_at": requested_at,
        "used_at": at,
    }
    return CardUsed(**{**fields, **more})


def book_of(uses):
    """The book, and what each session was told last."""
    book, told = None, {}
    for use in uses:
        change = visits.apply(book, use)
        book = change.book
        for one in change.seen:
            assert one.version > told[one.session_id].version if one.session_id in told else True
            told[one.session_id] = one
    return book, told


def refused(number, at, **more):
    return used("a", "declined", at, command_id=f"a/hold/{number}", **more)
