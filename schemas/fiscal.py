"""Fiscal records: what is to be receipted, in which order it was signed, and the signatures.

A receipt belongs to a fiscal chain: the tax id or queue whose receipts are numbered and must be
signed in the order of their moments (payments.md 4.1: RKSV, VERI*FACTU). The end of a session is
data, not order, so number and moment are assigned where the chain is kept, on acceptance.
"""

from typing import Annotated, Literal

from msgspec import Meta

from schemas.facts import Fact
from schemas.fields import (
    Country,
    Currency,
    Difference,
    Encoded,
    EnergyWh,
    Id,
    Instant,
    MaybeId,
    MaybeInstant,
    MaybePath,
    Minor,
    Path,
    Text,
    Word,
    YesNo,
)

Regime = Literal["NONE", "SIGN_SYNC", "SIGN_CHAINED", "PERIODIC_REPORT", "PROVIDER_CLEARANCE"]
Document = Literal["sale", "refund"]


class VatPart(Fact, frozen=True, kw_only=True):
    """The part of an amount at one rate of VAT; `rate` in percent as a decimal, empty: not told."""

    rate: Word
    net_minor: Minor
    vat_minor: Minor
    gross_minor: Minor


class RequestReceipt(Fact, frozen=True, kw_only=True):
    """Have one receipt numbered and signed, in the order of its chain. Written by sessions only.

    `supply_minor` is the price of what was supplied, `paid_minor` what the card paid of it: the
    parts add up to `supply_minor`, and a difference is a balance that stays open. A refund names
    the receipt that it corrects (`of_command_id`, and `of_receipt`: its name at the service), and
    its amounts are what goes back, positive.
    """

    tenant: Id
    chain: Id
    session_id: Id
    command_id: Path
    regime: Regime
    country: Country
    document: Document
    of_command_id: MaybePath = ""
    of_receipt: MaybeId = ""
    supply_minor: Minor
    paid_minor: Minor
    currency: Currency
    parts: Annotated[list[VatPart], Meta(max_length=20, description="by rate, the highest first")]
    energy_wh: EnergyWh
    evse_uid: Id
    terminal_id: Id
    started_at: MaybeInstant
    ended_at: MaybeInstant
    payment_reference: MaybeId
    rule: Id
    policy_version: Id
    issued_at: Instant
    body_hash: MaybeId = ""


class SignReceipt(Fact, frozen=True, kw_only=True):
    """Sign this receipt under this number and moment; the next of the chain waits for its answer.

    `operation_key` is the same for ever: 36 URL-safe characters out of tenant and command id.
    """

    tenant: Id
    chain: Id
    session_id: Id
    command_id: Path
    ordinal: Annotated[int, Meta(ge=1, le=2**53, description="rises by one in its chain")]
    moment_at: Instant
    operation_key: Id
    request: Encoded


class Signature(Fact, frozen=True, kw_only=True):
    """One signature as the service gave it: `form` text, qr, base64; `caption` what to print."""

    form: Word
    caption: Text
    data: Text


class ReceiptAnswered(Fact, frozen=True, kw_only=True):
    """What the fiscal service made of one receipt. Never a guess: silence is asked after.

    signed: `receipt` is its name there. refused: it will not be signed as it is, `reason` says why.
    `late`: signed later than its moment, as the service was away; `pending`: it was taken, and the
    authority has not confirmed it yet (myDATA's TransmissionFailure, fiskaltrust's late mode).
    """

    tenant: Id
    chain: Id
    session_id: Id
    command_id: Path
    ordinal: Annotated[int, Meta(ge=1, le=2**53, description="that it was signed under")]
    outcome: Literal["signed", "refused"]
    receipt: MaybeId = ""
    signatures: Annotated[list[Signature], Meta(max_length=50, description="as they came")]
    late: YesNo = False
    pending: YesNo = False
    reason: Word = ""
    answered_at: Instant


class ReceiptSettled(Fact, frozen=True, kw_only=True):
    """How a receipt of a session ended: signed, recorded for a periodic report, or refused."""

    tenant: Id
    session_id: Id
    command_id: Path
    chain: Id
    document: Document
    outcome: Literal["signed", "recorded", "refused"]
    ordinal: Annotated[int, Meta(ge=1, le=2**53, description="in its chain")]
    moment_at: Instant
    receipt: MaybeId = ""
    signatures: Annotated[list[Signature], Meta(max_length=50, description="as they came")]
    late: YesNo = False
    pending: YesNo = False
    reason: Word = ""
    paid_minor: Minor
    balance_minor: Difference
    currency: Currency
    settled_at: Instant
