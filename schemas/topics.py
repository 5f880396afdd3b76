"""The topic catalogue: the only place where a topic, its key, records, users and life are named.

Creation, the table in the README and the start-up check are made from it (`holdfast topics`).
"""

from typing import Literal

import msgspec

DAY_MS = 24 * 60 * 60 * 1000
EVIDENCE_MS = 400 * DAY_MS  # chargebacks, credit CDRs and retention rules reach back this far

# With Kafka's defaults a compacted topic of ours would never be compacted (design.md, section 3).
_COMPACTION = {
    "cleanup.policy": "compact",
    "segment.bytes": str(64 * 1024 * 1024),
    "segment.ms": str(10 * 60 * 1000),
    "min.cleanable.dirty.ratio": "0.1",
    "max.compaction.lag.ms": str(30 * 60 * 1000),
    "delete.retention.ms": str(DAY_MS),
}


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """One topic. `retention_ms` 0: compacted, the newest value of every key is kept."""

    name: str
    key: str
    records: tuple[str, ...]
    written_by: str
    read_by: str
    retention_ms: int
    spread: Literal["partitioned", "single"] = "partitioned"
    carries: str

    @property
    def configs(self) -> dict[str, str]:
        if self.retention_ms == 0:
            return dict(_COMPACTION)
        return {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}

    def partitions(self, wanted: int) -> int:
        """`wanted` for all keyed topics: stages own the same number of each of their inputs."""
        return wanted if self.spread == "partitioned" else 1


READINGS = "charger.readings.v1"
TRANSACTIONS = "charger.transactions.v1"
OCPI_SESSIONS = "ocpi.sessions.v1"
OCPI_CDRS = "ocpi.cdrs.v1"
TARIFFS = "ocpi.tariffs.v1"
LOCATIONS = "ocpi.locations.v1"
TOKENS = "ocpi.tokens.v1"
TERMINALS = "ocpi.terminals.v1"
ADVICES = "ocpi.advices.v1"
INVOICES = "ocpi.invoices.v1"
POLICIES = "policies.v1"
REQUESTS = "terminal.requests.v1"
RESPONSES = "acquirer.responses.v1"
CARD_USES = "card.uses.v1"
VISITS = "card.visits.v1"
VISIT_FACTS = "visit.facts.v1"
HEALTH_SAMPLES = "acquirer.samples.v1"
HEALTH = "acquirer.health.v1"
FISCAL_REQUESTS = "fiscal.requests.v1"
FISCAL_COMMANDS = "fiscal.commands.v1"
FISCAL_ANSWERS = "fiscal.answers.v1"
FISCAL_RESPONSES = "fiscal.responses.v1"
DECISIONS = "operator.decisions.v1"
TICKS = "clock.ticks.v1"
APPLIED = "clock.applied.v1"
EVENTS = "session.events.v1"
ALIASES = "session.aliases.v1"
LOOKUPS = "alias.lookups.v1"
WATCHES = "meter.watches.v1"
LEDGER = "session.ledger.v1"
JOURNAL = "session.journal.v1"
COMMANDS = "payment.commands.v1"
CHARGER_COMMANDS = "charger.commands.v1"
TERMINAL_COMMANDS = "terminal.commands.v1"
OCPI_COMMANDS = "ocpi.commands.v1"
DISCREPANCIES = "session.discrepancies.v1"
DRIFT = "feed.drift.v1"
PARKED = "holdfast.parked.v1"
LINK_STATE = "holdfast.link-state.v1"
SESSIONS_STATE = "holdfast.sessions-state.v1"
HEALTH_STATE = "holdfast.health-state.v1"
VISITS_STATE = "holdfast.visits-state.v1"
FISCAL_STATE = "holdfast.fiscal-state.v1"

