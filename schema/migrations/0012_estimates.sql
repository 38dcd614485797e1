-- How many more reports a row stands for: those of its site that sampling and the rate limit left out. None for what was
-- stored whole, and for rows of before: so nearly all are 0, which takes no room. `reports` stays what is stored.
ALTER TABLE violations ADD COLUMN IF NOT EXISTS left_out SimpleAggregateFunction(sum, Float64) CODEC(ZSTD);
ALTER TABLE weeks ADD COLUMN IF NOT EXISTS left_out SimpleAggregateFunction(sum, Float64) CODEC(ZSTD);
ALTER TABLE weeks_of_violations MODIFY QUERY
SELECT site, toMonday(window) AS week, fingerprint, policy_hash, noise, verdict, window, window AS last_window, document_url, document_host, referrer, effective_directive, blocked_url, blocked_host, blocked_site, blocked_kind, disposition, source_file, line_number, column_number, status_code, sample, browser, browser_version, os, user_agent, noise_rule, noise_version, labelled, verdict_reason, trust, judged, document_template, blocked_template, reports, left_out, first_seen, last_seen,
       bitOr(bitShiftLeft(toUInt128(bitShiftRight(cityHash64(site, effective_directive, document_template, blocked_template, blocked_kind, disposition), 2)), 64), xxh3(site, effective_directive, document_template, blocked_template, blocked_kind, disposition)) AS group_id
FROM violations;
