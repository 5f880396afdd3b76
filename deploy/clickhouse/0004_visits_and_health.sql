-- What a card does at a site, and how acquirers answer: beside every decline and every hold.

CREATE TABLE IF NOT EXISTS card_visits (
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    record_sha256 String CODEC(ZSTD(1)),
    written_at DateTime64(3, 'UTC'),
    tenant LowCardinality(String),
    site_id String,
    card_token String,
    scheme LowCardinality(String),
    version Int64,
    visit_from_at DateTime64(3, 'UTC'),
    last_at DateTime64(3, 'UTC'),
    sessions Array(String),
    declined_day Int64,
    declined_month Int64,
    attempts_left Int64,
    barred Bool,
    wait_until_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree
ORDER BY (tenant, site_id, card_token, kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'card.visits: every change of a card''s newest visit to a site';

CREATE TABLE IF NOT EXISTS acquirer_health (
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    record_sha256 String CODEC(ZSTD(1)),
    written_at DateTime64(3, 'UTC'),
    tenant LowCardinality(String),
    acquirer_id String,
    version Int64,
    window_ms Int64,
    answers Int64,
    approved Int64,
    declined Int64,
    technical Int64,
    p50_ms Int64,
    p95_ms Int64,
    good_since Int64,
    last_technical_at DateTime64(3, 'UTC'),
    last_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(kafka_offset)
ORDER BY (tenant, acquirer_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'acquirer.health: the newest word of each acquirer; read it with FINAL';

CREATE OR REPLACE VIEW v_card_visit (
    tenant String COMMENT 'who operates the network',
    site_id String COMMENT 'the site',
    card_token String COMMENT 'the acquirer''s token of the card, never its number',
    scheme String COMMENT 'card scheme',
    visit_from_at DateTime64(3, 'UTC') COMMENT 'when its first session was asked for',
    last_at DateTime64(3, 'UTC') COMMENT 'the newest thing known of the card there when this was told',
    session_ids Array(String) COMMENT 'its sessions by the time of their request; ARRAY JOIN them to the views by session',
    sessions UInt64 COMMENT 'how many they are: more than one, the driver tapped again or charged two cars',
    attempts UInt64 COMMENT 'times the card was asked in them: holds and raises',
    declined UInt64 COMMENT 'of them refused: outcome declined or failed',
    holds UInt64 COMMENT 'holds that were granted',
    holds_open UInt64 COMMENT 'of them still blocking money on the card',
    declined_day Int64 COMMENT 'refusals by the issuer in the 24 hours before last_at',
    declined_month Int64 COMMENT 'the same in the longest window of any scheme, 30 days',
    attempts_left Nullable(Int64) COMMENT 'what the scheme still allowed then, NULL: no cap of its own or no refusal',
    barred Bool COMMENT 'the card must not be tried again',
    wait_until_at Nullable(DateTime64(3, 'UTC')) COMMENT 'not to be tried before, NULL: nothing was said',
    is_newest Bool COMMENT 'the card''s newest visit to the site'
) AS
SELECT
    told.tenant AS tenant, told.site_id AS site_id, told.card_token AS card_token,
    told.scheme AS scheme,
    told.visit_from_at AS visit_from_at,
    told.last_at AS last_at,
    told.session_ids AS session_ids,
    length(told.session_ids) AS sessions,
    sum(asked.attempts) AS attempts,
    sum(asked.declined) AS declined,
    sum(held.holds) AS holds,
    sum(held.holds_open) AS holds_open,
    told.declined_day AS declined_day,
    told.declined_month AS declined_month,
    nullIf(told.attempts_left, -1) AS attempts_left,
    told.barred AS barred,
    nullIf(told.wait_until_at, toDateTime64(0, 3, 'UTC')) AS wait_until_at,
    toBool(told.version = told.newest_version) AS is_newest
FROM (
    -- A visit that was told before an earlier session of it was known is a part of it: what counts
    -- of each session is the newest word that names it.
    SELECT
        tenant, site_id, card_token, session_id,
        max(version) OVER (PARTITION BY tenant, site_id, card_token) AS newest_version,
        max(v.version) AS version,
        argMax(v.scheme, v.version) AS scheme,
        argMax(v.visit_from_at, v.version) AS visit_from_at,
        argMax(v.last_at, v.version) AS last_at,
        argMax(v.sessions, v.version) AS session_ids,
        argMax(v.declined_day, v.version) AS declined_day,
        argMax(v.declined_month, v.version) AS declined_month,
        argMax(v.attempts_left, v.version) AS attempts_left,
        argMax(v.barred, v.version) AS barred,
        argMax(v.wait_until_at, v.version) AS wait_until_at
    FROM card_visits AS v FINAL
    ARRAY JOIN v.sessions AS session_id
    GROUP BY tenant, site_id, card_token, session_id
) AS told
LEFT JOIN (
    SELECT tenant, session_id, count() AS attempts, countIf(is_declined) AS declined
    FROM v_auth_attempt
    GROUP BY tenant, session_id
) AS asked ON asked.tenant = told.tenant AND asked.session_id = told.session_id
LEFT JOIN (
    SELECT
        tenant, session_id,
        countIf(approved_minor > 0) AS holds,
        countIf(open_minor > 0) AS holds_open
    FROM v_hold
    GROUP BY tenant, session_id
) AS held ON held.tenant = told.tenant AND held.session_id = told.session_id
GROUP BY
    tenant, site_id, card_token, scheme, visit_from_at, last_at, session_ids, declined_day,
    declined_month, attempts_left, barred, wait_until_at, is_newest;

CREATE OR REPLACE VIEW v_acquirer_health (
    tenant String COMMENT 'who operates the network',
    acquirer_id String COMMENT 'the acquirer, as in v_auth_attempt and v_hold',
    from_at DateTime64(3, 'UTC') COMMENT 'where the window begins: the figures are of what was answered since',
    last_at DateTime64(3, 'UTC') COMMENT 'the newest answer, where it ends',
    answers Int64 COMMENT 'answers in the window',
    approved Int64 COMMENT 'of them holds and raises granted',
    declined Int64 COMMENT 'of them holds and raises that the issuer refused',
    technical Int64 COMMENT 'of them failures of the acquirer: time-outs, errors, no connection',
    approval_rate Float64 COMMENT 'approved / (approved + declined); NaN when neither',
    technical_rate Float64 COMMENT 'technical / answers; NaN when none',
    p50_ms Nullable(Int64) COMMENT 'half of the holds and raises were answered within, NULL: not known',
    p95_ms Nullable(Int64) COMMENT '95 % of them were: what the look-ahead reckons with',
    last_technical_at Nullable(DateTime64(3, 'UTC')) COMMENT 'the newest failure, NULL: none is known',
    good_since Int64 COMMENT 'answers that were none since then, 20 at most: what closes the breaker'
) AS
SELECT
    h.tenant AS tenant,
    h.acquirer_id AS acquirer_id,
    -- It moves by whole minutes, the newest one begun included.
    fromUnixTimestamp64Milli(
        toUnixTimestamp64Milli(h.last_at) - toUnixTimestamp64Milli(h.last_at) % 60000
        - h.window_ms + 60000, 'UTC') AS from_at,
    h.last_at AS last_at,
    h.answers AS answers,
    h.approved AS approved,
    h.declined AS declined,
    h.technical AS technical,
    h.approved / (h.approved + h.declined) AS approval_rate,
    h.technical / h.answers AS technical_rate,
    nullIf(h.p50_ms, -1) AS p50_ms,
    nullIf(h.p95_ms, -1) AS p95_ms,
    nullIf(h.last_technical_at, toDateTime64(0, 3, 'UTC')) AS last_technical_at,
    h.good_since AS good_since
FROM acquirer_health AS h FINAL;
