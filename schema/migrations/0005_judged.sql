-- What is made of a report beyond its fields: by which rules it is noise, what it is worth, and what it groups with (for
-- rows of before: the exact URLs).
ALTER TABLE violations ADD COLUMN IF NOT EXISTS noise_version SimpleAggregateFunction(any, LowCardinality(String));
ALTER TABLE violations ADD COLUMN IF NOT EXISTS trust_reasons SimpleAggregateFunction(any, LowCardinality(String));
ALTER TABLE violations ADD COLUMN IF NOT EXISTS signature SimpleAggregateFunction(any, LowCardinality(String));
ALTER TABLE violations ADD COLUMN IF NOT EXISTS environment SimpleAggregateFunction(any, LowCardinality(String));
ALTER TABLE violations ADD COLUMN IF NOT EXISTS document_template SimpleAggregateFunction(any, String) DEFAULT document_url CODEC(ZSTD);
ALTER TABLE violations ADD COLUMN IF NOT EXISTS blocked_template SimpleAggregateFunction(any, String) DEFAULT blocked_url CODEC(ZSTD);

-- Labels change when rules do. A count moves from one label to another by two rows, one of them negative: an insert like
-- any other, beside whatever else is being inserted.
ALTER TABLE violations MODIFY COLUMN reports SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD);
ALTER TABLE minutes MODIFY COLUMN reports SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD);
ALTER TABLE sources MODIFY COLUMN reports SimpleAggregateFunction(sum, Int64);
