-- What the feeds have seen of others' words: versions, unknown fields, new words, refusals.

CREATE TABLE IF NOT EXISTS feed_seen (
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    record_sha256 String CODEC(ZSTD(1)),
    written_at DateTime64(3, 'UTC'),
    tenant LowCardinality(String),
    feed LowCardinality(String),
    source LowCardinality(String),
    partner LowCardinality(String),
    make String,
    accepted Int64,
    refused Int64,
    from_at DateTime64(3, 'UTC'),
    to_at DateTime64(3, 'UTC'),
    `marks.what` Array(LowCardinality(String)),
    `marks.detail` Array(String),
    `marks.count` Array(Int64),
    `marks.first_at` Array(DateTime64(3, 'UTC'))
) ENGINE = ReplacingMergeTree
ORDER BY (tenant, feed, partner, make, kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'feed.drift: what feeds counted, span by span; spans of a partition do not overlap';

CREATE OR REPLACE VIEW v_feed_mark (
    tenant String COMMENT 'who operates the network',
    feed String COMMENT 'the feed, by its mapping''s name',
    source String COMMENT 'ocpp, ocpi or acquirer',
    partner String COMMENT 'the network, the partner or the account',
    make String COMMENT 'the charger''s vendor, model and firmware, empty: none was told',
    what String COMMENT 'version, field, word, note, refusal; more: all beyond what is told apart',
    detail String COMMENT 'the version; the field''s path; path=word; the oddity; reason and path',
    first_at DateTime64(3, 'UTC') COMMENT 'when it was first seen',
    last_at DateTime64(3, 'UTC') COMMENT 'the end of the newest span that has it',
    messages Int64 COMMENT 'messages that it was seen in'
) AS
SELECT
    s.tenant AS tenant, s.feed AS feed, s.source AS source, s.partner AS partner, s.make AS make,
    mark_what AS what, mark_detail AS detail,
    min(mark_first_at) AS first_at,
    max(s.to_at) AS last_at,
    sum(mark_count) AS messages
FROM feed_seen AS s FINAL
ARRAY JOIN
    s.marks.what AS mark_what, s.marks.detail AS mark_detail,
    s.marks.count AS mark_count, s.marks.first_at AS mark_first_at
GROUP BY tenant, feed, source, partner, make, what, detail;

CREATE OR REPLACE VIEW v_feed_daily (
    day Date COMMENT 'UTC day in which the span of messages ended',
    tenant String COMMENT 'who operates the network',
    feed String COMMENT 'the feed, by its mapping''s name',
    source String COMMENT 'ocpp, ocpi or acquirer',
    partner String COMMENT 'the network, the partner or the account',
    make String COMMENT 'the charger''s vendor, model and firmware, empty: none was told',
    accepted Int64 COMMENT 'messages that nothing was refused of',
    refused Int64 COMMENT 'messages refused, in whole or in part',
    refusal_rate Float64 COMMENT 'refused / (accepted + refused)'
) AS
SELECT
    toDate(s.to_at) AS day,
    s.tenant AS tenant, s.feed AS feed, s.source AS source, s.partner AS partner, s.make AS make,
    sum(s.accepted) AS accepted,
    sum(s.refused) AS refused,
    sum(s.refused) / (sum(s.accepted) + sum(s.refused)) AS refusal_rate
FROM feed_seen AS s FINAL
GROUP BY day, tenant, feed, source, partner, make;
