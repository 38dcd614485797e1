"""Whether the pipeline does its work: the metrics of schema/metrics.py, as Prometheus has them."""

from dashboards.grafana.panels import dashboard, figures, number, source

_TURNED_AWAY = "sum(increase(sentinel_reports_turned_away_total[$__range]))"
_RATE = "[$__rate_interval]"


def _quantiles(metric: str) -> list[tuple[str, str]]:
    found = f"sum by (le) (rate({metric}_bucket{_RATE}))"
    return [(f"histogram_quantile({share}, {found})", f"p{share:.0%}".rstrip("%")) for share in (0.5, 0.95, 0.99)]


DASHBOARD = dashboard(
    "csp-sentinel-health",
    "CSP-Sentinel: system health",
    "What comes in, what is refused, how long it takes to the store, and what breaks on the way.",
    "6h",
    [source("prometheus", "prometheus")],
    [
        number(
            "Answered 204",
            "Share of valid reports that were taken; the rest got a 503. The objective is 99.9%.",
            "percentunit",
            f"1 - {_TURNED_AWAY} / (sum(increase(sentinel_reports_accepted_total[$__range])) + {_TURNED_AWAY})",
        ),
        number(
            "Stored within 60 s",
            "Share of the reports taken from the log that were stored in time. The objective is 99%.",
            "percentunit",
            "1 - sum(increase(sentinel_reports_late_total[$__range]))"
            " / sum(increase(sentinel_reports_processed_total[$__range]))",
        ),
        number(
            "Oldest report waiting",
            "Age of the oldest report that is not stored; 0 when the log is empty.",
            "s",
            "max(sentinel_lag_seconds)",
        ),
        number(
            "Processes down",
            "Targets of the job csp-sentinel that Prometheus can't reach.",
            "short",
            'count(up{job="csp-sentinel"} == 0) or vector(0)',
        ),
    ],
    [
        figures(
            "Reports",
            "Reports taken by collectors, and taken from the log by processors.",
            "cps",
            (f"sum(rate(sentinel_reports_accepted_total{_RATE}))", "accepted"),
            (f"sum(rate(sentinel_reports_processed_total{_RATE}))", "processed"),
        ),
        figures(
            "Requests",
            "Requests to the report path; OPTIONS are the preflights of Chromium.",
            "reqps",
            (f"sum by (method) (rate(sentinel_requests_total{_RATE}))", "{{method}}"),
        ),
    ],
    [
        figures(
            "Refused requests",
            "Requests refused by reason. `busy` is a 503, the others 4xx; `gone` is answered 204.",
            "reqps",
            (f"sum by (reason) (rate(sentinel_reports_refused_total{_RATE})) > 0", "{{reason}}"),
            stacked="normal",
        ),
        figures(
            "503 by cause",
            "Valid reports that were turned away. They count against the objective of 99.9%.",
            "cps",
            (f"sum by (cause) (rate(sentinel_reports_turned_away_total{_RATE}))", "{{cause}}"),
            stacked="normal",
        ),
    ],
    [
        figures(
            "Log lag in time",
            "Age of the oldest report that is not stored, of each process that knows.",
            "s",
            ("max by (instance) (sentinel_lag_seconds)", "{{instance}}"),
        ),
        figures(
            "Log lag in reports",
            "Reports waiting in Kafka or the spool, estimated by what an envelope or a byte held lately.",
            "short",
            ("sum by (instance) (sentinel_lag_reports)", "{{instance}}"),
            stacked="normal",
        ),
        figures(
            "Kafka lag in envelopes",
            "Envelopes in a processor's partitions that are not stored; exact.",
            "short",
            ("sum by (instance) (sentinel_log_behind_envelopes)", "{{instance}}"),
            stacked="normal",
        ),
    ],
    [
        figures(
            "End-to-end delay",
            "From receiving a batch's oldest report to storing it.",
            "s",
            *_quantiles("sentinel_end_to_end_seconds"),
        ),
        figures("Insert time", "Time to insert a batch into all tables.", "s", *_quantiles("sentinel_insert_seconds")),
        figures(
            "Shipping time",
            "From sending an envelope to Kafka's acknowledgement.",
            "s",
            *_quantiles("sentinel_ship_seconds"),
        ),
    ],
    [
        figures(
            "Spool",
            "Bytes in the spools that are not stored (or shipped) or not deleted yet.",
            "bytes",
            ("sum by (instance) (sentinel_spool_bytes)", "{{instance}}"),
            stacked="normal",
        ),
        figures(
            "Fullest spool",
            "Share of its quota, or of the disk's room, that a machine's fullest spool takes.",
            "percentunit",
            ("max by (instance) (sentinel_spool_used_ratio)", "{{instance}}"),
        ),
        figures(
            "Connections",
            "Open connections to the collectors.",
            "short",
            ("sum by (instance) (sentinel_connections)", "{{instance}}"),
        ),
    ],
    [
        figures(
            "Failures",
            "What failed and was tried again or set aside; a gap in the log is reports that its retention took.",
            "short",
            (f"sum by (cause) (increase(sentinel_insert_failures_total{_RATE}))", "insert: {{cause}}"),
            (f"sum(increase(sentinel_ship_failures_total{_RATE}))", "Kafka connection"),
            (f"sum(increase(sentinel_dead_records_total{_RATE}))", "dead record"),
            (f"sum(increase(sentinel_log_gaps_total{_RATE}))", "gap in the log"),
            (f"sum(increase(sentinel_spool_torn_frames_total{_RATE}))", "torn frame"),
        ),
        figures(
            "Restarts",
            "Processes that died and were started again.",
            "short",
            (f"sum by (instance, stage) (increase(sentinel_worker_restarts_total{_RATE}))", "{{instance}} {{stage}}"),
        ),
        figures(
            "By site",
            "Reports taken from the log, by site of the sites file; the others together.",
            "cps",
            (f'sum by (site) (rate(sentinel_site_reports_total{{site!=""}}{_RATE}))', "{{site}}"),
            (f'sum(rate(sentinel_site_reports_total{{site=""}}{_RATE}))', "other"),
        ),
    ],
)
