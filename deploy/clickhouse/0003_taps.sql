-- Cards read after a request, with what the driver was shown and agreed to (PSD2 art. 75: consent to
-- the exact amount).

CREATE TABLE IF NOT EXISTS card_reads (
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    record_sha256 String CODEC(ZSTD(1)),
    written_at DateTime64(3, 'UTC'),
    tenant LowCardinality(String),
    session_id String,
    terminal_id String,
    tap Int64,
    scheme LowCardinality(String),
    funding LowCardinality(String),
    entry_mode LowCardinality(String),
    cvm LowCardinality(String),
    bin_country LowCardinality(String),
    card_token String,
    offer_id String,
    consented_minor Int64,
    consented_at DateTime64(3, 'UTC'),
    shown LowCardinality(String),
    read_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree
ORDER BY (tenant, session_id, kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'terminal.requests: cards read after an offer, before it, or once more';
