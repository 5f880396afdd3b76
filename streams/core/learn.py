"""Merge one fact into what is known: a join, so that neither order nor repetition can matter.

Every slot takes the maximum, the minimum, a set or the best by a total order; nothing is counted or
summed as it arrives. `tests/core/test_learn_laws.py` holds it to that.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import astuple, replace

from schemas import codec
from schemas.commands import (
    AskPinOrRetap,
    CaptureHold,
    Command,
    InquireCommand,
    LimitCharging,
    LowerHold,
    OfferAmount,
    PlaceHold,
    RaiseHold,
    ReceiptReady,
    RefundCapture,
    ReleaseHold,
    ResendCommand,
    SendAdvice,
    ShowDeclined,
    StartCharging,
    StopCharging,
)
from schemas.decisions import (
    LinkConfirmed,
    LinkRejected,
    RefundDecided,
    ReleaseDecided,
    TakeoverDecided,
)
from schemas.facts import (
    AcquirerAnswered,
    AcquirerNotified,
    CardRead,
    ChargerSilence,
    Fact,
    HoldReported,
    LinkedFact,
    NoticeUnbound,
    SessionRequested,
    VisitSeen,
)
from schemas.fiscal import ReceiptSettled, RequestReceipt
from streams.core import taps
from streams.core.learn_charging import ChargerFact, merged
from streams.core.learn_partners import ToldOutside, confirmed, rejected, released, told_outside
from streams.core.notices import bound
from streams.core.reported_holds import as_answer, as_request, check_request, with_report
from streams.core.routing import TECHNICAL
from streams.core.session import (
    MONEY,
    Answer,
    Chosen,
    HoldTerms,
    Issued,
    IssuedCommand,
    Notice,
    PaymentSession,
    Pinned,
    Quarantined,
    QuarantineLifted,
    ReceiptKnown,
    ReferenceReused,
    RefundAsked,
    SessionUnknown,
    Silence,
    TapChosen,
    TimeReached,
    VisitKnown,
    places_first_hold,
)
from streams.core.silence import SILENT

START_APART_MS = 2 * 60 * 60 * 1000
"""A terminal repeats a request within minutes; hours later the reference was minted anew."""

# An explicit yes stands above an explicit no, any verdict above none (design.md, section 1).
_RANK = {"unknown": 1, "not_found": 2, "failed": 3, "declined": 3, "done": 4}
# Money may have to be sent again; an offer is what a driver agrees to, word for word.
_KEPT = MONEY | {"offer"}
DEFINITE = frozenset({"done", "declined", "failed"})
_PEOPLE_MAX = 16  # two are enough, and what strangers write may not fill the state
KINDS: dict[type[Fact], str] = {
    PlaceHold: "hold",
    RaiseHold: "raise",
    LowerHold: "lower",
    CaptureHold: "capture",
    ReleaseHold: "release",
    RefundCapture: "refund",
    InquireCommand: "inquire",
    ResendCommand: "resend",
    StartCharging: "start",
    StopCharging: "stop",
    ShowDeclined: "show_declined",
    OfferAmount: "offer",
    LimitCharging: "limit",
    AskPinOrRetap: "retap",
    RequestReceipt: "receipt",
    ReceiptReady: "show_receipt",
    SendAdvice: "advice",
}


def learn(session: PaymentSession | None, fact: Fact) -> PaymentSession:
    """The session with this fact. Raises SessionUnknown, ReferenceReused, codec.NotReadable."""
    if isinstance(fact, SessionRequested):
        return _requested(session, fact)
    if isinstance(fact, HoldReported):
        return _answered(_requested(session, as_request(fact)), as_answer(fact))
    if session is None:
        raise SessionUnknown(f"{type(fact).__name__} before any request")
    return _HANDLERS[type(fact)](session, fact)


# --- opening --------------------------------------------------------------------------------------


def _requested(session: PaymentSession | None, fact: SessionRequested) -> PaymentSession:
    if session is None:
        check_request(fact)
        return PaymentSession(fact.session_id, fact)
    known = session.request
    if replace(fact, requested_at=known.requested_at) != known:
        raise ReferenceReused(_difference(known, fact))
    apart_ms = abs(fact.requested_at - known.requested_at)
    if apart_ms > START_APART_MS:
        raise ReferenceReused(f"requested_at: {apart_ms} ms apart")
    return replace(session, request=min(known, fact, key=lambda one: one.requested_at))


def _difference(known: SessionRequested, fact: SessionRequested) -> str:
    names = [
        name
        for name in fact.__struct_fields__
        if name != "requested_at" and getattr(known, name) != getattr(fact, name)
    ]
    return f"{', '.join(names)}: another than at the first request"


def _pinned(session: PaymentSession, fact: Pinned) -> PaymentSession:
    # Written once, in the step that opens the session: whoever pins again says the same.
    return session if session.pinned else replace(session, pinned=fact)


def _tapped(session: PaymentSession, fact: CardRead) -> PaymentSession:
    number = str(fact.tap)
    known = session.taps.get(number)
    tap = taps.merged(known, session.session_id, fact)
    return session if tap == known else replace(session, taps={**session.taps, number: tap})


def _tap_chosen(session: PaymentSession, fact: TapChosen) -> PaymentSession:
    # As the pin: made from what the key names, by the pinned policy, and written once.
    if fact.key in session.chosen:
        return session
    chosen = Chosen(fact.choice, fact.refusal, fact.settled)
    return replace(session, chosen={**session.chosen, fact.key: chosen})


def _time(session: PaymentSession, fact: TimeReached) -> PaymentSession:
    return session if fact.at <= session.clock_at else replace(session, clock_at=fact.at)


def _quarantined(session: PaymentSession, fact: Quarantined) -> PaymentSession:
    return replace(session, quarantined=_with(session.quarantined, fact.ref))


def _lifted(session: PaymentSession, fact: QuarantineLifted) -> PaymentSession:
    return replace(session, lifted=_with(session.lifted, fact.ref))


def _with(known: tuple[str, ...], one: str) -> tuple[str, ...]:
    return known if one in known else tuple(sorted({*known, one}))


# --- chargers -------------------------------------------------------------------------------------


def _linked(session: PaymentSession, linked: LinkedFact) -> PaymentSession:
    fact = codec.decode(linked.fact)
    if isinstance(fact, NoticeUnbound):
        told = bound(session, fact)
        return session if told is None else learn(session, told)
    if isinstance(fact, ToldOutside):
        return told_outside(session, fact)
    if not isinstance(fact, ChargerFact):
        return session
    known = session.chargings.get(linked.charging_id)
    traced = session.pinned is not None and session.pinned.traced
    charging = merged(known, linked, fact, traced=traced)
    if charging == known:
        return session
    return replace(session, chargings={**session.chargings, linked.charging_id: charging})


def _silence(session: PaymentSession, fact: ChargerSilence) -> PaymentSession:
    dark_at = fact.read_at if fact.state == SILENT else 0
    told = Silence(
        fact.version, fact.state, fact.seen_at, fact.read_at, fact.allowed_ms, fact.told_at, dark_at
    )
    known = session.silences.get(fact.charging_id)
    if known is not None:
        told = replace(max(known, told), dark_at=max(known.dark_at, dark_at))
    if told == known:
        return session
    return replace(session, silences={**session.silences, fact.charging_id: told})


# --- acquirers ------------------------------------------------------------------------------------


_OF_A_HOLD = frozenset({"raise", "lower", "release"})
_PROBES = frozenset({"inquire", "resend"})


def check(fact: Fact) -> None:
    """Raise codec.NotReadable for an answer that contradicts itself.

    What a command is for stands in its id (schemas.ids): an answer that names another session,
    another hold, another kind or another command than its id does would move the wrong money.
    """
    if not isinstance(fact, AcquirerAnswered):
        return
    target = fact.resolves or fact.command_id
    probe = fact.command_id.removeprefix(f"{target}/").partition("/")[0]
    if fact.resolves and probe not in _PROBES:
        raise codec.NotReadable("contradiction", f"resolves: {target} by {fact.command_id}")
    path = target.removeprefix(f"{fact.session_id}/")
    if path == target:
        raise codec.NotReadable("contradiction", f"command_id: {target} of {fact.session_id}")
    if (fact.kind, fact.hold_id) != _meant(fact, path):
        told = f"{fact.kind} of {fact.hold_id}"
        raise codec.NotReadable("contradiction", f"command_id: {target} answered as {told}")


def _meant(fact: AcquirerAnswered, path: str) -> tuple[str, str]:
    """Kind and hold that the path within the session stands for; no path: ('', '')."""
    match path.split("/"):
        case ["hold", number]:
            return "hold", f"{fact.session_id}/hold/{number}"
        case ["hold", number, kind, _] if kind in _OF_A_HOLD:
            return kind, f"{fact.session_id}/hold/{number}"
        case [("capture" | "refund") as kind, _]:
            return kind, fact.hold_id  # of the session: which hold it took is for the fact to say
        case _:
            return "", ""


def _answered(session: PaymentSession, fact: AcquirerAnswered) -> PaymentSession:
    check(fact)
    fact = _in_our_money(session, _of_the_command(fact))
    answers = dict(session.answers)
    target = fact.resolves or fact.command_id
    asked = session.issued.get(target)
    if asked is not None and asked.hold_id != fact.hold_id:
        told = f"{fact.hold_id}, asked of {asked.hold_id}"
        raise codec.NotReadable("contradiction", f"command_id: {target} answered of {told}")
    answers[target] = _best(answers.get(target), _answer(fact, fact.kind))
    if fact.resolves:
        # The inquiry or resend itself is answered too, under a kind that no sum looks at.
        answers[fact.command_id] = _best(answers.get(fact.command_id), _answer(fact, "inquiry"))
    learned = replace(session, answers=answers, terms=_terms(session.terms, fact))
    return _forget_body(with_report(learned, fact), target)


def _of_the_command(fact: AcquirerAnswered) -> AcquirerAnswered:
    """A resend that came to nothing says nothing of the sendings before it."""
    return replace(fact, outcome="unknown") if fact.resolves and of_one_sending(fact) else fact


def of_one_sending(answer: Answer | AcquirerAnswered) -> bool:
    """Whoever sent it says that it came to nothing: a line was down, no connection stood."""
    sent = answer.source in ("executor", "consumer")
    return sent and answer.outcome == "failed" and answer.reason in TECHNICAL


def _in_our_money(session: PaymentSession, fact: AcquirerAnswered) -> AcquirerAnswered:
    """A yes in another currency is no yes to what was asked: it has to be asked after."""
    if fact.outcome != "done" or fact.currency == session.request.currency:
        return fact
    return replace(fact, outcome="unknown", amount_minor=0, reason="other-currency")


def _answer(fact: AcquirerAnswered, kind: str) -> Answer:
    outcomes = (fact.outcome,) if fact.outcome in DEFINITE else ()
    return Answer(
        kind,
        fact.hold_id,
        fact.outcome,
        fact.amount_minor,
        fact.answered_at,
        fact.reason,
        fact.source,
        outcomes,
        fact.raw_code,
        fact.advice_code,
    )


def _best(known: Answer | None, new: Answer) -> Answer:
    if known is None:
        return new
    best = max(known, new, key=_order)
    outcomes = tuple(sorted({*known.outcomes, *new.outcomes}))
    return best if best.outcomes == outcomes else replace(best, outcomes=outcomes)


def _order(answer: Answer) -> tuple[Any, ...]:
    """The best verdict, of equals the earliest that is of all; the rest makes the order total."""
    return (
        _RANK[answer.outcome],
        not of_one_sending(answer),
        -answer.answered_at,
        -answer.amount_minor,
        answer.source,
        answer.reason,
        answer.kind,
        answer.hold_id,
        answer.raw_code,
        answer.advice_code,
    )


def _terms(terms: dict[str, HoldTerms], fact: AcquirerAnswered) -> dict[str, HoldTerms]:
    if fact.outcome != "done" or fact.kind not in ("hold", "raise"):
        return terms
    known = terms.get(fact.hold_id, HoldTerms())
    reference = fact.psp_reference if fact.kind == "hold" else ""
    told = HoldTerms(max(known.psp_reference, reference), max(known.expires_at, fact.expires_at))
    return terms if told == known else {**terms, fact.hold_id: told}


_AGAIN = frozenset({"chargeback_opened", "chargeback_reversed"})
"""What may come again of one payment, so that the last word counts."""


def _notified(session: PaymentSession, fact: AcquirerNotified) -> PaymentSession:
    new = Notice(
        fact.event,
        fact.hold_id,
        fact.command_id,
        fact.amount_minor,
        fact.occurred_at,
        fact.psp_reference,
    )
    apart = not places_first_hold(session)
    by_purpose = {_purpose(one, apart=apart): one for one in session.notices}
    purpose = _purpose(new, apart=apart)
    known = by_purpose.get(purpose, new)
    if new.event in _AGAIN:
        by_purpose[purpose] = max(new, known, key=lambda one: (one.occurred_at, one))
    else:
        by_purpose[purpose] = min(new, known)
    return replace(session, notices=tuple(sorted(by_purpose.values())))


def _purpose(notice: Notice, *, apart: bool) -> tuple[str, str, str, str, int]:
    """What a notice is about: a payment that is none of our holds is told apart by its name.

    `apart`: others hold by themselves here, and each amount that is told of it counts.
    """
    of_payment = "" if notice.hold_id else notice.psp_reference
    minor = notice.amount_minor if apart and notice.event == "held_unasked" else -1
    return notice.event, notice.hold_id, notice.command_id, of_payment, minor


def _visited(session: PaymentSession, fact: VisitSeen) -> PaymentSession:
    told = VisitKnown(
        fact.version,
        fact.superseded_by,
        fact.attempts_left,
        fact.barred,
        fact.wait_until_at,
        fact.again_at,
    )
    known = session.visits.get(fact.card_token)
    if known is not None and told <= known:
        return session
    return replace(session, visits={**session.visits, fact.card_token: told})


# --- receipts -------------------------------------------------------------------------------------


def _receipted(session: PaymentSession, fact: ReceiptSettled) -> PaymentSession:
    """Said once by the chain's stage; of two that differ the greater counts, in any order."""
    told = ReceiptKnown(
        fact.outcome,
        fact.ordinal,
        fact.moment_at,
        fact.receipt,
        fact.late,
        fact.pending,
        fact.reason,
        fact.paid_minor,
        fact.balance_minor,
        tuple((one.form, one.caption, one.data) for one in fact.signatures),
        fact.settled_at,
    )
    known = session.receipts.get(fact.command_id)
    if known is not None and astuple(told) <= astuple(known):
        return session
    return replace(session, receipts={**session.receipts, fact.command_id: told})


