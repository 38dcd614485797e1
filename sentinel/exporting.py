"""`export`: from the store itself, or through the console of the program that has it open."""

import argparse
import contextlib
import shutil
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from clickhouse_connect.driver.client import Client

from dashboards import filters
from dashboards.export import export as exported
from dashboards.query_string import BadParameter, Parameters
from schema.clickhouse import StoreInUse, require_engine
from schema.server import Server
from schema.tables import check
from sentinel.beside import ask_console
from sentinel.explained import CannotStart, explained
from sentinel.opening import open_in_process
from sentinel.settings import Settings
from sentinel.store_server import explaining_server


def export(settings: Settings, given: argparse.Namespace) -> int:
    """From the store itself, or through the console of the program that has it open."""
    chosen = {name: value for name in filters.NAMES if (value := getattr(given, name)) is not None}
    with explained(), _output(given.output) as output:
        try:
            with _stored(settings) as client:
                for piece in exported(client, _filters(chosen), given.format):
                    output.write(piece)
        except StoreInUse:
            query = urllib.parse.urlencode({**chosen, "format": given.format})
            with ask_console(settings, f"/api/export?{query}") as answer:
                shutil.copyfileobj(answer, output)
    return 0


def _stored(settings: Settings) -> contextlib.AbstractContextManager[Client]:
    """Raises NoEngine; CannotStart where nothing ever was: a data dir that is misspelt is not made."""
    if settings.store is None:
        require_engine()
        if not (settings.data_dir / "store" / "chdb").is_dir():
            raise CannotStart(f"there is no store in the data dir {settings.data_dir}")
    return client_of(settings)


@contextlib.contextmanager
def client_of(settings: Settings) -> Iterator[Client]:
    if settings.store is not None:
        with explaining_server(settings.store), contextlib.closing(Server(settings.store)) as server:
            check(server)
            yield server.client()
        return
    with open_in_process(settings) as (engine, _):
        yield engine.client()


def _filters(chosen: dict[str, Any]) -> filters.Filters:
    try:
        return filters.read(Parameters(urllib.parse.urlencode(chosen).encode(), filters.NAMES))
    except BadParameter as error:
        raise CannotStart(str(error)) from error


@contextlib.contextmanager
def _output(path: Path | None) -> Iterator[BinaryIO]:
    """A file appears under its name when it is whole; into what else is there, as a pipe, it is written as it comes."""
    if path is None:
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise CannotStart(f"standard output can't be written: {error.strerror or error}") from error
        return
    path = path.resolve()  # a link goes on leading there
    in_place = path.exists() and not path.is_file()
    unfinished = path if in_place else path.with_name(path.name + ".part")
    try:
        with unfinished.open("wb") as file:
            yield file
        if not in_place:
            unfinished.replace(path)
    except OSError as error:
        raise CannotStart(f"{path} can't be written: {error.strerror or error}") from error
    finally:
        if not in_place:
            unfinished.unlink(missing_ok=True)
