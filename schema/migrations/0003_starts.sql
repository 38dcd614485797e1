-- When a processor or console opened the store, and which version it was.
CREATE TABLE starts
(
    at DateTime('UTC') DEFAULT now(),
    version String
)
ENGINE = MergeTree
ORDER BY at
TTL at + INTERVAL 365 DAY;
