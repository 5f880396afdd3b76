"""Which topic and key each thing that is said goes to: the catalogue, as code."""

from schemas import codec, ids, topics
from schemas.commands import (
    AskPinOrRetap,
    LimitCharging,
    MoneyCommand,
    OfferAmount,
    ReceiptReady,
    SendAdvice,
    ShowDeclined,
    StartCharging,
    StopCharging,
)
from schemas.facts import (
    AcquirerHealth,
    AcquirerSampled,
    AliasBound,
    CardUsed,
    CardVisit,
    DiscrepancyChanged,
    Fact,
    SessionJournal,
    VisitSeen,
    Watch,
)
from schemas.fiscal import RequestReceipt
from schemas.ledger import SessionLedger
from streams.core.pipe import Step
from streams.engine.stage import Output

_BY_SESSION: dict[type[Fact], str] = {
    ShowDeclined: topics.TERMINAL_COMMANDS,
    OfferAmount: topics.TERMINAL_COMMANDS,
    AskPinOrRetap: topics.TERMINAL_COMMANDS,
    ReceiptReady: topics.TERMINAL_COMMANDS,
    VisitSeen: topics.VISIT_FACTS,
    SessionLedger: topics.LEDGER,
    SessionJournal: topics.JOURNAL,
    DiscrepancyChanged: topics.DISCREPANCIES,
}


def route(record: Fact) -> tuple[str, str]:
    """Topic and key."""
    match record:
        case StartCharging() | StopCharging() | LimitCharging() | Watch():
            topic = topics.WATCHES if isinstance(record, Watch) else topics.CHARGER_COMMANDS
            return topic, ids.charger_key(record.tenant, record.network, record.charger_id)
        case CardUsed() | CardVisit():
            topic = topics.CARD_USES if isinstance(record, CardUsed) else topics.VISITS
            return topic, ids.visit_key(record.tenant, record.site_id, record.card_token)
        case AcquirerSampled() | AcquirerHealth():
            topic = topics.HEALTH if isinstance(record, AcquirerHealth) else topics.HEALTH_SAMPLES
            return topic, ids.acquirer_key(record.tenant, record.acquirer_id)
        case RequestReceipt() | SendAdvice():
            return _outwards(record)
        case AliasBound():
            return topics.ALIASES, record.alias
        case _:
            return _topic_by_session(record), getattr(record, "session_id")  # noqa: B009 - all have it


def _outwards(record: RequestReceipt | SendAdvice) -> tuple[str, str]:
    """By whom it is for: there they have to be in order."""
    if isinstance(record, SendAdvice):
        return topics.OCPI_COMMANDS, ids.partner_key(record.tenant, record.partner)
    return topics.FISCAL_REQUESTS, ids.chain_key(record.tenant, record.chain)


def _topic_by_session(record: Fact) -> str:
    return topics.COMMANDS if isinstance(record, MoneyCommand) else _BY_SESSION[type(record)]


def output(record: Fact) -> Output:
    topic, key = route(record)
    return Output(topic, key.encode(), codec.encode(record))


def outputs(step: Step) -> list[Output]:
    """All that one step says, in the order in which a reader of one topic should see it."""
    said: list[Fact] = [*step.commands, *step.aliases, *step.watches, *step.discrepancies]
    said += step.uses
    if step.ledger is not None:
        said.append(step.ledger)
    return [output(record) for record in said]
