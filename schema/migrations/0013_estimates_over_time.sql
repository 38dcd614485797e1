-- The same for series and sources: how many more reports a count stands for. Rows of before stand for themselves there.
ALTER TABLE minutes ADD COLUMN IF NOT EXISTS left_out SimpleAggregateFunction(sum, Float64) CODEC(ZSTD);
ALTER TABLE hours ADD COLUMN IF NOT EXISTS left_out SimpleAggregateFunction(sum, Float64) CODEC(ZSTD);
ALTER TABLE sources ADD COLUMN IF NOT EXISTS left_out SimpleAggregateFunction(sum, Float64);

ALTER TABLE minutes_of_violations MODIFY QUERY
SELECT site, least(greatest(toStartOfMinute(first_seen), window), window + 540) AS minute, effective_directive, document_host,
       blocked_host, blocked_kind, disposition, browser, noise, verdict, sum(reports) AS reports, sum(left_out) AS left_out
FROM violations
GROUP BY site, minute, effective_directive, document_host, blocked_host, blocked_kind, disposition, browser, noise, verdict;

ALTER TABLE hours_of_violations MODIFY QUERY
SELECT site, toStartOfHour(least(greatest(toStartOfMinute(first_seen), window), window + 540)) AS hour, effective_directive, noise,
       sum(reports) AS reports, sum(left_out) AS left_out
FROM violations
GROUP BY site, hour, effective_directive, noise;

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
       max(cityHash64(browser, splitByChar('.', browser_version)[1], document_url, window)) AS most_sender,
       sum(v.left_out) AS left_out
FROM violations AS v
GROUP BY site, effective_directive, blocked, blocked_kind, noise;
