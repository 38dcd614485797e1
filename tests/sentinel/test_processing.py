"""The processor put together: who merges a store in this process, and that nobody else's does."""

from functools import partial
from pathlib import Path

import pytest

from loadtest import spooled
from loadtest.traffic.model import Traffic
from schema.engine.merges import Merges
from schema.health import Health
from schema.server import Server
from schema.tables import init
from sentinel import processing
from sentinel.processing import Processing
from sentinel.settings import Settings
from tests.support.places import clickhouse as place_of


class Told(Merges):
    def __init__(self, client, moving, made: list["Told"]) -> None:
        super().__init__(client, moving)
        self.behind: list[float] = []
        self.closed = False
        made.append(self)

    def follow(self, behind: float) -> None:
        self.behind.append(behind)
        super().follow(behind)

    def close(self) -> None:
        super().close()
        self.closed = True


@pytest.fixture
def made(monkeypatch) -> list[Told]:
    found: list[Told] = []
    monkeypatch.setattr(processing, "Merges", partial(Told, made=found))
    return found


def filled(data_dir: Path) -> Settings:
    spooled.write(Traffic("demo", 200), data_dir, lambda _: None)
    return Settings(data_dir=data_dir)


def test_merges_of_the_store_in_this_process_follow_the_log_and_go_on_at_the_end(store, made, tmp_path):
    assert Processing(filled(tmp_path), store, Health()).drain()
    [its] = made
    assert its.behind[0] == 0
    assert its.closed


def test_those_of_a_server_are_its_own(clickhouse, made, tmp_path):
    server = Server(place_of(clickhouse.url))
    init(server, 90)
    assert Processing(filled(tmp_path), server, Health()).drain()
    assert made == []
