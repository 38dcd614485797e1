-- When a re-labelling gave the label, so that of several the last one counts, whatever its version is called. A row that
-- came in with its label has none: it is corrected by any.
ALTER TABLE violations ADD COLUMN IF NOT EXISTS labelled SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(ZSTD);
