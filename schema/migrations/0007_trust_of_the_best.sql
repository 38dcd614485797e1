-- A row is worth its best report, whichever batch brought it: with `any` whoever posted first decided, as soon as rows
-- were merged. What goes with that trust is kept by one text that sorts by it. It is made of the row's own columns, so
-- that rows of before have it, and those of a processor that doesn't know it.
ALTER TABLE violations MODIFY COLUMN trust SimpleAggregateFunction(max, UInt8);
ALTER TABLE violations ADD COLUMN IF NOT EXISTS judged SimpleAggregateFunction(max, LowCardinality(String)) DEFAULT concat(leftPad(toString(trust), 3, '0'), ',', signature, ',', environment, ',', trust_reasons);
