"""What is known of one payment: the session's facts in typed slots, and what was said of them.

`PaymentSession` is the state record of the sessions stage: replaced, never changed; fields are only
appended, with defaults. Everything up to `published` is a join of facts (`learn.py`): the same
facts in any order, any number of times, give the same value. Phase and books are derived from it.
"""

import msgspec

from schemas.commands import Command
from schemas.facts import Fact, SessionRequested
from streams.core.strategy import Choice, Refusal
from streams.core.trace import NO_TRACE, Trace

MONEY = frozenset({"hold", "raise", "lower", "capture", "release", "refund"})


# --- facts that only the core and its shell exchange ----------------------------------------------


class Pinned(Fact, frozen=True, kw_only=True):
    """Which reference data this session uses for good, and what was chosen by it.

    The choice is kept as made: newer rules never change what an open session has begun with.
    Exactly one of `choice` and `refusal` is there, but for an observed session, which has neither.
    `traced`: its tariff asks when energy flowed, so that readings are kept and not only the newest.
    `acquirer_p95_ms`: how long its acquirer takes to answer a raise, 0: not known.
    `route`: acquirers in the order in which they are asked; empty: the one that the request names.
    """

    tariff_body: str
    tariff_hash: str
    policy_id: str
    policy_version: str
    choice: Choice | None = None
    refusal: Refusal | None = None
    traced: bool = False
    acquirer_p95_ms: int = 0
    route: tuple[str, ...] = ()


class TapChosen(Fact, frozen=True, kw_only=True):
    """What was chosen for one tap, once its card or its consent was known; kept as made.

    `key`: tap, offer and consent that it was made from (`streams.core.taps.key_of`). `settled`: the
    driver has agreed to it, so that it may be held; else it is to be offered first.
    """

    key: str
    choice: Choice | None = None
    refusal: Refusal | None = None
    settled: bool = False


class TimeReached(Fact, frozen=True, kw_only=True):
    """The session partition's time, epoch ms: it never comes from a clock of ours."""

    at: int


class Issued(Fact, frozen=True, kw_only=True):
    """A command was emitted: from then on it is a fact like any other."""

    command: Command


class Quarantined(Fact, frozen=True, kw_only=True):
    """An input of this session was parked as `ref`: no commands until the same ref is lifted."""

    ref: str


class QuarantineLifted(Fact, frozen=True, kw_only=True):
    """The parked input `ref` was dealt with."""

    ref: str


class ReferenceReused(ValueError):
    """The same reference for another driver: never merged, the shell parks it and alarms."""


class SessionUnknown(LookupError):
    """Only a request opens a session; whatever else comes first is not ours to guess from."""


# --- slots ----------------------------------------------------------------------------------------


class Begun(msgspec.Struct, array_like=True, frozen=True, order=True):
    """The begin of a charging: instant and register. Of several the earliest counts.

    Of those of one instant the highest register: nobody pays for what a contradiction adds.
    """

    started_at: int
    energy_wh: int


class Change(msgspec.Struct, array_like=True, frozen=True, order=True):
    """From `at` on the car was charging, or connected only. In order of instant and number."""

    at: int
    seq: int
    charging: bool


class End(msgspec.Struct, array_like=True, frozen=True, order=True):
    """The end of a charging. A complete one counts above any other, then the latest.

    `whole`: no number before it is missing; `doubtful`: the feed doubts its energy. Complete is
    what is whole and not doubtful.
    """

    complete: bool
    seq: int
    ended_at: int
    energy_wh: int
    reason: str
    whole: bool = False
    doubtful: bool = False


class Signed(msgspec.Struct, array_like=True, frozen=True, order=True):
    """What a feed found in the signed values of an end. `rank` 0: valid, so that these come first.

    See schemas.facts.ChargingEnded: `outcome` and `reason` in its words, the figures of its pair.
    """

    rank: int
    outcome: str
    key_from: str
    meter: str
    wh: int
    from_at: int
    to_at: int
    reason: str = ""


class Power(msgspec.Struct, array_like=True, frozen=True, order=True):
    """At `at` energy flowed at `power_w`; -1: not told."""

    at: int
    power_w: int


NOT_SHOWN = Power(0, -1)


