"""The watch over the store's parts: when it reads them, and what it tells."""

import threading
from pathlib import Path
from threading import Event

import pytest

from schema.clickhouse import open_chdb
from schema.engine import parts
from schema.engine.parts import Met
from schema.health import Health
from schema.migrate import migrate
from sentinel import store_damage
from tests.support.store import insert, violation
from tests.support.waiting import wait_for


@pytest.mark.parametrize("met", [Met(0, 1), Met(1, 0)], ids=["a full disk", "damage"])
def test_a_part_that_breaks_while_the_store_is_open_is_found_when_clickhouse_met(tmp_path, monkeypatch, caplog, met):
    """The counts of ClickHouse are the test's, because no test can fill a disk at the right moment."""
    told = [Met(0, 0)]
    monkeypatch.setattr(parts, "met", lambda _client: told[-1])
    monkeypatch.setattr(store_damage, "_LOOK_SECONDS", 0.05)
    stop, health = Event(), Health()
    with open_chdb(tmp_path / "store") as engine:
        client = engine.client()
        migrate(client, 90)
        for number in range(3):
            insert(client, [violation(number)])
        watching = threading.Thread(target=store_damage.watch_parts, args=(engine, health, stop))
        watching.start()
        try:
            client.command("OPTIMIZE TABLE violations FINAL")
            [[folder]] = client.query("SELECT path FROM system.parts WHERE active AND table = 'violations'").result_rows
            (Path(folder) / "data.packed").write_bytes(b"")
            told.append(met)
            wait_for("it is replaced", lambda: "nothing is lost" in caplog.text, seconds=30)
        finally:
            stop.set()
            watching.join()
        assert client.query("SELECT sum(reports) FROM violations").result_rows == [(3,)]
    assert not health.problems()
