-- The sites files by which batches were decided: whoever takes over another's half-stored batch decides as it did.
-- A new one comes only when a person changes the file, so they are kept.
CREATE TABLE sites_files
(
    digest String,
    sites String CODEC(ZSTD),
    seen DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree(seen)
ORDER BY digest
SETTINGS non_replicated_deduplication_window = 10000;

-- How many inserts a table remembers, to know a repeat. With one processor a repeat is the next insert; with many,
-- all the others go on while one is away, until its consumer group gives its partitions to another: a minute or so.
-- At 50 inserts a second, which is a lot for ClickHouse, 10000 are 200 s; a wait in which nobody inserts uses up none.
-- Measured: 73 bytes a remembered insert on disk, 20 ms more to start, no memory to speak of.
ALTER TABLE violations MODIFY SETTING non_replicated_deduplication_window = 10000;
ALTER TABLE minutes MODIFY SETTING non_replicated_deduplication_window = 10000;
ALTER TABLE sources MODIFY SETTING non_replicated_deduplication_window = 10000;
ALTER TABLE source_states MODIFY SETTING non_replicated_deduplication_window = 10000;
ALTER TABLE policies MODIFY SETTING non_replicated_deduplication_window = 10000;
ALTER TABLE examples MODIFY SETTING non_replicated_deduplication_window = 10000;
ALTER TABLE ledger MODIFY SETTING non_replicated_deduplication_window = 10000;
ALTER TABLE rejects MODIFY SETTING non_replicated_deduplication_window = 10000;
