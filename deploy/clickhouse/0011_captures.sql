-- What each capture rests on: the charger's, the CDR's and the acquirer's number beside each other.

ALTER TABLE payment_commands
    ADD COLUMN IF NOT EXISTS charger_wh Int64 DEFAULT -1 AFTER evidence,
    ADD COLUMN IF NOT EXISTS cdr_id String DEFAULT '' AFTER charger_wh,
    ADD COLUMN IF NOT EXISTS cdr_wh Int64 DEFAULT -1 AFTER cdr_id,
    ADD COLUMN IF NOT EXISTS cdr_minor Int64 DEFAULT -1 AFTER cdr_wh,
    ADD COLUMN IF NOT EXISTS price_authority LowCardinality(String) DEFAULT '' AFTER cdr_minor,
    ADD COLUMN IF NOT EXISTS settled_by LowCardinality(String) DEFAULT '' AFTER price_authority,
    ADD COLUMN IF NOT EXISTS decision_id String DEFAULT '' AFTER settled_by,
    ADD COLUMN IF NOT EXISTS signed_meter String DEFAULT '' AFTER decision_id,
    ADD COLUMN IF NOT EXISTS signed_from_at DateTime64(3, 'UTC') DEFAULT 0 AFTER signed_meter,
    ADD COLUMN IF NOT EXISTS signed_to_at DateTime64(3, 'UTC') DEFAULT 0 AFTER signed_from_at;

CREATE OR REPLACE VIEW v_capture (
    tenant String COMMENT 'who operates the network',
    session_id String COMMENT 'the payment session',
    command_id String COMMENT 'the capture: one command, its id is stable',
    hold_id String COMMENT 'the hold it takes from',
    acquirer_id String COMMENT 'who was asked',
    performer String COMMENT 'who performs it',
    currency String COMMENT 'ISO 4217; all amounts are in its minor units',
    issued_at DateTime64(3, 'UTC') COMMENT 'when it was decided',
    proof String COMMENT 'the rung of the proof ladder that it rests on',
    evidence String COMMENT 'the facts that it follows from, in words',
    energy_wh Int64 COMMENT 'the one number that all were reconciled to, watt-hours',
    charger_wh Nullable(Int64) COMMENT 'energy by the charger, NULL: not told',
    cdr_wh Nullable(Int64) COMMENT 'energy by the CDR, NULL: not told',
    energy_gap_wh Nullable(Int64) COMMENT 'charger_wh less cdr_wh, NULL: one of them is not told',
    priced_minor Int64 COMMENT 'what the session costs',
    cdr_minor Nullable(Int64) COMMENT 'what the CDR says it costs, NULL: not told',
    price_gap_minor Nullable(Int64) COMMENT 'priced_minor less cdr_minor, NULL: the CDR says nothing',
    price_authority String COMMENT 'tariff: ours; cdr; tariff_alone: the CDR was waited for in vain',
    settled_by String COMMENT 'how a difference beyond tolerance was settled: lower, cdr, charger, person; empty: there was none',
    decision_id String COMMENT 'the person''s decision, empty: none was needed',
    cdr_id String COMMENT 'the CDR, empty: none',
    signed_meter String COMMENT 'serial of the meter whose signed pair proves the energy, empty: none',
    signed_from_at Nullable(DateTime64(3, 'UTC')) COMMENT 'begin of the signed pair',
    signed_to_at Nullable(DateTime64(3, 'UTC')) COMMENT 'end of the signed pair',
    capturable_minor Int64 COMMENT 'what the hold allowed',
    amount_minor Int64 COMMENT 'what was to be taken',
    outcome String COMMENT 'as in v_auth_attempt; empty: no answer yet',
    captured_minor Nullable(Int64) COMMENT 'what the acquirer took by its answer, NULL unless done',
    acquirer_gap_minor Nullable(Int64) COMMENT 'captured_minor less amount_minor, NULL unless done',
    answered_at Nullable(DateTime64(3, 'UTC')) COMMENT 'when its present outcome was given, NULL: no answer',
    policy_version String COMMENT 'the policy that it was decided under',
    rule String COMMENT 'the rule that issued it'
) AS
SELECT
    issued.tenant AS tenant,
    issued.session_id AS session_id,
    issued.command_id AS command_id,
    issued.hold_id AS hold_id,
    issued.acquirer_id AS acquirer_id,
    issued.performer AS performer,
    issued.currency AS currency,
    issued.issued_at AS issued_at,
    issued.proof AS proof,
    issued.evidence AS evidence,
    issued.energy_wh AS energy_wh,
    nullIf(issued.charger_wh, -1) AS charger_wh,
    nullIf(issued.cdr_wh, -1) AS cdr_wh,
    nullIf(issued.charger_wh, -1) - nullIf(issued.cdr_wh, -1) AS energy_gap_wh,
    issued.priced_minor AS priced_minor,
    nullIf(issued.cdr_minor, -1) AS cdr_minor,
    issued.priced_minor - nullIf(issued.cdr_minor, -1) AS price_gap_minor,
    issued.price_authority AS price_authority,
    issued.settled_by AS settled_by,
    issued.decision_id AS decision_id,
    issued.cdr_id AS cdr_id,
    issued.signed_meter AS signed_meter,
    nullIf(issued.signed_from_at, toDateTime64(0, 3, 'UTC')) AS signed_from_at,
    nullIf(issued.signed_to_at, toDateTime64(0, 3, 'UTC')) AS signed_to_at,
    issued.capturable_minor AS capturable_minor,
    issued.amount_minor AS amount_minor,
    line.outcome AS outcome,
    if(line.outcome = 'done', answered.captured_minor, NULL) AS captured_minor,
    if(line.outcome = 'done', answered.captured_minor - issued.amount_minor, NULL) AS acquirer_gap_minor,
    nullIf(line.answered_at, toDateTime64(0, 3, 'UTC')) AS answered_at,
    issued.policy_version AS policy_version,
    issued.rule AS rule
FROM (SELECT * FROM payment_commands FINAL WHERE kind = 'capture') AS issued
LEFT JOIN (
    SELECT tenant, session_id, command_id, outcome, answered_at
    FROM session_ledger FINAL
    ARRAY JOIN
        commands.command_id AS command_id,
        commands.kind AS command_kind,
        commands.outcome AS outcome,
        commands.answered_at AS answered_at
    WHERE command_kind = 'capture'
) AS line
    ON line.tenant = issued.tenant AND line.session_id = issued.session_id
    AND line.command_id = issued.command_id
LEFT JOIN (
    SELECT
        tenant,
        session_id,
        if(resolves = '', command_id, resolves) AS of_command_id,
        maxIf(amount_minor, outcome = 'done') AS captured_minor
    FROM acquirer_answers FINAL
    WHERE kind = 'capture'
    GROUP BY tenant, session_id, of_command_id
) AS answered
    ON answered.tenant = issued.tenant AND answered.session_id = issued.session_id
    AND answered.of_command_id = issued.command_id;
