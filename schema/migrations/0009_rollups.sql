-- What the console asks of long periods: each violation once a week, policy and label, with its texts, instead of once a
-- window. Whole weeks of a period come from here, its ends from `violations` (dashboards/relations.py). Of 10 million
-- rows of a month there are 1.7 million. `window` is the first, `last_window` the last of the week.
-- The granules and the blocks are small, because a page takes the texts of some twenty rows: 47 ms of a core, 81 with
-- ClickHouse's blocks of 64 KiB. `group_id` (dashboards/groups.py) is hashed once, here: to hash the six texts of 1.7
-- million rows takes 0.76 s, to group by this column 0.25. The words' indexes find a common word in 27 ms instead of 900.
CREATE TABLE weeks
(
    site LowCardinality(String),
    week Date,
    fingerprint FixedString(16) CODEC(ZSTD),
    policy_hash LowCardinality(String),
    noise LowCardinality(String),
    verdict LowCardinality(String),
    window SimpleAggregateFunction(min, DateTime('UTC')) CODEC(ZSTD),
    last_window SimpleAggregateFunction(max, DateTime('UTC')) CODEC(ZSTD),
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
    noise_rule SimpleAggregateFunction(anyLast, LowCardinality(String)),
    noise_version SimpleAggregateFunction(anyLast, LowCardinality(String)),
    labelled SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(ZSTD),
    verdict_reason SimpleAggregateFunction(any, LowCardinality(String)),
    trust SimpleAggregateFunction(max, UInt8),
    judged SimpleAggregateFunction(max, LowCardinality(String)),
    document_template SimpleAggregateFunction(any, String) CODEC(ZSTD),
    blocked_template SimpleAggregateFunction(any, String) CODEC(ZSTD),
    reports SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD),
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(ZSTD),
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(ZSTD),
    group_id SimpleAggregateFunction(any, UInt128) CODEC(NONE),
    INDEX document_words lower(document_url) TYPE text(tokenizer = 'splitByNonAlpha'),
    INDEX blocked_words lower(blocked_url) TYPE text(tokenizer = 'splitByNonAlpha'),
    INDEX source_words lower(source_file) TYPE text(tokenizer = 'splitByNonAlpha')
)
ENGINE = AggregatingMergeTree
PARTITION BY week
ORDER BY (site, week, fingerprint, policy_hash, noise, verdict)
TTL last_window + INTERVAL {retention_days} DAY
SETTINGS non_replicated_deduplication_window = 10000, index_granularity = 1024, min_compress_block_size = 8192, max_compress_block_size = 16384, ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1;

-- The charts of long periods, by what most questions filter by.
CREATE TABLE hours
(
    site LowCardinality(String),
    hour DateTime('UTC') CODEC(Delta, ZSTD),
    effective_directive LowCardinality(String),
    noise LowCardinality(String),
    reports SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD)
)
ENGINE = AggregatingMergeTree
PARTITION BY toMonday(hour)
ORDER BY (site, hour, effective_directive, noise)
TTL hour + INTERVAL {retention_days} DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1;

-- The ledger of long periods. `balance` is none where every minute is balanced: a minute's surplus counts by a hash of
-- its own, so that two can't make up for each other.
CREATE TABLE ledger_hours
(
    site LowCardinality(String),
    hour DateTime('UTC') CODEC(Delta, ZSTD),
    outcome LowCardinality(String),
    detail LowCardinality(String),
    reports SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD),
    balance SimpleAggregateFunction(sum, Int64) CODEC(ZSTD)
)
ENGINE = AggregatingMergeTree
PARTITION BY toMonday(hour)
ORDER BY (site, hour, outcome, detail)
TTL hour + INTERVAL {retention_days} DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1;

-- Weeks that long periods still take from the finer tables: those of the fortnight before this file was applied. A batch
-- that a kill had left half stored is repeated after it, and these tables don't know its token.
CREATE TABLE rollup_gaps
(
    week Date
)
ENGINE = ReplacingMergeTree
ORDER BY week
TTL week + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000;