# --- people ---


def _refund_decided(session: PaymentSession, fact: RefundDecided) -> PaymentSession:
    """A second person may join in; whatever else differs under one id makes it void."""
    told = RefundAsked(
        fact.amount_minor,
        fact.currency,
        fact.route,
        fact.reason,
        fact.who,
        fact.decided_at,
        fact.second_who,
    )
    known = session.refund_decisions.get(fact.decision_id)
    both = told if known is None else _both_said(known, told)
    if both == known:
        return session
    return replace(session, refund_decisions={**session.refund_decisions, fact.decision_id: both})


def _both_said(known: RefundAsked, told: RefundAsked) -> RefundAsked:
    at = min(known.decided_at, told.decided_at)  # who agrees does so later
    bare = [
        replace(one, route="", second_who="", disputed=False, decided_at=at)
        for one in (known, told)
    ]
    return replace(
        min(bare),
        route=max(known.route, told.route),  # a transfer, if any: that money may have gone
        second_who=max(known.second_who, told.second_who),
        disputed=known.disputed or bare[0] != bare[1] or known.route != told.route,
    )


def _taken_over(session: PaymentSession, fact: TakeoverDecided) -> PaymentSession:
    people = _with(session.takeovers, fact.who)[:_PEOPLE_MAX]
    return session if people == session.takeovers else replace(session, takeovers=people)


