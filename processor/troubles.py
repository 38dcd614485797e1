"""What an insert's failure means: what it is called, how long to leave the store alone, and what a person can do."""

import errno
from typing import NamedTuple

from clickhouse_connect.driver.exceptions import ClickHouseError, DataError, ProgrammingError

from schema.store import LOGIN_CODES


class Trouble(NamedTuple):
    """`pause`: least seconds before the next try."""

    name: str
    pause: float
    advice: str


AWAY = Trouble("away", 0.25, "the store does not answer")
REFUSED = Trouble("refused", 2.0, "the store refuses the insert; nothing is lost, and it is tried until it doesn't")
_TOO_MANY_PARTS = Trouble(
    "too-many-parts", 5.0, "the store's merges are behind; it takes inserts again when they have caught up"
)
_READ_ONLY = Trouble("read-only", 2.0, "the table is read-only: its replica has lost Keeper, or the user may not write")
_MEMORY = Trouble("memory", 2.0, "the store is short of memory; the insert is tried again with one thread")
_BUSY = Trouble("busy", 1.0, "the store has too many queries at once")
_DISK = Trouble("disk", 5.0, "the store's disk is full")
_LOGIN = Trouble("login", 5.0, "the store refuses our user: see user and password in SENTINEL_STORE")
_TABLES = Trouble("tables", 5.0, "the store's tables are not as this version needs them: run `csp-sentinel init`")

# By the codes of ClickHouse (src/Common/ErrorCodes.cpp).
_BY_CODE = {
    252: _TOO_MANY_PARTS,
    164: _READ_ONLY,  # READONLY
    242: _READ_ONLY,  # TABLE_IS_READ_ONLY
    173: _MEMORY,  # CANNOT_ALLOCATE_MEMORY
    241: _MEMORY,  # MEMORY_LIMIT_EXCEEDED
    202: _BUSY,  # TOO_MANY_SIMULTANEOUS_QUERIES
    243: _DISK,  # NOT_ENOUGH_SPACE
    **dict.fromkeys(LOGIN_CODES, _LOGIN),
    10: _TABLES,  # NOT_FOUND_COLUMN_IN_BLOCK
    16: _TABLES,  # NO_SUCH_COLUMN_IN_TABLE
    60: _TABLES,  # UNKNOWN_TABLE
    81: _TABLES,  # UNKNOWN_DATABASE
    # Whether these were applied is not known, as with a connection that breaks: the token tells.
    159: AWAY,  # TIMEOUT_EXCEEDED
    209: AWAY,  # SOCKET_TIMEOUT
    210: AWAY,  # NETWORK_ERROR
    225: AWAY,  # NO_ZOOKEEPER
    279: AWAY,  # ALL_CONNECTION_TRIES_FAILED
    285: AWAY,  # TOO_FEW_LIVE_REPLICAS
    286: AWAY,  # UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
    319: AWAY,  # UNKNOWN_STATUS_OF_INSERT
    394: AWAY,  # QUERY_WAS_CANCELLED
    999: AWAY,  # KEEPER_EXCEPTION
}


def trouble_of(error: ClickHouseError | OSError | TimeoutError) -> Trouble:
    """An error without a code is the connection's, the client's own, or the disk's of a store in this process."""
    code = getattr(error, "code", None)
    if getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT}:
        return _DISK
    if code is None:
        return REFUSED if isinstance(error, DataError | ProgrammingError) else AWAY
    return _BY_CODE.get(code, REFUSED)
