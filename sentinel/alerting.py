"""Alerts as `run` and `alerts` have them, and the sample that `alerts test` sends."""

import socket
from collections.abc import Callable

from alerts.routes import Routes
from alerts.sample import send
from alerts.watch import Alerts, Options
from schema.clickhouse import Engine
from schema.health import Health
from schema.server import Server
from schema.sites import Sites
from sentinel.in_force import files
from sentinel.listening import address_url, url_of
from sentinel.settings import Settings


def watching(
    settings: Settings,
    store: Engine | Server,
    console: socket.socket | None,
    sites: Callable[[], Sites],
    lag: Callable[[], float | None],
    health: Health,
) -> Alerts:
    """`console` is where the one of this process listens; `sites` are those of now."""
    options = Options(settings.webhooks, settings.webhook_secret, _address(settings, console), settings.retention_days)
    return Alerts(store, options, lambda: sites().alerting, lag, health)


def test(settings: Settings) -> int:
    """A sample to every channel. Exit code 1 where one failed, or where there is none. Raises BadSites, BadRules."""
    alerting = files(settings).alerting
    channels = Routes(settings.webhooks, settings.webhook_secret, lambda: alerting).channels()
    if not channels:
        print("no channel: set SENTINEL_WEBHOOKS, or webhooks in the sites file")
        return 1
    failed = False
    for name, why in send(list(channels.values()), _address(settings, None)):
        print(f"{name}: {why or 'sent'}", flush=True)
        failed = failed or bool(why)
    return int(failed)


def _address(settings: Settings, console: socket.socket | None) -> str:
    """Of the console, for links: without the setting as it is reached on its own machine."""
    if settings.console_url:
        return settings.console_url
    if console is not None:
        return url_of(console)
    return address_url(settings.console_host, settings.console_port)
