"""`export`: from the store itself, or through the console of the program that has it open."""

import argparse
import contextlib
import http.client
import json
import shutil
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from clickhouse_connect.driver.client import Client

from dashboards import filters
from dashboards.export import export as exported
from dashboards.params import BadParameter, Parameters
from schema.clickhouse import StoreInUse, open_chdb
from schema.migrate import migrate
from schema.server import Server
from schema.tables import check
from sentinel.explained import CannotStart, explained
from sentinel.settings import Settings
from sentinel.store_server import asking

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the token is for the console alone


def export(settings: Settings, given: argparse.Namespace) -> int:
    """From the store itself, or through the console of the program that has it open."""
    chosen = {name: value for name in filters.NAMES if (value := getattr(given, name)) is not None}
    with explained(), _output(given.output) as output:
        try:
            with _client(settings) as client:
                for piece in exported(client, _filters(chosen), given.format):
                    output.write(piece)
        except StoreInUse:
            _download(settings, {**chosen, "format": given.format}, output)
    return 0


@contextlib.contextmanager
def _client(settings: Settings) -> Iterator[Client]:
    if settings.store is not None:
        with asking(settings.store), contextlib.closing(Server(settings.store)) as server:
            check(server)
            yield server.client()
        return
    with open_chdb(settings.data_dir / "store") as engine:
        client = engine.client()
        migrate(client, settings.retention_days)
        yield client


def _filters(chosen: dict[str, Any]) -> filters.Filters:
    try:
        return filters.read(Parameters(urllib.parse.urlencode(chosen).encode(), filters.NAMES))
    except BadParameter as error:
        raise CannotStart(str(error)) from error


@contextlib.contextmanager
def _output(path: Path | None) -> Iterator[BinaryIO]:
    """A file appears under its name when it is whole."""
    if path is None:
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise CannotStart(f"standard output can't be written: {error.strerror or error}") from error
        return
    unfinished = path.with_name(path.name + ".part")
    try:
        with unfinished.open("wb") as file:
            yield file
        unfinished.replace(path)
    except OSError as error:
        raise CannotStart(f"{path} can't be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _download(settings: Settings, query: dict[str, Any], output: BinaryIO) -> None:
    try:
        where = json.loads((settings.data_dir / "run.json").read_text())["console"]
    except (OSError, ValueError, KeyError):
        raise CannotStart("another process has the store open, and it has no console; stop it first") from None
    request = urllib.request.Request(f"{where}/api/export?{urllib.parse.urlencode(query)}")  # noqa: S310  (ours)
    if settings.console_token:
        request.add_header("Authorization", f"Bearer {settings.console_token}")
    try:
        with _DIRECT.open(request, timeout=600) as answer:
            shutil.copyfileobj(answer, output)
    except urllib.error.HTTPError as error:
        raise CannotStart(f"the console at {where} answered {error.code}: {_detail(error)}") from error
    except (urllib.error.URLError, http.client.HTTPException) as error:
        raise CannotStart(f"the console at {where} can't be read: {error}") from error


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["detail"])
    except (ValueError, KeyError, TypeError):
        return error.reason
