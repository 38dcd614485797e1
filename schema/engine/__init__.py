"""ClickHouse in this process alone: its settings, its merges, its files, and what may be wrong with them."""
