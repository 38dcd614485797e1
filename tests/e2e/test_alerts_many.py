"""Two processes over one ClickHouse server: each event is told once, whichever is killed or frozen, and when."""

import contextlib
import random
import signal
import time

import pytest

from schema import tables
from schema.server import Server
from tests.support.places import clickhouse as place_of
from tests.support.receiver import Receiver
from tests.support.stages import Machine, together
from tests.support.store import insert, violation
from tests.support.waiting import wait_for


class Pair:
    """Two machines, a receiver, and new sources for them."""

    def __init__(self, clickhouse, receiver: Receiver, folder) -> None:
        self.server, self.receiver = clickhouse, receiver
        with contextlib.closing(Server(place_of(clickhouse.url))) as server:
            tables.init(server, 90)
        self.client = clickhouse.client()
        settings = {"store": clickhouse.url, "webhooks": receiver.url}
        self.machines = together(
            *(lambda name=name: Machine(f"alerts {name}", folder / name, **settings) for name in ("a", "b"))
        )
        self.made = 0

    def owner(self) -> Machine | None:
        """Whose term it is, going by what the store says."""
        row = self.client.query("SELECT argMax(owner, epoch) FROM alert_owners").result_rows[0][0]
        return next((one for one in self.machines if f"-{one.process.pid}-" in row), None)

    def see(self, many: int = 5) -> None:
        numbers = range(self.made, self.made + many)
        self.made += many
        insert(self.client, [violation(n, at=time.time(), blocked_host=f"h{n}.example") for n in numbers])

    def told(self) -> set[str]:
        """Hosts that a message was about."""
        events = [event for request in self.receiver.taken() for event in request.json["events"] + request.json["more"]]
        return {event["title"].split(" ")[3].rstrip(",") for event in events if event["kind"] == "new-source"}

    def all_told(self, seconds: float = 60) -> None:
        wait_for("all are told", lambda: len(self.told()) == self.made, seconds)

    def once_each(self) -> None:
        """A message may come twice after a kill, under the same id; an event is in one message."""
        by_id = {request.headers["idempotency-key"]: request.json for request in self.receiver.taken()}
        ids = [event["id"] for message in by_id.values() for event in message["events"] + message["more"]]
        assert len(ids) == len(set(ids))


@pytest.fixture
def pair(clickhouse, tmp_path):
    with Receiver() as receiver:
        made = Pair(clickhouse, receiver, tmp_path)
        with made.machines[0], made.machines[1]:
            wait_for("one works", made.owner, 30)
            yield made


def test_each_event_is_told_once_when_whoever_works_is_killed(pair):
    pair.see()
    pair.all_told()
    for _ in range(3):
        pair.see()
        time.sleep(random.uniform(0, 3))
        working = pair.owner() or pair.machines[0]
        working.process.kill()
        working.process.wait()
        pair.see()
        working.start()
    pair.all_told()
    pair.once_each()


def test_one_that_was_frozen_does_no_harm_when_it_goes_on(pair):
    working = pair.owner()
    pair.see()
    working.process.send_signal(signal.SIGSTOP)
    pair.all_told()
    assert pair.owner() is not working
    pair.see()
    working.process.send_signal(signal.SIGCONT)
    pair.all_told()
    pair.see()
    pair.all_told()
    pair.once_each()


def test_one_that_ends_hands_over_at_once(pair):
    working = pair.owner()
    assert working.end_with(signal.SIGTERM) == 0
    began = time.monotonic()
    wait_for("the other works", lambda: pair.owner() not in (working, None), 12)
    assert time.monotonic() - began < 12  # less than a term


def test_a_store_that_is_away_for_a_while_loses_nothing_and_is_told(pair):
    pair.see()
    pair.all_told()
    pair.server.kill()
    wait_for("both say so", lambda: all("can't use the store" in one.ready().body for one in pair.machines), 30)
    pair.server.start()
    pair.client = pair.server.client()
    pair.see()
    pair.all_told()
    pair.once_each()
