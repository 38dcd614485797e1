"""Looks for damage in the store in this process: said at the start, in the log, on the system page and in a metric."""

import logging
from threading import Event

from clickhouse_connect.driver.exceptions import ClickHouseError

from schema import metrics, parts
from schema.clickhouse import Engine
from schema.health import Health
from schema.parts import Part

logger = logging.getLogger("sentinel.broken")
_LOOK_SECONDS = 30.0
_LIMITS: dict[str, int | str] = {"max_threads": 1, "max_execution_time": 0}
_TOLD = 3


def watch_parts(engine: Engine, health: Health, stop: Event) -> None:
    """Until `stop` is set. All parts are read at the start, and whenever ClickHouse has met damage since."""
    client = engine.client(_LIMITS)
    try:
        known, met = set[Part](), -1
        while not stop.is_set():
            try:
                if (now := parts.errors(client)) != met:
                    for part in parts.put_broken_aside(client, stop.is_set):
                        logger.error("a part of the store is damaged, and was put aside", extra={
                            "table": part.table, "part": part.name, "why": part.why[:200]})  # fmt: skip
                    met = max(now, parts.errors(client))  # the reading itself meets it
                known = _told(parts.aside(client), known, health)
            except ClickHouseError as error:
                logger.warning("the store's parts can't be looked at: %s", str(error).partition("\n")[0][:200])
            stop.wait(_LOOK_SECONDS)
    finally:
        client.close()


def _told(found: list[Part], known: set[Part], health: Health) -> set[Part]:
    metrics.DAMAGED.labels("part").inc(len(set(found) - known))
    if not found:
        health.right("parts")
        return set()
    names = ", ".join(f"{part.table} {part.name}" for part in found[:_TOLD]) + (", …" if len(found) > _TOLD else "")
    sentence = (
        f"{len(found)} damaged parts of the store are put aside: {names} (system.detached_parts); "
        "what was in them is not served, all else is: restore a backup, or drop them"
    )
    if health.wrong("parts", sentence, hinders=False):
        logger.error("%s", sentence)
    return set(found)
