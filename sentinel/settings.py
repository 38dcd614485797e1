"""Every setting of every stage, from all places where it may be set. Read once, at the start.

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
from sentinel import places, readers
from sentinel.agreement import disagreement
from sentinel.given import Given, WrongSetting, given_by
from sentinel.names import FILE, PREFIX, SECRET
from sentinel.readers import PATH, WrongValue
from sentinel.says import FILE_MEANING, SAYS

__all__ = ["Loaded", "Row", "Settings", "WrongSetting", "read", "render", "table"]


def _workers() -> int:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(8, max(1, usable - 1))  # one core is left to the processor


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Units and meanings stand in SAYS, under the same names."""

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
    client_rate: int = 0
    spool_max_bytes: int = 2 << 30
    stop_seconds: int = 3
    retention_days: int = 90
    log_level: str = "info"
    log_format: str = "auto"


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
    return [*rows, Row(FILE, "path", "", "", FILE_MEANING)]


def _default(name: str, defaults: Settings) -> str:
    return "cores - 1" if name == "workers" else _written(name, defaults)


class Loaded(NamedTuple):
    """`sources`: for each field of Settings `default`, `environment`, `flag`, or `file` and its path."""

    settings: Settings
    sources: dict[str, str]


def read(environ: Mapping[str, str], file: Path | None, flags: Mapping[str, Any]) -> Loaded:
    """From all places. `flags` by field name; None is not given, other names are passed over. Raises WrongSetting."""
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
