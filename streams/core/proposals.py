"""Which session a fact without one may belong to: proposed to a person, never linked by itself.

What counts: the same outlet (or the same reference, where that alone means several sessions), the
same time, energy and money near each other. Whatever is not told on one side speaks neither way.
"""

import msgspec

from schemas import ids
from schemas.facts import ChargingStarted, Fact, OrphanAged
from schemas.ledger import SessionLedger
from schemas.partners import AdviceConfirmed
from schemas.roaming import CdrSeen, SessionSeen
from streams.core import partner_view
from streams.core.learn_partners import total_of

FAR_AT = 4_102_444_800_000
BEGINS_APART_MS = 30 * 60 * 1000
ADVISED_WITHIN_MS = 7 * 24 * 60 * 60 * 1000
ENERGY_APART_WH = 500
MONEY_APART_MINOR = 50
_PER_CENT = 5


class LinkProposal(msgspec.Struct, frozen=True, kw_only=True):
    """A fact, a session that it may belong to, and what speaks for it; -1: not told, 0: equal.

    `alias` is what a confirmation binds, within [bound_from, bound_to).
    """

    proposal_id: str
    tenant: str
    session_id: str
    fact: str
    source_topic: str
    source_partition: int
    source_offset: int
    alias: str
    bound_from: int
    bound_to: int
    occurred_at: int
    begins_apart_ms: int
    energy_apart_wh: int
    money_apart_minor: int
    evidence: str


class _Outline(msgspec.Struct, frozen=True, kw_only=True):
    """A fact as far as it can be compared; empty and -1: not told."""

    outlets: frozenset[str] = frozenset()
    reference: str = ""
    begins_at: int = 0
    told_at: int = 0
    energy_wh: int = -1
    total_minor: int = -1
    currency: str = ""
    transaction_id: str = ""


def proposals(orphan: OrphanAged, fact: Fact, ledgers: list[SessionLedger]) -> list[LinkProposal]:
    """The sessions that this fact may belong to, the likeliest first."""
    outline = _outline_of(fact)
    if outline is None:
        return []
    found = [
        proposal
        for ledger in ledgers
        if ledger.tenant == orphan.tenant and _is_free(fact, ledger)
        for proposal in [_compared(orphan, type(fact).__name__, outline, ledger)]
        if proposal is not None
    ]
    return sorted(found, key=lambda one: (one.begins_apart_ms, one.session_id))


def _outline_of(fact: Fact) -> _Outline | None:
    """None for what cannot be compared, and for contracts' chargings, which are none of ours."""
    match fact:
        case SessionSeen() | CdrSeen() if fact.payment_kind != "contract":
            outlets = {fact.evse_uid, fact.evse_id}
            total = partner_view.minor_of(total_of(fact.costs), fact.currency)
            return _Outline(
                outlets=frozenset(one.casefold() for one in outlets if one),
                reference=fact.authorization_reference.casefold(),
                begins_at=fact.started_at,
                energy_wh=fact.energy_wh,
                total_minor=-1 if total is None else total,
                currency=fact.currency,
            )
        case AdviceConfirmed():
            return _Outline(
                reference=fact.authorization_reference.casefold(),
                told_at=fact.last_updated_at or fact.received_at,
                total_minor=fact.captured_minor,
                currency=fact.currency,
            )
        case ChargingStarted() if fact.payment_kind != "contract":
            return _Outline(
                outlets=frozenset({f"{fact.charger_id}/{fact.evse_uid}".casefold()}),
                begins_at=fact.started_at,
                transaction_id=fact.transaction_id,
            )
        case _:
            return None


def _is_free(fact: Fact, ledger: SessionLedger) -> bool:
    """A session that has its own is not asked: it would be a second CDR, or another charging."""
    match fact:
        case CdrSeen():
            return not ledger.cdr_id or ledger.cdr_status != "told"
        case SessionSeen():
            return not ledger.ocpi_session_id
        case AdviceConfirmed():
            return not ledger.advice_id
        case _:
            return not ledger.transaction_id


def _outlets(ledger: SessionLedger) -> set[str]:
    """By which names partners know this outlet: its own, with its charger's, the charger's."""
    charger, evse = ledger.charger_id.casefold(), ledger.evse_uid.casefold()
    return {evse, charger, f"{charger}/{evse}", f"{charger}*{evse}", f"{charger}-{evse}"}


def _compared(
    orphan: OrphanAged, name: str, outline: _Outline, ledger: SessionLedger
) -> LinkProposal | None:
    if outline.currency and outline.currency != ledger.currency:
        return None
    same_outlet = bool(outline.outlets & _outlets(ledger))
    same_reference = outline.reference == ledger.authorization_reference.casefold()
    if not same_outlet and not same_reference:
        return None
    apart_ms = _apart_ms(outline, ledger)
    energy, money = _energy_apart(outline, ledger), _money_apart(outline, ledger)
    if apart_ms is None or energy is None or money is None:
        return None
    words = ["same outlet"] if same_outlet else []
    words += ["same reference"] if same_reference else []
    words.append(f"{apart_ms // 1000} s apart")
    words += [f"{energy} Wh apart"] if energy >= 0 else []
    words += [f"{money} minor units apart"] if money >= 0 else []
    bound_from, bound_to = _interval(orphan)
    place = (orphan.source_topic, orphan.source_partition, orphan.source_offset)
    return LinkProposal(
        proposal_id=ids.proposal_id(ledger.session_id, place),
        tenant=orphan.tenant,
        session_id=ledger.session_id,
        fact=name,
        source_topic=orphan.source_topic,
        source_partition=orphan.source_partition,
        source_offset=orphan.source_offset,
        alias=orphan.alias,
        bound_from=bound_from,
        bound_to=bound_to,
        occurred_at=orphan.occurred_at,
        begins_apart_ms=apart_ms,
        energy_apart_wh=energy,
        money_apart_minor=money,
        evidence="; ".join(words),
    )


def _interval(orphan: OrphanAged) -> tuple[int, int]:
    """An object of OCPI has its name for good; a charger's number means this moment only."""
    if orphan.alias == orphan.charging_id:
        return 0, FAR_AT
    return orphan.occurred_at, min(orphan.occurred_at + 1, FAR_AT)


def _apart_ms(outline: _Outline, ledger: SessionLedger) -> int | None:
    """Between the begins, or since the session's end; None: too much."""
    if not outline.begins_at:
        since_ms = outline.told_at - (ledger.ended_at or ledger.requested_at)
        return since_ms if 0 <= since_ms <= ADVISED_WITHIN_MS else None
    apart_ms = abs(outline.begins_at - (ledger.started_at or ledger.requested_at))
    return apart_ms if apart_ms <= BEGINS_APART_MS else None


def _energy_apart(outline: _Outline, ledger: SessionLedger) -> int | None:
    if outline.energy_wh < 0 or not ledger.ended_at:
        return -1
    apart = abs(outline.energy_wh - ledger.energy_wh)
    most = max(ENERGY_APART_WH, ledger.energy_wh * _PER_CENT // 100)
    return apart if apart <= most else None


def _money_apart(outline: _Outline, ledger: SessionLedger) -> int | None:
    if outline.total_minor < 0 or not ledger.ended_at:
        return -1
    apart = abs(outline.total_minor - ledger.priced_minor)
    most = max(MONEY_APART_MINOR, ledger.priced_minor * _PER_CENT // 100)
    return apart if apart <= most else None
