"""What `make run` starts, on free ports and with a data dir of its own, for as long as a run takes."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from loadtest.bench.child import Child
from loadtest.bench.servers import PROGRAM, places_of

_START_SECONDS = 180  # on a machine that has much else to do
# What else is set holds here too (SENTINEL_SERVER, SENTINEL_DURABILITY), but for places, and for people to be told.
_OF_ITS_OWN = {
    "SENTINEL_LOG": "spool:",
    "SENTINEL_STORE": "chdb:",
    "SENTINEL_SITES": "",
    "SENTINEL_WEBHOOKS": "",
    "SENTINEL_CONSOLE_TOKEN": "",
}


class Places(NamedTuple):
    collector: str
    console: str


@contextlib.contextmanager
def pipeline(folder: Path) -> Iterator[Places]:
    """Raises Failed where it does not start."""
    data_dir = folder / "data"
    words: list[str | Path] = [PROGRAM, "run", "--data-dir", data_dir, "--host", "127.0.0.1", "--port", "0"]
    words += ["--console-host", "127.0.0.1", "--console-port", "0", "--ops-port", "0"]
    with Child(words, folder / "pipeline.log", environment=_OF_ITS_OWN) as child:
        where = places_of(child, data_dir / "run.json", _START_SECONDS)
        yield Places(where["collector"], where["console"])
