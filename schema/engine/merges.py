"""When the store in this process merges: not while there is a backlog, as long as its parts are few enough.

Of what a report costs that is like no other merges are a fifth, and they can wait (README has the figures). While they
do ClickHouse neither removes parts that were merged before, nor rewrites any: a mutation, as of `forget`, ends that.
"""

import logging
from threading import Lock

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schema.store import first_line

logger = logging.getLogger("sentinel.processor")
_BACKLOG = 100_000  # reports; about two batches
_DONE = 64_000  # what waits fits into the next one (log/protocols.py: Room)
# Parts of one partition; a batch makes one more. Questions read all of them, and ClickHouse would leave ten.
_FEW = 20  # else merges go on: they are behind already
_MANY = 40  # then they begin again
_STATE = """
SELECT
    (SELECT max(parts) FROM (
        SELECT count() AS parts FROM system.parts
        WHERE active AND database = currentDatabase() GROUP BY table, partition_id
    )),
    (SELECT count() FROM system.merges),
    (SELECT count() FROM system.mutations WHERE NOT is_done)
"""


class Merges:
    """One an engine, which merges when it is opened."""

    def __init__(self, client: Client, moving: Lock) -> None:
        """`client`: for this alone. `moving`: the engine's; who holds it asks for mutations, which a stop would end."""
        self._client = client
        self._moving = moving
        self._stopped = False

    def follow(self, behind: float) -> None:
        """`behind`: reports that wait in the log; 0 where nothing is inserted now, for whatever reason."""
        backlog = behind >= (_DONE if self._stopped else _BACKLOG)
        if not backlog and not self._stopped:
            return
        try:
            if backlog and self._moving.acquire(blocking=False):
                try:
                    self._turn(stop=self._may_wait())
                finally:
                    self._moving.release()
            else:
                self._turn(stop=False)
        except ClickHouseError as error:
            logger.warning("merges can't be stopped or started now: %s", first_line(error))

    def _may_wait(self) -> bool:
        """A merge that runs would be thrown away by a stop: it is let end."""
        [(parts, merges, mutations)] = self._client.query(_STATE).result_rows
        few = parts < _MANY if self._stopped else parts < _FEW and not merges
        return few and not mutations

    def _turn(self, *, stop: bool) -> None:
        if stop and not self._stopped:
            self._stopped = True  # before: where it fails some tables may be stopped
            self._client.command("SYSTEM STOP MERGES")
        elif self._stopped and not stop:
            self._client.command("SYSTEM START MERGES")
            self._stopped = False

    def close(self) -> None:
        """They go on."""
        self.follow(0)
        self._client.close()
