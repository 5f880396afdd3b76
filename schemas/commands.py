"""Commands: what is to be done, in the imperative. Each exists once for read_committed readers.

Each money command names its one performer; everybody else skips it. `idempotency_key` and merchant
reference on the acquirer's wire are `ids.idempotency_key(tenant, command_id)`. `body_hash` covers
everything but the hash itself: the same id with another hash is a conflict, not an update.
`rule` and `policy_version` say why it was issued.
"""

from typing import Annotated, Literal

from msgspec import Meta

from schemas.facts import CommandKind, Fact, Performer
from schemas.fields import (
    Count,
    Country,
    Currency,
    Encoded,
    EnergyWh,
    Id,
    Instant,
    MaybeCount,
    MaybeId,
    MaybeInstant,
    MaybePath,
    Minor,
    Path,
    Text,
    Word,
    YesNo,
)
from schemas.fiscal import RequestReceipt, Signature, VatPart


class MoneyCommand(Fact, frozen=True, kw_only=True):
    """What every command to an acquirer carries; `amount_minor` is explained by each kind."""

    tenant: Id
    session_id: Id
    command_id: Path
    idempotency_key: Id
    performer: Performer
    acquirer_id: Id
    hold_id: Path
    amount_minor: Minor
    currency: Currency
    rule: Id
    policy_version: Id
    issued_at: Instant
    body_hash: MaybeId = ""


class PlaceHold(MoneyCommand, frozen=True, kw_only=True):
    """Reserve `amount_minor` on the card (pre-authorisation, estimated authorisation)."""

    card_token: MaybeId
    scheme: Word
    funding: Word
    entry_mode: Word
    bin_country: Country
    merchant_country: Country
    terminal_id: Id
    tap_id: MaybePath = ""


class RaiseHold(MoneyCommand, frozen=True, kw_only=True):
    """Bring the hold to the new total `amount_minor`, `delta_minor` above `previous_minor`.

    The acquirer's convention (TOTAL or DELTA) decides which of the two travels.
    """

    psp_reference: MaybeId
    previous_minor: Minor
    delta_minor: Minor


class LowerHold(MoneyCommand, frozen=True, kw_only=True):
    """Bring the hold down to the new total `amount_minor` (partial reversal)."""

    psp_reference: MaybeId
    previous_minor: Minor
    delta_minor: Minor


class CaptureHold(MoneyCommand, frozen=True, kw_only=True):
    """Take `amount_minor` against the hold, once and finally.

    `proof` is the rung of the proof ladder that the amount rests on (design.md, section 6),
    `priced_minor` what the session costs, `capturable_minor` what the hold allowed. `energy_wh` is
    the one number that all were reconciled to: `charger_wh` is the charger's own, `cdr_wh` and
    `cdr_minor` the CDR's, -1: not told. `price_authority`: tariff (ours), cdr, or tariff_alone: the
    CDR was waited for in vain. `settled_by`: how the policy or a person settled a difference beyond
    tolerance (lower, cdr, charger, person), empty: there was none. `decision_id`: of the operator's
    decision, which has who and why. The signed figures are of the pair that proves the energy.
    """

    psp_reference: MaybeId
    proof: Id
    evidence: Text
    energy_wh: EnergyWh
    priced_minor: Minor
    capturable_minor: Minor
    charger_wh: MaybeCount = -1
    cdr_id: MaybeId = ""
    cdr_wh: MaybeCount = -1
    cdr_minor: MaybeCount = -1
    price_authority: Word = "tariff"
    settled_by: Word = ""
    signed_meter: MaybeId = ""
    signed_from_at: MaybeInstant = 0
    signed_to_at: MaybeInstant = 0
    decision_id: MaybeId = ""


class ReleaseHold(MoneyCommand, frozen=True, kw_only=True):
    """Give back what is left of the hold, `amount_minor` (reversal; never a refund)."""

    psp_reference: MaybeId
    reason: Word


class RefundCapture(MoneyCommand, frozen=True, kw_only=True):
    """Give back `amount_minor` of what `capture_id` took: captured money, never held money.

    Its id is `{session}/refund/{cause}`: what is refunded for the same cause is refunded once.
    `psp_reference` is the hold's, as on every command; acquirers refund by it. `evidence`: the
    facts that it follows from, in words.
    """

    psp_reference: MaybeId
    capture_id: Path
    cause: Word
    reason: Word
    evidence: Text = ""


class InquireCommand(MoneyCommand, frozen=True, kw_only=True):
    """Ask what became of `of_command_id`. Settlement consumers ignore it."""

    of_command_id: Path
    of_kind: CommandKind
    psp_reference: MaybeId
    attempt: Count


class ResendCommand(MoneyCommand, frozen=True, kw_only=True):
    """Send `of_command_id` again under its own key, as it was: `original` is its encoded body."""

    of_command_id: Path
    of_kind: CommandKind
    original: Encoded
    attempt: Count


class StartCharging(Fact, frozen=True, kw_only=True):
    """Ask the charger to start (OCPP RequestStartTransaction), naming us by `remote_start_id`."""

    tenant: Id
    session_id: Id
    command_id: Path
    network: Id
    charger_id: Id
    evse_uid: Id
    connector_id: MaybeId
    remote_start_id: Id
    rule: Id
    issued_at: Instant


