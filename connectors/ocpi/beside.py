"""The objects that stand beside sessions, CDRs and tariffs: who reads them, where they go."""

from collections.abc import Callable

from connectors.ocpi import advices, invoices, locations, terminals, tokens
from connectors.ocpi.message import Message
from connectors.ocpi.objects import ObjectState, Translated
from schemas import ids, topics
from schemas.facts import Fact
from schemas.partners import (
    AdviceConfirmed,
    EvseSeen,
    InvoiceReported,
    LocationSeen,
    TerminalSeen,
    TokenSeen,
)

TRANSLATORS: dict[str, Callable[[ObjectState | None, Message], Translated]] = {
    "location": locations.seen,
    "evse": locations.seen,
    "connector": locations.seen,
    "token": tokens.seen,
    "terminal": terminals.seen,
    "advice": advices.seen,
    "invoice": invoices.seen,
}


def destination(fact: Fact) -> tuple[str, str]:
    """Topic and key. What is compacted has a key of its own for every object."""
    match fact:
        case LocationSeen():
            return topics.LOCATIONS, _alias(fact, "location", fact.location_id)
        case EvseSeen():
            return topics.LOCATIONS, _alias(fact, "evse", fact.evse_uid)
        case TokenSeen():
            return topics.TOKENS, _alias(fact, "token", f"{fact.token_uid}/{fact.token_type}")
        case TerminalSeen():
            of_provider = ("", fact.partner)
            key = ids.ocpi_alias(fact.tenant, of_provider, "terminal", fact.terminal_id)
            return topics.TERMINALS, key
        case AdviceConfirmed():
            return topics.ADVICES, ids.reference_alias(fact.tenant, fact.authorization_reference)
        case InvoiceReported():
            return topics.INVOICES, _alias(fact, "invoice", fact.record_id)
    raise AssertionError(type(fact).__name__)


def _alias(
    fact: LocationSeen | EvseSeen | TokenSeen | InvoiceReported, kind: str, value: str
) -> str:
    return ids.ocpi_alias(fact.tenant, (fact.country_code, fact.party_id), kind, value)
