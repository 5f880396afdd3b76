"""Facts: what happened, in the past tense. One class a record; `avro/` is the wire's truth.

Every `*_at` is an instant in epoch milliseconds UTC, energies are Wh, amounts minor units.
Hot records (`catalogue.HOT`) have neither unions nor logical types: -1, 0 and '' say "not told".
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from schemas.fields import (
    Body,
    Count,
    Country,
    Currency,
    Difference,
    Encoded,
    EnergyWh,
    Id,
    Instant,
    MaybeCount,
    MaybeId,
    MaybeInstant,
    MaybePath,
    Minor,
    Offline,
    Path,
    PowerW,
    Sequence,
    Text,
    Word,
    YesNo,
)

Role = Literal["operator_side", "terminal_provider_side", "observer", "unknown"]
Performer = Literal["executor", "operator", "terminal_provider", "station"]
Outcome = Literal["done", "declined", "failed", "unknown", "not_found"]
CommandKind = Literal["hold", "raise", "lower", "capture", "release", "refund"]


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all records: frozen values that exist only when they are valid."""


# --- from terminals ---------------------------------------------------------------------------


class Request(Fact, frozen=True, kw_only=True):
    """What a driver asks for, where, with which card: what opens a session says all of it."""

    tenant: Id
    session_id: Id
    provider: Id
    authorization_reference: Annotated[
        str, Meta(min_length=1, max_length=36, description="minted by the terminal, any case")
    ]
    terminal_id: Id
    network: Id
    charger_id: Id
    evse_uid: Id
    connector_id: MaybeId = ""
    channel: Literal["terminal", "station", "kiosk", "web"]
    role: Role
    capture_by: Performer
    power_type: Literal["AC", "DC"]
    power_max_w: PowerW
    scheme: Word
    funding: Literal["credit", "debit", "prepaid", "unknown"]
    entry_mode: Word
    cvm: Word
    bin_country: Country
    merchant_country: Country
    card_token: MaybeId
    declared_kind: Literal["none", "amount", "energy", "fill"] = "none"
    declared_value: Count = 0
    currency: Currency
    acquirer_id: Id
    tariff_id: Id
    tariff_hash: Id
    requested_at: Instant
    time_zone: MaybeId = ""
    site_id: MaybeId = ""
    terminal_capability: Word = ""
    stage: Literal["tapped", "amount_first", "tap_first"] = "tapped"
    expected_wh: EnergyWh = 0
    expected_ms: Count = 0
    consented_minor: Minor = 0
    consented_at: MaybeInstant = 0
    reauthorise_consent: YesNo = False


class SessionRequested(Request, frozen=True, kw_only=True):
    """A driver asks to charge and pay by card: the only fact (with HoldReported) that opens one.

    `stage` tapped: the card was read and its amount is settled. amount_first: an amount is to be
    offered before the card is read, tap_first: after; no field of the card is known, and CardRead
    follows. `consented_minor`: the most that the driver agreed to have held, 0: not told. Zeros and
    empty words elsewhere are not told, too. `acquirer_id` any: the policy's routes decide.
    `reauthorise_consent`: the driver agreed that what is due may be asked of the card anew.
    `hold_by`: who places the first hold. performer: whoever `capture_by` names, asked by PlaceHold;
    anybody else does so unasked, and tells of it by HoldReported.
    """

    hold_by: Literal["performer", "terminal", "station", "web"] = "performer"


class HoldReported(Request, frozen=True, kw_only=True):
    """A hold that a terminal, a station or a web page placed itself: it opens a session, too.

    Says of the request what SessionRequested says, in either order, which then has `hold_by` as
    `reported_by` here. `acquirer_id` has the hold, and calls it `psp_reference`; `approved_minor`
    is what it holds. `placed_at`: approved; `expires_at`: until when it is kept, 0: not told. A
    station that reports one begins the charging itself: it is not asked to start.
    """

    reported_by: Literal["terminal", "station", "web"]
    psp_reference: Id
    approved_minor: Minor
    placed_at: Instant
    expires_at: MaybeInstant = 0


