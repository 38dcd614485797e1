"""The console as `run` and `console` serve it."""

import contextlib
import functools
from collections.abc import Callable, Iterator

import uvicorn
from starlette.applications import Starlette

from dashboards.app import build
from schema.clickhouse import Engine
from schema.health import Health
from schema.server import Server
from schema.sites import Sites
from sentinel.facts import system_facts
from sentinel.noise_apply import applied
from sentinel.settings import Settings


def console_over(
    settings: Settings,
    store: Engine | Server,
    lag: Callable[[], float | None],
    sites: Callable[[], Sites],
    health: Health,
) -> "ConsoleServer":
    """`sites` are those by which reports are judged now, `health` is that of this process."""
    app = build(
        store,
        lag,
        settings.console_token or None,
        sites=sites,
        system=lambda: system_facts(settings, health),
        # Of a server everybody has clients, and the console's user may only read.
        apply=functools.partial(applied, store, sites) if isinstance(store, Engine) else None,
    )
    return ConsoleServer(app)


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
