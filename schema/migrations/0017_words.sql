-- Texts that many rows have are kept once a part, by number. The order is of time first, so equal ones stand far apart,
-- and zstd finds few of them: of 10 million rows of a month, with 124,000 pages a week, a row takes 49 bytes instead of
-- 71, and a merge 30% less time. Where all texts differ a row takes as much as before, and a merge a fifth more time.
-- To go over 10 million rows takes 20 s and 700 MB, with 0018, and on the disk room for the largest part once more.
ALTER TABLE violations
    MODIFY COLUMN document_url SimpleAggregateFunction(any, LowCardinality(String)) CODEC(ZSTD),
    MODIFY COLUMN document_template SimpleAggregateFunction(any, LowCardinality(String)) DEFAULT document_url CODEC(ZSTD),
    MODIFY COLUMN referrer SimpleAggregateFunction(any, LowCardinality(String)) CODEC(ZSTD),
    MODIFY COLUMN blocked_url SimpleAggregateFunction(any, LowCardinality(String)) CODEC(ZSTD),
    MODIFY COLUMN blocked_template SimpleAggregateFunction(any, LowCardinality(String)) DEFAULT blocked_url CODEC(ZSTD),
    MODIFY COLUMN blocked_host SimpleAggregateFunction(any, LowCardinality(String)) CODEC(ZSTD),
    MODIFY COLUMN blocked_site SimpleAggregateFunction(any, LowCardinality(String)) CODEC(ZSTD),
    MODIFY COLUMN source_file SimpleAggregateFunction(any, LowCardinality(String)) CODEC(ZSTD),
    MODIFY COLUMN sample SimpleAggregateFunction(any, LowCardinality(String)) CODEC(ZSTD),
    MODIFY COLUMN user_agent SimpleAggregateFunction(any, LowCardinality(String)) CODEC(ZSTD);

-- In `weeks` only the host, which is read of all rows of a period (60 → 35 ms of a core for the biggest of two weeks).
-- The others are read of some twenty rows at a time, and to take the numbers' texts along takes longer.
ALTER TABLE weeks MODIFY COLUMN blocked_host SimpleAggregateFunction(any, LowCardinality(String)) CODEC(ZSTD);

-- Moments of a window, and places in a file, are numbers of few bits and in no order: bit by bit they take 2 bytes of a
-- row less than their differences. Parts that are written from now on have them so.
ALTER TABLE violations
    MODIFY COLUMN first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(T64('bit'), ZSTD),
    MODIFY COLUMN last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(T64('bit'), ZSTD),
    MODIFY COLUMN line_number SimpleAggregateFunction(any, UInt32) CODEC(T64, ZSTD),
    MODIFY COLUMN column_number SimpleAggregateFunction(any, UInt32) CODEC(T64, ZSTD);