class CardRead(Fact, frozen=True, kw_only=True):
    """A card was read for a session that is known: after an offer, or before it, or once more.

    `tap` counts the cards read, from 1 on; a tap told again says the same card. `offer_id` is the
    OfferAmount that the driver agreed to, `consented_minor` the most that may be held by it (0: not
    asked yet). `shown` says how the amount was shown.
    """

    tenant: Id
    session_id: Id
    terminal_id: Id
    tap: Annotated[int, Meta(ge=1, le=1000, description="number of the tap, from 1 on")]
    scheme: Word
    funding: Literal["credit", "debit", "prepaid", "unknown"]
    entry_mode: Word
    cvm: Word
    bin_country: Country
    card_token: MaybeId
    offer_id: MaybePath = ""
    consented_minor: Minor = 0
    consented_at: MaybeInstant = 0
    shown: Word = ""
    read_at: Instant


# --- from chargers ----------------------------------------------------------------------------


class MeterReading(Fact, frozen=True, kw_only=True, gc=False):
    """The energy register of an EVSE during a charging (OCPP MeterValues). Hot: many a session."""

    tenant: Id
    network: Id
    charger_id: Id
    evse_uid: Id
    transaction_id: Id
    seq: Sequence
    energy_wh: EnergyWh
    power_w: PowerW
    read_at: Instant
    flags: Count = 0


class ChargingStarted(Fact, frozen=True, kw_only=True):
    """OCPP StartTransaction or TransactionEvent(Started); `energy_wh` is the begin register.

    `takes_limit`: the charger ends by itself at the energy that LimitCharging names (OCPP 2.1).
    `psp_reference`: the idToken of a payment at the station (DirectPayment). Told again with more
    as more becomes known: of several begins the earliest instant and lowest register count.
    `flags` of all facts of chargers: `schemas.flags`.
    """

    tenant: Id
    network: Id
    charger_id: Id
    evse_uid: Id
    connector_id: MaybeId = ""
    transaction_id: Id
    remote_start_id: MaybeId
    payment_kind: Literal["card", "contract", "unknown"]
    seq: Sequence
    energy_wh: EnergyWh
    offline: Offline
    started_at: Instant
    flags: Count = 0
    takes_limit: YesNo = False
    psp_reference: MaybeId = ""


class ChargingUpdated(Fact, frozen=True, kw_only=True):
    """TransactionEvent(Updated) with a charging state: tells the end of charging from departure.

    `charging_state` not_told: only its number, its limit or its energy count. `energy_wh` is not
    told where `flags` has ENERGY_NOT_TOLD: it is then the begin's.
    `limit_wh`: the charger will end at so much energy of this charging (transactionLimit); -1: not
    told.
    """

    tenant: Id
    network: Id
    charger_id: Id
    evse_uid: Id
    transaction_id: Id
    seq: Sequence
    charging_state: Literal[
        "charging", "suspended_ev", "suspended_evse", "ev_connected", "idle", "not_told"
    ]
    energy_wh: EnergyWh
    power_w: PowerW
    offline: Offline
    updated_at: Instant
    flags: Count = 0
    limit_wh: MaybeCount = -1


