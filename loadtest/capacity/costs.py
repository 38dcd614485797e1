"""What a report costs: each figure with its unit, and where it was measured or why it is assumed.

`costs.json` beside this file has all of them. A file given to `plan --costs` has some, in the same shape, and replaces
those; `make bench` writes one.
"""

import difflib
from collections.abc import Mapping
from pathlib import Path

import msgspec

DEFAULT = Path(__file__).with_name("costs.json")
_LARGEST = 1e15  # more is a slip of the hand
_MOST = {"share": 1.0, "s": 86_400.0}  # by unit: a simulation plays a day at most
_RANGES = {"array_reports": (1.0, 1000.0), "scale_up_factor": (1.01, 1000.0), "peak_hours": (0.0, 24.0)}
_WHOLE = {"zones", "replication", "store_replicas", "scale_up_pods"}
_MAY_BE_ZERO = {
    "array_share", "connection_share", "preflights_per_array", "store_query_cores", "peak_hours",
    "metric_delay", "pod_start", "processor_batch", "rebalance", "ramp", "price_core", "price_disk", "price_traffic",
}  # fmt: skip


class BadCosts(Exception):
    """Says what is wrong with a costs file, and what would be right."""


class Figure(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`measured` is a date and `where` a machine; or `assumed` says why. `source`: the figure of `make bench`."""

    value: float
    unit: str = ""
    measured: str = ""
    where: str = ""
    source: str = ""
    assumed: str = ""


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """The values alone, in the units that costs.json states: CPU in µs, sizes in bytes, times in seconds."""

    # Collector: CPU of a core.
    collector_post: float
    collector_array_report: float
    collector_preflight: float
    collector_connection: float
    collector_ship: float
    # Processor, engine included, at 0, 70 and 90% repeats; what a batch takes before its first report; a row.
    processor_different: float
    processor_typical: float
    processor_burst: float
    processor_batch: float
    batch_reports: float
    store_row: float
    # Bytes. Of the log in a backlog, and where a pod takes so many POSTs a second.
    log_bytes: float
    log_bytes_5000: float
    log_bytes_2600: float
    log_bytes_500: float
    log_bytes_100: float
    spool_bytes: float
    row_bytes: float
    head_bytes: float
    body_bytes: float
    preflight_bytes: float
    answer_bytes: float
    # Traffic.
    array_share: float
    array_reports: float
    preflights_per_array: float
    connection_share: float
    peak_hours: float
    # Pods.
    utilisation: float
    zone_loss_utilisation: float
    zones: float
    processor_utilisation: float
    outage_hours: float
    # Kafka.
    partition_bytes: float
    replication: float
    log_retention_hours: float
    broker_write_bytes: float
    broker_network_bytes: float
    broker_disk_bytes: float
    broker_partitions: float
    broker_utilisation: float
    broker_cores: float
    disk_fill: float
    # ClickHouse.
    store_replicas: float
    store_utilisation: float
    store_query_cores: float
    store_days: float
    # How Kubernetes scales, and what the simulation plays.
    hpa_sync: float
    metric_delay: float
    scale_up_factor: float
    scale_up_pods: float
    scale_down_wait: float
    pod_start: float
    keda_poll: float
    lag_target: float
    rebalance: float
    pod_connections: float
    ramp: float
    burst_seconds: float
    lag_accepted: float
    # Money a month, where it is known.
    price_core: float
    price_disk: float
    price_traffic: float


class Table(msgspec.Struct, frozen=True):
    """All figures, with what is known of each."""

    figures: dict[str, Figure]

    @property
    def costs(self) -> Costs:
        return msgspec.convert({name: figure.value for name, figure in self.figures.items()}, Costs)

    @property
    def assumed(self) -> dict[str, Figure]:
        return {name: figure for name, figure in self.figures.items() if figure.assumed}


class _File(msgspec.Struct, forbid_unknown_fields=True):
    figures: dict[str, Figure]


def load(path: Path | None = None) -> Table:
    """The default figures; with `path`, those of that file instead, where it has them. Raises BadCosts."""
    figures = _read(DEFAULT)
    if path is not None:
        found = _read(path)
        for name, figure in found.items():
            figures[name] = _checked(name, figure, figures, path)
    return Table(figures)


def _read(path: Path) -> dict[str, Figure]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File).figures
    except OSError as error:
        raise BadCosts(f"{path} can't be read: {(error.strerror or str(error)).lower()}") from None
    except msgspec.ValidationError as error:
        raise BadCosts(
            f"{path} is no costs file: {str(error).replace('`', '')}; it is like "
            '{"figures": {"processor_typical": {"value": 90, "unit": "µs/report"}}}'
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadCosts(f"{path} is no JSON: {error}") from None


def _checked(name: str, figure: Figure, known: Mapping[str, Figure], path: Path) -> Figure:
    """With what the default knows of it: a value alone is enough. Raises BadCosts."""
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        raise BadCosts(f"{path}: there is no figure {name}; {hint}")
    unit = known[name].unit
    if figure.unit and figure.unit != unit:
        raise BadCosts(f"{path}: {name} is in {figure.unit!r}, and should be in {unit!r}")
    if wrong := _wrong(name, figure.value, unit):
        raise BadCosts(f"{path}: {name} is {figure.value:g}, and should be {wrong}")
    if not (figure.measured or figure.assumed or figure.source):
        return msgspec.structs.replace(figure, unit=unit, assumed=f"given in {path.name}")
    return msgspec.structs.replace(figure, unit=unit)


def _wrong(name: str, value: float, unit: str) -> str:
    """What would be right; empty where it is."""
    least, most = _RANGES.get(name, (0.0, _MOST.get(unit, _LARGEST)))
    zero = name in _MAY_BE_ZERO
    if not least <= value <= most or (value == 0 and not zero):
        above = f"from {least:g}" if least or zero else "more than 0"
        return above if most == _LARGEST else f"{above} to {most:g}" if least or zero else f"{above}, {most:g} at most"
    return "a whole number" if name in _WHOLE and value != int(value) else ""
