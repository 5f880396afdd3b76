"""Identities: derived from what a thing is for, so that a replay derives the same ones.

Nothing here takes a clock, a random number or an arrival order (design.md, section 1).
"""

import base64
import hashlib
from typing import NewType

SessionId = NewType("SessionId", str)
CommandId = NewType("CommandId", str)
HoldId = NewType("HoldId", str)
Alias = NewType("Alias", str)
ChargerKey = NewType("ChargerKey", str)
ChargingId = NewType("ChargingId", str)


def _joined(separator: str, parts: tuple[str, ...]) -> str:
    """Different parts never give the same text: a separator within a part is percent-encoded."""
    text = separator.join(parts)
    if "%" not in text and text.count(separator) == len(parts) - 1:
        return text
    quoted = f"%{ord(separator):02X}"
    return separator.join(part.replace("%", "%25").replace(separator, quoted) for part in parts)


def _path(*parts: str) -> str:
    return _joined("/", parts)


def _digest(*parts: str) -> bytes:
    """SHA-256 of the parts joined by the unit separator, 1F."""
    return hashlib.sha256(_joined("\x1f", parts).encode()).digest()


def session_id(tenant: str, provider: str, authorization_reference: str) -> SessionId:
    """32 hex characters out of tenant, terminal provider and the reference the terminal minted.

    The reference is a case-insensitive string, unique per provider at best (OCPI 2.3.0 payments).
    """
    return SessionId(_digest(tenant, provider, authorization_reference.casefold()).hex()[:32])


def charger_key(tenant: str, network: str, charger_id: str) -> ChargerKey:
    """The Kafka key of everything that belongs to a charger."""
    return ChargerKey(_path(tenant, network, charger_id))


def charging_id(tenant: str, network: str, charger_id: str, transaction_id: str) -> ChargingId:
    """One charging: a transaction of one charger."""
    return ChargingId(_path(tenant, network, charger_id, transaction_id))


def charger_alias(tenant: str, network: str, charger_id: str, kind: str, value: str) -> Alias:
    """An alias that is unique on one charger only: remote_start, transaction, id_tag.

    OCPP compares such identifiers without regard to case (identifierString, CiString).
    """
    return Alias(_path(tenant, network, charger_id, kind, value.casefold()))


def ocpi_alias(tenant: str, owner: tuple[str, str], kind: str, value: str) -> Alias:
    """An alias that is unique at one OCPI party: session, cdr, evse, ...

    `owner` is country code and party id; both and all ids of OCPI are compared in folded case.
    """
    country, party = owner
    folded = (country.casefold(), party.casefold(), kind, value.casefold())
    return Alias(_path(tenant, "ocpi", *folded))


def reference_alias(tenant: str, authorization_reference: str) -> Alias:
    """The alias of a reference that a terminal minted, as OCPI objects echo it."""
    return Alias(_path(tenant, "reference", authorization_reference.casefold()))


def psp_alias(tenant: str, psp_reference: str) -> Alias:
    """The alias of an acquirer's own name of a payment, which is compared as it stands."""
    return Alias(_path(tenant, "psp", psp_reference))


def advice_alias(tenant: str, provider: str, advice_id: str) -> Alias:
    """The alias of an advice as its terminal provider names it."""
    return ocpi_alias(tenant, ("", provider), "advice", advice_id)


def proposal_id(session: str, place: tuple[str, int, int]) -> str:
    """Of the link of the fact at this topic, partition and offset: 16 hex characters."""
    return _digest("link", session, *map(str, place)).hex()[:16]


def release_decision_id(session: str, energy_wh: int, amount_minor: int) -> str:
    """Of a decision to capture for these figures, whoever makes it: 16 hex characters."""
    return _digest("release", session, str(energy_wh), str(amount_minor)).hex()[:16]


def takeover_decision_id(session: str) -> str:
    """Of the decision that our executor captures, whoever makes it: 16 hex characters."""
    return _digest("takeover", session).hex()[:16]


def tariff_key(tenant: str, tariff_id: str, tariff_hash: str) -> str:
    """The Kafka key of one version of a tariff."""
    return _path(tenant, tariff_id, tariff_hash)


def policy_key(tenant: str, policy_id: str, version: str) -> str:
    """The Kafka key of one version of a policy."""
    return _path(tenant, policy_id, version)


