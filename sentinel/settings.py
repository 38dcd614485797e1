"""Every setting of every stage: what it is called, what it may be and what it means. Read once, at the start.

Flags win over the environment, that over the settings file, that over the defaults; all of them are checked, also
those that another wins over. An empty text is "not set", because containers pass variables on that nobody filled in.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from log.places import KafkaPlace
from schema.places import ClickHousePlace
from sentinel import places, readers, web_readers
from sentinel.agreement import disagreement
from sentinel.given import Given, WrongSetting, given_by
from sentinel.names import FILE, PREFIX, SECRET
from sentinel.readers import HOST, PATH, PORT, Reader, WrongValue, choice, size, whole

__all__ = ["SAYS", "Loaded", "Row", "Settings", "WrongSetting", "load", "read", "render", "table"]


def _workers() -> int:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(8, max(1, usable - 1))  # one core is left to the processor


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Units and meanings stand in SAYS below, under the same names."""

    log: KafkaPlace | None = None  # None: the spool in the data dir
    store: ClickHousePlace | None = None  # None: chDB, under the data dir
    data_dir: Path = Path("./data")
    durability: str = "disk"
    sites: Path | None = None
    noise: Path | None = None
    webhooks: tuple[str, ...] = ()
    webhook_secret: str = ""
    console_token: str = ""
    console_viewer_token: str = ""
    console_secret: str = ""
    console_url: str = ""
    collector_url: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_editors: tuple[str, ...] = ()
    oidc_viewers: tuple[str, ...] = ()
    host: str = "0.0.0.0"  # noqa: S104  (reports come from browsers elsewhere)
    port: int = 8080
    console_host: str = "127.0.0.1"
    console_port: int = 8081
    ops_host: str = "127.0.0.1"
    ops_port: int = 8082
    workers: int = msgspec.field(default_factory=_workers)
    server: str = "fast"
    max_body_bytes: int = 256 << 10
    max_connections: int = 10_000
    spool_max_bytes: int = 2 << 30
    retention_days: int = 90
    log_level: str = "info"
    log_format: str = "auto"


class Says(NamedTuple):
    """How a setting is read, its unit and its meaning."""

    reader: Reader
    unit: str
    meaning: str


SAYS: dict[str, Says] = {
    "log": Says(
        places.LOG,
        "",
        "Where reports wait for the processor: `spool:`, files in the data dir, or `kafka://user:password@host:9092,"
        "host:9092/topic` (`kafkas://`: TLS), with `?partitions=48&replication=3&min_isr=2&retention=24h` for the "
        "topic that `init` makes, and `acks` (`all` or `1`), `security` (`plain`, `scram-sha-256` or `scram-sha-512`), "
        "`ca` (a PEM file) and `group` (of processors).",
    ),
    "store": Says(
        places.STORE,
        "",
        "Where violations are kept: `chdb:`, ClickHouse in this process, under the data dir, or `clickhouse://user:"
        "password@host:8123/database` (`clickhouses://`: TLS, port 8443), with `?cluster=name` and `ca` (a PEM file).",
    ),
    "data_dir": Says(PATH, "", "Folder of the spool and the store; made if it isn't there."),
    "durability": Says(
        choice("memory", "disk", "log"),
        "",
        "What a 204 promises: `disk`: the report survives the process; `memory`: the last moments are lost if the "
        "process is killed; `log`: Kafka has it, so not with the spool.",
    ),
    "sites": Says(PATH, "", "TOML file of the sites that report here; without one every label is a site."),
    "noise": Says(PATH, "", "TOML file of noise rules, instead of those that come with the program."),
    "webhooks": Says(
        readers.WEBHOOKS,
        "",
        "Where alerts go: `https://…` takes them as JSON, `alertmanager://host:9093`, or a URL of apprise's "
        "(`slack://…`, `msteams://…`, `mailto://…`, `pagerduty://…`), with commas between them.",
    ),
    "webhook_secret": Says(web_readers.SECRET, "", "Signs what is sent to `https://…` webhooks."),
    "console_token": Says(
        readers.TOKEN,
        "",
        "Opens the console to an editor. Needed where its host isn't loopback, unless `SENTINEL_OIDC_ISSUER` is set.",
    ),
    "console_viewer_token": Says(readers.TOKEN, "", "Opens the console to a viewer, who can read and change nothing."),
    "console_secret": Says(
        web_readers.SECRET,
        "",
        "Signs sessions; the same for all consoles behind one address. Without it one is kept in the data dir, or "
        "sessions end with the process where the store is a server.",
    ),
    "console_url": Says(
        web_readers.ORIGIN, "", "Public address of the console, for links in alerts and the login's way back."
    ),
    "collector_url": Says(
        web_readers.ORIGIN,
        "",
        "Public address of the collector, as browsers reach it; shown in the header lines to paste.",
    ),
    "oidc_issuer": Says(web_readers.ISSUER, "", "OpenID Connect provider at which people sign in to the console."),
    "oidc_client_id": Says(readers.TOKEN, "", "The console's name at the provider."),
    "oidc_client_secret": Says(readers.TOKEN, "", "The console's secret at the provider."),
    "oidc_editors": Says(
        web_readers.PEOPLE,
        "",
        "Who may read and change: e-mail addresses, `@domain`, or groups as the provider names them.",
    ),
    "oidc_viewers": Says(
        web_readers.PEOPLE, "", "Who may read: the same, or `*`, anybody whom the provider knows; empty: nobody else."
    ),
    "host": Says(HOST, "", "Where the collector listens: browsers elsewhere must reach it."),
    "port": Says(PORT, "", "The collector's port; 0 takes a free one."),
    "console_host": Says(HOST, "", "Where the console and its API listen."),
    "console_port": Says(PORT, "", "The console's port; 0 takes a free one."),
    "ops_host": Says(HOST, "", "Where the metrics are served; never the collector's own port."),
    "ops_port": Says(PORT, "", "The metrics' port; 0 takes a free one."),
    "workers": Says(whole(1, 256), "processes", "Collector processes; by default the usable cores less one, 1 to 8."),
    "server": Says(choice("fast", "granian"), "", "The collector's HTTP server; `granian` adds HTTP/2."),
    "max_body_bytes": Says(size("1KiB", "64MiB"), "bytes", "Largest body taken; a larger one is answered 413."),
    "max_connections": Says(whole(1, 1_000_000), "connections", "Most open connections of a worker."),
    "spool_max_bytes": Says(size("4KiB", "1024TiB"), "bytes", "Largest spool of a worker; a full one answers 503."),
    # Ten years: ClickHouse's DateTime ends in 2106, and a TTL beyond it would delete at once.
    "retention_days": Says(whole(1, 3650), "days", "How long violations are kept."),
    "log_level": Says(choice("debug", "info", "warning", "error"), "", "Least level that is logged."),
    "log_format": Says(choice("auto", "json", "text"), "", "Of the program's log lines; `auto`: text on a terminal."),
}
_FILE_MEANING = "The settings file: `.env`-style, or TOML if it ends in .toml. Only in the environment, or --settings."


