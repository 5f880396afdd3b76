"""The tables (deploy/clickhouse), column by column."""

from connectors.clickhouse.columns import (
    INSTANT,
    NUMBER,
    PLACE,
    TEXT,
    TEXTS,
    WORD,
    YES_NO,
    Table,
    grouped,
    typed,
)

PAYMENT_COMMANDS = Table(
    "payment_commands",
    PLACE
    + typed(tenant=WORD, session_id=TEXT, command_id=TEXT, kind=WORD)
    + typed(of_command_id=TEXT, of_kind=WORD, attempt=NUMBER, idempotency_key=TEXT)
    + typed(performer=WORD, acquirer_id=WORD, hold_id=TEXT, psp_reference=TEXT)
    + typed(amount_minor=NUMBER, previous_minor=NUMBER, delta_minor=NUMBER)
    + typed(priced_minor=NUMBER, capturable_minor=NUMBER, currency=WORD)
    + typed(energy_wh=NUMBER, proof=WORD, evidence=TEXT)
    + typed(charger_wh=NUMBER, cdr_id=TEXT, cdr_wh=NUMBER, cdr_minor=NUMBER)
    + typed(price_authority=WORD, settled_by=WORD, decision_id=TEXT)
    + typed(signed_meter=TEXT, signed_from_at=INSTANT, signed_to_at=INSTANT, reason=WORD)
    + typed(scheme=WORD, funding=WORD, entry_mode=WORD)
    + typed(bin_country=WORD, merchant_country=WORD, terminal_id=TEXT)
    + typed(rule=WORD, policy_version=WORD, issued_at=INSTANT, body_hash=TEXT),
)

ACQUIRER_ANSWERS = Table(
    "acquirer_answers",
    PLACE
    + typed(tenant=WORD, session_id=TEXT, command_id=TEXT, resolves=TEXT, kind=WORD)
    + typed(hold_id=TEXT, acquirer_id=WORD, outcome=WORD, amount_minor=NUMBER, currency=WORD)
    + typed(reason=WORD, raw_code=WORD, psp_reference=TEXT, expires_at=INSTANT)
    + typed(source=WORD, answered_at=INSTANT),
)

ACQUIRER_NOTICES = Table(
    "acquirer_notices",
    PLACE
    + typed(tenant=WORD, session_id=TEXT, hold_id=TEXT, acquirer_id=WORD, event=WORD)
    + typed(command_id=TEXT, amount_minor=NUMBER, currency=WORD, psp_reference=TEXT)
    + typed(occurred_at=INSTANT),
)

UNBOUND_NOTICES = Table(
    "unbound_notices",
    PLACE
    + typed(tenant=WORD, alias=TEXT, acquirer_id=WORD, event=WORD, outcome=WORD)
    + typed(merchant_reference=TEXT, psp_reference=TEXT, amount_minor=NUMBER, currency=WORD)
    + typed(reason=WORD, raw_code=WORD, advice_code=WORD, expires_at=INSTANT, occurred_at=INSTANT),
)

ALIAS_LOOKUPS = Table(
    "alias_lookups",
    PLACE
    + typed(tenant=WORD, alias=TEXT, charging_id=TEXT, source_topic=WORD)
    + typed(source_partition=NUMBER, source_offset=NUMBER, doubtful=YES_NO, waits=YES_NO)
    + typed(settled_by=TEXT, occurred_at=INSTANT),
)

_REQUESTED = (
    typed(tenant=WORD, session_id=TEXT, provider=WORD, authorization_reference=TEXT)
    + typed(terminal_id=TEXT, network=WORD, charger_id=TEXT, evse_uid=TEXT, connector_id=TEXT)
    + typed(channel=WORD, role=WORD, capture_by=WORD, power_type=WORD, power_max_w=NUMBER)
    + typed(scheme=WORD, funding=WORD, entry_mode=WORD, cvm=WORD)
    + typed(bin_country=WORD, merchant_country=WORD, card_token=TEXT)
    + typed(declared_kind=WORD, declared_value=NUMBER, currency=WORD, acquirer_id=WORD)
    + typed(tariff_id=TEXT, tariff_hash=TEXT, requested_at=INSTANT)
)

TERMINAL_REQUESTS = Table("terminal_requests", PLACE + _REQUESTED)

REPORTED_HOLDS = Table(
    "reported_holds",
    PLACE
    + _REQUESTED
    + typed(reported_by=WORD, psp_reference=TEXT, approved_minor=NUMBER)
    + typed(placed_at=INSTANT, expires_at=INSTANT),
)