# --- our own commands -----------------------------------------------------------------------------


def issued_of(command: Command) -> IssuedCommand:
    """The command as a fact."""
    kind = KINDS[type(command)]
    of = getattr(command, "of_command_id", "") or getattr(command, "tap_id", "")
    return IssuedCommand(
        command_id=command.command_id,
        kind=kind,
        of=of,
        hold_id=getattr(command, "hold_id", ""),
        performer=getattr(command, "performer", ""),
        amount_minor=getattr(command, "amount_minor", 0),
        body=codec.encode(command) if kind in _KEPT else b"",
        body_hash=getattr(command, "body_hash", "") or codec.body_hash(command),
        rule=command.rule,
        policy_version=getattr(command, "policy_version", ""),
        issued_at=command.issued_at,
        acquirer_id=getattr(command, "acquirer_id", ""),
        proof=getattr(command, "proof", ""),
    )


def _issued(session: PaymentSession, fact: Issued) -> PaymentSession:
    new = issued_of(fact.command)
    known = session.issued.get(new.command_id)
    conflicts = session.conflicts
    if known is not None and known.body_hash != new.body_hash:
        conflicts = _with(conflicts, new.command_id)
        new = min(new, known, key=lambda one: (one.issued_at, one.body_hash))
    learned = replace(session, issued={**session.issued, new.command_id: new}, conflicts=conflicts)
    return _forget_body(learned, new.command_id)