class Row(NamedTuple):
    """A setting as tables show it."""

    name: str
    type: str
    default: str
    unit: str
    meaning: str


def table() -> list[Row]:
    """Every setting, in order; the last names the settings file itself."""
    defaults = Settings()
    rows = [
        Row(PREFIX + name.upper(), says.reader.type, _default(name, defaults), says.unit, says.meaning)
        for name, says in SAYS.items()
    ]
    return [*rows, Row(FILE, "path", "", "", _FILE_MEANING)]


def _default(name: str, defaults: Settings) -> str:
    return "cores - 1" if name == "workers" else _written(name, defaults)


class Loaded(NamedTuple):
    """`sources`: for each field of Settings `default`, `environment`, `flag`, or `file` and its path."""

    settings: Settings
    sources: dict[str, str]


def load(environ: Mapping[str, str], file: Path | None, flags: Mapping[str, Any]) -> Settings:
    """Settings from all places. `flags` by field name; None is not given, other names are passed over."""
    return read(environ, file, flags).settings


def read(environ: Mapping[str, str], file: Path | None, flags: Mapping[str, Any]) -> Loaded:
    """As `load`, and where each came from. Raises WrongSetting."""
    named = environ.get(FILE, "").strip()
    where = file if file is not None else Path(named) if named else None
    values: dict[str, Any] = {}
    sources = dict.fromkeys(SAYS, "default")
    for given in given_by(environ, where, flags, SAYS):
        if text := given.text.strip():
            values[given.field] = _value(given, text)
            sources[given.field] = given.source
    settings = Settings(**values)
    if sentence := disagreement(settings):
        raise WrongSetting(sentence)
    return Loaded(settings, sources)


def _value(given: Given, text: str) -> Any:
    try:
        if any(ord(char) < 32 or ord(char) == 127 for char in text):
            raise WrongValue("should be text without control characters")
        reader = SAYS[given.field].reader
        # In the environment such bytes are lone surrogates. A file's name may have some.
        if reader is not PATH and any("\ud800" <= char <= "\udfff" for char in text):
            raise WrongValue("should be text in UTF-8")
        return reader.read(text)
    except WrongValue as error:
        equals = " " if given.source == "flag" else "="
        where = "" if given.source == "flag" else f" ({given.source})"
        raise WrongSetting(f"{given.shown}{equals}{_shown(given.field, text)}{where}: {error}") from error


def _shown(field: str, text: str) -> str:
    if field == "webhooks":
        return readers.masked_webhooks(text)
    return "***" if field in SECRET else readers.masked(text)


def render(settings: Settings, sources: Mapping[str, str]) -> str:
    """Two lines a setting: NAME=value and where it came from; then what it means."""
    lines = []
    for name, says in SAYS.items():
        unit = f" ({says.unit})" if says.unit else ""
        lines.append(f"{PREFIX}{name.upper()}={_written(name, settings)}  # {sources[name]}\n    {says.meaning}{unit}")
    return "\n".join(lines)


def _written(name: str, settings: Settings) -> str:
    value = getattr(settings, name)
    if name in places.OWN:
        return places.OWN[name] if value is None else value.url
    text = ",".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
    return _shown(name, text) if text else ""