class ChargingEnded(Fact, frozen=True, kw_only=True):
    """StopTransaction or TransactionEvent(Ended); `energy_wh` is the end register.

    `signed_data` is a JSON list, begin to end: signedMeterValue objects (OCPP 2.x) or the texts of
    values of format SignedData (1.6), each as it came; `verify-signature` reads it as it is.

    What the feed found when it verified them (rung SIGNED_END of design.md, section 6, rests on
    it): `signed_outcome` is `valid` only where one begin and end pair of one meter is valid, with
    its pages contiguous and its energy billable; else the outcome that stands in the way, with
    `signed_reason` in words; empty: nothing was signed, or nobody looked. The `signed_` figures
    are of that pair, 0 and empty without one. `signed_key_from`: `registry` is the operator's own
    list of keys; `enclosed` came with the record and proves that it is whole, not whose it is.
    """

    tenant: Id
    network: Id
    charger_id: Id
    evse_uid: Id
    transaction_id: Id
    seq: Sequence
    energy_wh: EnergyWh
    reason: Word
    offline: Offline
    ended_at: Instant
    signed_data: Annotated[
        str, Meta(description="JSON list of signed meter values as they came, empty: none")
    ] = ""
    flags: Count = 0
    signed_outcome: Word = ""
    signed_reason: Text = ""
    signed_key_from: Word = ""
    signed_meter: MaybeId = ""
    signed_wh: EnergyWh = 0
    signed_from_at: MaybeInstant = 0
    signed_to_at: MaybeInstant = 0


class ChargerSeen(Fact, frozen=True, kw_only=True):
    """A sign of life without a transaction: heartbeat, status, boot."""

    tenant: Id
    network: Id
    charger_id: Id
    kind: Literal["heartbeat", "status", "boot", "event"]
    status: Word
    seen_at: Instant


class SettlementNotified(Fact, frozen=True, kw_only=True):
    """The station settled a payment itself, or could not: OCPP 2.1 NotifySettlement (C20 to C22).

    `amount` is exact, in the currency of the station's tariff, which the message does not tell.
    Without `transaction_id` the payment was given up before a transaction began (C19).
    """

    tenant: Id
    network: Id
    charger_id: Id
    transaction_id: MaybeId
    psp_reference: MaybeId
    status: Literal["settled", "canceled", "rejected", "failed"]
    amount: Annotated[str, Meta(max_length=64, description="decimal amount, settled or attempted")]
    detail: Text = ""
    receipt_id: MaybeId = ""
    receipt_url: Text = ""
    settled_at: Instant
    flags: Count = 0


# --- from acquirers ---------------------------------------------------------------------------


class AcquirerAnswered(Fact, frozen=True, kw_only=True):
    """What became of one money command: by the executor, a webhook, an inquiry or a consumer.

    `amount_minor`: for hold, raise and lower the total now held; else what was moved.
    `resolves`: on the answer to an inquiry or a resend, the command that it speaks of; else empty.
    Only an explicit yes is `done`, only an explicit no is `declined` (issuer) or `failed`
    (could not be done); everything else is `unknown`. `not_found` answers inquiries only.
    `issued_at`: of the command that it answers, so that its latency can be told. `raw_code` of a
    no: ISO 8583's field 39, or an acquirer's own code behind its name: `adyen:12`. `advice_code`:
    what came beside it (Mastercard's merchant advice code, Stripe's advice_code).
    """

    tenant: Id
    session_id: Id
    command_id: Path
    resolves: MaybePath = ""
    kind: CommandKind
    hold_id: Path
    acquirer_id: Id
    outcome: Outcome
    amount_minor: Minor
    currency: Currency
    reason: Word = ""
    raw_code: Word = ""
    psp_reference: MaybeId = ""
    expires_at: MaybeInstant = 0
    source: Literal["executor", "webhook", "inquiry", "consumer"]
    answered_at: Instant
    issued_at: MaybeInstant = 0
    advice_code: Word = ""


class AcquirerNotified(Fact, frozen=True, kw_only=True):
    """What an acquirer says unasked: a hold lapsed, a capture that succeeded failed after all.

    `..._unasked`: money was held, captured or refunded and no command of ours did it; `hold_id` is
    empty where the payment is none of our holds. A chargeback's amount is what is disputed.
    """

    tenant: Id
    session_id: Id
    hold_id: MaybePath
    acquirer_id: Id
    event: Literal[
        "hold_lapsed",
        "capture_failed",
        "refund_failed",
        "chargeback_opened",
        "chargeback_reversed",
        "held_unasked",
        "captured_unasked",
        "refunded_unasked",
    ]
    command_id: MaybePath = ""
    amount_minor: Minor
    currency: Currency
    psp_reference: MaybeId = ""
    occurred_at: Instant


