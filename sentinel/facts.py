"""What the console's system page says of the program: from the metrics of all its processes, and this one's health."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from dashboards.pages.facts import SystemFacts
from schema.health import Health
from sentinel import __version__
from sentinel.settings import Settings

_SHARES = (0.5, 0.99)  # of batches


def system_facts(settings: Settings, health: Health) -> SystemFacts:
    found = _samples()
    return SystemFacts(
        version=__version__,
        log=_log(settings),
        problems=health.troubles(),
        spool_bytes=_whole(found, "sentinel_spool_bytes"),
        behind_envelopes=_whole(found, "sentinel_log_behind_envelopes"),
        partitions=_whole(found, "sentinel_partitions") if settings.log else None,
        end_to_end=_end_to_end(found),
        restarts=_whole(found, "sentinel_worker_restarts_total") or 0,
    )


def _log(settings: Settings) -> str:
    if settings.log is None:
        return "the spool under the data dir"
    return f"{settings.log.name}, topic {settings.log.topic}"


_Samples = dict[str, dict[str, float]]  # name → label `le`, or "" → value, summed over all other labels


def _samples() -> _Samples:
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return _summed(registry.collect())


def _summed(metrics: Iterable[Metric]) -> _Samples:
    found: _Samples = {}
    for metric in metrics:
        for sample in metric.samples:
            its = found.setdefault(sample.name, {})
            key = sample.labels.get("le", "")
            its[key] = its.get(key, 0.0) + sample.value
    return found


def _whole(found: _Samples, name: str) -> int | None:
    return int(found[name][""]) if name in found else None


def _end_to_end(found: _Samples) -> dict[str, float] | None:
    """Of all batches since the start; the bound of the bucket that a share of them is in."""
    buckets = {float(bound): count for bound, count in found.get("sentinel_end_to_end_seconds_bucket", {}).items()}
    total = max(buckets.values(), default=0.0)
    if not total:
        return None
    return {
        f"{share:.0%}": min(bound for bound, count in sorted(buckets.items()) if count >= share * total)
        for share in _SHARES
    }