CARD_READS = Table(
    "card_reads",
    PLACE
    + typed(tenant=WORD, session_id=TEXT, terminal_id=TEXT, tap=NUMBER)
    + typed(scheme=WORD, funding=WORD, entry_mode=WORD, cvm=WORD, bin_country=WORD)
    + typed(card_token=TEXT, offer_id=TEXT, consented_minor=NUMBER, consented_at=INSTANT)
    + typed(shown=WORD, read_at=INSTANT),
)

_HOLDS = (
    typed(hold_id=TEXT, acquirer_id=TEXT, psp_reference=TEXT)
    + typed(requested_minor=NUMBER, approved_minor=NUMBER, captured_minor=NUMBER)
    + typed(released_minor=NUMBER, lapsed_minor=NUMBER, open_minor=NUMBER)
    + typed(raises_issued=NUMBER, raises_approved=NUMBER, raises_declined=NUMBER)
    + typed(status=TEXT, decline_reason=TEXT, approved_at=INSTANT, expires_at=INSTANT)
)
_COMMANDS = (
    typed(command_id=TEXT, kind=TEXT, amount_minor=NUMBER, outcome=TEXT, reason=TEXT)
    + typed(rule=TEXT, issued_at=INSTANT, answered_at=INSTANT)
)  # fmt: skip

SESSION_LEDGER = Table(
    "session_ledger",
    PLACE
    + typed(tenant=WORD, session_id=TEXT, version=NUMBER, phase=WORD, closed_reason=WORD)
    + typed(network=WORD, charger_id=TEXT, evse_uid=TEXT, terminal_id=TEXT)
    + typed(authorization_reference=TEXT, transaction_id=TEXT, power_type=WORD, power_max_w=NUMBER)
    + typed(scheme=WORD, funding=WORD, entry_mode=WORD, bin_country=WORD, merchant_country=WORD)
    + typed(role=WORD, capture_by=WORD, strategy=WORD, policy_version=WORD, policy_cell=WORD)
    + typed(tariff_id=TEXT, tariff_hash=TEXT, currency=WORD, energy_wh=NUMBER, proof=WORD)
    + typed(priced_minor=NUMBER, approved_minor=NUMBER, captured_minor=NUMBER)
    + typed(released_minor=NUMBER, lapsed_minor=NUMBER, open_minor=NUMBER)
    + typed(arrears_minor=NUMBER, forgiven_minor=NUMBER, refunded_minor=NUMBER, raises=NUMBER)
    + typed(risk_open=YES_NO, risk_since_at=INSTANT, risk_seen_minor=NUMBER)
    + typed(risk_worst_minor=NUMBER)
    + typed(declined_at_tap=YES_NO, declined_mid_charge=YES_NO, stop_sent=YES_NO)
    + typed(conflicts=NUMBER, explanation=TEXT, requested_at=INSTANT, started_at=INSTANT)
    + typed(charging_ended_at=INSTANT, ended_at=INSTANT, closed_at=INSTANT, changed_at=INSTANT)
    + grouped("holds", _HOLDS)
    + grouped("commands", _COMMANDS),
)

DISCREPANCIES = Table(
    "discrepancies",
    PLACE
    + typed(tenant=WORD, session_id=TEXT, discrepancy_id=TEXT, kind=WORD, status=WORD)
    + typed(detail=TEXT, amount_minor=NUMBER, currency=WORD, changed_at=INSTANT),
)

ORPHANS = Table(
    "orphans",
    PLACE
    + typed(tenant=WORD, alias=TEXT, charging_id=TEXT, source_topic=WORD)
    + typed(source_partition=NUMBER, source_offset=NUMBER, occurred_at=INSTANT)
    + typed(aged_at=INSTANT, detail=TEXT),
)

CARD_VISITS = Table(
    "card_visits",
    PLACE
    + typed(tenant=WORD, site_id=TEXT, card_token=TEXT, scheme=WORD, version=NUMBER)
    + typed(visit_from_at=INSTANT, last_at=INSTANT, sessions=TEXTS)
    + typed(declined_day=NUMBER, declined_month=NUMBER, attempts_left=NUMBER)
    + typed(barred=YES_NO, wait_until_at=INSTANT),
)

