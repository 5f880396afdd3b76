-- What analysts read. Names, types and meaning of columns are a promise: a breaking change is a
-- new view `..._v2`. All read FINAL: a row not merged yet must not count twice.

CREATE OR REPLACE VIEW v_auth_attempt (
    tenant String COMMENT 'who operates the network',
    session_id String COMMENT 'the payment session',
    command_id String COMMENT 'the attempt: one command, its id is stable',
    hold_id String COMMENT 'the hold that was placed or raised',
    attempt_kind String COMMENT 'hold: the first tap; raise: more while charging',
    attempt_number Int64 COMMENT 'number of the hold, or of the raise within its hold, from 1',
    issued_at DateTime64(3, 'UTC') COMMENT 'when it was decided',
    answered_at Nullable(DateTime64(3, 'UTC')) COMMENT 'when its present outcome was given, NULL: no answer',
    latency_ms Nullable(Int64) COMMENT 'answered_at less issued_at, inquiries included',
    amount_minor Int64 COMMENT 'the total that was to be held, minor units of currency',
    delta_minor Int64 COMMENT 'how much more than before that is',
    approved_minor Int64 COMMENT 'the total held by the answer, 0 unless done; less than amount_minor: in part',
    currency String COMMENT 'ISO 4217',
    outcome String COMMENT 'done, declined (issuer), failed, not_found, unknown, or empty: no answer yet',
    is_approved Bool COMMENT 'outcome is done',
    is_declined Bool COMMENT 'outcome is declined or failed: a definite no',
    reason String COMMENT 'why not, in our word',
    raw_code String COMMENT 'why not, in the acquirer''s code',
    acquirer_id String COMMENT 'who was asked',
    scheme String COMMENT 'card scheme',
    funding String COMMENT 'credit, debit, prepaid or unknown',
    entry_mode String COMMENT 'how the card was read',
    bin_country String COMMENT 'where the card was issued, ISO 3166-1',
    merchant_country String COMMENT 'where it was presented, ISO 3166-1',
    power_type String COMMENT 'AC or DC',
    network String COMMENT 'the charging network',
    charger_id String COMMENT 'the charger',
    terminal_id String COMMENT 'the payment terminal',
    strategy String COMMENT 'the hold strategy that the policy chose',
    policy_version String COMMENT 'the policy that chose',
    policy_cell String COMMENT 'the cell of the policy''s matrix that applied',
    rule String COMMENT 'the rule that issued the attempt'
) AS
SELECT
    line.tenant AS tenant,
    line.session_id AS session_id,
    line.command_id AS command_id,
    issued.hold_id AS hold_id,
    line.attempt_kind AS attempt_kind,
    toInt64OrZero(splitByChar('/', line.command_id)[-1]) AS attempt_number,
    line.issued_at AS issued_at,
    nullIf(line.answered_at, toDateTime64(0, 3, 'UTC')) AS answered_at,
    if(line.answered_at = toDateTime64(0, 3, 'UTC'), NULL,
       toUnixTimestamp64Milli(line.answered_at) - toUnixTimestamp64Milli(line.issued_at)) AS latency_ms,
    line.amount_minor AS amount_minor,
    if(line.attempt_kind = 'hold', line.amount_minor, issued.delta_minor) AS delta_minor,
    if(line.outcome = 'done', answered.approved_minor, 0) AS approved_minor,
    line.currency AS currency,
    line.outcome AS outcome,
    toBool(line.outcome = 'done') AS is_approved,
    toBool(line.outcome IN ('declined', 'failed')) AS is_declined,
    line.reason AS reason,
    if(line.outcome IN ('declined', 'failed'), answered.raw_code, '') AS raw_code,
    issued.acquirer_id AS acquirer_id,
    line.scheme AS scheme,
    line.funding AS funding,
    line.entry_mode AS entry_mode,
    line.bin_country AS bin_country,
    line.merchant_country AS merchant_country,
    line.power_type AS power_type,
    line.network AS network,
    line.charger_id AS charger_id,
    line.terminal_id AS terminal_id,
    line.strategy AS strategy,
    line.policy_version AS policy_version,
    line.policy_cell AS policy_cell,
    line.rule AS rule
