-- Who works on alerts: of any number of processes one does, in terms of some seconds by the server's clock. A term is
-- taken by the first insert under its token, `alerts-owner-EPOCH`. `began` is when alerts were first started on this
-- store: what was there before is not new. `awake`: since when they have been running without a gap. `looked`: up to
-- where the newest rows were looked at. `messages`: how many there have been, also when their rows have expired.
CREATE TABLE alert_owners
(
    name String,
    epoch UInt64,
    owner String,
    taken DateTime64(3, 'UTC') DEFAULT now64(3),
    began DateTime64(3, 'UTC'),
    awake DateTime64(3, 'UTC'),
    looked DateTime64(3, 'UTC'),
    messages UInt64
)
ENGINE = ReplacingMergeTree(epoch)
ORDER BY name
SETTINGS non_replicated_deduplication_window = 10000;

-- What happened, once: the same event found twice has the same key. `channels` are those it is to be told to, as it was
-- routed then, from `due` on.
CREATE TABLE alert_events
(
    kind LowCardinality(String),
    key FixedString(16) DEFAULT sipHash128(site, effective_directive, blocked),
    occasion String,
    id String,
    site LowCardinality(String),
    effective_directive LowCardinality(String),
    blocked String,
    time DateTime64(3, 'UTC'),
    recorded DateTime64(3, 'UTC') DEFAULT now64(3),
    due DateTime64(3, 'UTC'),
    title String CODEC(ZSTD),
    evidence String CODEC(ZSTD),
    channels Array(String)
)
ENGINE = ReplacingMergeTree
ORDER BY (kind, key, occasion)
TTL toDateTime(recorded) + INTERVAL {companion_days} DAY
SETTINGS non_replicated_deduplication_window = 10000, materialize_ttl_recalculate_only = 1;

-- The outbox: a message is written down before it is sent, by the first insert under `alerts-message-SEQ`, and again
-- after each attempt. An event is in one message a channel.
CREATE TABLE alert_messages
(
    seq UInt64,
    attempts UInt32,
    id String,
    channel String,
    channel_name String,
    events Array(String) CODEC(ZSTD),
    payload String CODEC(ZSTD),
    made DateTime64(3, 'UTC'),
    due DateTime64(3, 'UTC'),
    state LowCardinality(String),
    error String,
    attempted DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(attempts)
ORDER BY seq
TTL toDateTime(made) + INTERVAL {companion_days} DAY
SETTINGS non_replicated_deduplication_window = 10000, materialize_ttl_recalculate_only = 1;

-- Known sources that fell silent, and since when: one that is seen again has come back.
CREATE TABLE silent_sources
(
    key FixedString(16),
    since DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(since)
ORDER BY key
TTL toDateTime(since) + INTERVAL {companion_days} DAY
SETTINGS non_replicated_deduplication_window = 10000, materialize_ttl_recalculate_only = 1;
