"""What can keep a command from its work, as one sentence for the person who started it."""

import contextlib
from collections.abc import Iterator

from clickhouse_connect.driver.exceptions import ClickHouseError

from log.kafka import CannotReach
from log.reading import OtherVersion
from log.segments import FolderInUse
from schema.clickhouse import NoEngine, StoreBroken, StoreInUse
from schema.migrate import NewerStore, RecordBroken
from schema.noise import BadRules
from schema.sites import BadSites
from schema.store import TablesMissing, WrongCluster, first_line

# Carry their sentence.
_SAID = (
    StoreBroken, OtherVersion, BadSites, BadRules, NewerStore, TablesMissing, WrongCluster, CannotReach,
    NoEngine, RecordBroken,
)  # fmt: skip


class CannotStart(Exception):
    """One sentence for the person who started the program."""


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turns what may be wrong with a data dir, a log or a store into CannotStart."""
    try:
        yield
    except StoreInUse as error:
        raise CannotStart(f"the store in {error} is in use by another process; stop it, or use its console") from error
    except FolderInUse as error:
        raise CannotStart(f"the spool in {error} is in use by another collector") from error
    except _SAID as error:
        raise CannotStart(str(error)) from error
    except BrokenPipeError:
        raise  # who reads our output has had enough
    except ClickHouseError as error:
        why = first_line(error)
        raise CannotStart(
            f"the store can't be used ({why}); is its disk full, or its server away? A damaged one is replaced by a "
            "backup: `csp-sentinel restore`"
        ) from error
    except OSError as error:
        raise CannotStart(
            f"the data dir can't be used: {error}; put that right, or choose another --data-dir"
        ) from error
