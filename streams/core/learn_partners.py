"""What partners, stations and people say of a session, merged into what is known of it: a join.

The same object through a hub and a peer has the same key; the later word about it counts.
"""

from decimal import Decimal

from msgspec.structs import replace

from schemas.decisions import LinkConfirmed, LinkRejected, ReleaseDecided
from schemas.facts import SettlementNotified
from schemas.money import Money, UnknownCurrency, exponent_of
from schemas.partners import AdviceConfirmed
from schemas.roaming import CdrSeen, OcpiCost, SessionSeen
from streams.core.partner_links import own_aliases
from streams.core.session import (
    Confirmed,
    PartnerCdr,
    PartnerSession,
    PaymentSession,
    Released,
    ThirdCapture,
)

ToldOutside = SessionSeen | CdrSeen | AdviceConfirmed | SettlementNotified
# A status does not go back but by a newer word: of one instant the one further on counts.
_RANKS = {"RESERVATION": 1, "PENDING": 2, "ACTIVE": 3, "COMPLETED": 4, "INVALID": 5}
DECISIONS_MAX = 16
"""Figures and people of one session: nobody decides more often in earnest."""

_MS_PER_HOUR = 3_600_000
_LONGEST_MS = 400 * 24 * _MS_PER_HOUR
_SETTLED = {"settled": "done", "canceled": "failed", "rejected": "failed", "failed": "failed"}


def told_outside(session: PaymentSession, fact: ToldOutside) -> PaymentSession:
    """`session` with `fact` in it."""
    match fact:
        case SessionSeen():
            return _session(session, fact)
        case CdrSeen():
            return _cdr(session, fact)
        case AdviceConfirmed():
            return _third(session, _advice(fact))
        case SettlementNotified():
            return _third(session, _at_station(session, fact))


def total_of(costs: list[OcpiCost]) -> str:
    """The total with taxes; what is told net only is no total of ours."""
    return next((one.gross for one in costs if one.kind == "total"), "")


def _session(session: PaymentSession, fact: SessionSeen) -> PaymentSession:
    told = PartnerSession(
        fact.last_updated_at,
        _RANKS.get(fact.status.upper(), 0),
        fact.status,
        fact.energy_wh,
        total_of(fact.costs),
        fact.currency,
        fact.started_at,
        fact.ended_at,
        fact.ocpi_session_id,
        fact.evse_uid,
        fact.evse_id,
        fact.partner,
        own_aliases(fact),
    )
    key = told.aliases[-1]
    known = session.partner_sessions.get(key)
    if known is not None and told <= known:
        return session
    return replace(session, partner_sessions={**session.partner_sessions, key: told})


def _cdr(session: PaymentSession, fact: CdrSeen) -> PaymentSession:
    told = PartnerCdr(
        fact.last_updated_at,
        fact.money_digest,
        fact.cdr_id,
        fact.energy_wh,
        total_of(fact.costs),
        fact.currency,
        fact.started_at,
        fact.ended_at,
        fact.ocpi_session_id,
        fact.evse_uid,
        fact.evse_id,
        fact.credit,
        fact.credit_reference_id,
        fact.partner,
        own_aliases(fact),
        (fact.money_digest,),
        max(fact.rejected_code, 0),
        parking_ms=_hours_ms(fact.parking_hours),
    )
    key = told.aliases[-1]
    answers = _answers(fact)
    told = replace(told, answers=answers, rejected_code=_refused_with(answers))
    best = _both(session.cdrs.get(key), told)
    if best == session.cdrs.get(key):
        return session
    return replace(session, cdrs={**session.cdrs, key: best})


def _hours_ms(hours: str) -> int:
    """-1: not told. Decimal hours, as OCPI writes them, to the nearest millisecond."""
    if not hours:
        return -1
    ms = Decimal(hours) * _MS_PER_HOUR
    return int(ms.to_integral_value()) if 0 <= ms <= _LONGEST_MS else -1


def _both(known: PartnerCdr | None, told: PartnerCdr) -> PartnerCdr:
    """A CDR never changes: the first body stays, what else was said under its id is kept by it."""
    if known is None:
        return told
    answers = tuple(sorted({*known.answers, *told.answers}))
    return replace(
        min(known, told, key=_body),
        money_digests=tuple(sorted({*known.money_digests, *told.money_digests})),
        rejected_code=_refused_with(answers),
        answers=answers,
    )


def _body(cdr: PartnerCdr) -> PartnerCdr:
    return replace(cdr, money_digests=(), rejected_code=0, answers=())


def _answers(fact: CdrSeen) -> tuple[tuple[str, int], ...]:
    if fact.accepted:
        return ((fact.partner, 0),)
    return ((fact.partner, fact.rejected_code),) if fact.rejected_code > 0 else ()


def _refused_with(answers: tuple[tuple[str, int], ...]) -> int:
    """0 where whoever refused it has accepted it as well."""
    return max((code for partner, code in answers if (partner, 0) not in answers), default=0)


def _advice(fact: AdviceConfirmed) -> ThirdCapture:
    return ThirdCapture(
        fact.last_updated_at or fact.received_at,
        fact.outcome,
        fact.captured_minor,
        fact.currency,
        fact.advice_id,
        fact.partner,
        "terminal_provider",
        own_aliases(fact),
    )


def _at_station(session: PaymentSession, fact: SettlementNotified) -> ThirdCapture:
    """In the currency of the session: the message tells none but its tariff's."""
    currency = session.request.currency
    name = fact.psp_reference or fact.transaction_id
    outcome = _SETTLED[fact.status]
    minor = _minor(fact.amount, currency) if outcome == "done" else 0
    return ThirdCapture(fact.settled_at, outcome, minor, currency, name, fact.charger_id, "station")


def _minor(amount: str, currency: str) -> int:
    """-1 where it is no whole number of minor units: nobody ever captured that."""
    try:
        exact = Decimal(amount)
        whole = exact.is_finite() and exact >= 0 and exact < 10**12
        if not whole or exact.scaleb(exponent_of(currency)) % 1 != 0:
            return -1
        return Money.from_major(exact, currency).minor
    except (ArithmeticError, UnknownCurrency):
        return -1


def _third(session: PaymentSession, told: ThirdCapture) -> PaymentSession:
    key = f"{told.by}/{told.partner}/{told.advice_id}"
    known = session.advices.get(key)
    if known is not None and told <= known:
        return session
    return replace(session, advices={**session.advices, key: told})


def confirmed(session: PaymentSession, fact: LinkConfirmed) -> PaymentSession:
    one = Confirmed(fact.alias, fact.bound_from, fact.bound_to)
    if one in session.confirmed:
        return session
    return replace(session, confirmed=tuple(sorted({*session.confirmed, one})))


def rejected(session: PaymentSession, fact: LinkRejected) -> PaymentSession:  # noqa: ARG001 - as all
    """It is on the session's record, and changes nothing: nothing was linked."""
    return session


def released(session: PaymentSession, fact: ReleaseDecided) -> PaymentSession:
    """The session with this decision: a set, so that telling it again changes nothing."""
    one = Released(
        fact.energy_wh,
        fact.amount_minor,
        fact.who,
        fact.why[:500],
        fact.evidence[:500],
        fact.decided_at,
        fact.decision_id,
    )
    if one in session.released:
        return session
    newest = sorted({*session.released, one}, key=lambda each: (each.decided_at, each))
    return replace(session, released=tuple(newest[-DECISIONS_MAX:]))
