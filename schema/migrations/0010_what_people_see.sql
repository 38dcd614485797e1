-- What the list of sources and the alerts ask of each source, without reading its violations: a flood has a million of
-- them. When the store got it (of rows from before: 1970, so none is new), how many of its reports may be true, and what
-- trust is made of (schema/source_trust.py). Rows from before are trusted. A re-labelling takes away reports without
-- knowing what each of them was worth, so the sums of trust, of which averages are made, only grow; and it is no arrival.
ALTER TABLE sources ADD COLUMN IF NOT EXISTS arrived SimpleAggregateFunction(min, DateTime64(3, 'UTC'));
ALTER TABLE sources ADD COLUMN IF NOT EXISTS last_arrived SimpleAggregateFunction(max, DateTime64(3, 'UTC'));
ALTER TABLE sources ADD COLUMN IF NOT EXISTS credible SimpleAggregateFunction(sum, Int64) DEFAULT reports;
ALTER TABLE sources ADD COLUMN IF NOT EXISTS sound SimpleAggregateFunction(sum, Int64) DEFAULT reports;
ALTER TABLE sources ADD COLUMN IF NOT EXISTS sound_worth SimpleAggregateFunction(sum, Int64) DEFAULT reports * 100;
ALTER TABLE sources ADD COLUMN IF NOT EXISTS doubtful SimpleAggregateFunction(sum, Int64);
ALTER TABLE sources ADD COLUMN IF NOT EXISTS doubtful_worth SimpleAggregateFunction(sum, Int64);
ALTER TABLE sources ADD COLUMN IF NOT EXISTS some_browsers SimpleAggregateFunction(groupBitOr, UInt64);
ALTER TABLE sources ADD COLUMN IF NOT EXISTS other_browsers SimpleAggregateFunction(groupBitOr, UInt64);
ALTER TABLE sources ADD COLUMN IF NOT EXISTS least_sender SimpleAggregateFunction(min, UInt64);
ALTER TABLE sources ADD COLUMN IF NOT EXISTS most_sender SimpleAggregateFunction(max, UInt64) DEFAULT 1;

ALTER TABLE sources_of_violations MODIFY QUERY
SELECT site, effective_directive, if(blocked_host = '', blocked_kind, blocked_host) AS blocked, blocked_kind, noise,
       min(v.first_seen) AS first_seen, max(v.last_seen) AS last_seen, sum(v.reports) AS reports,
       uniqCombinedState(12)(document_url) AS pages, groupUniqArray(32)(toString(browser)) AS browsers,
       min(now64(3, 'UTC')) AS arrived,
       maxIf(now64(3, 'UTC'), v.reports > 0 AND v.labelled = toDateTime64(0, 3, 'UTC')) AS last_arrived,
       sumIf(v.reports, verdict != 'impossible') AS credible,
       sumIf(v.reports, v.reports > 0 AND v.trust >= 50) AS sound,
       sumIf(v.reports * v.trust, v.reports > 0 AND v.trust >= 50) AS sound_worth,
       sumIf(v.reports, v.reports > 0 AND v.trust < 50) AS doubtful,
       sumIf(v.reports * v.trust, v.reports > 0 AND v.trust < 50) AS doubtful_worth,
       groupBitOrIf(bitShiftLeft(toUInt64(1), cityHash64(browser, splitByChar('.', browser_version)[1]) % 64), v.trust >= 50) AS some_browsers,
       groupBitOrIf(bitShiftLeft(toUInt64(1), intDiv(cityHash64(browser, splitByChar('.', browser_version)[1]), 64) % 64), v.trust >= 50) AS other_browsers,
       min(cityHash64(browser, splitByChar('.', browser_version)[1], document_url, window)) AS least_sender,
       max(cityHash64(browser, splitByChar('.', browser_version)[1], document_url, window)) AS most_sender
FROM violations AS v
GROUP BY site, effective_directive, blocked, blocked_kind, noise;

-- Since when a site has a policy. `own`: seen in a report that is no noise. It counts nothing, so that filling it twice
-- changes nothing.
CREATE TABLE site_policies
(
    site LowCardinality(String),
    policy_hash String,
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    arrived SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_arrived SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    trust SimpleAggregateFunction(max, UInt8),
    own SimpleAggregateFunction(max, UInt8)
)
ENGINE = AggregatingMergeTree
ORDER BY (site, policy_hash)
TTL toDateTime(last_seen) + INTERVAL {companion_days} DAY
SETTINGS non_replicated_deduplication_window = 10000, materialize_ttl_recalculate_only = 1;

INSERT INTO site_policies (site, policy_hash, first_seen, last_seen, arrived, last_arrived, trust, own)
SELECT site, policy_hash, min(v.first_seen) AS first_seen, max(v.last_seen) AS last_seen,
       toDateTime64(0, 3, 'UTC') AS arrived, toDateTime64(0, 3, 'UTC') AS last_arrived,
       max(v.trust) AS trust, max(noise = '') AS own
FROM violations AS v
WHERE policy_hash != ''
GROUP BY site, policy_hash;

CREATE MATERIALIZED VIEW policies_of_violations TO site_policies AS
SELECT site, policy_hash, min(v.first_seen) AS first_seen, max(v.last_seen) AS last_seen,
       min(now64(3, 'UTC')) AS arrived, max(now64(3, 'UTC')) AS last_arrived,
       max(v.trust) AS trust, max(noise = '') AS own
FROM violations AS v
WHERE policy_hash != ''
GROUP BY site, policy_hash;

-- Why somebody decided so about a source, and who.
ALTER TABLE source_states ADD COLUMN IF NOT EXISTS note String;
ALTER TABLE source_states ADD COLUMN IF NOT EXISTS who String;
