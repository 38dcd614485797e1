"""What a failed insert is called, for each thing a ClickHouse may have against it."""

import errno

import pytest
from clickhouse_connect.driver.exceptions import (
    ClickHouseError,
    DatabaseError,
    DataError,
    OperationalError,
    ProgrammingError,
)

from processor.troubles import trouble_of

# ClickHouse's codes, and what they are named in its sources.
NAMES = {
    252: ("TOO_MANY_PARTS", "too-many-parts"),
    164: ("READONLY", "read-only"),
    242: ("TABLE_IS_READ_ONLY", "read-only"),
    173: ("CANNOT_ALLOCATE_MEMORY", "memory"),
    241: ("MEMORY_LIMIT_EXCEEDED", "memory"),
    202: ("TOO_MANY_SIMULTANEOUS_QUERIES", "busy"),
    243: ("NOT_ENOUGH_SPACE", "disk"),
    192: ("UNKNOWN_USER", "login"),
    193: ("WRONG_PASSWORD", "login"),
    194: ("REQUIRED_PASSWORD", "login"),
    497: ("ACCESS_DENIED", "login"),
    516: ("AUTHENTICATION_FAILED", "login"),
    10: ("NOT_FOUND_COLUMN_IN_BLOCK", "tables"),
    16: ("NO_SUCH_COLUMN_IN_TABLE", "tables"),
    60: ("UNKNOWN_TABLE", "tables"),
    81: ("UNKNOWN_DATABASE", "tables"),
    159: ("TIMEOUT_EXCEEDED", "away"),
    209: ("SOCKET_TIMEOUT", "away"),
    210: ("NETWORK_ERROR", "away"),
    225: ("NO_ZOOKEEPER", "away"),
    279: ("ALL_CONNECTION_TRIES_FAILED", "away"),
    285: ("TOO_FEW_LIVE_REPLICAS", "away"),
    286: ("UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE", "away"),
    319: ("UNKNOWN_STATUS_OF_INSERT", "away"),
    394: ("QUERY_WAS_CANCELLED", "away"),
    999: ("KEEPER_EXCEPTION", "away"),
    117: ("INCORRECT_DATA", "refused"),
    1002: ("UNKNOWN_EXCEPTION", "refused"),
}


@pytest.mark.parametrize(("code", "name"), [(code, name) for code, (_, name) in NAMES.items()])
def test_an_error_of_clickhouses_is_known_by_its_code(code, name):
    trouble = trouble_of(DatabaseError("DB::Exception", code=code))
    assert trouble.name == name
    assert 0 < trouble.pause <= 5
    assert trouble.advice.isprintable()


def test_the_codes_are_the_ones_of_this_clickhouse(store):
    query = "SELECT code, name FROM (SELECT arrayJoin({codes:Array(Int32)}) AS code, errorCodeToName(code) AS name)"
    found = store.client().query(query, parameters={"codes": list(NAMES)}).result_rows
    assert dict(found) == {code: name for code, (name, _) in NAMES.items()}


@pytest.mark.parametrize(
    "error",
    [OperationalError("Network Error"), DatabaseError("502 Bad Gateway"), ConnectionResetError(), TimeoutError()],
)
def test_what_has_no_code_is_the_connections(error):
    assert trouble_of(error).name == "away"


@pytest.mark.parametrize("error", [DataError("out of range"), ProgrammingError("no such column")])
def test_what_the_client_itself_cant_write_is_not_the_connections(error):
    assert isinstance(error, ClickHouseError)
    assert trouble_of(error).name == "refused"


def test_a_full_disk_under_the_store_in_this_process_is_told_as_one():
    assert trouble_of(OSError(errno.ENOSPC, "No space left on device")).name == "disk"
