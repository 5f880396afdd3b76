-- What acquirers say of payments whose session they do not name; what partners' invoices cover.

CREATE TABLE IF NOT EXISTS unbound_notices (
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    record_sha256 String CODEC(ZSTD(1)),
    written_at DateTime64(3, 'UTC'),
    tenant LowCardinality(String),
    alias String,
    acquirer_id LowCardinality(String),
    event LowCardinality(String),
    outcome LowCardinality(String),
    merchant_reference String,
    psp_reference String,
    amount_minor Int64,
    currency LowCardinality(String),
    reason LowCardinality(String),
    raw_code LowCardinality(String),
    advice_code LowCardinality(String),
    expires_at DateTime64(3, 'UTC'),
    occurred_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree
ORDER BY (tenant, acquirer_id, psp_reference, kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'alias.lookups: what acquirers say of a payment without naming its session';

CREATE TABLE IF NOT EXISTS alias_lookups (
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    record_sha256 String CODEC(ZSTD(1)),
    written_at DateTime64(3, 'UTC'),
    tenant LowCardinality(String),
    alias String,
    charging_id String,
    source_topic LowCardinality(String),
    source_partition Int64,
    source_offset Int64,
    doubtful Bool,
    waits Bool,
    settled_by String,
    occurred_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree
ORDER BY (tenant, alias, kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'alias.lookups: facts on their way to who knows their alias';

CREATE OR REPLACE VIEW v_unbound_notice (
    tenant String COMMENT 'who operates the network',
    acquirer_id String COMMENT 'who told it',
    event String COMMENT 'a kind of command, answered with outcome, or an event after it',
    outcome String COMMENT 'of the event',
    alias String COMMENT 'what its session is to be found by',
    merchant_reference String COMMENT 'ours or the terminal''s, as the acquirer tells it',
    psp_reference String COMMENT 'the acquirer''s own',
    amount_minor Int64 COMMENT 'minor units',
    currency String COMMENT 'ISO 4217',
    raw_code String COMMENT 'the acquirer''s own word, empty: none',
    occurred_at DateTime64(3, 'UTC') COMMENT 'when it happened, by the acquirer',
    told_at DateTime64(3, 'UTC') COMMENT 'when it came here',
    aged_at Nullable(DateTime64(3, 'UTC')) COMMENT 'when it was told as an orphan, NULL: it was not'
) AS
SELECT
    n.tenant AS tenant, n.acquirer_id AS acquirer_id, n.event AS event, n.outcome AS outcome,
    n.alias AS alias, n.merchant_reference AS merchant_reference,
    n.psp_reference AS psp_reference, n.amount_minor AS amount_minor, n.currency AS currency,
    n.raw_code AS raw_code, n.occurred_at AS occurred_at, n.written_at AS told_at,
    nullIf(o.aged_at, toDateTime64(0, 3, 'UTC')) AS aged_at
FROM unbound_notices AS n FINAL
LEFT JOIN (
    SELECT tenant, alias, source_partition, source_offset, min(aged_at) AS aged_at
    FROM orphans FINAL
    GROUP BY tenant, alias, source_partition, source_offset
) AS o ON o.tenant = n.tenant AND o.alias = n.alias
    AND o.source_partition = n.kafka_partition AND o.source_offset = n.kafka_offset;

CREATE TABLE IF NOT EXISTS ocpi_invoices (
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
    record_id String,
    invoice_id String,
    cdr_ids Array(String),
    withdrawn Bool,
    last_updated_at DateTime64(3, 'UTC'),
    received_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree
ORDER BY (tenant, partner, record_id, kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'ocpi.invoices: which CDRs an invoice covers, each word of it';

CREATE OR REPLACE VIEW v_partner_invoice (
    tenant String COMMENT 'who operates the network',
    party String COMMENT 'country code and party id of who bills',
    record_id String COMMENT 'the reconciliation record, as it was told last',
    invoice_id String COMMENT 'the invoice that it is about',
    withdrawn Bool COMMENT 'the record was taken back',
    cdr_id String COMMENT 'a CDR that the invoice covers',
    cdr_known Bool COMMENT 'such a CDR of this party has come here',
    authorization_reference String COMMENT 'of the CDR: the session that it bills, empty: not told',
    ocpi_session_id String COMMENT 'of the CDR, empty: not told',
    currency String COMMENT 'of the CDR, ISO 4217',
    total_net String COMMENT 'of the CDR, decimal, empty: not told',
    total_gross String COMMENT 'of the CDR, decimal, empty: not told',
    last_updated_at DateTime64(3, 'UTC') COMMENT 'by the sender''s clock'
) AS
SELECT
    i.tenant AS tenant, concat(i.country_code, '*', i.party_id) AS party,
    i.told.1 AS record_id, i.told.2 AS invoice_id, i.told.4 AS withdrawn,
    covered AS cdr_id, toBool(c.id != '') AS cdr_known,
    c.told.1 AS authorization_reference, c.told.2 AS ocpi_session_id, c.told.3 AS currency,
    c.told.4 AS total_net, c.told.5 AS total_gross,
    i.told.5 AS last_updated_at
FROM (
    SELECT tenant, country_code, party_id,
        argMax(
            tuple(record_id, invoice_id, cdr_ids, withdrawn, last_updated_at),
            tuple(last_updated_at, received_at)
        ) AS told
    FROM ocpi_invoices FINAL
    GROUP BY tenant, country_code, party_id, lower(record_id)
) AS i
ARRAY JOIN i.told.3 AS covered
LEFT JOIN (
    SELECT tenant, country_code, party_id, lower(cdr_id) AS id,
        argMin(
            tuple(
                authorization_reference, ocpi_session_id, currency,
                costs.net[indexOf(costs.kind, 'total')], costs.gross[indexOf(costs.kind, 'total')]
            ),
            received_at
        ) AS told
    FROM ocpi_cdrs FINAL
    GROUP BY tenant, country_code, party_id, id
) AS c ON c.tenant = i.tenant AND c.country_code = i.country_code AND c.party_id = i.party_id
    AND c.id = lower(covered);
