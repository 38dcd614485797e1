"""fast: connections that wait are taken together, so that their reports are written together."""

import asyncio
import contextlib
import socket

import pytest
import uvloop

from ingest.collector import Collector
from ingest.servers import FastServer
from ingest.spool import Spool
from log.segments import SegmentWriter
from schema.sites import Sites

TOGETHER = 4


async def turns_to_take(server: FastServer, port: int) -> int:
    """Of the event loop, until all connections that wait have their protocol."""
    with contextlib.ExitStack() as held:
        for _ in range(TOGETHER):
            held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
        for turn in range(100):
            if len(server.server_state.connections) == TOGETHER:
                return turn
            await asyncio.sleep(0)
    pytest.fail("they are not taken")


async def served(collector: Collector) -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = FastServer(collector, listener, 100)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.01)
        turns = await turns_to_take(server, listener.getsockname()[1])
        server.stop()
        await serving
        return turns


def test_four_connections_are_taken_in_fewer_turns_than_one_each(tmp_path):
    writer = SegmentWriter(tmp_path / "spool", 1 << 20)
    try:
        turns = uvloop.run(served(Collector(Spool(writer, hold=False), Sites(), 1 << 16)))
    finally:
        writer.close()
    assert turns < TOGETHER
