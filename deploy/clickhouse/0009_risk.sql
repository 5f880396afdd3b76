-- Risk windows: chargers that nobody hears of while money is held for what may flow.

ALTER TABLE session_ledger
    ADD COLUMN IF NOT EXISTS risk_open Bool DEFAULT false AFTER raises,
    ADD COLUMN IF NOT EXISTS risk_since_at DateTime64(3, 'UTC') DEFAULT 0 AFTER risk_open,
    ADD COLUMN IF NOT EXISTS risk_seen_minor Int64 DEFAULT 0 AFTER risk_since_at,
    ADD COLUMN IF NOT EXISTS risk_worst_minor Int64 DEFAULT 0 AFTER risk_seen_minor;

CREATE OR REPLACE VIEW v_risk (
    tenant String COMMENT 'who operates the network',
    session_id String COMMENT 'the payment session',
    authorization_reference String COMMENT 'the terminal''s name for it',
    network String COMMENT 'the charging network',
    charger_id String COMMENT 'the charger',
    phase String COMMENT 'as in v_session_money',
    currency String COMMENT 'ISO 4217; all amounts are in its minor units',
    since_at Nullable(DateTime64(3, 'UTC')) COMMENT 'when the session last heard of its charging',
    held_minor Int64 COMMENT 'what is held and not yet taken or given back',
    seen_minor Int64 COMMENT 'what was due by the last readings',
    worst_minor Int64 COMMENT 'what may be due at most: the power of the EVSE since then, no more than a vehicle takes',
    uncovered_minor Int64 COMMENT 'of the worst what nothing is held for',
    changed_at DateTime64(3, 'UTC') COMMENT 'when this was last estimated'
) AS
SELECT
    tenant, session_id, authorization_reference, network, charger_id, phase, currency,
    nullIf(risk_since_at, toDateTime64(0, 3, 'UTC')) AS since_at,
    open_minor AS held_minor, risk_seen_minor AS seen_minor, risk_worst_minor AS worst_minor,
    greatest(risk_worst_minor - open_minor, 0) AS uncovered_minor,
    changed_at
FROM session_ledger FINAL
WHERE risk_open;
