"""Receipts as sessions ask for them, and as a chain gives them out to be signed."""

from msgspec.structs import replace

from schemas import codec, ids
from schemas.fiscal import RequestReceipt, SignReceipt, VatPart

T0 = 1_767_225_600_000


def receipt(number=1, **changed):
    session = f"{number:032x}"
    part = VatPart(rate="20", net_minor=1000, vat_minor=200, gross_minor=1200)
    request = RequestReceipt(
        **{
            "tenant": "t", "chain": "ATU1", "session_id": session,
            "command_id": ids.receipt_id(session, "sale"), "regime": "SIGN_CHAINED",
            "country": "AT", "document": "sale", "supply_minor": 1200, "paid_minor": 1200,
            "currency": "EUR", "parts": [part], "energy_wh": 9000, "evse_uid": "e1",
            "terminal_id": "T", "started_at": T0, "ended_at": T0, "payment_reference": "psp",
            "rule": "request_receipt", "policy_version": "p@1", "issued_at": T0 + number,
            **changed,
        }
    )  # fmt: skip
    return replace(request, body_hash=codec.body_hash(request))


def sign(number=1, **changed):
    """The receipt with its number and moment, as the chain's stage has it signed."""
    asked = receipt(number, **changed)
    return SignReceipt(
        tenant=asked.tenant, chain=asked.chain, session_id=asked.session_id,
        command_id=asked.command_id, ordinal=number, moment_at=asked.issued_at,
        operation_key=ids.idempotency_key(asked.tenant, asked.command_id),
        request=codec.encode(asked),
    )  # fmt: skip
