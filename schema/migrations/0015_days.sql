-- What sums of a period are made of, by directive, noise and verdict: rows of a day, where `weeks` has a row a
-- violation. A window is of one day, so a day has what its windows have. `last_window` is for the end of their time,
-- which must be the same: else the totals would have other reports than the list.
CREATE TABLE days
(
    site LowCardinality(String),
    day Date,
    effective_directive LowCardinality(String),
    noise LowCardinality(String),
    verdict LowCardinality(String),
    last_window SimpleAggregateFunction(max, DateTime('UTC')) CODEC(ZSTD),
    reports SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD),
    left_out SimpleAggregateFunction(sum, Float64) CODEC(ZSTD)
)
ENGINE = AggregatingMergeTree
PARTITION BY toMonday(day)
ORDER BY (site, day, effective_directive, noise, verdict)
TTL last_window + INTERVAL {retention_days} DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1, min_age_to_force_merge_seconds = 21600, min_age_to_force_merge_on_partition_only = 1;

-- From which day on `days` knows everything: max(since), of any number of rows. What is before is asked of the finer
-- tables. No row makes 1970-01-01: a store that was made with `days` in it, and one whose rows of before have gone.
CREATE TABLE days_since
(
    since Date
)
ENGINE = ReplacingMergeTree
ORDER BY since
TTL since + INTERVAL {companion_days} DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW days_of_violations TO days AS
SELECT site, toDate(window) AS day, effective_directive, noise, verdict,
       max(window) AS last_window, sum(reports) AS reports, sum(left_out) AS left_out
FROM violations
GROUP BY site, day, effective_directive, noise, verdict;

-- What is stored already is not filled in, so nothing has to rest. What is on its way in this moment, and what a kill
-- left half stored and is repeated, is of today at the latest; tomorrow is for clocks that are ahead. No rows are looked
-- at: that this host finds none doesn't say that none are on their way, or on another. Run again, it only gets later.
INSERT INTO days_since (since)
SELECT toDate(now('UTC')) + 2 AS since;
