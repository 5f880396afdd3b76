-- What went back of what was captured, and what people decided about money.

ALTER TABLE session_ledger
    ADD COLUMN IF NOT EXISTS refunded_minor Int64 DEFAULT 0 AFTER forgiven_minor;

CREATE TABLE IF NOT EXISTS money_decisions (
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    record_sha256 String CODEC(ZSTD(1)),
    written_at DateTime64(3, 'UTC'),
    tenant LowCardinality(String),
    session_id String,
    decision_id String,
    kind LowCardinality(String),
    amount_minor Int64,
    energy_wh Int64,
    currency LowCardinality(String),
    route LowCardinality(String),
    reason LowCardinality(String),
    who String,
    second_who String,
    why String,
    evidence String,
    decided_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree
ORDER BY (tenant, session_id, decision_id, kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'operator.decisions: refunds and releases that people decided';

CREATE OR REPLACE VIEW v_session_money (
    tenant String COMMENT 'who operates the network',
    session_id String COMMENT 'the payment session',
    authorization_reference String COMMENT 'the terminal''s name for it',
    phase String COMMENT 'requested, holding, authorised, charging, proving, capturing, releasing, refunding, receipting, closed or quarantined',
    closed_reason String COMMENT 'how it ended, empty: it has not',
    currency String COMMENT 'ISO 4217; all amounts are in its minor units',
    energy_wh Int64 COMMENT 'energy delivered, watt-hours',
    proof String COMMENT 'the rung of the proof ladder that the price rests on, empty: not final',
    priced_minor Int64 COMMENT 'what the session costs',
    approved_minor Int64 COMMENT 'what was held at most',
    captured_minor Int64 COMMENT 'what was taken',
    released_minor Int64 COMMENT 'what was given back',
    lapsed_minor Int64 COMMENT 'what ran out of its time',
    open_minor Int64 COMMENT 'what still blocks the card',
    arrears_minor Int64 COMMENT 'what the driver owes beyond what was captured',
    forgiven_minor Int64 COMMENT 'what nobody will ask for',
    refunded_minor Int64 COMMENT 'of what was taken, what went back',
    kept_minor Int64 COMMENT 'captured less refunded',
    holds UInt64 COMMENT 'how many holds there were',
    raises Int64 COMMENT 'how many raises were asked for',
    declined_at_tap Bool COMMENT 'the hold was refused: no charging',
    declined_mid_charge Bool COMMENT 'a raise was refused',
    stop_sent Bool COMMENT 'the charger was told to stop',
    holds_conserved Bool COMMENT 'approved = captured + released + lapsed + open, for every hold and for their sum',
    price_conserved Bool COMMENT 'closed: priced = captured - refunded + arrears + forgiven; before that always true',
    is_conserved Bool COMMENT 'both',
    network String COMMENT 'the charging network',
    charger_id String COMMENT 'the charger',
    terminal_id String COMMENT 'the payment terminal',
    power_type String COMMENT 'AC or DC',
    scheme String COMMENT 'card scheme',
    funding String COMMENT 'credit, debit, prepaid or unknown',
    strategy String COMMENT 'the hold strategy that the policy chose',
    policy_version String COMMENT 'the policy that chose',
    policy_cell String COMMENT 'the cell of the policy''s matrix that applied',
    role String COMMENT 'ours in this session',
    capture_by String COMMENT 'who performs the capture',
    explanation String COMMENT 'the choice and how it went, for people',
    requested_at DateTime64(3, 'UTC') COMMENT 'when the card was presented',
    started_at Nullable(DateTime64(3, 'UTC')) COMMENT 'when charging began',
    ended_at Nullable(DateTime64(3, 'UTC')) COMMENT 'when charging ended',
    closed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'when the last money had moved',
    changed_at DateTime64(3, 'UTC') COMMENT 'when this last changed',
    version Int64 COMMENT 'rises with every published change'
) AS
SELECT
    tenant, session_id, authorization_reference, phase, closed_reason, currency, energy_wh, proof,
    priced_minor, approved_minor, captured_minor, released_minor, lapsed_minor, open_minor,
    arrears_minor, forgiven_minor, refunded_minor,
    captured_minor - refunded_minor AS kept_minor,
    length(holds.hold_id) AS holds,
    raises, declined_at_tap, declined_mid_charge, stop_sent,
    toBool(approved_minor = captured_minor + released_minor + lapsed_minor + open_minor
        AND approved_minor = arraySum(holds.approved_minor)
        AND arrayAll((a, c, r, l, o) -> a = c + r + l + o, holds.approved_minor,
            holds.captured_minor, holds.released_minor, holds.lapsed_minor, holds.open_minor))
        AS holds_conserved,
    toBool(phase != 'closed'
        OR priced_minor = captured_minor - refunded_minor + arrears_minor + forgiven_minor) AS price_conserved,
    toBool(holds_conserved AND price_conserved) AS is_conserved,
    network, charger_id, terminal_id, power_type, scheme, funding, strategy, policy_version,
    policy_cell, role, capture_by, explanation, requested_at,
    nullIf(started_at, toDateTime64(0, 3, 'UTC')) AS started_at,
    nullIf(ended_at, toDateTime64(0, 3, 'UTC')) AS ended_at,
    nullIf(closed_at, toDateTime64(0, 3, 'UTC')) AS closed_at,
    changed_at, version
FROM session_ledger FINAL;