class NoticeUnbound(Fact, frozen=True, kw_only=True):
    """What an acquirer says of a payment whose session it does not name, on its way to it.

    `alias` finds the session: of the merchant reference for a hold (ours, or the terminal's
    authorization_reference), of the payment's own `psp_reference` for all else. `event` is a kind
    of command, answered with `outcome`, or an event of AcquirerNotified. Amounts and codes as in
    AcquirerAnswered.
    """

    tenant: Id
    alias: Path
    acquirer_id: Id
    event: Literal[
        "hold",
        "raise",
        "capture",
        "release",
        "refund",
        "hold_lapsed",
        "capture_failed",
        "refund_failed",
        "chargeback_opened",
        "chargeback_reversed",
    ]
    outcome: Outcome
    merchant_reference: MaybeId
    psp_reference: MaybeId
    amount_minor: Minor
    currency: Currency
    reason: Word = ""
    raw_code: Word = ""
    advice_code: Word = ""
    expires_at: MaybeInstant = 0
    occurred_at: Instant


# --- what a card does at a site -------------------------------------------------------------------


class CardUsed(Fact, frozen=True, kw_only=True):
    """What a session did with its card, on its way to the card's visit at its site.

    `command_id`: the hold or raise that was asked for and answered; a repeat says the same again.
    `retry`: what the no says of trying again (streams.core.declines), `wait_ms` for how long not.
    """

    tenant: Id
    site_id: Id
    card_token: Id
    session_id: Id
    network: Id
    charger_id: Id
    evse_uid: Id
    scheme: Word
    event: Literal["tapped", "approved", "declined", "charging", "over"]
    command_id: MaybePath = ""
    amount_minor: Minor = 0
    retry: Word = ""
    wait_ms: Count = 0
    requested_at: Instant
    used_at: Instant


class CardVisit(Fact, frozen=True, kw_only=True):
    """One card at one site: its visit, and its refused attempts in the windows of its scheme.

    `sessions`: those of the newest visit. `attempts_left`: what the scheme still allows, -1: it has
    no cap; `barred`: it must not be tried again; not before `wait_until_at` otherwise.
    """

    tenant: Id
    site_id: Id
    card_token: Id
    scheme: Word
    version: Count
    visit_from_at: Instant
    last_at: Instant
    sessions: Annotated[list[str], Meta(description="session ids, by the time of their request")]
    declined_day: Count
    declined_month: Count
    attempts_left: MaybeCount
    barred: YesNo
    wait_until_at: MaybeInstant


class VisitSeen(Fact, frozen=True, kw_only=True):
    """What a session has to know of its card's visit; of several the highest version counts.

    `superseded_by`: a later session of the same card took its place, so that its hold is surplus.
    The rest as in CardVisit; `attempts_left` -1 also where nothing was refused yet. `again_at`:
    where none are left, the instant at which the scheme's windows allow another; 0: not told.
    """

    tenant: Id
    session_id: Id
    card_token: Id
    version: Count
    superseded_by: MaybeId = ""
    attempts_left: MaybeCount = -1
    barred: YesNo = False
    wait_until_at: MaybeInstant = 0
    seen_at: Instant
    again_at: MaybeInstant = 0


# --- how acquirers are doing --------------------------------------------------------------------


class AnswerSample(Fact, frozen=True, kw_only=True):
    """One answer: a verdict about the card, or a failure of the way to it. -1: not told."""

    verdict: Literal["approved", "declined", "technical", "other"]
    latency_ms: MaybeCount
    answered_at: Instant


