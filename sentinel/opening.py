"""Opening the store, wherever it is: with its tables as they should be, and what was damaged told."""

import contextlib
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from log.broken import NAME, Broken
from processor.batches import finish
from schema.clickhouse import Engine, open_chdb
from schema.engine import definitions
from schema.health import Health
from schema.migrate import migrate
from schema.mutations import keep_old_parts
from schema.server import Server
from sentinel import __version__
from sentinel.settings import Settings
from sentinel.store_damage import look

_T = TypeVar("_T")


class Opened(NamedTuple):
    """`applied`: the names of the migrations that were missing."""

    engine: Engine
    applied: list[str]


@contextlib.contextmanager
def open_store(settings: Settings, health: Health | None = None) -> Iterator[Engine | Server]:
    """For who works on it: in this process; or a server, as it is. `health` hears of damage.

    Raises what `explained` explains.
    """
    if settings.store is not None:
        with contextlib.closing(Server(settings.store)) as server:
            yield server
        return
    with open_in_process(settings, health) as (engine, _):
        _readable(engine, _begin)
        yield engine


@contextlib.contextmanager
def open_in_process(settings: Settings, health: Health | None = None) -> Iterator[Opened]:
    """The one of the data dir, which is all that a command needs that asks once. Raises what `explained` explains."""
    with open_chdb(settings.data_dir / "store") as engine:
        _tell(engine, Broken(settings.data_dir, health))
        yield Opened(engine, _readable(engine, lambda client: _tables(settings, engine, client)))


def _readable(engine: Engine, step: Callable[[Client], _T]) -> _T:
    """`step` may be repeated."""
    client = engine.client()
    try:
        return step(client)
    except DatabaseError:  # of a part that can be opened, and not be read
        if not look(client, engine, lambda: False):
            raise
        return step(client)


def _tables(settings: Settings, engine: Engine, client: Client) -> list[str]:
    applied = migrate(client, settings.retention_days)
    keep_old_parts(client)
    with contextlib.suppress(OSError):  # on a full disk the store has to be served all the same
        definitions.keep(engine.path, settings.data_dir / "store" / "definitions")
    return applied


def _begin(client: Client) -> None:
    finish(client)
    _record_start(client)


def _tell(engine: Engine, broken: Broken) -> None:
    for its in engine.mended:
        was = f"damaged (kept as {NAME}/{its.broken.name})" if its.broken else "missing"
        broken.tell(
            "table", f"the store's file {its.name} was {was}, and was put back as it was kept; no report is lost"
        )


def _record_start(client: Client) -> None:
    """Also brings the engine's code for inserts and sums into memory: from a cold disk that took two seconds, which the
    first report would have waited.
    """
    client.query("SELECT sum(reports), uniqExact(fingerprint), max(last_seen) FROM violations WHERE site = ''")
    client.insert("starts", [[__version__]], column_names=["version"])
