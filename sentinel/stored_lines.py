"""Every stored violation as a line of our export: from the store, or from the program that has it open."""

import contextlib
import json
from collections.abc import Iterable, Iterator

from dashboards import counts
from dashboards.export import export
from dashboards.filters import Filters
from schema.clickhouse import StoreInUse
from sentinel.beside import asked
from sentinel.exporting import client_of
from sentinel.settings import Settings

_ALL = Filters()


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[tuple[int, Iterator[bytes]]]:
    """How many reports they stand for, and the lines. Raises what `explained` explains, CannotStart."""
    with contextlib.ExitStack() as stack:
        try:
            client = stack.enter_context(client_of(settings))
        except StoreInUse:
            with asked(settings, "/api/totals") as answer:
                total = json.load(answer)["reports"]
            found = stack.enter_context(asked(settings, "/api/export?format=ndjson"))
            yield total, iter(found)
            return
        yield counts.totals(client, _ALL, None)["reports"], _lines(export(client, _ALL, "ndjson"))


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    if rest:
        yield rest