TOPICS: tuple[Topic, ...] = (
    Topic(
        name=READINGS,
        key="tenant/network/charger",
        records=("MeterReading",),
        written_by="OCPP feed, replay",
        read_by="link",
        retention_ms=7 * DAY_MS,
        carries="energy registers, many a session",
    ),
    Topic(
        name=TRANSACTIONS,
        key="tenant/network/charger",
        records=(
            "ChargingStarted",
            "ChargingUpdated",
            "ChargingEnded",
            "ChargerSeen",
            "SettlementNotified",
        ),
        written_by="OCPP feed, replay",
        read_by="link",
        retention_ms=EVIDENCE_MS,
        carries="begin, state and end of chargings, signs of life",
    ),
    Topic(
        name=OCPI_SESSIONS,
        key="alias of the OCPI session",
        records=("SessionSeen",),
        written_by="OCPI feed",
        read_by="link, sink",
        retention_ms=EVIDENCE_MS,
        carries="sessions as partners tell them",
    ),
    Topic(
        name=OCPI_CDRS,
        key="alias of the OCPI session, else of the CDR",
        records=("CdrSeen",),
        written_by="OCPI feed",
        read_by="link, sink",
        retention_ms=EVIDENCE_MS,
        carries="CDRs and credit CDRs, each once",
    ),
    Topic(
        name=TARIFFS,
        key="tenant/tariff/hash",
        records=("TariffPublished",),
        written_by="OCPI feed, replay",
        read_by="sessions (reference)",
        retention_ms=0,
        spread="single",
        carries="every version of a tariff",
    ),
    Topic(
        name=LOCATIONS,
        key="tenant/party/location[/EVSE]",
        records=("LocationSeen", "EvseSeen"),
        written_by="OCPI feed",
        read_by="operators",
        retention_ms=0,
        spread="single",
        carries="places, their EVSEs and the status of these",
    ),
    Topic(
        name=TOKENS,
        key="tenant/party/token/type",
        records=("TokenSeen",),
        written_by="OCPI feed",
        read_by="operators",
        retention_ms=0,
        carries="driver tokens, which tell a contract's charging from one paid by card",
    ),
    Topic(
        name=TERMINALS,
        key="tenant/partner/terminal",
        records=("TerminalSeen",),
        written_by="OCPI feed",
        read_by="operators",
        retention_ms=0,
        spread="single",
        carries="payment terminals and what they serve",
    ),
    Topic(
        name=ADVICES,
        key="alias of the authorization_reference",
        records=("AdviceConfirmed",),
        written_by="OCPI feed",
        read_by="link",
        retention_ms=EVIDENCE_MS,
        carries="what became of captures that a terminal provider made",
    ),
    Topic(
        name=INVOICES,
        key="tenant/party/record",
        records=("InvoiceReported",),
        written_by="OCPI feed",
        read_by="sink, operators",
        retention_ms=EVIDENCE_MS,
        carries="which CDRs a partner's invoice covers",
    ),
    Topic(
        name=POLICIES,
        key="tenant/policy/version",
        records=("PolicyPublished",),
        written_by="command line",
        read_by="sessions (reference)",
        retention_ms=0,
        spread="single",
        carries="every version of a policy",
    ),
    Topic(
        name=REQUESTS,
        key="session_id",
        records=("SessionRequested", "HoldReported", "CardRead"),
        written_by="terminals, replay",
        read_by="sessions",
        retention_ms=EVIDENCE_MS,
        carries="cards presented at chargers, and holds that others placed on them",
    ),
    Topic(
        name=RESPONSES,
        key="session_id",
        records=("AcquirerAnswered", "AcquirerNotified"),
        written_by="executor, settlement consumers, webhooks",
        read_by="sessions, health",
        retention_ms=EVIDENCE_MS,
        carries="outcomes of money commands",
    ),
    Topic(
        name=CARD_USES,
        key="tenant/site/card token",
        records=("CardUsed",),
        written_by="sessions",
        read_by="visits",
        retention_ms=EVIDENCE_MS,
        carries="what became of cards, on its way to their visits",
    ),
    Topic(
        name=VISITS,
        key="tenant/site/card token",
        records=("CardVisit",),
        written_by="visits",
        read_by="operators",
        retention_ms=EVIDENCE_MS,
        carries="visits and refused attempts of every card at every site",
    ),
    Topic(
        name=VISIT_FACTS,
        key="session_id",
        records=("VisitSeen",),
        written_by="visits",
        read_by="sessions",
        retention_ms=EVIDENCE_MS,
        carries="what sessions have to know of their card's visit",
    ),
    Topic(
        name=HEALTH_SAMPLES,
        key="tenant/acquirer",
        records=("AcquirerSampled",),
        written_by="health",
        read_by="health",
        retention_ms=30 * DAY_MS,
        carries="verdicts and latencies on their way to their acquirer's partition",
    ),
    Topic(
        name=HEALTH,
        key="tenant/acquirer",
        records=("AcquirerHealth",),
        written_by="health",
        read_by="sessions (reference)",
        retention_ms=0,
        spread="single",
        carries="approval rates, latencies and failures of every acquirer",
    ),
    Topic(
        name=FISCAL_REQUESTS,
        key="tenant/fiscal chain",
        records=("RequestReceipt",),
        written_by="sessions",
        read_by="fiscal",
        retention_ms=EVIDENCE_MS,
        carries="receipts to be numbered and signed",
    ),
    Topic(
        name=FISCAL_COMMANDS,
        key="tenant/fiscal chain",
        records=("SignReceipt",),
        written_by="fiscal",
        read_by="fiscal executor",
        retention_ms=EVIDENCE_MS,
        carries="receipts with number and moment, one outstanding a chain",
    ),
    Topic(
        name=FISCAL_ANSWERS,
        key="tenant/fiscal chain",
        records=("ReceiptAnswered",),
        written_by="fiscal executor",
        read_by="fiscal",
        retention_ms=EVIDENCE_MS,
        carries="what fiscal services made of receipts",
    ),
    Topic(
        name=FISCAL_RESPONSES,
        key="session_id",
        records=("ReceiptSettled",),
        written_by="fiscal",
        read_by="sessions",
        retention_ms=EVIDENCE_MS,
        carries="signed receipts on their way to their sessions",
    ),
    Topic(
        name=DECISIONS,
        key="session_id",
        records=(
            "LinkConfirmed",
            "LinkRejected",
            "RefundDecided",
            "ReleaseDecided",
            "TakeoverDecided",
        ),
        written_by="command line",
        read_by="sessions, sink",
        retention_ms=EVIDENCE_MS,
        carries="what people decided: who, why, on what evidence",
    ),
    Topic(
        name=TICKS,
        key="partition",
        records=("Tick",),
        written_by="ticker or replay",
        read_by="link",
        retention_ms=DAY_MS,
        carries="the time",
    ),
    Topic(
        name=APPLIED,
        key="partition",
        records=("ClockApplied",),
        written_by="sessions",
        read_by="replay, operators",
        retention_ms=DAY_MS,
        carries="time applied and answers outstanding",
    ),
    Topic(
        name=EVENTS,
        key="session_id",
        records=("LinkedFact", "ChargerSilence", "Watermark"),
        written_by="link",
        read_by="sessions",
        retention_ms=EVIDENCE_MS,
        carries="facts re-keyed to their session, silences of their chargers, and watermarks",
    ),
    Topic(
        name=ALIASES,
        key="alias",
        records=("AliasBound",),
        written_by="sessions",
        read_by="link",
        retention_ms=EVIDENCE_MS,
        carries="which session an alias means, and when",
    ),
    Topic(
        name=LOOKUPS,
        key="alias",
        records=("AliasLookup", "NoticeUnbound"),
        written_by="link, webhooks, acquirer feed",
        read_by="link, sink",
        retention_ms=30 * DAY_MS,
        carries="facts on their way to who knows their alias",
    ),
    Topic(
        name=WATCHES,
        key="tenant/network/charger",
        records=("Watch",),
        written_by="sessions",
        read_by="link",
        retention_ms=30 * DAY_MS,
        carries="bindings of chargings and the points to wake at",
    ),
    Topic(
        name=LEDGER,
        key="session_id",
        records=("SessionLedger",),
        written_by="sessions",
        read_by="sink, operators, driver apps",
        retention_ms=0,
        carries="the public view of every session",
    ),
    Topic(
        name=JOURNAL,
        key="session_id",
        records=("SessionJournal",),
        written_by="sessions",
        read_by="explain, auditor",
        retention_ms=EVIDENCE_MS,
        carries="which inputs each session applied, in order",
    ),
    Topic(
        name=COMMANDS,
        key="session_id",
        records=(
            "PlaceHold",
            "RaiseHold",
            "LowerHold",
            "CaptureHold",
            "ReleaseHold",
            "RefundCapture",
            "InquireCommand",
            "ResendCommand",
        ),
        written_by="sessions",
        read_by="executor, settlement consumers, sink",
        retention_ms=EVIDENCE_MS,
        carries="what is to be done with money: each id once",
    ),
    Topic(
        name=CHARGER_COMMANDS,
        key="tenant/network/charger",
        records=("StartCharging", "StopCharging", "LimitCharging"),
        written_by="sessions",
        read_by="CSMS, replay",
        retention_ms=EVIDENCE_MS,
        carries="what chargers are to do",
    ),
    Topic(
        name=TERMINAL_COMMANDS,
        key="session_id",
        records=("ShowDeclined", "OfferAmount", "AskPinOrRetap", "ReceiptReady"),
        written_by="sessions",
        read_by="terminals, replay",
        retention_ms=EVIDENCE_MS,
        carries="what terminals are to show",
    ),
    Topic(
        name=OCPI_COMMANDS,
        key="tenant/partner",
        records=("SendAdvice",),
        written_by="sessions",
        read_by="whoever speaks OCPI with partners",
        retention_ms=EVIDENCE_MS,
        carries="what partners are to be told: financial advices",
    ),
    Topic(
        name=DISCREPANCIES,
        key="session_id or alias",
        records=("DiscrepancyChanged", "OrphanAged"),
        written_by="sessions, link",
        read_by="sink, operators",
        retention_ms=EVIDENCE_MS,
        carries="differences and orphans",
    ),
    Topic(
        name=DRIFT,
        key="tenant/feed/partner/make",
        records=("FeedSeen",),
        written_by="feeds",
        read_by="sink, operators",
        retention_ms=EVIDENCE_MS,
        carries="versions, unknown fields, new words and refusals, as the feeds counted them",
    ),
    Topic(
        name=PARKED,
        key="as read",
        records=(),
        written_by="any stage",
        read_by="operators",
        retention_ms=EVIDENCE_MS,
        carries="refused bytes, untouched, with the reason in headers",
    ),
    Topic(
        name=LINK_STATE,
        key="the stage's own",
        records=(),
        written_by="link",
        read_by="link",
        retention_ms=0,
        carries="state and input positions of link",
    ),
    Topic(
        name=SESSIONS_STATE,
        key="the stage's own",
        records=(),
        written_by="sessions",
        read_by="sessions",
        retention_ms=0,
        carries="state and input positions of sessions",
    ),
    Topic(
        name=HEALTH_STATE,
        key="the stage's own",
        records=(),
        written_by="health",
        read_by="health",
        retention_ms=0,
        carries="state and input positions of health",
    ),
    Topic(
        name=FISCAL_STATE,
        key="the stage's own",
        records=(),
        written_by="fiscal",
        read_by="fiscal",
        retention_ms=0,
        carries="state and input positions of fiscal",
    ),
    Topic(
        name=VISITS_STATE,
        key="the stage's own",
        records=(),
        written_by="visits",
        read_by="visits",
        retention_ms=0,
        carries="state and input positions of visits",
    ),
)

BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}
