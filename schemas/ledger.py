"""The public view of a session: complete enough that no consumer ever needs the state topic."""

from typing import Annotated

from msgspec import Meta

from schemas.facts import Fact
from schemas.fields import (
    Count,
    Country,
    Currency,
    EnergyWh,
    Id,
    Instant,
    MaybeCount,
    MaybeId,
    MaybeInstant,
    Minor,
    Path,
    PowerW,
    SignedEnergyWh,
    Text,
    Word,
    YesNo,
)


class HoldLine(Fact, frozen=True, kw_only=True):
    """One hold. Always: approved = captured + released + lapsed + open."""

    hold_id: Path
    acquirer_id: Id
    psp_reference: MaybeId
    requested_minor: Minor
    approved_minor: Minor
    captured_minor: Minor
    released_minor: Minor
    lapsed_minor: Minor
    open_minor: Minor
    raises_issued: Count
    raises_approved: Count
    raises_declined: Count
    status: Word
    decline_reason: Word
    approved_at: MaybeInstant
    expires_at: MaybeInstant


class CommandLine(Fact, frozen=True, kw_only=True):
    """One issued command and what is known of it; `outcome` is empty while there is no answer."""

    command_id: Path
    kind: Word
    amount_minor: Minor
    outcome: Word
    reason: Word
    rule: Id
    issued_at: Instant
    answered_at: MaybeInstant


class SessionLedger(Fact, frozen=True, kw_only=True):
    """The newest state of a session. Closed: priced = captured - refunded + arrears + forgiven.

    `phase` is derived from the facts: requested, holding, authorised, charging, proving, capturing,
    releasing, refunding, receipting, closed, quarantined. `version` rises by one with every
    published change. `refunded_minor`: of what was captured, not of what was held.
    `receipt_status`: empty: none is asked for; due, requested, signed, recorded, refused.
    `cdr_status`: empty: none is known; told, rejected, credited, changed. `cdr_total_minor` is
    gross, `advice_minor` what a third party says it captured; -1: not told.
    `risk_open`: the charger is silent since `risk_since_at`, so that nothing is final; `open_minor`
    is held, `risk_seen_minor` was due by its last reading, `risk_worst_minor` is the most that may
    be due by now.
    """

    tenant: Id
    session_id: Id
    version: Count
    phase: Word
    closed_reason: Word
    network: Id
    charger_id: Id
    evse_uid: Id
    terminal_id: Id
    authorization_reference: Id
    transaction_id: MaybeId
    power_type: Word
    power_max_w: PowerW
    scheme: Word
    funding: Word
    entry_mode: Word
    bin_country: Country
    merchant_country: Country
    role: Word
    capture_by: Word
    strategy: Word
    policy_version: MaybeId
    policy_cell: Word
    tariff_id: Id
    tariff_hash: Id
    currency: Currency
    energy_wh: EnergyWh
    proof: Word
    priced_minor: Minor
    approved_minor: Minor
    captured_minor: Minor
    released_minor: Minor
    lapsed_minor: Minor
    open_minor: Minor
    arrears_minor: Minor
    forgiven_minor: Minor
    raises: Count
    declined_at_tap: YesNo
    declined_mid_charge: YesNo
    stop_sent: YesNo
    conflicts: Count
    explanation: Text
    requested_at: Instant
    started_at: MaybeInstant
    charging_ended_at: MaybeInstant
    ended_at: MaybeInstant
    closed_at: MaybeInstant
    changed_at: Instant
    receipt_status: Word
    receipt_id: MaybeId
    receipt_ordinal: Count
    receipt_moment_at: MaybeInstant
    ocpi_session_id: MaybeId = ""
    ocpi_status: Word = ""
    cdr_id: MaybeId = ""
    cdr_status: Word = ""
    cdr_energy_wh: SignedEnergyWh = 0
    cdr_total_minor: MaybeCount = -1
    advice_id: MaybeId = ""
    advice_outcome: Word = ""
    advice_minor: MaybeCount = -1
    refunded_minor: Minor = 0
    risk_open: YesNo = False
    risk_since_at: MaybeInstant = 0
    risk_seen_minor: Minor = 0
    risk_worst_minor: Minor = 0
    holds: Annotated[list[HoldLine], Meta(description="oldest first")]
    commands: Annotated[list[CommandLine], Meta(description="oldest first")]
