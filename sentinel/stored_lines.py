"""Every stored violation, as a line of our export says it: from the store, or from the program that has it open."""

import contextlib
import json
from collections.abc import Iterable, Iterator

import msgspec

from dashboards import counts
from dashboards.export import export
from dashboards.filters import Filters
from schema.clickhouse import StoreInUse
from schema.violation import Violation
from sentinel.beside import ask_console
from sentinel.exporting import client_of
from sentinel.settings import Settings

_ALL = Filters()


class _Line(Violation):
    """Its times stay as they are written: reading them would take longer than all the rest."""

    fingerprint: str  # type: ignore[assignment]
    window: str  # type: ignore[assignment]
    first_seen: str  # type: ignore[assignment]
    last_seen: str  # type: ignore[assignment]


_line = msgspec.json.Decoder(_Line).decode


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[tuple[int, Iterator[Violation]]]:
    """How many reports they stand for, and all, without times. Raises what `explained` explains, CannotStart."""
    with contextlib.ExitStack() as stack:
        try:
            client = stack.enter_context(client_of(settings))
        except StoreInUse:
            with ask_console(settings, "/api/totals") as answer:
                total = json.load(answer)["reports"]
            found = stack.enter_context(ask_console(settings, "/api/export?format=ndjson"))
            yield total, map(_violation, found)
            return
        yield counts.totals(client, _ALL, None)["reports"], map(_violation, _lines(export(client, _ALL, "ndjson")))


def _violation(text: bytes) -> Violation:
    found = _line(text)
    return msgspec.structs.replace(found, fingerprint=bytes.fromhex(found.fingerprint))


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    if rest:
        yield rest