class AcquirerSampled(Fact, frozen=True, kw_only=True):
    """Answers of one acquirer, from a session partition on their way to the acquirer's."""

    tenant: Id
    acquirer_id: Id
    answers: Annotated[list[AnswerSample], Meta(description="in the order of arriving")]


class AcquirerHealth(Fact, frozen=True, kw_only=True):
    """How an acquirer answered in the `window_ms` up to its newest answer, at `last_at`.

    `technical` of `answers` judged no card: time-outs, errors, no connection. `good_since` counts
    the others after the last technical one, 20 at most. Latencies run from command to answer.
    """

    tenant: Id
    acquirer_id: Id
    version: Count
    window_ms: Count
    answers: Count
    approved: Count
    declined: Count
    technical: Count
    p50_ms: MaybeCount
    p95_ms: MaybeCount
    good_since: Count
    last_technical_at: MaybeInstant
    last_at: Instant


# --- reference data ---------------------------------------------------------------------------


class TariffPublished(Fact, frozen=True, kw_only=True):
    """One version of a tariff; `body` is its canonical OCPI JSON, `tariff_hash` its digest."""

    tenant: Id
    tariff_id: Id
    tariff_hash: Id
    currency: Currency
    body: Body
    received_at: Instant


class PolicyPublished(Fact, frozen=True, kw_only=True):
    """One version of a strategy policy; `body` is its TOML text."""

    tenant: Id
    policy_id: Id
    version: Id
    body: Body
    published_at: Instant


# --- the linking of facts to sessions, and time -------------------------------------------------


class LinkedFact(Fact, frozen=True, kw_only=True):
    """A fact on its way to its session: the encoded original, untouched, with what link knows.

    `crossing`: the version of the watch that this reading crossed, 0: none.
    `sequence_complete`: on ChargingEnded, every number from the start's to the end's was seen.
    `gap_ms`: on a reading that crossed, since the reading before it; 0: not known.
    `register_fell`: on ChargingEnded, a reading of the charging was refused for it lay below an
    earlier one: begin and end of its register say nothing of what flowed.
    """

    tenant: Id
    session_id: Id
    charging_id: Path
    source_topic: Id
    source_partition: Count
    source_offset: Count
    crossing: Count
    sequence_complete: YesNo
    fact: Encoded
    gap_ms: Count = 0
    register_fell: YesNo = False


class Watermark(Fact, frozen=True, kw_only=True):
    """Link partition `link_partition` has applied all that it had been given up to `at`."""

    link_partition: Count
    link_partitions: Count
    at: Instant


class ChargerSilence(Fact, frozen=True, kw_only=True):
    """Whether the charger of a running charging is heard of: told by link, once per change.

    Of several the highest `version` counts. `state` silent: nothing was heard of the charger for
    longer than `allowed_ms`. unread: of the charger, but not of this charging. heard: it tells
    again, or has ended. lost: the charger has been heard of for long, and this charging has not.
    `seen_at`: the newest sign of life of the charger, `read_at`: of this charging, each by the
    charger's clock (0: none); `told_at`: by link's, at a tick.
    """

    tenant: Id
    session_id: Id
    charging_id: Path
    version: Count
    state: Literal["silent", "unread", "heard", "lost"]
    seen_at: MaybeInstant
    read_at: MaybeInstant
    allowed_ms: Count
    told_at: Instant


class AliasBound(Fact, frozen=True, kw_only=True):
    """Within [bound_from, bound_to) the alias means this session. Written by sessions only."""

    tenant: Id
    alias: Path
    session_id: Id
    bound_from: Instant
    bound_to: Instant