ACQUIRER_HEALTH = Table(
    "acquirer_health",
    PLACE
    + typed(tenant=WORD, acquirer_id=TEXT, version=NUMBER, window_ms=NUMBER)
    + typed(answers=NUMBER, approved=NUMBER, declined=NUMBER, technical=NUMBER)
    + typed(p50_ms=NUMBER, p95_ms=NUMBER, good_since=NUMBER)
    + typed(last_technical_at=INSTANT, last_at=INSTANT),
)

FEED_SEEN = Table(
    "feed_seen",
    PLACE
    + typed(tenant=WORD, feed=WORD, source=WORD, partner=WORD, make=TEXT)
    + typed(accepted=NUMBER, refused=NUMBER, from_at=INSTANT, to_at=INSTANT)
    + grouped("marks", typed(what=WORD, detail=TEXT, count=NUMBER, first_at=INSTANT)),
)

_OBJECT = typed(tenant=WORD, partner=WORD, ocpi_version=WORD, country_code=WORD, party_id=WORD)

OCPI_SESSIONS = Table(
    "ocpi_sessions",
    PLACE
    + _OBJECT
    + typed(ocpi_session_id=TEXT, authorization_reference=TEXT, payment_kind=WORD, evse_uid=TEXT)
    + typed(status=WORD, currency=WORD, energy_wh=NUMBER, started_at=INSTANT, ended_at=INSTANT)
    + typed(last_updated_at=INSTANT, received_at=INSTANT),
)

OCPI_CDRS = Table(
    "ocpi_cdrs",
    PLACE
    + _OBJECT
    + typed(cdr_id=TEXT, ocpi_session_id=TEXT, authorization_reference=TEXT, payment_kind=WORD)
    + typed(evse_uid=TEXT, currency=WORD, energy_wh=NUMBER, credit=YES_NO)
    + typed(credit_reference_id=TEXT, rejected_code=NUMBER, money_digest=TEXT)
    + typed(started_at=INSTANT, ended_at=INSTANT, last_updated_at=INSTANT, received_at=INSTANT)
    + grouped("costs", typed(kind=WORD, net=TEXT, gross=TEXT)),
)

OCPI_INVOICES = Table(
    "ocpi_invoices",
    PLACE
    + _OBJECT
    + typed(record_id=TEXT, invoice_id=TEXT, cdr_ids=TEXTS, withdrawn=YES_NO)
    + typed(last_updated_at=INSTANT, received_at=INSTANT),
)

LINK_DECISIONS = Table(
    "link_decisions",
    PLACE
    + typed(tenant=WORD, session_id=TEXT, proposal_id=TEXT, kind=WORD, alias=TEXT)
    + typed(source_topic=WORD, source_partition=NUMBER, source_offset=NUMBER)
    + typed(who=TEXT, why=TEXT, evidence=TEXT, decided_at=INSTANT),
)

MONEY_DECISIONS = Table(
    "money_decisions",
    PLACE
    + typed(tenant=WORD, session_id=TEXT, decision_id=TEXT, kind=WORD, amount_minor=NUMBER)
    + typed(energy_wh=NUMBER, currency=WORD, route=WORD, reason=WORD)
    + typed(who=TEXT, second_who=TEXT, why=TEXT, evidence=TEXT, decided_at=INSTANT),
)

PARKED = Table(
    "parked",
    PLACE
    + typed(reason=WORD, source_topic=WORD, source_partition=NUMBER, source_offset=NUMBER)
    + typed(size_bytes=NUMBER),
)

UNREADABLE = Table("unreadable", PLACE + typed(reason=WORD, size_bytes=NUMBER))

NEWEST_ONLY = {
    SESSION_LEDGER.name: ("tenant", "session_id"),
    ACQUIRER_HEALTH.name: ("tenant", "acquirer_id"),
}
"""Of these only the newest row of each key counts, by the columns of it: topics are compacted."""

TABLES = {
    table.name: table
    for table in (
        PAYMENT_COMMANDS, ACQUIRER_ANSWERS, ACQUIRER_NOTICES, UNBOUND_NOTICES, ALIAS_LOOKUPS,
        TERMINAL_REQUESTS, REPORTED_HOLDS, CARD_READS, SESSION_LEDGER, DISCREPANCIES, ORPHANS,
        CARD_VISITS, ACQUIRER_HEALTH, FEED_SEEN, OCPI_SESSIONS, OCPI_CDRS, OCPI_INVOICES,
        LINK_DECISIONS, MONEY_DECISIONS, PARKED, UNREADABLE,
    )
}  # fmt: skip