def _forget_body(session: PaymentSession, command_id: str) -> PaymentSession:
    """What has its verdict is never sent again: a long staircase must not fill the state."""
    command = session.issued.get(command_id)
    answer = session.answers.get(command_id)
    if command is None or not command.body or answer is None or answer.outcome not in DEFINITE:
        return session
    if of_one_sending(answer):
        return session  # a resend that is under way may yet make an unknown of it
    return replace(session, issued={**session.issued, command_id: replace(command, body=b"")})


_HANDLERS: dict[type[Fact], Callable[[PaymentSession, Any], PaymentSession]] = {
    Pinned: _pinned,
    CardRead: _tapped,
    TapChosen: _tap_chosen,
    TimeReached: _time,
    Quarantined: _quarantined,
    QuarantineLifted: _lifted,
    LinkedFact: _linked,
    ChargerSilence: _silence,
    AcquirerAnswered: _answered,
    AcquirerNotified: _notified,
    VisitSeen: _visited,
    ReceiptSettled: _receipted,
    LinkConfirmed: confirmed,
    LinkRejected: rejected,
    RefundDecided: _refund_decided,
    ReleaseDecided: released,
    TakeoverDecided: _taken_over,
    Issued: _issued,
}

_ENCODER = msgspec.msgpack.Encoder(order="deterministic")


def encoded(session: PaymentSession) -> bytes:
    """Equal sessions give equal bytes: dictionaries are written in the order of their keys."""
    return _ENCODER.encode(session)
