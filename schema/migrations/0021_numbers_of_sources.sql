-- A source as a number (schema/source_trust.py): to hash three names of all rows takes longer than to read what is asked
-- of them. Rows of before get it with the next merge, and until then where they are read.
ALTER TABLE sources ADD COLUMN IF NOT EXISTS number SimpleAggregateFunction(any, UInt64) DEFAULT cityHash64(site, effective_directive, blocked);
