"""When the store in this process merges: not while there is a backlog, as long as its parts are few enough.

Of what a report costs that is like no other merges are a quarter, and they can wait. A backlog of two million took 118 s
on one core instead of 150, and 999 MiB instead of 1,255; with what was merged after it 132 s of CPU instead of 150.
"""

import logging

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

logger = logging.getLogger("sentinel.processor")
_BACKLOG, _DONE = 100_000, 10_000  # reports: two batches, and less than what comes while one is stored
# Of a table's week. A batch adds one; ClickHouse would make fewer than ten of forty, and questions read all of them.
_FEW, _MANY = 20, 40
_PARTS = """
SELECT max(parts) FROM (
    SELECT count() AS parts FROM system.parts WHERE active AND database = currentDatabase() GROUP BY table, partition_id
)
"""


class Merges:
    """One an engine. A kill takes nothing with it: an engine that opens merges."""

    def __init__(self, client: Client) -> None:
        """`client`: for this alone."""
        self._client = client
        self._wait = False

    def after_batch(self, behind: float) -> None:
        """`behind`: reports that wait in the log; 0 where nothing is inserted now, for whatever reason."""
        backlog = behind >= (_DONE if self._wait else _BACKLOG)
        if not backlog and not self._wait:
            return
        try:
            wait = backlog and self._parts() < (_MANY if self._wait else _FEW)
            if wait != self._wait:
                self._client.command(f"SYSTEM {'STOP' if wait else 'START'} MERGES")
                self._wait = wait
        except ClickHouseError as error:
            logger.warning("merges can't be stopped or started: %s", str(error).partition("\n")[0][:200])

    def _parts(self) -> int:
        return int(self._client.query(_PARTS).result_rows[0][0])