class Limited(msgspec.Struct, array_like=True, frozen=True, order=True):
    """At `at` the charger said that it ends by itself at `energy_wh` of this charging; -1: not."""

    at: int
    energy_wh: int


NOT_LIMITED = Limited(0, -1)


class Charging(msgspec.Struct, array_like=True, frozen=True):
    """One charging of the session. `top_wh`: the highest register value seen, -1: none.

    `top_power_w`: the highest power told, -1: none; `power`: the newest; `gap_ms`: the longest wait
    for a reading. `heard_at`: the newest word of it but its end. `numbered`: its charger numbers
    what it sends. `doubtful_time`: its clock cannot be quite right. `fell`: its register began anew
    or went back. `end_heard_at`: the partition's time when an end without a number came, for its
    quiet time; the one slot that goes by arrival, and is written by `pipe.py`.
    """

    charging_id: str
    network: str
    charger_id: str
    evse_uid: str
    transaction_id: str
    begun: Begun | None = None
    changes: tuple[Change, ...] = ()
    end: End | None = None
    top_wh: int = -1
    seen_at: int = 0
    trace: Trace = NO_TRACE
    top_power_w: int = -1
    gap_ms: int = 0
    power: Power = NOT_SHOWN
    takes_limit: bool = False
    limited: Limited = NOT_LIMITED
    signed: tuple[Signed, ...] = ()
    heard_at: int = 0
    numbered: bool = False
    doubtful_time: bool = False
    fell: bool = False
    end_heard_at: int = 0


class Answer(msgspec.Struct, array_like=True, frozen=True):
    """The best that is known of one command; `outcomes` are all definite ones ever heard.

    `raw_code` and `advice_code` are the acquirer's own words for a no.
    """

    kind: str
    hold_id: str
    outcome: str
    amount_minor: int
    answered_at: int
    reason: str
    source: str
    outcomes: tuple[str, ...] = ()
    raw_code: str = ""
    advice_code: str = ""


class Notice(msgspec.Struct, array_like=True, frozen=True, order=True):
    """What an acquirer said unasked."""

    event: str
    hold_id: str
    command_id: str
    amount_minor: int
    occurred_at: int
    psp_reference: str = ""


class IssuedCommand(msgspec.Struct, array_like=True, frozen=True):
    """A command that was emitted. `kind` is a word of CommandKind, or inquire, resend, start, ...

    `of`: the command that an inquiry or a resend speaks of; of a hold the tap that it rests on.
    `acquirer_id`: who is asked, where it is about money. `body` is the encoded record, kept only
    while it may have to be sent again, and of an offer; the commands topic keeps it for good.
    `proof`: the rung that a capture rests on.
    """

    command_id: str
    kind: str
    of: str
    hold_id: str
    performer: str
    amount_minor: int
    body: bytes
    body_hash: str
    rule: str
    policy_version: str
    issued_at: int
    acquirer_id: str = ""
    proof: str = ""


class HoldTerms(msgspec.Struct, array_like=True, frozen=True):
    """What the acquirer said of one hold beside amounts: its reference, and until when it holds."""

    psp_reference: str = ""
    expires_at: int = 0


class Card(msgspec.Struct, array_like=True, frozen=True, order=True):
    """What is known of a card that was read. Never a PAN."""

    scheme: str
    funding: str
    entry_mode: str
    cvm: str
    bin_country: str
    card_token: str
    terminal_id: str


class Agreed(msgspec.Struct, array_like=True, frozen=True, order=True):
    """To which offer (by number, 0: none) the driver said yes, and to how much at most."""

    offer: int
    minor: int
    at: int
    shown: str


NOT_ASKED = Agreed(0, 0, 0, "")


class Tap(msgspec.Struct, array_like=True, frozen=True):
    """One card read after the request. `disputed`: told with two cards, so that none is sure."""

    card: Card
    read_at: int
    agreed: Agreed = NOT_ASKED
    disputed: bool = False


class Chosen(msgspec.Struct, array_like=True, frozen=True):
    """What was chosen for a tap."""

    choice: Choice | None
    refusal: Refusal | None
    settled: bool


class VisitKnown(msgspec.Struct, array_like=True, frozen=True, order=True):
    """What the visits stage said last of a card: see schemas.facts.VisitSeen."""

    version: int = 0
    superseded_by: str = ""
    attempts_left: int = -1
    barred: bool = False
    wait_until_at: int = 0
    again_at: int = 0


