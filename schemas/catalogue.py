"""Which classes are records of the contract: the name is the Avro name, the class is its value."""

from schemas import commands, decisions, drift, facts, fiscal, ledger, partners, roaming
from schemas.facts import Fact

NAMESPACE = "holdfast"

RECORDS: dict[str, type[Fact]] = {
    record.__name__: record
    for record in (
        facts.SessionRequested,
        facts.HoldReported,
        facts.CardRead,
        facts.MeterReading,
        facts.ChargingStarted,
        facts.ChargingUpdated,
        facts.ChargingEnded,
        facts.ChargerSeen,
        facts.SettlementNotified,
        facts.AcquirerAnswered,
        facts.AcquirerNotified,
        facts.CardUsed,
        facts.CardVisit,
        facts.VisitSeen,
        facts.AcquirerSampled,
        facts.AcquirerHealth,
        facts.TariffPublished,
        facts.PolicyPublished,
        partners.LocationSeen,
        partners.EvseSeen,
        partners.TokenSeen,
        partners.TerminalSeen,
        partners.AdviceConfirmed,
        partners.InvoiceReported,
        fiscal.RequestReceipt,
        fiscal.SignReceipt,
        fiscal.ReceiptAnswered,
        fiscal.ReceiptSettled,
        facts.LinkedFact,
        facts.Watermark,
        facts.ChargerSilence,
        facts.AliasBound,
        facts.AliasLookup,
        facts.NoticeUnbound,
        facts.Watch,
        facts.Tick,
        facts.ClockApplied,
        facts.SessionJournal,
        facts.DiscrepancyChanged,
        facts.OrphanAged,
        roaming.SessionSeen,
        roaming.CdrSeen,
        commands.PlaceHold,
        commands.RaiseHold,
        commands.LowerHold,
        commands.CaptureHold,
        commands.ReleaseHold,
        commands.RefundCapture,
        commands.InquireCommand,
        commands.ResendCommand,
        commands.StartCharging,
        commands.StopCharging,
        commands.LimitCharging,
        commands.ShowDeclined,
        commands.OfferAmount,
        commands.AskPinOrRetap,
        commands.ReceiptReady,
        commands.SendAdvice,
        ledger.SessionLedger,
        drift.FeedSeen,
        decisions.LinkConfirmed,
        decisions.LinkRejected,
        decisions.RefundDecided,
        decisions.ReleaseDecided,
    )
}

# Read at the rate of the meters: neither unions nor logical types (3.6 against 7 microseconds).
HOT = frozenset({"MeterReading", "ChargingUpdated", "LinkedFact", "Watch", "Watermark", "Tick"})