FROM (
    SELECT
        tenant, session_id, currency, scheme, funding, entry_mode, bin_country, merchant_country,
        power_type, network, charger_id, terminal_id, strategy, policy_version, policy_cell,
        command_id, attempt_kind, amount_minor, outcome, reason, rule, issued_at, answered_at
    FROM session_ledger FINAL
    ARRAY JOIN
        commands.command_id AS command_id,
        commands.kind AS attempt_kind,
        commands.amount_minor AS amount_minor,
        commands.outcome AS outcome,
        commands.reason AS reason,
        commands.rule AS rule,
        commands.issued_at AS issued_at,
        commands.answered_at AS answered_at
    WHERE attempt_kind IN ('hold', 'raise')
) AS line
LEFT JOIN (
    SELECT tenant, session_id, command_id, hold_id, delta_minor, acquirer_id
    FROM payment_commands FINAL
    WHERE kind IN ('hold', 'raise')
) AS issued
    ON issued.tenant = line.tenant AND issued.session_id = line.session_id
    AND issued.command_id = line.command_id
LEFT JOIN (
    SELECT
        tenant,
        session_id,
        if(resolves = '', command_id, resolves) AS of_command_id,
        maxIf(amount_minor, outcome = 'done') AS approved_minor,
        argMaxIf(raw_code, answered_at, outcome IN ('declined', 'failed')) AS raw_code
    FROM acquirer_answers FINAL
    WHERE kind IN ('hold', 'raise')
    GROUP BY tenant, session_id, of_command_id
) AS answered
    ON answered.tenant = line.tenant AND answered.session_id = line.session_id
    AND answered.of_command_id = line.command_id;

CREATE OR REPLACE VIEW v_hold (
    tenant String COMMENT 'who operates the network',
    session_id String COMMENT 'the payment session',
    hold_id String COMMENT 'the hold',
    acquirer_id String COMMENT 'where it is',
    psp_reference String COMMENT 'the acquirer''s name for it',
    currency String COMMENT 'ISO 4217',
    status String COMMENT 'asked, unknown, declined, open, captured, released or lapsed',
    decline_reason String COMMENT 'why the hold or its last raise was refused',
    requested_minor Int64 COMMENT 'what was asked for at first, minor units of currency',
    approved_minor Int64 COMMENT 'what was held at most, raises included',
    captured_minor Int64 COMMENT 'what was taken',
    released_minor Int64 COMMENT 'what was given back',
    lapsed_minor Int64 COMMENT 'what ran out of its time',
    open_minor Int64 COMMENT 'what still blocks the card',
    is_conserved Bool COMMENT 'approved = captured + released + lapsed + open',
    raises_issued Int64 COMMENT 'raises asked for',
    raises_approved Int64 COMMENT 'raises granted',
    raises_declined Int64 COMMENT 'raises refused',
    approved_at Nullable(DateTime64(3, 'UTC')) COMMENT 'when it was granted, NULL: it was not',
    expires_at Nullable(DateTime64(3, 'UTC')) COMMENT 'when it lapses by itself, NULL: not told',
    scheme String COMMENT 'card scheme',
    funding String COMMENT 'credit, debit, prepaid or unknown',
    entry_mode String COMMENT 'how the card was read',
    bin_country String COMMENT 'where the card was issued, ISO 3166-1',
    power_type String COMMENT 'AC or DC',
    network String COMMENT 'the charging network',
    charger_id String COMMENT 'the charger',
    terminal_id String COMMENT 'the payment terminal',
    strategy String COMMENT 'the hold strategy that the policy chose',
    policy_cell String COMMENT 'the cell of the policy''s matrix that applied'
) AS
SELECT
    tenant, session_id,
    hold.1 AS hold_id,
    hold.2 AS acquirer_id,
    hold.3 AS psp_reference,
    currency,
    hold.4 AS status,
    hold.5 AS decline_reason,
    hold.6 AS requested_minor,
    hold.7 AS approved_minor,
    hold.8 AS captured_minor,
    hold.9 AS released_minor,
    hold.10 AS lapsed_minor,
    hold.11 AS open_minor,
    toBool(hold.7 = hold.8 + hold.9 + hold.10 + hold.11) AS is_conserved,
    hold.12 AS raises_issued,
    hold.13 AS raises_approved,
    hold.14 AS raises_declined,
    nullIf(hold.15, toDateTime64(0, 3, 'UTC')) AS approved_at,
    nullIf(hold.16, toDateTime64(0, 3, 'UTC')) AS expires_at,
    scheme, funding, entry_mode, bin_country, power_type, network, charger_id, terminal_id,
    strategy, policy_cell
