"""What partners' words come to, for whoever asks: the CDR that counts, what a third captured.

Nothing here proves or moves anything by itself: rules that let a CDR prove (design.md, section 6)
ask `countable_cdr`, which is None wherever the CDR must not count.
"""

from decimal import Decimal
from typing import NamedTuple

from schemas.money import Money, UnknownCurrency
from streams.core.reconciliation_policy import Reconciliation
from streams.core.session import PartnerCdr, PartnerSession, PaymentSession, ThirdCapture
from streams.core.verdicts import NO, verdict

APART_MS = 60 * 60 * 1000
"""How far clocks of a partner and a charger may be apart: a CDR outside of it is of another."""

_COUNTED = ("done", "partial")
COMPLETED = "COMPLETED"


def ocpi_session(session: PaymentSession) -> PartnerSession | None:
    """The OCPI session told of last, None: none was."""
    return max(session.partner_sessions.values(), default=None)


def cdrs(session: PaymentSession) -> list[PartnerCdr]:
    """Those that bill: no credit CDRs, and none that one took back.

    A credit CDR that was refused takes nothing back: what it names goes on to bill.
    """
    gone = {
        one.credit_reference_id.casefold()
        for one in session.cdrs.values()
        if one.credit and not one.rejected_code
    }
    known = session.cdrs.values()
    return sorted(one for one in known if not one.credit and one.cdr_id.casefold() not in gone)


def credits(session: PaymentSession) -> list[PartnerCdr]:  # noqa: A001 - OCPI's own word
    """The credit CDRs, oldest first."""
    return sorted(one for one in session.cdrs.values() if one.credit)


def shown_cdr(session: PaymentSession) -> PartnerCdr | None:
    """The one for people: one that bills and was not refused, else any there is."""
    bills = cdrs(session)
    sound = [one for one in bills if not one.rejected_code]
    others = sorted(one for one in session.cdrs.values() if not one.credit)
    return next((found[-1] for found in (sound, bills, others) if found), None)


def cdr_status(session: PaymentSession) -> str:
    """Empty: none is known; told, rejected, credited, changed (another body under its id)."""
    one = shown_cdr(session)
    if one is None:
        refused = all(credit.rejected_code for credit in session.cdrs.values())
        return "" if not session.cdrs else "rejected" if refused else "credited"
    if one not in cdrs(session):
        return "credited"
    if one.rejected_code:
        return "rejected"
    return "changed" if len(one.money_digests) > 1 else "told"


def countable_cdr(session: PaymentSession) -> PartnerCdr | None:
    """The only CDR that bills, where it may count: never changed, and it fits.

    One that was refused bills nobody, so that the corrected one of another id counts.
    """
    bills = [one for one in cdrs(session) if not one.rejected_code]
    if len(bills) != 1:
        return None
    one = bills[0]
    return one if len(one.money_digests) == 1 and fits(session, one) else None


def fits(session: PaymentSession, cdr: PartnerCdr) -> bool:
    """By currency, time, party and outlet, each as far as it is known (design.md, section 6)."""
    if cdr.currency != session.request.currency or not _fits_place(session, cdr):
        return False
    begun = [one.begun.started_at for one in session.chargings.values() if one.begun]
    from_at = min([session.request.requested_at, *begun])
    ended = [one.end.ended_at for one in session.chargings.values() if one.end]
    until_at = max(ended) if ended and len(ended) == len(session.chargings) else None
    if cdr.ended_at and cdr.ended_at < from_at - APART_MS:
        return False
    if cdr.started_at and cdr.started_at < from_at - APART_MS:
        return False  # another driver's, which ended as this one came
    return not (until_at is not None and cdr.started_at > until_at + APART_MS)


def _fits_place(session: PaymentSession, cdr: PartnerCdr) -> bool:
    """Of the party that told the session, at an outlet that is known by one of its names.

    Where a person bound it to this session, that is settled.
    """
    if any(one.alias in cdr.aliases for one in session.confirmed):
        return True
    told = ocpi_session(session)
    if told is not None and _party(told.aliases[-1]) != _party(cdr.aliases[-1]):
        return False
    names = {one.casefold() for one in (cdr.evse_uid, cdr.evse_id) if one}
    return not names or bool(names & _outlets(session, told))


