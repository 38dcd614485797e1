-- One row a violation, window, policy and noise label; equal keys fold at merges, so queries always sum.
-- The columns outside the key follow from the fingerprint, or are one example of many (any).
CREATE TABLE violations
(
    site LowCardinality(String),
    window DateTime('UTC') CODEC(Delta, ZSTD),
    fingerprint FixedString(16),
    policy_hash LowCardinality(String),
    noise LowCardinality(String),
    verdict LowCardinality(String),
    document_url SimpleAggregateFunction(any, String) CODEC(ZSTD),
    document_host SimpleAggregateFunction(any, LowCardinality(String)),
    referrer SimpleAggregateFunction(any, String) CODEC(ZSTD),
    effective_directive SimpleAggregateFunction(any, LowCardinality(String)),
    blocked_url SimpleAggregateFunction(any, String) CODEC(ZSTD),
    blocked_host SimpleAggregateFunction(any, String) CODEC(ZSTD),
    blocked_site SimpleAggregateFunction(any, String) CODEC(ZSTD),
    blocked_kind SimpleAggregateFunction(any, LowCardinality(String)),
    disposition SimpleAggregateFunction(any, LowCardinality(String)),
    source_file SimpleAggregateFunction(any, String) CODEC(ZSTD),
    line_number SimpleAggregateFunction(any, UInt32) CODEC(ZSTD),
    column_number SimpleAggregateFunction(any, UInt32) CODEC(ZSTD),
    status_code SimpleAggregateFunction(any, UInt16) CODEC(ZSTD),
    sample SimpleAggregateFunction(any, String) CODEC(ZSTD),
    browser SimpleAggregateFunction(any, LowCardinality(String)),
    browser_version SimpleAggregateFunction(any, LowCardinality(String)),
    os SimpleAggregateFunction(any, LowCardinality(String)),
    user_agent SimpleAggregateFunction(any, String) CODEC(ZSTD),
    noise_rule SimpleAggregateFunction(any, LowCardinality(String)),
    verdict_reason SimpleAggregateFunction(any, LowCardinality(String)),
    trust SimpleAggregateFunction(any, UInt8),
    reports SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD),
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(Delta, ZSTD),
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(Delta, ZSTD),
    INDEX document_words lower(document_url) TYPE text(tokenizer = 'splitByNonAlpha'),
    INDEX blocked_words lower(blocked_url) TYPE text(tokenizer = 'splitByNonAlpha'),
    INDEX source_words lower(source_file) TYPE text(tokenizer = 'splitByNonAlpha')
)
ENGINE = AggregatingMergeTree
PARTITION BY toMonday(window)
ORDER BY (site, window, fingerprint, policy_hash, noise, verdict)
TTL window + INTERVAL {retention_days} DAY
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1;

-- The series of the charts: counts a minute by everything the filters know but the URLs.
-- A batch folds within a minute, so a row's first_seen names its minute when it is inserted. An imported row may span
-- its window, or contradict it: its minute stays inside, so that series add up to the totals of the same windows.
CREATE TABLE minutes
(
    site LowCardinality(String),
    minute DateTime('UTC') CODEC(Delta, ZSTD),
    effective_directive LowCardinality(String),
    document_host LowCardinality(String),
    blocked_host String CODEC(ZSTD),
    blocked_kind LowCardinality(String),
    disposition LowCardinality(String),
    browser LowCardinality(String),
    noise LowCardinality(String),
    verdict LowCardinality(String),
    reports SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD)
)
ENGINE = AggregatingMergeTree
PARTITION BY toMonday(minute)
ORDER BY (site, minute, effective_directive, document_host, blocked_host, blocked_kind, disposition, browser, noise, verdict)
TTL minute + INTERVAL {retention_days} DAY
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1;

CREATE MATERIALIZED VIEW minutes_of_violations TO minutes AS
SELECT site, least(greatest(toStartOfMinute(first_seen), window), window + 540) AS minute, effective_directive, document_host,
       blocked_host, blocked_kind, disposition, browser, noise, verdict, sum(reports) AS reports
FROM violations
GROUP BY site, minute, effective_directive, document_host, blocked_host, blocked_kind, disposition, browser, noise, verdict;

-- A source: what was blocked, by host or, where there is none, by kind.
CREATE TABLE sources
(
    site LowCardinality(String),
    effective_directive LowCardinality(String),
    blocked String,
    blocked_kind LowCardinality(String),
    noise LowCardinality(String),
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    reports SimpleAggregateFunction(sum, UInt64),
    pages AggregateFunction(uniqCombined(12), String),
    browsers SimpleAggregateFunction(groupUniqArrayArray(32), Array(String))
)
ENGINE = AggregatingMergeTree
ORDER BY (site, effective_directive, blocked, blocked_kind, noise)
TTL toDateTime(last_seen) + INTERVAL {companion_days} DAY
SETTINGS non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1;

CREATE MATERIALIZED VIEW sources_of_violations TO sources AS
SELECT site, effective_directive, if(blocked_host = '', blocked_kind, blocked_host) AS blocked, blocked_kind, noise,
       min(first_seen) AS first_seen, max(last_seen) AS last_seen, sum(reports) AS reports,
       uniqCombinedState(12)(document_url) AS pages, groupUniqArray(32)(toString(browser)) AS browsers
FROM violations
GROUP BY site, effective_directive, blocked, blocked_kind, noise;

-- What people decided about a source; without a row it is new.
CREATE TABLE source_states
(
    site LowCardinality(String),
    effective_directive LowCardinality(String),
    blocked String,
    state LowCardinality(String),
    changed DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(changed)
ORDER BY (site, effective_directive, blocked)
SETTINGS non_replicated_deduplication_window = 1000;

-- The text of each policy, once.
CREATE TABLE policies
(
    policy_hash String,
    original_policy SimpleAggregateFunction(any, String) CODEC(ZSTD),
    last_seen SimpleAggregateFunction(max, DateTime('UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY policy_hash
TTL last_seen + INTERVAL {companion_days} DAY
SETTINGS non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1;

-- One report a violation as the browser spelled it, secrets taken out.
CREATE TABLE examples
(
    site LowCardinality(String),
    fingerprint FixedString(16),
    raw String CODEC(ZSTD),
    seen DateTime('UTC')
)
ENGINE = ReplacingMergeTree(seen)
ORDER BY (site, fingerprint)
TTL seen + INTERVAL {companion_days} DAY
SETTINGS non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1;
