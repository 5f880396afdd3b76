"""What one card does at one site: its visit, and what its scheme still allows. Pure.

Taps of a card minutes apart are one visit. Of its sessions a later one takes the place of an
earlier one in which no energy flows: at the same EVSE once it is approved, at another one once
energy flows there (a family may charge two cars by one card). Refused attempts are counted in the
windows of the card's scheme (payments.md 1.6). A join of facts: order and repetition cannot matter.
"""

from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from schemas.facts import CardUsed, CardVisit, VisitSeen
from streams.core.declines import LONGEST_WINDOW_MS, limits_of
from streams.core.declines_codes import DAY_MS, Limit

VISIT_GAP_MS = 10 * 60 * 1000
"""Requests further apart than this are two visits."""

SESSIONS_MAX = 64
REFUSALS_MAX = 256
"""More of either says nothing more: the least recent are forgotten."""


class Told(msgspec.Struct, array_like=True, frozen=True):
    """What a session was told last."""

    superseded_by: str = ""
    attempts_left: int = -1
    barred: bool = False
    wait_until_at: int = 0
    again_at: int = 0


NOTHING_TOLD = Told()


class CardSession(msgspec.Struct, array_like=True, frozen=True):
    """One session of the card. `place` is the EVSE; flags only ever rise."""

    requested_at: int
    place: tuple[str, str, str]
    approved: bool = False
    charging: bool = False
    over: bool = False
    told: Told = NOTHING_TOLD


class Refusal(msgspec.Struct, array_like=True, frozen=True, order=True):
    """One attempt that the issuer refused."""

    at: int
    amount_minor: int
    never: bool
    wait_ms: int


class CardBook(msgspec.Struct, array_like=True, frozen=True):
    """All that is known of one card at one site, as far back as its scheme looks."""

    tenant: str
    site_id: str
    card_token: str
    scheme: str = ""
    version: int = 0
    last_at: int = 0
    approved_at: int = 0
    sessions: dict[str, CardSession] = {}
    refusals: dict[str, Refusal] = {}


class Change(NamedTuple):
    """The book with one use in it, and what is to be told; nothing, where it knew all."""

    book: CardBook
    visit: CardVisit | None
    seen: list[VisitSeen]


def apply(known: CardBook | None, use: CardUsed) -> Change:
    """Merge one use of the card into its book."""
    before = known or CardBook(use.tenant, use.site_id, use.card_token)
    after = _forgotten(_merged(before, use))
    if after == known:
        return Change(after, None, [])
    after = replace(after, version=before.version + 1)
    told = {session_id: _told(after, session_id) for session_id in after.sessions}
    seen = [
        _seen(after, session_id, one)
        for session_id, one in told.items()
        if one != after.sessions[session_id].told and not after.sessions[session_id].over
    ]
    sessions = {
        session_id: replace(one, told=told[session_id])
        for session_id, one in after.sessions.items()
    }
    after = replace(after, sessions=sessions)
    return Change(after, visit_of(after), seen)


# --- merging --------------------------------------------------------------------------------------


def _merged(book: CardBook, use: CardUsed) -> CardBook:
    place = (use.network, use.charger_id, use.evse_uid)
    session = book.sessions.get(use.session_id) or CardSession(use.requested_at, place)
    session = replace(
        session,
        approved=session.approved or use.event == "approved",
        charging=session.charging or use.event == "charging",
        over=session.over or use.event == "over",
    )
    refusals = book.refusals
    if use.event == "declined":
        never = use.retry == "never"
        refused = Refusal(use.used_at, use.amount_minor, never, use.wait_ms)
        refusals = {**refusals, use.command_id: min(refused, refusals.get(use.command_id, refused))}
    return replace(
        book,
        scheme=max(book.scheme, use.scheme.casefold()),
        last_at=max(book.last_at, use.used_at),
        approved_at=max(book.approved_at, use.used_at if use.event == "approved" else 0),
        sessions={**book.sessions, use.session_id: session},
        refusals=refusals,
    )


def _forgotten(book: CardBook) -> CardBook:
    """Without what is older than any scheme looks back, counted from the newest use.

    The newest session stays: it may have ended days after it was asked for.
    """
    since_at = book.last_at - LONGEST_WINDOW_MS
    refusals = {name: one for name, one in book.refusals.items() if one.at >= since_at}
    last = max(book.sessions, key=lambda name: (book.sessions[name].requested_at, name))
    sessions = {
        name: one
        for name, one in book.sessions.items()
        if one.requested_at >= book.last_at - DAY_MS or not one.over or name == last
    }
    newest = sorted(sessions, key=lambda name: (sessions[name].requested_at, name))[-SESSIONS_MAX:]
    latest = sorted(refusals, key=lambda name: (refusals[name], name))[-REFUSALS_MAX:]
    return replace(
        book,
        sessions={name: sessions[name] for name in newest},
        refusals={name: refusals[name] for name in sorted(latest)},
    )


