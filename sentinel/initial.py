"""`csp-sentinel init`: the topics and the tables, made where they are missing; what is there is not altered."""

import argparse
import asyncio
import contextlib

from log import topic
from log.places import KafkaPlace
from schema import tables
from schema.clickhouse import StoreInUse
from schema.server import Server
from sentinel.explained import explained
from sentinel.opening import open_in_process
from sentinel.settings import Settings
from sentinel.store_server import explaining_server


def init(settings: Settings, _given: argparse.Namespace) -> int:
    """Exit code 1 where something is not as the settings say."""
    wrong: list[str] = []
    with explained():
        if settings.log is not None:
            wrong += _topics(settings.log, settings.max_body_bytes)
        wrong += _tables(settings)
    for sentence in wrong:
        print(f"not as the settings say, and left as it is: {sentence}")
    return 1 if wrong else 0


def _topics(place: KafkaPlace, max_body_bytes: int) -> list[str]:
    made = asyncio.run(topic.create(place, max_body_bytes))
    print(f"created the topics {', '.join(made)}" if made else "nothing to do: the topics are there")
    return asyncio.run(topic.contradictions(place, max_body_bytes))


def _tables(settings: Settings) -> list[str]:
    wrong: list[str] = []
    if settings.store is None:
        try:
            with open_in_process(settings) as (_, applied):
                pass
        except StoreInUse:
            print("nothing to do: a running csp-sentinel has the store open and keeps its tables up to date")
            return []
    else:
        with explaining_server(settings.store), contextlib.closing(Server(settings.store)) as server:
            applied = tables.init(server, settings.retention_days)
            wrong = tables.contradictions(server, settings.retention_days)
    if applied or not wrong:
        print(f"applied {', '.join(applied)}" if applied else "nothing to do: the tables are up to date")
    return wrong
