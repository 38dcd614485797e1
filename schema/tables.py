"""The tables on a ClickHouse server: made by `init`, looked at by who uses them, and never altered."""

import contextlib
import dataclasses

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from schema.migrate import NewerStore, apply
from schema.migration_files import formed, migrations
from schema.migration_record import recorded
from schema.server import Server
from schema.shape import expected, misfits, names, unlike, wanted
from schema.store import TablesMissing

_UNKNOWN_IDENTIFIER, _UNKNOWN_TABLE = 47, 60
_INIT = "run `csp-sentinel init`"


def init(server: Server, retention_days: int) -> list[str]:
    """Makes what is missing, on all hosts of a cluster; the names of the migrations applied.

    Again it changes nothing, and two may do it at once. Where there are tables under our names that are something
    else, it makes none beside them: see `contradictions`. Raises ClickHouseError, NewerStore, WrongCluster.
    """
    with _in_database(server) as client:
        its = wanted(server.place, retention_days)
        return [] if misfits(client, its) else apply(client, its)


def contradictions(server: Server, retention_days: int) -> list[str]:
    """What is not as this version, SENTINEL_STORE and SENTINEL_RETENTION_DAYS want it, a sentence each.

    Raises ClickHouseError, TablesMissing (no database), WrongCluster.
    """
    with server.client() as client:
        its = wanted(server.place, retention_days)
        return misfits(client, its) or unlike(client, its, retention_days)


def check(server: Server) -> None:
    """For who uses the tables. Raises TablesMissing, NewerStore, ClickHouseError, WrongCluster."""
    with server.client() as client:
        newest = migrations()[-1][0]
        done = _newest(client)
        if done > newest:
            raise NewerStore(f"the store is at migration {done}, this version knows {newest}")
        if done < newest:
            raise TablesMissing(f"the tables are those of migration {done}, this version needs {newest}: {_INIT}")
        # On a cluster they have the same names. Views have not, and `init` looks after them.
        tables = {name for name, table in expected(formed(retention_days=1)).items() if table.columns}
        if missing := sorted(tables - names(client)):
            raise TablesMissing(f"there is no table {', '.join(missing)}: {_INIT}")


def _newest(client: Client) -> int:
    try:
        return max(recorded(client), default=0)
    except DatabaseError as error:
        if error.code in {_UNKNOWN_IDENTIFIER, _UNKNOWN_TABLE}:  # nothing there, or a table of somebody else's
            raise TablesMissing(f"there are no tables of ours yet: {_INIT}") from error
        raise


def _in_database(server: Server) -> Client:
    """The database made where it is missing. A cluster may have grown by a host that has none yet."""
    place = server.place
    if not place.cluster:
        with contextlib.suppress(TablesMissing):
            return server.client()  # the right to make databases is not asked for without need
    where = f" ON CLUSTER '{place.cluster}'" if place.cluster else ""
    with Server(dataclasses.replace(place, database="")).client() as anywhere:
        anywhere.command(f"CREATE DATABASE IF NOT EXISTS `{place.database}`{where}")
    return server.client()