-- From what is stored already. A kill in here leaves some of it: the next start begins again.
TRUNCATE TABLE weeks;
TRUNCATE TABLE hours;
TRUNCATE TABLE ledger_hours;

INSERT INTO rollup_gaps (week)
SELECT DISTINCT week FROM (
    SELECT toMonday(window) AS week FROM violations WHERE window >= toMonday(now()) - 7
    UNION ALL
    SELECT toMonday(minute) AS week FROM ledger WHERE minute >= toMonday(now()) - 7
);

INSERT INTO weeks (site, week, fingerprint, policy_hash, noise, verdict, window, last_window, document_url, document_host, referrer, effective_directive, blocked_url, blocked_host, blocked_site, blocked_kind, disposition, source_file, line_number, column_number, status_code, sample, browser, browser_version, os, user_agent, noise_rule, noise_version, labelled, verdict_reason, trust, judged, document_template, blocked_template, reports, first_seen, last_seen, group_id)
SELECT site, toMonday(window) AS week, fingerprint, policy_hash, noise, verdict, window, window AS last_window, document_url, document_host, referrer, effective_directive, blocked_url, blocked_host, blocked_site, blocked_kind, disposition, source_file, line_number, column_number, status_code, sample, browser, browser_version, os, user_agent, noise_rule, noise_version, labelled, verdict_reason, trust, judged, document_template, blocked_template, reports, first_seen, last_seen,
       bitOr(bitShiftLeft(toUInt128(bitShiftRight(cityHash64(site, effective_directive, document_template, blocked_template, blocked_kind, disposition), 2)), 64), xxh3(site, effective_directive, document_template, blocked_template, blocked_kind, disposition)) AS group_id
FROM violations;

INSERT INTO hours (site, hour, effective_directive, noise, reports)
SELECT site, toStartOfHour(minute) AS hour, effective_directive, noise, sum(reports) AS reports
FROM minutes
GROUP BY site, hour, effective_directive, noise;

INSERT INTO ledger_hours (site, hour, outcome, detail, reports, balance)
SELECT site, toStartOfHour(minute) AS hour, outcome, detail, reports,
       if(outcome = 'received', 1, -1) * toInt64(reports) * reinterpretAsInt64(cityHash64(toString(site), minute)) AS balance
FROM ledger;

CREATE MATERIALIZED VIEW weeks_of_violations TO weeks AS
SELECT site, toMonday(window) AS week, fingerprint, policy_hash, noise, verdict, window, window AS last_window, document_url, document_host, referrer, effective_directive, blocked_url, blocked_host, blocked_site, blocked_kind, disposition, source_file, line_number, column_number, status_code, sample, browser, browser_version, os, user_agent, noise_rule, noise_version, labelled, verdict_reason, trust, judged, document_template, blocked_template, reports, first_seen, last_seen,
       bitOr(bitShiftLeft(toUInt128(bitShiftRight(cityHash64(site, effective_directive, document_template, blocked_template, blocked_kind, disposition), 2)), 64), xxh3(site, effective_directive, document_template, blocked_template, blocked_kind, disposition)) AS group_id
FROM violations;

CREATE MATERIALIZED VIEW hours_of_violations TO hours AS
SELECT site, toStartOfHour(least(greatest(toStartOfMinute(first_seen), window), window + 540)) AS hour, effective_directive, noise,
       sum(reports) AS reports
FROM violations
GROUP BY site, hour, effective_directive, noise;

CREATE MATERIALIZED VIEW ledger_hours_of_ledger TO ledger_hours AS
SELECT site, toStartOfHour(minute) AS hour, outcome, detail, reports,
       if(outcome = 'received', 1, -1) * toInt64(reports) * reinterpretAsInt64(cityHash64(toString(site), minute)) AS balance
FROM ledger;