def _party(alias: str) -> list[str]:
    """Tenant, kind, country and party of an alias of OCPI."""
    return alias.split("/")[:4]


def _outlets(session: PaymentSession, told: PartnerSession | None) -> set[str]:
    """As request, chargers and the OCPI session name it, and as networks put the two together."""
    asked = session.request
    places = {(asked.charger_id.casefold(), asked.evse_uid.casefold())}
    places |= {(c.charger_id.casefold(), c.evse_uid.casefold()) for c in session.chargings.values()}
    names = {evse for _, evse in places} | {charger for charger, _ in places}
    names |= {f"{charger}{by}{evse}" for charger, evse in places for by in "/*-"}
    if told is not None:
        names |= {one.casefold() for one in (told.evse_uid, told.evse_id) if one}
    return names


def agrees(session: PaymentSession, cdr: PartnerCdr, limits: Reconciliation) -> bool:
    """Whether its OCPI session is completed, and shows the same energy: for SESSION_AND_CDR."""
    known = ocpi_session(session)
    return (
        known is not None
        and known.status.upper() == COMPLETED
        and limits.energy_agrees(cdr.energy_wh, known.energy_wh)
        and known.ocpi_session_id.casefold() == cdr.ocpi_session_id.casefold()
    )


def shows_charging(session: PaymentSession) -> bool:
    """Whether a partner tells of energy: then it was not never started, whatever chargers say."""
    if not (session.cdrs or session.partner_sessions):
        return False
    told = ocpi_session(session)
    if told is not None and told.energy_wh > 0:
        return True
    return any(
        one.energy_wh > 0 and not one.rejected_code and fits(session, one) for one in cdrs(session)
    )


def total_minor(cdr: PartnerCdr | PartnerSession) -> int | None:
    """Its total with taxes, rounded once; None where it is not told so."""
    return minor_of(cdr.total, cdr.currency)


def minor_of(amount: str, currency: str) -> int | None:
    """Major units as told, in minor ones; None for what is not told or cannot be counted so."""
    if not amount:
        return None
    try:
        return Money.from_major(Decimal(amount), currency).minor
    except (ArithmeticError, UnknownCurrency):
        return None


class Taken(NamedTuple):
    """A capture that a third party told of."""

    key: str
    minor: int
    told_at: int


def taken(session: PaymentSession) -> list[Taken]:
    """What the one who captures says it captured: then that is the outcome (design.md 1.7).

    Not where the acquirer's own answer tells of the capture: it is the same one, unless it was in
    their place (takeover.py), and came to nothing.
    """
    if not session.advices:
        return []
    told = session.answers.items()
    done = [name for name, one in told if one.kind == "capture" and one.outcome == "done"]
    if not all(_came_to_nothing_of_ours(session, one) for one in done):
        return []
    return [
        Taken(key, one.captured_minor, one.told_at)
        for key, one in sorted(session.advices.items())
        if is_theirs(session, one)
        and one.outcome in _COUNTED
        and one.captured_minor > 0
        and one.currency == session.request.currency
    ]


def _came_to_nothing_of_ours(session: PaymentSession, command_id: str) -> bool:
    asked = session.issued.get(command_id)
    if asked is None or asked.performer == session.request.capture_by:
        return False
    return verdict(session, command_id) in NO


def is_theirs(session: PaymentSession, told: ThirdCapture) -> bool:
    """Whether it is for this one to say: anybody may send anybody's reference."""
    request = session.request
    if told.by != request.capture_by:
        return False
    return told.by == "station" or told.partner.casefold() == request.provider.casefold()


def advice(session: PaymentSession) -> ThirdCapture | None:
    """The newest word of who captures, else of anybody; None: none was said."""
    theirs = [one for one in session.advices.values() if is_theirs(session, one)]
    return max(theirs or session.advices.values(), default=None)