FROM session_ledger FINAL
ARRAY JOIN arrayZip(
    holds.hold_id, holds.acquirer_id, holds.psp_reference, holds.status, holds.decline_reason,
    holds.requested_minor, holds.approved_minor, holds.captured_minor, holds.released_minor,
    holds.lapsed_minor, holds.open_minor, holds.raises_issued, holds.raises_approved,
    holds.raises_declined, holds.approved_at, holds.expires_at
) AS hold;

CREATE OR REPLACE VIEW v_session_money (
    tenant String COMMENT 'who operates the network',
    session_id String COMMENT 'the payment session',
    authorization_reference String COMMENT 'the terminal''s name for it',
    phase String COMMENT 'requested, holding, authorised, charging, proving, capturing, releasing, closed or quarantined',
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
    holds UInt64 COMMENT 'how many holds there were',
    raises Int64 COMMENT 'how many raises were asked for',
    declined_at_tap Bool COMMENT 'the hold was refused: no charging',
    declined_mid_charge Bool COMMENT 'a raise was refused',
    stop_sent Bool COMMENT 'the charger was told to stop',
    holds_conserved Bool COMMENT 'approved = captured + released + lapsed + open, for every hold and for their sum',
    price_conserved Bool COMMENT 'closed: priced = captured + arrears + forgiven; before that always true',
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
    arrears_minor, forgiven_minor,
    length(holds.hold_id) AS holds,
    raises, declined_at_tap, declined_mid_charge, stop_sent,
    toBool(approved_minor = captured_minor + released_minor + lapsed_minor + open_minor
        AND approved_minor = arraySum(holds.approved_minor)
        AND arrayAll((a, c, r, l, o) -> a = c + r + l + o, holds.approved_minor,
            holds.captured_minor, holds.released_minor, holds.lapsed_minor, holds.open_minor))
        AS holds_conserved,
    toBool(phase != 'closed' OR priced_minor = captured_minor + arrears_minor + forgiven_minor)
        AS price_conserved,
    toBool(holds_conserved AND price_conserved) AS is_conserved,
    network, charger_id, terminal_id, power_type, scheme, funding, strategy, policy_version,
    policy_cell, role, capture_by, explanation, requested_at,
    nullIf(started_at, toDateTime64(0, 3, 'UTC')) AS started_at,
    nullIf(ended_at, toDateTime64(0, 3, 'UTC')) AS ended_at,
    nullIf(closed_at, toDateTime64(0, 3, 'UTC')) AS closed_at,
    changed_at, version
FROM session_ledger FINAL;

CREATE OR REPLACE VIEW v_decline_daily (
    day Date COMMENT 'UTC day on which the attempt was issued',
    tenant String COMMENT 'who operates the network',
    network String COMMENT 'the charging network',
    acquirer_id String COMMENT 'who was asked',
    attempt_kind String COMMENT 'hold: the first tap; raise: more while charging',
    power_type String COMMENT 'AC or DC',
    scheme String COMMENT 'card scheme',
    funding String COMMENT 'credit, debit, prepaid or unknown',
    entry_mode String COMMENT 'how the card was read',
    strategy String COMMENT 'the hold strategy that the policy chose',
    currency String COMMENT 'ISO 4217',
    attempts UInt64 COMMENT 'attempts issued',
    approved UInt64 COMMENT 'of them granted, in whole or in part',
    declined UInt64 COMMENT 'of them refused: outcome declined or failed',
    unanswered UInt64 COMMENT 'of them without a definite answer',
    decline_rate Float64 COMMENT 'declined / (approved + declined); NaN when neither',
    declines_by_reason Map(String, UInt64) COMMENT 'refusals by our word for the reason; they add up to declined',
    declined_minor Int64 COMMENT 'what the refused attempts asked for beyond what was held, minor units'
) AS
SELECT
    toDate(issued_at) AS day,
    tenant, network, acquirer_id, attempt_kind, power_type, scheme, funding, entry_mode, strategy,
    currency,
    count() AS attempts,
    countIf(is_approved) AS approved,
    countIf(is_declined) AS declined,
    attempts - approved - declined AS unanswered,
    declined / (approved + declined) AS decline_rate,
    sumMapIf(map(reason, toUInt64(1)), is_declined) AS declines_by_reason,
    sumIf(delta_minor, is_declined) AS declined_minor
FROM v_auth_attempt
GROUP BY
    day, tenant, network, acquirer_id, attempt_kind, power_type, scheme, funding, entry_mode,
    strategy, currency;

CREATE OR REPLACE VIEW v_frozen_credit (
    tenant String COMMENT 'who operates the network',
    session_id String COMMENT 'the payment session',
    hold_id String COMMENT 'the hold',
    currency String COMMENT 'ISO 4217',
    approved_minor Int64 COMMENT 'what was held at most, minor units of currency',
    captured_minor Int64 COMMENT 'what of it was needed',
    excess_minor Int64 COMMENT 'held and never needed: approved less captured; falls while a session is under way',
    open_minor Int64 COMMENT 'what blocks the card now',
    approved_at DateTime64(3, 'UTC') COMMENT 'since when',
    freed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'until when, NULL: still',
    as_of_at DateTime64(3, 'UTC') COMMENT 'the newest instant in the ledger: what "still" and "now" mean',
    frozen_s Int64 COMMENT 'seconds from approved_at to freed_at, or to as_of_at',
    excess_minor_hours Int64 COMMENT 'excess_minor times frozen_s / 3600, rounded down: the cost to the driver',
    power_type String COMMENT 'AC or DC',
    funding String COMMENT 'credit, debit, prepaid or unknown',
    strategy String COMMENT 'the hold strategy that the policy chose',
    policy_cell String COMMENT 'the cell of the policy''s matrix that applied'
) AS
SELECT
    h.tenant AS tenant, h.session_id AS session_id, h.hold_id AS hold_id, h.currency AS currency,
    h.approved_minor AS approved_minor,
    h.captured_minor AS captured_minor,
    h.approved_minor - h.captured_minor AS excess_minor,
    h.open_minor AS open_minor,
    assumeNotNull(h.approved_at) AS approved_at,
    if(h.open_minor = 0, ifNull(m.closed_at, m.changed_at), NULL) AS freed_at,
    assumeNotNull((SELECT max(changed_at) FROM session_ledger)) AS as_of_at,
    greatest(0, intDiv(
        toUnixTimestamp64Milli(if(h.open_minor = 0, ifNull(m.closed_at, m.changed_at), as_of_at))
        - toUnixTimestamp64Milli(assumeNotNull(h.approved_at)), 1000)) AS frozen_s,
    intDiv(excess_minor * frozen_s, 3600) AS excess_minor_hours,
    h.power_type AS power_type, h.funding AS funding, h.strategy AS strategy,
    h.policy_cell AS policy_cell
FROM v_hold AS h
INNER JOIN v_session_money AS m ON m.tenant = h.tenant AND m.session_id = h.session_id
WHERE h.approved_at IS NOT NULL AND h.approved_minor > 0;

CREATE OR REPLACE VIEW v_discrepancy (
    tenant String COMMENT 'who operates the network',
    session_id String COMMENT 'the payment session, empty: none is known',
    discrepancy_id String COMMENT 'the difference',
    kind String COMMENT 'what differs',
    status String COMMENT 'opened, changed or closed: the newest',
    is_open Bool COMMENT 'not closed',
    detail String COMMENT 'for people',
    amount_minor Int64 COMMENT 'how much, minor units of currency, either sign',
    currency String COMMENT 'ISO 4217, empty: not about an amount',
    opened_at DateTime64(3, 'UTC') COMMENT 'when it was first told',
    changed_at DateTime64(3, 'UTC') COMMENT 'when it was last told'
) AS
SELECT
    tenant, session_id, discrepancy_id,
    argMax(d.kind, at) AS kind,
    argMax(d.status, at) AS status,
    toBool(status != 'closed') AS is_open,
    argMax(d.detail, at) AS detail,
    argMax(d.amount_minor, at) AS amount_minor,
    argMax(d.currency, at) AS currency,
    min(d.changed_at) AS opened_at,
    max(d.changed_at) AS changed_at
FROM (
    SELECT *, (kafka_partition, kafka_offset) AS at FROM discrepancies FINAL
) AS d
GROUP BY tenant, session_id, discrepancy_id;
