-- What partners tell by OCPI: sessions and CDRs, how late; and what people decided about links.

CREATE TABLE IF NOT EXISTS ocpi_sessions (
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    record_sha256 String CODEC(ZSTD(1)),
    written_at DateTime64(3, 'UTC'),
    tenant LowCardinality(String),
    partner LowCardinality(String),
    ocpi_version LowCardinality(String),
    country_code LowCardinality(String),
    party_id LowCardinality(String),
    ocpi_session_id String,
    authorization_reference String,
    payment_kind LowCardinality(String),
    evse_uid String,
    status LowCardinality(String),
    currency LowCardinality(String),
    energy_wh Int64,
    started_at DateTime64(3, 'UTC'),
    ended_at DateTime64(3, 'UTC'),
    last_updated_at DateTime64(3, 'UTC'),
    received_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree
ORDER BY (tenant, partner, ocpi_session_id, kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'ocpi.sessions: every push of a session';

CREATE TABLE IF NOT EXISTS ocpi_cdrs (
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    record_sha256 String CODEC(ZSTD(1)),
    written_at DateTime64(3, 'UTC'),
    tenant LowCardinality(String),
    partner LowCardinality(String),
    ocpi_version LowCardinality(String),
    country_code LowCardinality(String),
    party_id LowCardinality(String),
    cdr_id String,
    ocpi_session_id String,
    authorization_reference String,
    payment_kind LowCardinality(String),
    evse_uid String,
    currency LowCardinality(String),
    energy_wh Int64,
    credit Bool,
    credit_reference_id String,
    rejected_code Int64,
    money_digest String CODEC(ZSTD(1)),
    started_at DateTime64(3, 'UTC'),
    ended_at DateTime64(3, 'UTC'),
    last_updated_at DateTime64(3, 'UTC'),
    received_at DateTime64(3, 'UTC'),
    `costs.kind` Array(LowCardinality(String)),
    `costs.net` Array(String),
    `costs.gross` Array(String)
) ENGINE = ReplacingMergeTree
ORDER BY (tenant, partner, cdr_id, kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'ocpi.cdrs: CDRs and credit CDRs as told; total and parts as decimal texts';

CREATE TABLE IF NOT EXISTS link_decisions (
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    record_sha256 String CODEC(ZSTD(1)),
    written_at DateTime64(3, 'UTC'),
    tenant LowCardinality(String),
    session_id String,
    proposal_id String,
    kind LowCardinality(String),
    alias String,
    source_topic LowCardinality(String),
    source_partition Int64,
    source_offset Int64,
    who String,
    why String,
    evidence String,
    decided_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree
ORDER BY (tenant, session_id, proposal_id, kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'operator.decisions: links confirmed and rejected';

CREATE OR REPLACE VIEW v_partner_lag (
    day Date COMMENT 'UTC day in which the messages came',
    tenant String COMMENT 'who operates the network',
    partner String COMMENT 'who told, by the mapping''s name',
    feed String COMMENT 'session or cdr',
    messages Int64 COMMENT 'messages that tell when they were written',
    p50_ms Int64 COMMENT 'half of them came within, after the partner''s own last_updated',
    p95_ms Int64 COMMENT '95 % of them did',
    worst_ms Int64 COMMENT 'the slowest',
    late Int64 COMMENT 'of them later than the alarm line of 60 s'
) AS
SELECT
    toDate(received_at) AS day,
    tenant, partner, feed,
    toInt64(count()) AS messages,
    toInt64(quantileExact(0.5)(lag_ms)) AS p50_ms,
    toInt64(quantileExact(0.95)(lag_ms)) AS p95_ms,
    max(lag_ms) AS worst_ms,
    toInt64(countIf(lag_ms > 60000)) AS late
FROM (
    SELECT tenant, partner, 'session' AS feed, received_at,
        greatest(toUnixTimestamp64Milli(received_at) - toUnixTimestamp64Milli(last_updated_at), 0) AS lag_ms
    FROM ocpi_sessions FINAL WHERE last_updated_at >= toDateTime64('2002-07-01 00:00:00', 3, 'UTC')
    UNION ALL
    SELECT tenant, partner, 'cdr' AS feed, received_at,
        greatest(toUnixTimestamp64Milli(received_at) - toUnixTimestamp64Milli(last_updated_at), 0) AS lag_ms
    FROM ocpi_cdrs FINAL WHERE last_updated_at >= toDateTime64('2002-07-01 00:00:00', 3, 'UTC')
)
GROUP BY day, tenant, partner, feed;

CREATE OR REPLACE VIEW v_partner_cdr (
    tenant String COMMENT 'who operates the network',
    partner String COMMENT 'who told it: the same CDR may come through a hub and a peer',
    party String COMMENT 'country code and party id of its owner',
    cdr_id String COMMENT 'as its owner names it',
    ocpi_session_id String COMMENT 'the OCPI session that it bills, empty: not told',
    authorization_reference String COMMENT 'the terminal''s reference, empty: not told',
    payment_kind String COMMENT 'card, contract or unknown',
    currency String COMMENT 'ISO 4217',
    energy_wh Int64 COMMENT 'total energy, watt-hours',
    total_net String COMMENT 'total without taxes, decimal, empty: not told',
    total_gross String COMMENT 'total with taxes, decimal, empty: not told',
    credit Bool COMMENT 'it takes back another',
    credit_reference_id String COMMENT 'the CDR that it takes back',
    rejected_code Nullable(Int64) COMMENT 'OCPI status code with which it was refused, NULL: it was not',
    started_at Nullable(DateTime64(3, 'UTC')) COMMENT 'begin, NULL: not told',
    ended_at Nullable(DateTime64(3, 'UTC')) COMMENT 'end, NULL: not told',
    last_updated_at DateTime64(3, 'UTC') COMMENT 'by the sender''s clock',
    received_at DateTime64(3, 'UTC') COMMENT 'when it came here'
) AS
SELECT
    c.tenant AS tenant, c.partner AS partner,
    concat(c.country_code, '*', c.party_id) AS party,
    c.cdr_id AS cdr_id, c.ocpi_session_id AS ocpi_session_id,
    c.authorization_reference AS authorization_reference,
    c.payment_kind AS payment_kind, c.currency AS currency, c.energy_wh AS energy_wh,
    c.costs.net[indexOf(c.costs.kind, 'total')] AS total_net,
    c.costs.gross[indexOf(c.costs.kind, 'total')] AS total_gross,
    c.credit AS credit, c.credit_reference_id AS credit_reference_id,
    nullIf(c.rejected_code, 0) AS rejected_code,
    nullIf(c.started_at, toDateTime64(0, 3, 'UTC')) AS started_at,
    nullIf(c.ended_at, toDateTime64(0, 3, 'UTC')) AS ended_at,
    c.last_updated_at AS last_updated_at, c.received_at AS received_at
FROM ocpi_cdrs AS c FINAL;
