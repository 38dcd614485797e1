"""What a stage needs of other machines: asked again and again, said while it is wrong, and said once."""

import asyncio
import contextlib
import logging
from threading import Event

import pytest

from schema import tables
from schema.health import Health
from schema.migrate import NewerStore
from schema.server import Server
from sentinel import places, store_server, watching
from sentinel.explained import CannotStart
from sentinel.store_server import explaining_server, trouble_with_store, until_usable
from sentinel.watching import trouble_with_log, watch
from tests.support.ports import free_ports


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_EVERY_SECONDS", "_FIRST_PAUSE", "_LONGEST_PAUSE"):
        monkeypatch.setattr(watching, name, 0.01)


class EnoughError(Exception):
    """Ends a watch, which goes on for ever."""


def watched(health: Health, answers: list[str]) -> list[list[str]]:
    """What `health` said after each of the answers."""
    said: list[list[str]] = []

    async def ask() -> str:
        said.append(health.problems())
        if len(said) > len(answers):
            raise EnoughError
        return answers[len(said) - 1]

    with pytest.raises(EnoughError):
        asyncio.run(watch("it", ask, health))
    return said[1:]


def test_a_trouble_is_said_until_it_is_gone(quick):
    said = watched(Health(), ["", "It is away: why", "It is away: why else", ""])
    assert [[line.partition(" since ")[0] for line in lines] for lines in said] == [
        [], ["It is away"], ["It is away"], []
    ]  # fmt: skip


def test_it_is_logged_once_each_time_it_comes(quick, caplog):
    with caplog.at_level(logging.ERROR, "sentinel.run"):
        watched(Health(), ["It is away: why"] * 3 + [""] + ["It is away: why"] * 3)
    assert caplog.messages == ["It is away: why"] * 2


def test_what_the_stage_says_itself_is_not_said_again(quick, caplog):
    health = Health()
    health.wrong("log", "It is away: timed out")
    assert {len(lines) for lines in watched(health, ["It is away: refused"] * 3)} == {1}
    assert caplog.messages == []
    health.right("log")
    assert "refused" in watched(health, ["It is away: refused"])[0][0]


def test_a_kafka_that_is_away_is_a_sentence(kafka):
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    said = asyncio.run(trouble_with_log(places.LOG.read(f"kafka://{nobody}/t")))
    assert said.startswith(f"Kafka at {nobody} can't be reached: ")
    said = asyncio.run(trouble_with_log(places.LOG.read(f"kafka://{kafka.bootstrap}/nosuch")))
    assert "has no topic nosuch: `csp-sentinel init` creates it" in said


def test_a_store_is_fine_when_it_has_its_tables(clickhouse):
    with contextlib.closing(Server(places.STORE.read(clickhouse.url))) as server:
        assert "run `csp-sentinel init`" in asyncio.run(trouble_with_store(server))
        tables.init(server, 90)
        assert asyncio.run(trouble_with_store(server)) == ""


def test_a_store_that_hangs_is_not_waited_for(clickhouse, monkeypatch):
    monkeypatch.setattr(store_server, "_ANSWER_SECONDS", 0.3)
    with contextlib.closing(Server(places.STORE.read(clickhouse.url))) as server:
        tables.init(server, 90)
        clickhouse.freeze()
        try:
            said = asyncio.run(trouble_with_store(server))
        finally:
            clickhouse.thaw()
    assert said == f"ClickHouse at 127.0.0.1:{clickhouse.port} can't be reached: no answer for 0 s"


def test_newer_tables_keep_a_processor_from_starting_and_trouble_nobody_who_runs(clickhouse):
    """A newer version is being rolled out: who runs goes on until it is replaced."""
    with contextlib.closing(Server(places.STORE.read(clickhouse.url))) as server:
        tables.init(server, 90)
        server.client().insert("migrations", [[9999, "9999_later.sql"]], column_names=["number", "name"])
        with pytest.raises(NewerStore):
            asyncio.run(until_usable(server, Health(), Event()))
        assert asyncio.run(trouble_with_store(server)) == ""


def test_nobody_waits_for_a_store_who_is_to_stop():
    stop = Event()
    stop.set()
    server = Server(places.STORE.read(f"clickhouse://127.0.0.1:{free_ports(1)[0]}/d"))
    asyncio.run(until_usable(server, Health(), stop))


def test_a_command_that_asks_once_ends_with_the_sentence(clickhouse):
    place = places.STORE.read(f"clickhouse://nobody:secret@127.0.0.1:{clickhouse.port}/d")
    with pytest.raises(CannotStart) as raised, explaining_server(place), contextlib.closing(Server(place)) as server:
        server.client()
    assert str(raised.value).startswith(f"ClickHouse at 127.0.0.1:{clickhouse.port} refuses the user nobody: see user")
    assert "secret" not in str(raised.value)
