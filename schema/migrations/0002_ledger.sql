-- received = stored + ignored(type) + retried + sampled + foreign + rejected(reason), by site and minute received.
-- outcome is one of those words; detail is the type or the reason.
CREATE TABLE ledger
(
    site LowCardinality(String),
    minute DateTime('UTC') CODEC(Delta, ZSTD),
    outcome LowCardinality(String),
    detail LowCardinality(String),
    reports SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD)
)
ENGINE = AggregatingMergeTree
PARTITION BY toMonday(minute)
ORDER BY (site, minute, outcome, detail)
TTL minute + INTERVAL {retention_days} DAY
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1;

-- What could not be understood, for inspection. A slot is a checksum of the body, modulo 8192: the table is bounded by
-- its key, whatever a hostile client sends; the ledger has the counts.
CREATE TABLE rejects
(
    day Date,
    reason LowCardinality(String),
    slot UInt16,
    site LowCardinality(String),
    received DateTime64(3, 'UTC'),
    user_agent String CODEC(ZSTD),
    raw String CODEC(ZSTD)
)
ENGINE = ReplacingMergeTree(received)
PARTITION BY toMonday(day)
ORDER BY (day, reason, slot)
TTL day + INTERVAL 14 DAY
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1;