class StopCharging(Fact, frozen=True, kw_only=True):
    """Ask the charger to stop; an empty transaction means whatever `remote_start_id` started."""

    tenant: Id
    session_id: Id
    command_id: Path
    network: Id
    charger_id: Id
    evse_uid: Id
    transaction_id: MaybeId
    remote_start_id: Id
    reason: Word
    rule: Id
    issued_at: Instant


class LimitCharging(Fact, frozen=True, kw_only=True):
    """Ask the charger to end by itself at so much energy of this charging (OCPP transactionLimit).

    `amount_minor` is the most that the session may come to by then, `max_energy_wh` counts from the
    begin of the charging. A later number takes the place of an earlier one.
    """

    tenant: Id
    session_id: Id
    command_id: Path
    network: Id
    charger_id: Id
    evse_uid: Id
    transaction_id: Id
    max_energy_wh: EnergyWh
    amount_minor: Minor
    currency: Currency
    reason: Word
    rule: Id
    issued_at: Instant


class ShowDeclined(Fact, frozen=True, kw_only=True):
    """Tell the driver that there will be no charging, and why in the reason's word."""

    tenant: Id
    session_id: Id
    command_id: Path
    terminal_id: Id
    reason: Word
    rule: Id
    issued_at: Instant


class OfferAmount(Fact, frozen=True, kw_only=True):
    """Show what is to be held, and at most, and ask for consent; the answer is a CardRead.

    `amount_minor` is held first; it may rise by steps to `ceiling_minor`, which is what the driver
    consents to. `cell`, `strategy` and `explanation` say by what rule of the policy.
    """

    tenant: Id
    session_id: Id
    command_id: Path
    terminal_id: Id
    amount_minor: Minor
    step_minor: Minor
    ceiling_minor: Minor
    target_minor: MaybeCount
    target_wh: MaybeCount
    currency: Currency
    cell: Word
    strategy: Word
    explanation: Text
    reason: Word
    rule: Id
    policy_version: Id
    issued_at: Instant


class AskPinOrRetap(Fact, frozen=True, kw_only=True):
    """The card wants more than a tap: ask for what `how` says; the answer is a CardRead.

    pin: a PIN or the owner's own device; insert: the chip; retap: the same or another card.
    `amount_minor` is held by it, as the OfferAmount `offer_id` says, which goes with it.
    """

    tenant: Id
    session_id: Id
    command_id: Path
    terminal_id: Id
    how: Literal["pin", "insert", "retap"]
    offer_id: Path
    amount_minor: Minor
    currency: Currency
    reason: Word
    rule: Id
    issued_at: Instant


class ReceiptReady(Fact, frozen=True, kw_only=True):
    """Show or print the receipt: its number, its signatures as they came, and what was paid.

    `document` sale, or refund of an earlier one. `pending`: the authority has yet to confirm it.
    """

    tenant: Id
    session_id: Id
    command_id: Path
    terminal_id: Id
    receipt_id: Path
    document: Literal["sale", "refund"]
    receipt: MaybeId
    ordinal: Count
    moment_at: Instant
    signatures: Annotated[list[Signature], Meta(max_length=50, description="as they came")]
    late: YesNo
    pending: YesNo
    paid_minor: Minor
    balance_minor: Minor
    currency: Currency
    rule: Id
    issued_at: Instant


class SendAdvice(Fact, frozen=True, kw_only=True):
    """Tell the partner what became of the money (OCPI 2.3.0 FinancialAdviceConfirmation).

    Once per outcome, when the session is closed: `advice_id` stays, and the newest `issued_at`
    takes the place of what was told before. `partner`: who told of the session by OCPI, else the
    network of its charger. `outcome` done: all that was due was captured; partial: less; failed:
    nothing, though something was due. `amount_minor` is captured and not refunded, `priced_minor`
    what was due; `net_minor` -1 where the tariff does not tell its taxes. `eft_lines` go on the
    driver's invoice. `receipt`: the name of the fiscal receipt, where one was signed or recorded.
    """

    tenant: Id
    session_id: Id
    command_id: Path
    partner: Id
    advice_id: Id
    authorization_reference: Annotated[
        str, Meta(min_length=1, max_length=36, description="minted by the terminal, any case")
    ]
    outcome: Literal["done", "partial", "failed"]
    amount_minor: Minor
    refunded_minor: Minor
    priced_minor: Minor
    net_minor: MaybeCount
    parts: Annotated[list[VatPart], Meta(max_length=20, description="by rate, the highest first")]
    currency: Currency
    message: Text
    eft_lines: Annotated[list[Text], Meta(max_length=20, description="at least one, ASCII")]
    receipt: MaybeId
    receipt_ordinal: Count
    energy_wh: EnergyWh
    evse_uid: Id
    terminal_id: Id
    rule: Id
    policy_version: Id
    issued_at: Instant


PaymentCommand = (
    PlaceHold
    | RaiseHold
    | LowerHold
    | CaptureHold
    | ReleaseHold
    | RefundCapture
    | InquireCommand
    | ResendCommand
)
ChargerCommand = StartCharging | StopCharging | LimitCharging
TerminalCommand = ShowDeclined | OfferAmount | AskPinOrRetap | ReceiptReady
Command = PaymentCommand | ChargerCommand | TerminalCommand | RequestReceipt | SendAdvice
