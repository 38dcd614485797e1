"""The console as `run` and `console` serve it."""

import contextlib
import functools
import logging
import os
import secrets
from collections.abc import Callable, Iterator

import uvicorn
from starlette.applications import Starlette

from dashboards.access.terms import Provider, Terms
from dashboards.app import build
from schema.clickhouse import Engine
from schema.health import Health
from schema.server import Server
from schema.sites import Sites
from sentinel.facts import system_facts
from sentinel.noise_apply import applied
from sentinel.readers import is_loopback
from sentinel.settings import Settings

logger = logging.getLogger("sentinel.console")
_SHORT_TOKEN = 16  # characters


def console_over(
    settings: Settings,
    store: Engine | Server,
    lag: Callable[[], float | None],
    sites: Callable[[], Sites],
    health: Health,
    *,
    collects: bool,
) -> "ConsoleServer":
    """`sites` are those by which reports are judged now, `health` is that of this process; `collects`: `settings.port`
    is that of our own collector.
    """
    if 0 < len(settings.console_token) < _SHORT_TOKEN and not is_loopback(settings.console_host):
        logger.warning("SENTINEL_CONSOLE_TOKEN has %d characters, and other machines reach the console: "
                       "`openssl rand -hex 32` makes one that nobody guesses", len(settings.console_token))  # fmt: skip
    app = build(
        store,
        lag,
        settings.console_token or None,
        sites=sites,
        system=lambda: system_facts(settings, health),
        # Of a server everybody has clients, and the console's user may only read.
        apply=functools.partial(applied, store, sites) if isinstance(store, Engine) else None,
        terms=_terms(settings, settings.collector_url or (settings.port if collects else None)),
    )
    return ConsoleServer(app)


def _terms(settings: Settings, collector: str | int | None) -> Terms:
    provider = Provider(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret,
        settings.oidc_editors,
        settings.oidc_viewers,
    )
    return Terms(
        viewer_token=settings.console_viewer_token,
        provider=provider if settings.oidc_issuer else None,
        secret=secret(settings),
        host=settings.console_host,
        url=settings.console_url,
        collector=collector,
    )


def secret(settings: Settings) -> bytes:
    """So that sessions outlive the process; empty where it keeps nothing on this machine."""
    if settings.console_secret or settings.store is not None:
        return settings.console_secret.encode()
    path = settings.data_dir / "console.secret"
    try:
        if not path.exists():
            unfinished = path.with_suffix(".part")
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(secrets.token_bytes(32))
            unfinished.replace(path)
        return path.read_bytes()
    except OSError as error:  # the disk is full, and the spool on it must be stored to empty it
        logger.warning("sessions of the console end with this process: %s", error)
        return b""


class ConsoleServer(uvicorn.Server):
    def __init__(self, app: Starlette) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                ws="none",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The stage listens to signals itself."""
        yield