NO_VISIT = VisitKnown()


class ReceiptKnown(msgspec.Struct, array_like=True, frozen=True):
    """How a receipt of this session ended: see schemas.fiscal.ReceiptSettled."""

    outcome: str
    ordinal: int
    moment_at: int
    receipt: str
    late: bool
    pending: bool
    reason: str
    paid_minor: int
    balance_minor: int
    signatures: tuple[tuple[str, str, str], ...]
    settled_at: int


class PartnerSession(msgspec.Struct, array_like=True, frozen=True, order=True):
    """An OCPI session as it was last told: the newest `last_updated_at`, then the later status.

    `rank` orders statuses. `total`: the running total with taxes, as told; empty: not told.
    """

    last_updated_at: int
    rank: int
    status: str
    energy_wh: int
    total: str
    currency: str
    started_at: int
    ended_at: int
    ocpi_session_id: str
    evse_uid: str
    evse_id: str
    partner: str
    aliases: tuple[str, ...]


class PartnerCdr(msgspec.Struct, array_like=True, frozen=True, order=True):
    """A CDR, or a credit CDR. Of several bodies under one id the first by order counts.

    `money_digests`: of all bodies told; more than one contradict each other. `rejected_code`: with
    which OCPI status code a hub or partner refused it, 0: nobody did; it then proves nothing.
    `answers`: partner and code of each refusal, and 0 of who then accepted it after all.
    """

    last_updated_at: int
    money_digest: str
    cdr_id: str
    energy_wh: int
    total: str
    currency: str
    started_at: int
    ended_at: int
    ocpi_session_id: str
    evse_uid: str
    evse_id: str
    credit: bool
    credit_reference_id: str
    partner: str
    aliases: tuple[str, ...]
    money_digests: tuple[str, ...] = ()
    rejected_code: int = 0
    answers: tuple[tuple[str, int], ...] = ()
    parking_ms: int = -1


class Released(msgspec.Struct, array_like=True, frozen=True, order=True):
    """What one person decided is to be captured for: energy, and an amount unless that is -1.

    The same figures of another person are another one of these.
    """

    energy_wh: int
    amount_minor: int
    who: str
    why: str
    evidence: str
    decided_at: int
    decision_id: str


class ThirdCapture(msgspec.Struct, array_like=True, frozen=True, order=True):
    """What a third party says it captured: an advice, or a settlement at the station.

    `captured_minor` -1: not told in whole minor units. `by`: terminal_provider or station.
    """

    told_at: int
    outcome: str
    captured_minor: int
    currency: str
    advice_id: str
    partner: str
    by: str
    aliases: tuple[str, ...] = ()


class Confirmed(msgspec.Struct, array_like=True, frozen=True, order=True):
    """An alias that a person bound to this session."""

    alias: str
    bound_from: int
    bound_to: int


class Silence(msgspec.Struct, array_like=True, frozen=True, order=True):
    """What link said last of a charging's charger: see schemas.facts.ChargerSilence.

    Of several the highest version counts. `dark_at`: the newest `read_at` that any `silent` has
    told, 0: the charger never went dark. It stays when the charger is heard of again.
    """

    version: int
    state: str
    seen_at: int
    read_at: int
    allowed_ms: int
    told_at: int
    dark_at: int = 0


class RefundAsked(msgspec.Struct, array_like=True, frozen=True, order=True):
    """What a person decided to give back: see schemas.decisions.RefundDecided.

    `disputed`: told with two bodies under one id, so that none of them is obeyed.
    """

    amount_minor: int
    currency: str
    route: str
    reason: str
    who: str
    decided_at: int
    second_who: str = ""
    disputed: bool = False


class Overpaid(msgspec.Struct, array_like=True, frozen=True):
    """Captured above what is known to be due, by which cause, and since when it has stood so."""

    minor: int = 0
    cause: str = ""
    since_at: int = 0


NOT_OVERPAID = Overpaid()


class Reported(msgspec.Struct, array_like=True, frozen=True, order=True):
    """What was said of a first hold that we did not ask for: see schemas.facts.HoldReported.

    Of several the first counts.
    """

    placed_at: int
    amount_minor: int
    psp_reference: str
    expires_at: int


