"""Taking a capture over: two people say that whoever was to has not, and will not (design.md 1.7).

Never two captures: the acquirer itself has to refuse a second one of the same hold, because nobody
can stop a third party from capturing after all; and no word of theirs, nor of the acquirer's, may
say that they have, or leave it open. A capture of theirs that is told first ends the takeover.
"""

from schemas.facts import Performer
from streams.core import partner_view
from streams.core.acquirers import Acquirer
from streams.core.holds import HoldBook
from streams.core.session import MONEY, PaymentSession
from streams.core.verdicts import NO, is_definite, verdict

US: Performer = "executor"
SINGLE = frozenset({"AUTO_AT_CAPTURE", "LOWER_BEFORE_CAPTURE"})
"""Acquirers' `remainder` at which a captured hold has nothing left to capture."""

_PEOPLE = 2
_UNASKED = frozenset({"captured_unasked"})


def stands(session: PaymentSession, hold: HoldBook | None, acquirer: Acquirer | None) -> bool:
    """Whether the capture is our executor's by now, though the request names another performer.

    `hold`: the newest, with the acquirer that has it.
    """
    if not session.takeovers or session.request.capture_by == US or partner_view.taken(session):
        return False
    if _has_begun(session):
        return not _held_back(session)
    return not refusal(session, hold, acquirer)


def refusal(session: PaymentSession, hold: HoldBook | None, acquirer: Acquirer | None) -> str:
    """Why the capture cannot be taken over, in words for people; empty: it can."""
    if session.request.capture_by == US:
        return "it is our executor's already"
    if len({who.strip().casefold() for who in session.takeovers}) < _PEOPLE:
        return "a second person has to agree"
    return _of_their_words(session) or _of_the_hold(session, hold, acquirer)


def _of_their_words(session: PaymentSession) -> str:
    for command_id, answer in session.answers.items():
        if answer.kind == "capture" and verdict(session, command_id) not in NO:
            return "a capture is told of, or has no verdict"
    for one in session.issued.values():
        if one.kind == "capture" and verdict(session, one.command_id) not in NO:
            return "a capture was asked of them, and has no verdict"
    if any(one.event in _UNASKED for one in session.notices):
        return "the acquirer tells of a capture by somebody else"
    theirs = [one for one in session.advices.values() if partner_view.is_theirs(session, one)]
    told = max(theirs, default=None)
    if told is not None and told.outcome != "failed":
        return f"their last word is {told.outcome}, not that nothing was captured"
    return ""


def _of_the_hold(session: PaymentSession, hold: HoldBook | None, acquirer: Acquirer | None) -> str:
    if hold is None or hold.outcome != "done" or hold.open_minor == 0 or hold.captured_minor:
        return "nothing is held that could be captured"
    if hold.in_flight and _is_asked_of_them(session, hold):
        return "a command on the hold has no verdict"
    if not hold.psp_reference:
        return "nobody knows what the acquirer calls the hold"
    if acquirer is None:
        return f"{hold.acquirer_id} is no acquirer of ours"
    if acquirer.remainder not in SINGLE:
        return f"{hold.acquirer_id} may capture a hold twice: only they can be sure"
    return ""


def _is_asked_of_them(session: PaymentSession, hold: HoldBook) -> bool:
    """What is asked of ours meanwhile (a raise, a lowering) is waited for, as ever."""
    made = [one for one in session.issued.values() if one.hold_id == hold.hold_id]
    theirs = [one for one in made if one.kind in MONEY and one.performer != US]
    return not all(is_definite(session, one.command_id) for one in theirs)


def _held_back(session: PaymentSession) -> str:
    """Why ours, which came to nothing, is not tried again: a word of theirs; empty: it is."""
    made = [one for one in session.issued.values() if one.kind == "capture"]
    if all(verdict(session, one.command_id) in NO for one in made):
        return _of_their_words(session)
    return ""


def _has_begun(session: PaymentSession) -> bool:
    """Once we have asked for it, it stays ours: else it would be nobody's to refund."""
    made = session.issued.values()
    return any(one.kind == "capture" and one.performer == US for one in made)


def takeover_alarms(
    session: PaymentSession, hold: HoldBook | None, acquirer: Acquirer | None, due_minor: int
) -> dict[str, tuple[str, str, int]]:
    """What people have to know of a takeover: that it is refused, or that both have captured."""
    if not session.takeovers:
        return {}
    found: dict[str, tuple[str, str, int]] = {}
    begun = session.request.capture_by != US and _has_begun(session)
    words = _held_back(session) if begun else refusal(session, hold, acquirer)
    if words:
        found[f"{session.session_id}/takeover"] = ("takeover-refused", words, due_minor)
    if not begun:
        return found
    for key, one in sorted(session.advices.items()):
        if partner_view.is_theirs(session, one) and one.outcome in ("done", "partial"):
            words = f"{one.partner} tells of a capture that was taken over"
            minor = max(one.captured_minor, 0)
            found[f"{session.session_id}/{key}/beside"] = ("captured-beside", words, minor)
    return found
