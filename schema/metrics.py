"""Every metric, with its meaning. Stages add up in plain numbers and write here once a second or once a batch."""

from prometheus_client import Counter, Gauge, Histogram

REPORTS_ACCEPTED = Counter("sentinel_reports_accepted_total", "Reports (entries of bodies) answered 204.")
TURNED_AWAY = Counter(
    "sentinel_reports_turned_away_total",
    "Reports answered 503 that nothing was wrong with, by cause; an unread one (a connection, half a body) counts 1.",
    ["cause"],
)
REPORTS_LIMITED = Counter(
    "sentinel_reports_limited_total", "Reports over their site's rate limit: answered 204, counted and not stored."
)
REQUESTS = Counter(
    "sentinel_requests_total",
    "Requests to the report path, by method; `other`: another one, or none that could be read.",
    ["method"],
)
REFUSED = Counter("sentinel_reports_refused_total", "Requests refused, by reason.", ["reason"])
ACCEPTED_BYTES = Counter("sentinel_accepted_bytes_total", "Bytes of the bodies answered 204.")
CONNECTIONS = Gauge("sentinel_connections", "Open connections to the collector.", multiprocess_mode="livesum")
CONNECTIONS_CLOSED = Counter(
    "sentinel_connections_closed_total", "Connections the collector ended itself, by cause.", ["cause"]
)
SPOOL_BYTES = Gauge(
    "sentinel_spool_bytes",
    "Bytes in the spool that are not stored yet or not deleted yet.",
    multiprocess_mode="livesum",
)
SPOOL_USED = Gauge(
    "sentinel_spool_used_ratio",
    "Share of its quota, or of what the disk has room for, that the fullest worker's spool takes; 1 when it is full.",
    multiprocess_mode="livemax",
)
SPOOL_FULL = Counter(
    "sentinel_spool_full_total",
    "Requests refused because of the quota, a site's share of it, a full disk, or a log that does not answer.",
)
SPOOL_TORN = Counter("sentinel_spool_torn_frames_total", "Frames skipped because a write was cut short or damaged.")
DAMAGED = Counter(
    "sentinel_damaged_total", "What was found damaged and set aside, the rest being served, by what it is.", ["kind"]
)

SHIPPED = Counter("sentinel_deliveries_shipped_total", "Deliveries that Kafka has acknowledged.")
SHIPPED_BYTES = Counter("sentinel_shipped_bytes_total", "Bytes of the envelopes sent to Kafka, repeats included.")
LOG_AWAY = Gauge(
    "sentinel_log_away",
    "1 while a spool can't be shipped to the log, or the log can't be read.",
    multiprocess_mode="livemax",
)
SHIP_FAILURES = Counter(
    "sentinel_ship_failures_total", "Connections to Kafka that failed; what was under way is repeated."
)
SHIP_SECONDS = Histogram("sentinel_ship_seconds", "From sending an envelope to Kafka's acknowledgement.",
                         buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30))  # fmt: skip

PARTITIONS = Gauge("sentinel_partitions", "Partitions this processor reads.", multiprocess_mode="livesum")
LOG_BEHIND = Gauge(
    "sentinel_log_behind_envelopes",
    "Envelopes in this processor's partitions not stored yet.",
    multiprocess_mode="livesum",
)
LOG_GAPS = Counter("sentinel_log_gaps_total", "Times the log no longer held what was to be read next.")
DEAD = Counter("sentinel_dead_records_total", "Records of the log that were no envelopes and were set aside.")

BATCHES = Counter("sentinel_batches_stored_total", "Batches inserted.")
OUTCOMES = Counter(
    "sentinel_reports_processed_total", "Reports taken from the log, by what became of them.", ["outcome"]
)
LATE = Counter(
    "sentinel_reports_late_total",
    "Those of them that were stored (or counted otherwise) over 60 seconds after they were received.",
)
SITE_REPORTS = Counter(
    "sentinel_site_reports_total",
    "The same reports, by site of the sites file; those of other sites have an empty label.",
    ["site"],
)
ROWS = Counter("sentinel_rows_inserted_total", "Rows inserted, by table.", ["table"])
INSERT_SECONDS = Histogram("sentinel_insert_seconds", "Time to insert one batch into all tables.",
                           buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30))  # fmt: skip
INSERT_FAILURES = Counter(
    "sentinel_insert_failures_total", "Inserts that failed and were tried again, by cause.", ["cause"]
)
LAG_SECONDS = Gauge(
    "sentinel_lag_seconds",
    "Age of the oldest report not stored yet; 0 when the log is empty, NaN before it was looked at.",
    multiprocess_mode="livemax",
)
LAG_REPORTS = Gauge(
    "sentinel_lag_reports",
    "Reports waiting in this processor's part of the log, estimated by what a byte or an envelope held lately.",
    multiprocess_mode="livesum",
)
END_TO_END_SECONDS = Histogram("sentinel_end_to_end_seconds", "From receiving a batch's oldest report to storing it.",
                               buckets=(0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300, 3600))  # fmt: skip
WORKER_RESTARTS = Counter(
    "sentinel_worker_restarts_total", "Processes started again after they died, by stage.", ["stage"]
)
ALERT_EVENTS = Counter("sentinel_alerts_events_total", "Events found and written down, by kind.", ["kind"])
ALERTS_SENT = Counter(
    "sentinel_alerts_sent_total", "Messages that a channel has taken, by kind of channel.", ["channel"]
)
ALERT_FAILURES = Counter(
    "sentinel_alert_failures_total", "Attempts to send a message that failed, by kind of channel.", ["channel"]
)