class AliasLookup(Fact, frozen=True, kw_only=True):
    """A fact that names its session only by aliases, on its way to who knows the first of them.

    `others`: those to ask after this one, in order; `tried`: those that knew no session, where it
    waits meanwhile; `doubtful`: one of them knew several. `waits` no: whose session is not known by
    now belongs to none. `waits_from`: since when it can have waited, 0: since it happened.
    `settled_by`: the session that another alias has found; the fact waits here no longer.
    """

    tenant: Id
    alias: Path
    charging_id: Path
    occurred_at: Instant
    source_topic: Id
    source_partition: Count
    source_offset: Count
    fact: Encoded
    others: Annotated[list[str], Meta(description="aliases to ask next, in order")] = []
    tried: Annotated[list[str], Meta(description="aliases that it waits at")] = []
    doubtful: YesNo = False
    waits: YesNo = True
    waits_from: MaybeInstant = 0
    settled_by: MaybeId = ""


class Watch(Fact, frozen=True, kw_only=True):
    """What sessions asks the gate to look out for on one charging; the newest version counts.

    `wake_energy_wh` is a value of the EVSE's register; `wake_read_at` the instant of a reading;
    whichever is reached first. A closing watch keeps the binding and wakes nobody.

    Where the tariff asks for more than the two ends: around each instant of `marks` (rising) the
    readings just before and after go on, crossing or not; and at least every `every_ms` one does.

    `power_w`: the most that the EVSE delivers; readings above that are not believed. 0: not told.
    """

    tenant: Id
    network: Id
    charger_id: Id
    transaction_id: Id
    session_id: Id
    version: Count
    wake_energy_wh: EnergyWh
    wake_read_at: MaybeInstant
    closing: YesNo
    marks: Annotated[list[Instant], Meta(max_length=32, description="instants, rising")] = []
    every_ms: Count = 0
    power_w: Count = 0


class Tick(Fact, frozen=True, kw_only=True):
    """It is `at` now, for link partition `partition`."""

    partition: Count
    at: Instant


class ClockApplied(Fact, frozen=True, kw_only=True):
    """Session partition `partition` has applied time `at`; `outstanding` commands wait."""

    partition: Count
    partitions: Count
    at: Instant
    outstanding: Count
    oldest: Annotated[list[str], Meta(description="the first few of them")] = []


# --- what the program says of itself ------------------------------------------------------------


class AppliedInput(Fact, frozen=True, kw_only=True):
    """One input as a session took it, at its partition's `clock_at`; '' and -1: time itself."""

    topic: MaybeId
    partition: MaybeCount
    offset: MaybeCount
    clock_at: Instant


class SessionJournal(Fact, frozen=True, kw_only=True):
    """Which inputs one transaction applied to one session, in order: what the auditor follows.

    `rules`: the edition of the rules that decided. `issued`: commands that went out, by id. Policy
    and tariff are those that an opening pinned, empty in all later records (and no tariff known).
    """

    tenant: Id
    session_id: Id
    partition: Count
    applied: Annotated[list[AppliedInput], Meta(description="in the order of applying")]
    health: Annotated[list[AcquirerHealth], Meta(description="what the opening went by")] = []
    rules: MaybeId = ""
    issued: Annotated[list[Path], Meta(description="ids of commands, as they went out")] = []
    policy_id: MaybeId = ""
    policy_version: MaybeId = ""
    tariff_hash: MaybeId = ""


class DiscrepancyChanged(Fact, frozen=True, kw_only=True):
    """A difference that a person may have to look at: opened, changed or closed."""

    tenant: Id
    session_id: MaybeId
    discrepancy_id: Id
    kind: Word
    status: Literal["opened", "changed", "closed"]
    detail: Text
    amount_minor: Difference
    currency: MaybeId
    changed_at: Instant


class OrphanAged(Fact, frozen=True, kw_only=True):
    """A fact claims a card payment and no session is known for its alias. It goes on waiting."""

    tenant: Id
    alias: Path
    charging_id: Path
    source_topic: Id
    source_partition: Count
    source_offset: Count
    occurred_at: Instant
    aged_at: Instant
    detail: Text
