-- Labels change when noise rules do. A row that only says another rule has the key of the one it corrects: the later of
-- the two is kept.
ALTER TABLE violations MODIFY COLUMN noise_rule SimpleAggregateFunction(anyLast, LowCardinality(String));
ALTER TABLE violations MODIFY COLUMN noise_version SimpleAggregateFunction(anyLast, LowCardinality(String));

-- What a re-labelling is about to insert, written down before it is: one that was killed in the middle of a batch, whose
-- rows go into several tables, is repeated under the same token by whoever opens the store next.
CREATE TABLE noise_moves
(
    batch String,
    rows String CODEC(ZSTD),
    done UInt8,
    at DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree(done)
ORDER BY batch
TTL at + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000;
