"""What the sites file says of alerts: `[alerts]` for all sites, `[sites.LABEL.alerts]` for one."""

import re
import zoneinfo
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from schema.names import ALERT_KINDS

QUIET = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")

_Days = Annotated[int, Meta(ge=1, le=365)]
_Minutes = Annotated[int, Meta(ge=5, le=1440)]
_Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]


class Alerting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of one site."""

    webhooks: tuple[str, ...] | None = None  # None: SENTINEL_WEBHOOKS
    quiet: tuple[str, ...] = ()  # hours in which messages wait, "22:00-07:00"
    timezone: str = "UTC"  # of the quiet hours
    off: tuple[str, ...] = ()  # kinds that are not told
    min_trust: Annotated[int, Meta(ge=0, le=100)] = 50
    noise: bool = False  # tell of noise too
    impossible: bool = False  # and of what no report is credible about
    spike_percent: Annotated[int, Meta(ge=101, le=10_000)] = 150  # of the five minutes before
    spike_reports: _Count = 100  # in a minute, at least
    spike_more: _Count = 50  # than the average, at least
    silence_minutes: _Minutes = 60
    returns_days: _Days = 7  # a known source that was away for so long has come back


class AlertingOf:
    """By site; `default` is of those the file doesn't name."""

    def __init__(self, default: Alerting | None = None, sites: dict[str, Alerting] | None = None) -> None:
        self.default = default or Alerting()
        self.sites = sites or {}

    def __call__(self, site: str) -> Alerting:
        return self.sites.get(site, self.default)


class BadAlerting(Exception):
    """One sentence: the table and what would be right. It quotes no webhook."""


def read(common: Any, sites: dict[str, Any]) -> AlertingOf:
    """The tables as TOML has them; None where there is none. Raises BadAlerting."""
    default = _read("[alerts]", {} if common is None else common)
    its = {}
    for label, own in sites.items():
        if not isinstance(own, dict):
            raise BadAlerting(f"[sites.{label}.alerts] should be a table")
        its[label] = _read(f"[sites.{label}.alerts]", (common or {}) | own)
    return AlertingOf(default, its)


def _read(place: str, table: Any) -> Alerting:
    try:
        found = msgspec.convert(table, Alerting)
    except msgspec.ValidationError as error:
        raise BadAlerting(f"{place}: {error}") from error
    for what in _wrong(found):
        raise BadAlerting(f"{place}: {what}")
    return found


def _wrong(found: Alerting) -> Iterator[str]:
    for hours in found.quiet:
        if not QUIET.fullmatch(hours) or hours[:5] == hours[6:] or hours[6:] > "24:00":
            yield f"quiet has {hours!r}; write hours as 22:00-07:00"
    if not _wakes(found.quiet):
        yield "quiet covers the whole day; for no messages write off = [kinds] or webhooks = []"
    for kind in found.off:
        if kind not in ALERT_KINDS:
            yield f"off has {kind!r}; the kinds are {', '.join(ALERT_KINDS)}"
    try:
        zoneinfo.ZoneInfo(found.timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        yield f"timezone is {found.timezone!r}; write a name such as Europe/Berlin"


def _wakes(quiet: tuple[str, ...]) -> bool:
    """Whether a minute of the day is left; else what waits is dropped in the end."""
    left = set(range(24 * 60))
    for begin, end in (hours.split("-") for hours in quiet if QUIET.fullmatch(hours)):
        left -= {minute % (24 * 60) for minute in range(_minute(begin), _minute(end) + 24 * 60 * (end <= begin))}
    return bool(left)


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])
