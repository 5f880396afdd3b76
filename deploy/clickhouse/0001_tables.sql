-- One row for each Kafka record that the sink reads, in exactly one of these tables. A row is
-- identified by its place in Kafka, so that a repeated one is dropped by its block's token first
-- and merged away second. An instant of 1970-01-01 says "none"; the views turn it into NULL.

CREATE TABLE IF NOT EXISTS payment_commands (
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    record_sha256 String CODEC(ZSTD(1)),
    written_at DateTime64(3, 'UTC'),
    tenant LowCardinality(String),
    session_id String,
    command_id String,
    kind LowCardinality(String),
    of_command_id String,
    of_kind LowCardinality(String),
    attempt Int64,
    idempotency_key String,
    performer LowCardinality(String),
    acquirer_id LowCardinality(String),
    hold_id String,
    psp_reference String,
    amount_minor Int64,
    previous_minor Int64,
    delta_minor Int64,
    priced_minor Int64,
    capturable_minor Int64,
    currency LowCardinality(String),
    energy_wh Int64,
    proof LowCardinality(String),
    evidence String,
    reason LowCardinality(String),
    scheme LowCardinality(String),
    funding LowCardinality(String),
    entry_mode LowCardinality(String),
    bin_country LowCardinality(String),
    merchant_country LowCardinality(String),
    terminal_id String,
    rule LowCardinality(String),
    policy_version LowCardinality(String),
    issued_at DateTime64(3, 'UTC'),
    body_hash String
) ENGINE = ReplacingMergeTree
ORDER BY (tenant, session_id, kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'payment.commands: what was to be done with money';

CREATE TABLE IF NOT EXISTS acquirer_answers (
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    record_sha256 String CODEC(ZSTD(1)),
    written_at DateTime64(3, 'UTC'),
    tenant LowCardinality(String),
    session_id String,
    command_id String,
    resolves String,
    kind LowCardinality(String),
    hold_id String,
    acquirer_id LowCardinality(String),
    outcome LowCardinality(String),
    amount_minor Int64,
    currency LowCardinality(String),
    reason LowCardinality(String),
    raw_code LowCardinality(String),
    psp_reference String,
    expires_at DateTime64(3, 'UTC'),
    source LowCardinality(String),
    answered_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree
ORDER BY (tenant, session_id, kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'acquirer.responses: what became of commands';

CREATE TABLE IF NOT EXISTS acquirer_notices (
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    record_sha256 String CODEC(ZSTD(1)),
    written_at DateTime64(3, 'UTC'),
    tenant LowCardinality(String),
    session_id String,
    hold_id String,
    acquirer_id LowCardinality(String),
    event LowCardinality(String),
    command_id String,
    amount_minor Int64,
    currency LowCardinality(String),
    psp_reference String,
    occurred_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree
ORDER BY (tenant, session_id, kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'acquirer.responses: what acquirers said unasked';

CREATE TABLE IF NOT EXISTS terminal_requests (
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    record_sha256 String CODEC(ZSTD(1)),
    written_at DateTime64(3, 'UTC'),
    tenant LowCardinality(String),
    session_id String,
    provider LowCardinality(String),
    authorization_reference String,
    terminal_id String,
    network LowCardinality(String),
    charger_id String,
    evse_uid String,
    connector_id String,
    channel LowCardinality(String),
    role LowCardinality(String),
    capture_by LowCardinality(String),
    power_type LowCardinality(String),
    power_max_w Int64,
    scheme LowCardinality(String),
    funding LowCardinality(String),
    entry_mode LowCardinality(String),
    cvm LowCardinality(String),
    bin_country LowCardinality(String),
    merchant_country LowCardinality(String),
    card_token String,
    declared_kind LowCardinality(String),
    declared_value Int64,
    currency LowCardinality(String),
    acquirer_id LowCardinality(String),
    tariff_id String,
    tariff_hash String,
    requested_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree
ORDER BY (tenant, session_id, kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'terminal.requests: cards presented, with the facts of the card and never its number';

CREATE TABLE IF NOT EXISTS session_ledger (
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    record_sha256 String CODEC(ZSTD(1)),
    written_at DateTime64(3, 'UTC'),
    tenant LowCardinality(String),
    session_id String,
    version Int64,
    phase LowCardinality(String),
    closed_reason LowCardinality(String),
    network LowCardinality(String),
    charger_id String,
    evse_uid String,
    terminal_id String,
    authorization_reference String,
    transaction_id String,
    power_type LowCardinality(String),
    power_max_w Int64,
    scheme LowCardinality(String),
    funding LowCardinality(String),
    entry_mode LowCardinality(String),
    bin_country LowCardinality(String),
    merchant_country LowCardinality(String),
    role LowCardinality(String),
    capture_by LowCardinality(String),
    strategy LowCardinality(String),
    policy_version LowCardinality(String),
    policy_cell LowCardinality(String),
    tariff_id String,
    tariff_hash String,
    currency LowCardinality(String),
    energy_wh Int64,
    proof LowCardinality(String),
    priced_minor Int64,
    approved_minor Int64,
    captured_minor Int64,
    released_minor Int64,
    lapsed_minor Int64,
    open_minor Int64,
    arrears_minor Int64,
    forgiven_minor Int64,
    raises Int64,
    declined_at_tap Bool,
    declined_mid_charge Bool,
    stop_sent Bool,
    conflicts Int64,
    explanation String,
    requested_at DateTime64(3, 'UTC'),
    started_at DateTime64(3, 'UTC'),
    charging_ended_at DateTime64(3, 'UTC'),
    ended_at DateTime64(3, 'UTC'),
    closed_at DateTime64(3, 'UTC'),
    changed_at DateTime64(3, 'UTC'),
    `holds.hold_id` Array(String),
    `holds.acquirer_id` Array(String),
    `holds.psp_reference` Array(String),
    `holds.requested_minor` Array(Int64),
    `holds.approved_minor` Array(Int64),
    `holds.captured_minor` Array(Int64),
    `holds.released_minor` Array(Int64),
    `holds.lapsed_minor` Array(Int64),
    `holds.open_minor` Array(Int64),
    `holds.raises_issued` Array(Int64),
    `holds.raises_approved` Array(Int64),
    `holds.raises_declined` Array(Int64),
    `holds.status` Array(String),
    `holds.decline_reason` Array(String),
    `holds.approved_at` Array(DateTime64(3, 'UTC')),
    `holds.expires_at` Array(DateTime64(3, 'UTC')),
    `commands.command_id` Array(String),
    `commands.kind` Array(String),
    `commands.amount_minor` Array(Int64),
    `commands.outcome` Array(String),
    `commands.reason` Array(String),
    `commands.rule` Array(String),
    `commands.issued_at` Array(DateTime64(3, 'UTC')),
    `commands.answered_at` Array(DateTime64(3, 'UTC'))
) ENGINE = ReplacingMergeTree(kafka_offset)
ORDER BY (tenant, session_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'session.ledger: the newest state of each session; read it with FINAL';

CREATE TABLE IF NOT EXISTS discrepancies (
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    record_sha256 String CODEC(ZSTD(1)),
    written_at DateTime64(3, 'UTC'),
    tenant LowCardinality(String),
    session_id String,
    discrepancy_id String,
    kind LowCardinality(String),
    status LowCardinality(String),
    detail String,
    amount_minor Int64,
    currency LowCardinality(String),
    changed_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree
ORDER BY (tenant, session_id, kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'session.discrepancies: every change of a difference';

CREATE TABLE IF NOT EXISTS orphans (
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
    occurred_at DateTime64(3, 'UTC'),
    aged_at DateTime64(3, 'UTC'),
    detail String
) ENGINE = ReplacingMergeTree
ORDER BY (tenant, alias, kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'session.discrepancies: facts that claim a card payment and found no session';

CREATE TABLE IF NOT EXISTS parked (
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    record_sha256 String CODEC(ZSTD(1)),
    written_at DateTime64(3, 'UTC'),
    reason LowCardinality(String),
    source_topic LowCardinality(String),
    source_partition Int64,
    source_offset Int64,
    size_bytes Int64
) ENGINE = ReplacingMergeTree
ORDER BY (kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'holdfast.parked: where refused records came from and why; never their bytes';

CREATE TABLE IF NOT EXISTS unreadable (
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    record_sha256 String CODEC(ZSTD(1)),
    written_at DateTime64(3, 'UTC'),
    reason LowCardinality(String),
    size_bytes Int64
) ENGINE = ReplacingMergeTree
ORDER BY (kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'records that the sink could not read, by place and digest; never their bytes';

CREATE TABLE IF NOT EXISTS kafka_clusters (
    cluster_id String,
    first_seen_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
) ENGINE = ReplacingMergeTree
ORDER BY cluster_id
COMMENT 'whose offsets these tables speak of: one cluster a database';
