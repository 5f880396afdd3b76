"""What partners say of the session of `sessionworld`: examples of the contract, made to fit it."""

from pathlib import Path

import msgspec
from sessionworld import SESSION, T0

from schemas import codec
from schemas.facts import LinkedFact, SettlementNotified
from schemas.partners import AdviceConfirmed
from schemas.roaming import CdrSeen, OcpiCost, SessionSeen
from streams.core.partner_links import asking

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"


def example(kind, **changed):
    fact = msgspec.json.decode((EXAMPLES / f"{kind.__name__}.v1.json").read_bytes(), type=kind)
    return msgspec.structs.replace(fact, tenant="t", **changed)


def of_ocpi(kind, at, **changed):
    usual = {
        "country_code": "CH", "party_id": "ABC", "ocpi_session_id": "S-1", "currency": "CHF",
        "authorization_reference": "REF", "evse_uid": "e", "evse_id": "", "started_at": T0,
        "ended_at": at, "last_updated_at": at, "received_at": at,
    }  # fmt: skip
    return example(kind, **{**usual, **changed})


def total(gross):
    return [OcpiCost(kind="total", net="", gross=gross)]


def seen(energy_wh=10_000, at=T0, **changed):
    return of_ocpi(SessionSeen, at, **{"energy_wh": energy_wh, "costs": [], **changed})


def cdr(energy_wh=10_000, gross="7.90", at=T0, **changed):
    told = {
        "cdr_id": "C-1",
        "energy_wh": energy_wh,
        "costs": total(gross),
        "money_digest": gross or "net",
    }
    return of_ocpi(CdrSeen, at, **{**told, **changed})


def credit(of="C-1", at=T0, **changed):
    return cdr(at=at, **{"cdr_id": "C-2", "credit": True, "credit_reference_id": of, **changed})


def advice(captured_minor=790, at=T0, **changed):
    usual = {
        "partner": "p", "authorization_reference": "Ref", "captured_minor": captured_minor,
        "currency": "CHF", "last_updated_at": at, "received_at": at,
    }  # fmt: skip
    return example(AdviceConfirmed, **{**usual, **changed})


def settlement(amount="7.90", status="settled", at=T0, transaction_id="tx1"):
    return SettlementNotified(
        tenant="t", network="n", charger_id="c", transaction_id=transaction_id,
        psp_reference="P-1", status=status, amount=amount, settled_at=at,
    )  # fmt: skip


def linked(fact):
    """As link hands it on."""
    name = fact.charger_id if isinstance(fact, SettlementNotified) else asking(fact).aliases[-1]
    return LinkedFact(
        tenant="t", session_id=SESSION, charging_id=name, source_topic="ocpi.cdrs.v1",
        source_partition=0, source_offset=0, crossing=0, sequence_complete=False,
        fact=codec.encode(fact),
    )  # fmt: skip