def acquirer_key(tenant: str, acquirer_id: str) -> str:
    """The Kafka key of what is said of an acquirer."""
    return _path(tenant, acquirer_id)


def feed_key(tenant: str, feed: str, partner: str, make: str) -> str:
    """Of what a feed has seen of one party."""
    return _path(tenant, feed, partner, make)


def partner_key(tenant: str, partner: str) -> str:
    """The Kafka key of what is to be told to a partner."""
    return _path(tenant, partner.casefold())


def chain_key(tenant: str, chain: str) -> str:
    """The Kafka key of a fiscal chain: the tax id or queue whose receipts are in one order."""
    return _path(tenant, chain)


def receipt_id(session: str, cause: str) -> CommandId:
    """Of a sale 'sale'; of a refund what it is for: never a number by arrival."""
    return CommandId(_path(session, "receipt", cause))


def receipt_notice_id(session: str, cause: str) -> CommandId:
    """What tells the terminal of the receipt of the same cause."""
    return CommandId(_path(session, "receipt", cause, "ready"))


def hold_id(session: str, number: int) -> HoldId:
    return HoldId(f"{session}/hold/{number}")


def raise_id(hold: str, step: int) -> CommandId:
    return CommandId(f"{hold}/raise/{step}")


def lower_id(hold: str, step: int) -> CommandId:
    return CommandId(f"{hold}/lower/{step}")


def release_id(hold: str, step: int) -> CommandId:
    return CommandId(f"{hold}/release/{step}")


def capture_id(session: str, attempt: int) -> CommandId:
    """Session-wide: over all holds and acquirers there is one effective capture."""
    return CommandId(f"{session}/capture/{attempt}")


def refund_id(session: str, cause: str) -> CommandId:
    """What is refunded for one cause (a credit CDR's id, an operator's decision) is so but once."""
    return CommandId(_path(session, "refund", cause))


def advice_command_id(session: str, outcome: str) -> CommandId:
    """What tells a partner of one outcome of the session's money: never a number by arrival."""
    return CommandId(_path(session, "advice", outcome))


def start_id(session: str) -> CommandId:
    return CommandId(f"{session}/start")


def stop_id(session: str, transaction_id: str, number: int = 1) -> CommandId:
    """A stop of a charging, numbered from the second on.

    A charging not known yet is stopped by its remote start, id ''.
    """
    again = (str(number),) if number > 1 else ()
    return CommandId(_path(session, "stop", transaction_id, *again))


def limit_id(session: str, transaction_id: str, number: int) -> CommandId:
    return CommandId(_path(session, "limit", transaction_id, str(number)))


def retap_id(session: str, number: int) -> CommandId:
    return CommandId(f"{session}/retap/{number}")


def visit_key(tenant: str, site_id: str, card_token: str) -> str:
    """The Kafka key of a card's visits to a site: the acquirer's token, never a PAN."""
    return _path(tenant, site_id, card_token)


def decline_notice_id(session: str) -> CommandId:
    return CommandId(f"{session}/declined")


def offer_id(session: str, number: int) -> CommandId:
    return CommandId(f"{session}/offer/{number}")


def tap_id(session: str, number: int) -> CommandId:
    """No command: what a hold rests on. The tap of the request itself has number 0."""
    return CommandId(f"{session}/tap/{number}")


def inquiry_id(command: str, number: int) -> CommandId:
    return CommandId(f"{command}/inquire/{number}")


def resend_id(command: str, number: int) -> CommandId:
    return CommandId(f"{command}/resend/{number}")


def remote_start_id(session: str) -> str:
    """What StartCharging hands the charger: 20 characters of a-z and 2-7.

    OCPP 1.6 idTag takes 20 characters, OCPP 2.x idToken 36, and both may come back in another
    case: hence base32 and not base64.
    """
    return base64.b32encode(_digest("remote-start", session)[:12]).decode().rstrip("=").lower()


def idempotency_key(tenant: str, command: str) -> str:
    """36 URL-safe characters for the acquirer's wire (idempotency key and merchant reference).

    Acquirers take 36 to 64 characters; a command id may be longer, so its digest travels:
    the first 27 bytes of SHA-256(tenant, command id), base64url, which is exactly 36 characters.
    """
    return base64.urlsafe_b64encode(_digest(tenant, command)[:27]).decode()
