"""Many machines: a collector, Kafka, two processors, a ClickHouse server, a console; as exact as one machine is."""

import asyncio
import itertools
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

from schema.envelope import VERSION, zstd
from tests.corpus.captures import captures
from tests.support import topics
from tests.support.stages import Machine, Shared, command, envelope, together
from tests.support.waiting import wait_for

CAPTURES = [*itertools.islice(captures("2015"), 60), *itertools.islice(captures("2026"), 340)]
REPORT = b'{"csp-report":{"document-uri":"https://shop.example/","effective-directive":"img-src","blocked-uri":"data"}}'
# Of a violation: what does not depend on when it came, nor on which of equal reports was kept as the example.
SAME = ("fingerprint", "reports", "site", "document_url", "effective_directive", "blocked_url", "source_file",
        "line_number", "column_number", "disposition", "browser", "noise", "noise_rule")  # fmt: skip


class Many(NamedTuple):
    """`alone` does everything on one machine, and gets the same bytes."""

    ingest: Machine
    first: Machine
    second: Machine
    console: Machine
    alone: Machine
    shared: Shared


@pytest.fixture(scope="module")
def many(kafka, clickhouse_server, tmp_path_factory):
    shared, folder = Shared(kafka, clickhouse_server).init(), tmp_path_factory.mktemp("many")

    def start(name, **settings):
        return lambda: Machine(name, folder / name, **settings)

    names = ("ingest", "process 1", "process 2", "console")
    machines = together(*(start(name, **shared.settings) for name in names), start("run"))
    try:
        yield Many(*machines, shared)
    finally:
        for machine in machines:
            machine.end()


@pytest.fixture(scope="module")
def fed(many: Many) -> Many:
    """The captures of real browsers, posted and stored."""
    wait_for("both processors read", lambda: many.first.partitions() == many.second.partitions() == 1)
    requests = [
        (capture.body, "/csp/report/shop", {"content-type": capture.content_type, "user-agent": capture.user_agent})
        for capture in CAPTURES
    ]
    middle = len(requests) // 2
    for some in (requests[:middle], requests[middle:]):
        for machine in (many.ingest, many.alone):
            assert {answer.status for answer in machine.post_all(some)} == {204}
        time.sleep(1.2)  # after a second the collector goes on to another partition
    entries = sum(capture.delivery().count for capture in CAPTURES)
    for machine in (many.console, many.alone):
        wait_for("everything is stored", lambda its=machine: its.get("/api/ledger")["received"] >= entries)
    return many


def test_the_processors_share_the_partitions(fed: Many):
    assert [fed.first.partitions(), fed.second.partitions()] == [1, 1]


def test_every_report_is_counted_once_and_the_ledger_balances(fed: Many):
    ledger = fed.console.get("/api/ledger")
    totals = fed.console.get("/api/totals")
    violations = [row for capture in CAPTURES for row in capture.violations()]
    assert ledger["received"] == sum(capture.delivery().count for capture in CAPTURES)
    assert totals["reports"] == ledger["stored"] == len(violations)
    assert ledger["balanced"] is True
    assert all(item["balanced"] for item in ledger["items"])


def test_the_same_bytes_give_the_same_answers_as_on_one_machine(fed: Many):
    def told(machine: Machine) -> dict[str, Any]:
        totals, ledger = machine.get("/api/totals"), machine.get("/api/ledger")
        rows = machine.get("/api/violations?limit=1000")["items"]
        return {
            "totals": {name: value for name, value in totals.items() if name != "lag_seconds"},
            "ledger": {name: value for name, value in ledger.items() if name != "items"},
            "violations": {row["fingerprint"]: [row[name] for name in SAME] for row in rows},
            "tops": machine.get("/api/top?by=directive&limit=50"),
        }

    assert told(fed.console) == told(fed.alone)


def test_every_stage_says_that_it_is_ready(fed: Many):
    assert [machine.ready() for machine in fed[:5]] == [(200, "ready\n", None)] * 5
    assert fed.console.ask("/ready").status == 200


def test_the_console_knows_how_far_the_processors_are_behind(fed: Many):
    wait_for("it is said", lambda: fed.console.get("/api/totals")["lag_seconds"] == 0.0)


def test_records_that_are_no_envelopes_are_set_aside_and_the_rest_goes_on(fed: Many):
    before = fed.console.get("/api/totals")
    good = envelope(REPORT)
    poison = [b"no envelope", None, good[:-5], zstd.compress(bytes(100_000_000)), envelope(version=0)]
    place = fed.shared.place
    asyncio.run(topics.send(place, good, *poison, envelope(), good))
    wait_for("the rest is stored", lambda: fed.console.get("/api/totals")["reports"] == before["reports"] + 2)
    after = fed.console.get("/api/ledger")
    assert after["rejected"] == {"no-envelope": len(poison)}
    assert after["balanced"] is True
    dead = asyncio.run(topics.records(place, place.dead_topic))
    assert [record.value for record in dead] == [record or b"" for record in poison]
    assert [record.key.decode().rpartition("/")[0] for record in dead] == [f"{place.topic}/0"] * len(poison)


def test_each_stage_ends_within_seconds_when_it_is_stopped(fed: Many):
    """The last test of these machines."""
    ways = {fed.ingest: signal.SIGTERM, fed.first: signal.SIGTERM, fed.alone: signal.SIGTERM,
            fed.second: signal.SIGINT, fed.console: signal.SIGINT}  # fmt: skip
    began = time.monotonic()
    with ThreadPoolExecutor(len(ways)) as beside:
        assert list(beside.map(Machine.end_with, ways.keys(), ways.values())) == [0] * len(ways)
    assert time.monotonic() - began < 10
    assert [machine.told() for machine in (fed.ingest, fed.console, fed.alone)] == [{}] * 3


def test_draining_stores_everything_and_ends(kafka, clickhouse_server):
    shared = Shared(kafka, clickhouse_server).init()
    assert command("process", "--drain", **shared.settings).returncode == 0  # there is nothing yet
    asyncio.run(topics.send(shared.place, *[envelope(REPORT)] * 10))
    asyncio.run(topics.send(shared.place, *[envelope(REPORT)] * 10, partition=1))
    assert command("process", "--drain", **shared.settings).returncode == 0
    assert shared.sums() == {"received": 20, "stored": 20}


def test_an_envelope_of_a_newer_version_stops_the_processor_before_it(kafka, clickhouse_server):
    shared = Shared(kafka, clickhouse_server).init()
    asyncio.run(topics.send(shared.place, envelope(REPORT), envelope(version=VERSION + 1), envelope(REPORT)))
    ended = command("process", ops_port=0, **shared.settings)
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert f"{shared.place.topic}/0/1 was written by a newer csp-sentinel (version {VERSION + 1}" in ended.stderr
    assert asyncio.run(topics.committed(shared.place)) == [(1, "")]
    assert shared.sums() == {"received": 1, "stored": 1}
