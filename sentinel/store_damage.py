"""Looks for damage in the store in this process: said at the start, in the log, on the system page and in a metric."""

import logging
import time
from collections.abc import Callable
from threading import Event

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schema import metrics
from schema.clickhouse import Engine
from schema.engine import parts
from schema.engine.parts import Met, Part
from schema.engine.replacing import StillRead, remove_broken
from schema.health import Health
from schema.store import first_line

logger = logging.getLogger("sentinel.broken")
_LOOK_SECONDS = 15.0  # a broken part can be replaced for 170 s
_NEW_SECONDS = 900  # of parts that a full disk may have broken since it was last looked
_LIMITS: dict[str, int | str] = {"max_threads": 1, "max_execution_time": 0}
_TOLD = 3


def watch_parts(engine: Engine, health: Health, stop: Event) -> None:
    """Until `stop` is set. All parts are read at the start, and whenever ClickHouse has met damage since; the new ones
    when it has met a full disk.
    """
    client = engine.client(_LIMITS)
    try:
        known, met = set[Part](), Met(-1, -1)
        while not stop.is_set():
            try:
                now = parts.met(client)
                if now != met:
                    everything = now.damage != met.damage
                    found = look(client, engine, stop.is_set, 0 if everything else int(time.time()) - _NEW_SECONDS)
                    # What it finds it has met itself.
                    met = Met(parts.met(client).damage if found else now.damage, now.no_room)
                known = _told(parts.aside(client), known, health)
            except StillRead:
                logger.warning("a part of the store is damaged, and is replaced as soon as nobody reads the store")
            except (ClickHouseError, OSError) as error:
                logger.warning("the store's parts can't be looked at: %s", first_line(error))
            stop.wait(_LOOK_SECONDS)
    finally:
        client.close()


def look(client: Client, engine: Engine, stop: Callable[[], bool], since: int = 0) -> bool:
    """Reads the parts that were written `since` then, and tells of broken ones; whether there were any.

    Raises StillRead, ClickHouseError.
    """
    found = list[Part]()
    for part in remove_broken(client, engine.inserting, stop, since):
        found.append(part)
        became = "what it was merged of took its place, and nothing is lost" if part.replaced else "it was put aside"
        logger.log(
            logging.WARNING if part.replaced else logging.ERROR, "a part of the store is damaged: %s", became,
            extra={"table": part.table, "part": part.name, "why": part.why[:200]},
        )  # fmt: skip
    return bool(found)


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