# --- what follows ---------------------------------------------------------------------------------


def _told(book: CardBook, session_id: str) -> Told:
    allowed = allowed_of(book) if book.refusals else Allowed(-1, 0)
    return Told(
        superseded_by=_superseded_by(book, session_id),
        attempts_left=allowed.left,
        barred=any(one.never for one in book.refusals.values()),
        wait_until_at=max((one.at + one.wait_ms for one in _waiting(book)), default=0),
        again_at=allowed.again_at,
    )


def _waiting(book: CardBook) -> list[Refusal]:
    return [one for one in book.refusals.values() if one.wait_ms]


def visit(book: CardBook) -> list[str]:
    """The sessions of the newest visit, by the time of their request."""
    in_order = sorted((one.requested_at, name) for name, one in book.sessions.items())
    found: list[str] = []
    last_at = 0
    for requested_at, name in in_order:
        if requested_at - last_at > VISIT_GAP_MS:
            found = []
        found.append(name)
        last_at = requested_at
    return found


def _superseded_by(book: CardBook, session_id: str) -> str:
    mine = book.sessions[session_id]
    sessions = visit(book)
    if mine.charging or mine.over or session_id not in sessions:
        return ""
    for name in sessions[sessions.index(session_id) + 1 :]:
        other = book.sessions[name]
        if other.charging or (other.place == mine.place and other.approved and not other.over):
            return name
    return ""


class Allowed(NamedTuple):
    """`left`: what the strictest cap of the scheme leaves, as of the newest use; -1: it has none.

    `again_at`: when none are left, the first instant at which every cap allows one; else 0.
    """

    left: int
    again_at: int


def allowed_of(book: CardBook) -> Allowed:
    """What the caps of the card's scheme allow (payments.md 1.6)."""
    left, again_at = [], 0
    for limit in limits_of(book.scheme, book.last_at):
        groups = _counted(book, limit)
        left.append(max(limit.most - max(map(len, groups), default=0), 0))
        full = [one for one in groups if len(one) >= limit.most]
        # A refusal counts for so long: then the newest ones are one fewer than the cap.
        again_at = max([again_at, *(one[-limit.most] + limit.within_ms for one in full)])
    return Allowed(min(left, default=-1), again_at)


def _counted(book: CardBook, limit: Limit) -> list[list[int]]:
    """The instants of the refusals that a cap counts, in order; by amount where it asks for it."""
    since_at = book.last_at - limit.within_ms
    if limit.consecutive:
        since_at = max(since_at, book.approved_at)
    counted = sorted((one.at, one.amount_minor) for one in book.refusals.values())
    groups: dict[int, list[int]] = {}
    for at, amount in counted:
        if at > since_at:
            groups.setdefault(amount if limit.same_amount else 0, []).append(at)
    return list(groups.values())


def _declined_since(book: CardBook, since_at: int) -> int:
    return sum(one.at > since_at for one in book.refusals.values())


def visit_of(book: CardBook) -> CardVisit:
    """The public view of the book."""
    sessions = visit(book)
    told = _told(book, sessions[-1])
    return CardVisit(
        tenant=book.tenant,
        site_id=book.site_id,
        card_token=book.card_token,
        scheme=book.scheme,
        version=book.version,
        visit_from_at=book.sessions[sessions[0]].requested_at,
        last_at=book.last_at,
        sessions=sessions,
        declined_day=_declined_since(book, book.last_at - DAY_MS),
        declined_month=_declined_since(book, book.last_at - LONGEST_WINDOW_MS),
        attempts_left=allowed_of(book).left,
        barred=told.barred,
        wait_until_at=told.wait_until_at,
    )


def _seen(book: CardBook, session_id: str, told: Told) -> VisitSeen:
    return VisitSeen(
        tenant=book.tenant,
        session_id=session_id,
        card_token=book.card_token,
        version=book.version,
        superseded_by=told.superseded_by,
        attempts_left=told.attempts_left,
        barred=told.barred,
        wait_until_at=told.wait_until_at,
        again_at=told.again_at,
        seen_at=book.last_at,
    )
