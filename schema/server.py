"""Opening the store on another machine: clients of a ClickHouse server, over HTTP or HTTPS."""

import contextlib
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from schema.places import ClickHousePlace
from schema.store import TablesMissing, WrongCluster

if TYPE_CHECKING:
    from clickhouse_connect.driver.asyncclient import AsyncClient

CONNECT_SECONDS = 5
ANSWER_SECONDS = 60  # without a byte; what is asked for below ends before it

# ClickHouse 26 gathers inserts of many clients by default: answered later, and a token is no longer one insert.
SETTINGS: dict[str, int | str] = {"async_insert": 0}

CLUSTER_SETTINGS: dict[str, int | str] = {
    # Answered when every shard has its rows, not when the host that was asked has put them down on its own disk.
    "distributed_foreground_insert": 1,
    # A subquery's answer is gathered from all shards before it is compared: `(site, minute) IN (SELECT …)`.
    "distributed_product_mode": "global",
    "skip_unavailable_shards": 0,  # a sum without one of the shards would look like a sum
    "insert_quorum_timeout": 30_000,  # ms; then the insert is repeated, and waits again
    "distributed_ddl_task_timeout": 50,  # s; what is not done by then goes on, and a repeated init finds it
}

# An answered insert is on two replicas: that the one which took it dies loses nothing. Without this a repeat makes it
# worse: the next replica finds the token in Keeper, calls the insert known, and has no rows (ReplicatedMergeTreeSink);
# with it, the repeat waits until they have come. Two, and not "auto": that counts replicas which are gone for good,
# was not checked in 26.2 to 26.6 (ClickHouse pull request 108800), and waits for itself where there is one replica.
QUORUM = 2

_UNKNOWN_DATABASE, _ACCESS_DENIED = 81, 497
_REPLICAS = """
SELECT min(replicas)
FROM (SELECT count() AS replicas FROM system.clusters WHERE cluster = {cluster:String} GROUP BY shard_num)
"""


class Server:
    """Like `schema.clickhouse.Engine`. Making a client asks the server: raises ClickHouseError where it is away.

    Raises TablesMissing where there is no such database, and WrongCluster.
    """

    def __init__(self, place: ClickHousePlace) -> None:
        self.place = place
        # Nobody holds it: batches of other machines go in all the time, and no question waits for them.
        self.inserting = Lock()
        self.moving = Lock()
        self._clients: WeakSet[Client] = WeakSet()

    def client(self, settings: Mapping[str, int | str] | None = None) -> Client:
        """A client of its own, with its own connections; `settings` hold for all its queries."""
        with self._explained():
            made = clickhouse_connect.get_client(**self._access(settings), dedicated_pool=True)
            try:
                if self.place.cluster:
                    found = made.query(_REPLICAS, parameters={"cluster": self.place.cluster}).result_rows[0][0]
                    made.set_client_setting("insert_quorum", quorum(self.place.cluster, found))
            except BaseException:
                made.close()
                raise
        self._clients.add(made)
        return made

    async def async_client(self, settings: Mapping[str, int | str] | None = None) -> "AsyncClient":
        """The same for an event loop; whoever has it closes it."""
        with self._explained():
            made = await clickhouse_connect.get_async_client(**self._access(settings))
            try:
                if self.place.cluster:
                    found = (await made.query(_REPLICAS, parameters={"cluster": self.place.cluster})).result_rows[0][0]
                    made.set_client_setting("insert_quorum", quorum(self.place.cluster, found))
            except BaseException:
                await made.close()
                raise
        return made

    def close(self) -> None:
        """Every client that is still in somebody's hands."""
        for client in list(self._clients):
            client.close()

    def _access(self, settings: Mapping[str, int | str] | None) -> dict[str, Any]:
        place = self.place
        return {
            "interface": "https" if place.tls else "http",
            "host": place.host,
            "port": place.port,
            "username": place.user,
            "password": place.password,
            "database": place.database,
            "ca_cert": place.ca or None,
            "connect_timeout": CONNECT_SECONDS,
            "send_receive_timeout": ANSWER_SECONDS,
            "tz_mode": "aware",
            "autogenerate_session_id": False,  # a session takes one query at a time
            "settings": SETTINGS | (CLUSTER_SETTINGS if place.cluster else {}) | dict(settings or {}),
        }

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DatabaseError as error:
            if error.code == _UNKNOWN_DATABASE:
                raise TablesMissing(
                    f"there is no database {self.place.database} on the server: run `csp-sentinel init`"
                ) from error
            if error.code == _ACCESS_DENIED and self.place.cluster:
                raise WrongCluster(
                    f"the user {self.place.user} may not read how many replicas the cluster has:"
                    f" GRANT SELECT ON system.clusters TO {self.place.user}"
                ) from error
            raise


def quorum(cluster: str, replicas: int) -> int:
    """For `insert_quorum`; `replicas` of the shard that has fewest. Raises WrongCluster where there are none."""
    if not replicas:
        raise WrongCluster(f"the server knows no cluster {cluster}: see system.clusters")
    return QUORUM if replicas >= QUORUM else 0