# --- what was published: outputs, last by version -------------------------------------------------


class WatchShown(msgspec.Struct, array_like=True, frozen=True):
    """The newest watch of one charging, and what it was computed from as `basis`."""

    version: int
    wake_energy_wh: int
    wake_read_at: int
    closing: bool
    basis: tuple[int, ...]
    marks: tuple[int, ...] = ()
    every_ms: int = 0
    power_w: int = 0


class DifferenceShown(msgspec.Struct, array_like=True, frozen=True):
    """A discrepancy as it was last published."""

    kind: str
    detail: str
    amount_minor: int
    open: bool


class Published(msgspec.Struct, array_like=True, frozen=True):
    """What consumers were last told: nothing is decided from it but whether to tell them again."""

    ledger_version: int = 0
    ledger_digest: bytes = b""
    watches: dict[str, WatchShown] = {}
    differences: dict[str, DifferenceShown] = {}
    aliases: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()


NOTHING_PUBLISHED = Published()


class PaymentSession(msgspec.Struct, array_like=True, frozen=True):
    """One driver, one charge, one payment. `deadline`: when to ask again at the latest, or None.

    `closed_at`: the ledger's instant of it while the session is closed, else 0. `premature`: of
    `released` what came before anything can have flowed; by arrival, and written by `pipe.py`.
    `takeovers`: who says that our executor is to capture in another's place (`takeover.py`).
    """

    session_id: str
    request: SessionRequested
    pinned: Pinned | None = None
    clock_at: int = 0
    chargings: dict[str, Charging] = {}
    answers: dict[str, Answer] = {}
    terms: dict[str, HoldTerms] = {}
    notices: tuple[Notice, ...] = ()
    issued: dict[str, IssuedCommand] = {}
    conflicts: tuple[str, ...] = ()
    quarantined: tuple[str, ...] = ()
    lifted: tuple[str, ...] = ()
    published: Published = NOTHING_PUBLISHED
    deadline: int | None = None
    closed_at: int = 0
    taps: dict[str, Tap] = {}
    chosen: dict[str, Chosen] = {}
    visits: dict[str, VisitKnown] = {}
    receipts: dict[str, ReceiptKnown] = {}
    partner_sessions: dict[str, PartnerSession] = {}
    cdrs: dict[str, PartnerCdr] = {}
    advices: dict[str, ThirdCapture] = {}
    confirmed: tuple[Confirmed, ...] = ()
    silences: dict[str, Silence] = {}
    released: tuple[Released, ...] = ()
    refund_decisions: dict[str, RefundAsked] = {}
    overpaid: Overpaid = NOT_OVERPAID
    reported: tuple[Reported, ...] = ()
    premature: tuple[Released, ...] = ()
    takeovers: tuple[str, ...] = ()

    @property
    def now_at(self) -> int:
        """The partition's time; at first the request's own, for time may lag behind its inputs."""
        return max(self.clock_at, self.request.requested_at)


def places_first_hold(session: PaymentSession) -> bool:
    """Whether we ask for it: else whoever placed it reports it (schemas.facts.HoldReported)."""
    return session.request.hold_by == "performer"


def begins_itself(session: PaymentSession) -> bool:
    """A station that holds by itself begins by itself, too: nobody asks it to start."""
    return session.request.hold_by == "station"


def was_begun(session: PaymentSession) -> bool:
    """Whether a charging can be ours: we asked for one, or a station has a hold of its own."""
    if f"{session.session_id}/start" in session.issued:
        return True
    return begins_itself(session) and bool(session.reported)


def dark_at(session: PaymentSession, charging_id: str) -> int:
    """The last word of this charging before its charger went dark, if it ever did; else 0."""
    known = session.silences.get(charging_id)
    return 0 if known is None else known.dark_at


def is_over(session: PaymentSession) -> bool:
    """Closed, and nothing is awaited: only a late fact could change anything (design.md 5)."""
    return session.closed_at > 0 and session.deadline is None and not outstanding(session)


def outstanding(session: PaymentSession) -> int:
    """Money commands given to our executor of which nothing at all has been heard."""
    return sum(
        command.performer == "executor" and command.command_id not in session.answers
        for command in session.issued.values()
    )
