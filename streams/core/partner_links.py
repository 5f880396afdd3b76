"""By which aliases facts of OCPI and of stations ask for their session, in their order.

The reference that a terminal minted, then the OCPI session, then the object that a credit CDR takes
back; last the object's own name, which means one object only: a person's decision binds that one.
"""

from typing import NamedTuple

from schemas import ids
from schemas.facts import ChargingStarted, SettlementNotified
from schemas.partners import AdviceConfirmed
from schemas.roaming import CdrSeen, SessionSeen

PartnerFact = SessionSeen | CdrSeen | AdviceConfirmed


class Asking(NamedTuple):
    """The aliases to ask, when it happened by the fact's own time, and whether it waits.

    `waits_from`: when it came, epoch ms. Contract (roaming) chargings never wait.
    """

    aliases: tuple[str, ...]
    occurred_at: int
    waits_from: int
    waits: bool = True


def asking(fact: PartnerFact) -> Asking:
    match fact:
        case AdviceConfirmed():
            at = fact.last_updated_at or fact.received_at
            return Asking(_of_advice(fact), at, fact.received_at)
        case SessionSeen():
            at = fact.started_at or fact.last_updated_at
            names = (_reference(fact), *_objects(fact, "session", fact.ocpi_session_id))
        case CdrSeen():
            at = fact.started_at or fact.ended_at or fact.last_updated_at
            names = (
                _reference(fact),
                *_objects(fact, "session", fact.ocpi_session_id),
                *_objects(fact, "cdr", fact.credit_reference_id),
                *_objects(fact, "cdr", fact.cdr_id),
            )
    aliases = tuple(dict.fromkeys(one for one in names if one))
    return Asking(aliases, at, fact.received_at, fact.payment_kind != "contract")


def begin_aliases(fact: ChargingStarted) -> list[str]:
    """By which a charging's begin asks: its remote start, then the payment at the station.

    A mapped idTag is a remote start. One that claims a card and names neither asks by its
    transaction, so that it is told of; a contract's asks nobody.
    """
    if fact.payment_kind == "contract":
        return []
    place = (fact.tenant, fact.network, fact.charger_id)
    names: list[str] = []
    if fact.remote_start_id:
        names.append(ids.charger_alias(*place, "remote_start", fact.remote_start_id))
    if fact.psp_reference:
        names.append(ids.psp_alias(fact.tenant, fact.psp_reference))
    if not names and fact.payment_kind == "card":
        names.append(ids.charger_alias(*place, "transaction", fact.transaction_id))
    return names


def asking_station(fact: SettlementNotified) -> Asking | None:
    """A payment that a station settled before a transaction began; None: nothing names it."""
    if not fact.psp_reference:
        return None
    return Asking((ids.psp_alias(fact.tenant, fact.psp_reference),), fact.settled_at, 0)


def own_aliases(fact: PartnerFact) -> tuple[str, ...]:
    """Those that a fact of this session binds for what comes after it: all but the reference."""
    if isinstance(fact, AdviceConfirmed):
        return _of_advice(fact)[1:]
    return tuple(one for one in asking(fact).aliases if one != _reference(fact))


def _of_advice(fact: AdviceConfirmed) -> tuple[str, str]:
    reference = ids.reference_alias(fact.tenant, fact.authorization_reference)
    return reference, ids.advice_alias(fact.tenant, fact.partner, fact.advice_id)


def _reference(fact: SessionSeen | CdrSeen) -> str:
    told = fact.authorization_reference
    return ids.reference_alias(fact.tenant, told) if told else ""


def _objects(fact: SessionSeen | CdrSeen, kind: str, value: str) -> tuple[str, ...]:
    owner = (fact.country_code, fact.party_id)
    return (ids.ocpi_alias(fact.tenant, owner, kind, value),) if value else ()
