"""A Kafka or ClickHouse that isn't there or isn't as it should be at the start: said, waited for, and gone on with."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.support import topics
from tests.support.ports import free_ports
from tests.support.stages import Machine, Shared, command, envelope, together
from tests.support.waiting import wait_for

REPORT = b'{"csp-report":{"document-uri":"https://shop.example/","effective-directive":"img-src","blocked-uri":"data"}}'
START_CPU_SECONDS = 4  # takes one or two
# A processor's setting that is wrong, and how the sentence starts that says it; {…} are `addresses`.
WRONG = {
    "no Kafka there": ("log", "kafka://{nobody}/t", "Kafka at {nobody} can't be reached since "),
    "no such host": ("log", "kafka://nowhere.invalid/t", "Kafka at nowhere.invalid:9092 can't be reached since "),
    "a wrong password": ("log", "kafka://u:x@{sasl}/t", "Kafka at {sasl} refuses the user u (PLAIN) since "),
    "an unknown CA": ("log", "kafkas://{tls}/t", "Kafka at {tls} and this program don't agree on TLS since "),
    "no such topic": ("log", "kafka://{kafka}/{later}", "Kafka at {kafka} has no topic {later} since "),
    "no store there": ("store", "clickhouse://{nobody}/d", "ClickHouse at {nobody} can't be reached since "),
    "the store's password": ("store", "clickhouse://u:x@{store}/d", "ClickHouse at {store} refuses the user u since "),
    "no database": (
        "store",
        "clickhouse://{login}@{store}/{later}",
        "there is no database {later} on the server since ",
    ),
}


@pytest.fixture(scope="module")
def addresses(kafka, clickhouse_server) -> dict[str, str]:
    """`later`: the topic and the database that `init` makes in the course of the tests."""
    login, _, store = clickhouse_server.url_of("").removeprefix("clickhouse://").rstrip("/").partition("@")
    return {
        "nobody": f"127.0.0.1:{free_ports(1)[0]}", "later": f"later_{uuid.uuid4().hex}", "login": login, "store": store,
        "kafka": kafka.bootstrap, "sasl": kafka.address("SASL_PLAINTEXT"), "tls": kafka.address("SSL"),
    }  # fmt: skip


@pytest.fixture(scope="module")
def stages(kafka, clickhouse_server, addresses, tmp_path_factory) -> Iterator[dict[str, Machine]]:
    """A processor for each, and a console that has no database."""
    right, folder = Shared(kafka, clickhouse_server).init().settings, tmp_path_factory.mktemp("wrong")

    def start(stage: str, name: str) -> partial[Machine]:
        setting, url, _ = WRONG[name]
        return partial(Machine, stage, folder / f"{stage} {name}", **right | {setting: url.format_map(addresses)})

    starts = {name: start("process", name) for name in WRONG} | {"console": start("console", "no database")}
    machines = dict(zip(starts, together(*starts.values()), strict=True))
    yield machines
    for machine in machines.values():
        machine.end()


def sentence(machine: Machine, start: str) -> str:
    """The line of /ready that starts like this."""
    answer = machine.ready()
    return (
        next((line for line in answer.body.splitlines() if line.startswith(start)), "") if answer.status == 503 else ""
    )


@pytest.mark.parametrize("name", WRONG)
def test_a_processor_says_what_is_wrong_and_waits(stages, addresses, name):
    start = WRONG[name][2].format_map(addresses)
    wait_for(f"it says: {start}", lambda: sentence(stages[name], start))
    wait_for("it logs it", stages[name].told)
    ((reason, times),) = stages[name].told().items()
    assert times <= 2  # however often it has tried: by who needs it, and by who looks after it
    assert reason.startswith(start.removesuffix(" since "))
    assert not any(secret in stages[name].log.read_text() for secret in ("u:x", "p@ss", "p%40ss"))


def test_a_console_says_what_its_store_lacks(stages, addresses):
    lack = f"there is no database {addresses['later']} on the server"
    wait_for("it says so", lambda: sentence(stages["console"], lack))
    for path in ("/ready", "/api/totals", "/"):
        assert stages["console"].ask(path).status == 503
    assert lack in stages["console"].ask("/api/totals").json["detail"]


def test_waiting_costs_next_to_nothing(stages):
    used = {name: machine.cpu_seconds() for name, machine in stages.items()}
    assert max(used.values()) < START_CPU_SECONDS, used


def test_init_makes_what_is_missing_and_they_go_on_by_themselves(stages, addresses):
    log = "kafka://{kafka}/{later}?partitions=1&replication=1&min_isr=1".format_map(addresses)
    made = command("init", log=log, store="clickhouse://{login}@{store}/{later}".format_map(addresses))
    assert made.returncode == 0, made.stderr
    for name in ("no such topic", "no database", "console"):
        wait_for(f"{name} goes on", lambda its=stages[name]: its.ready().status == 200)
    assert stages["console"].get("/api/totals")["reports"] == 0


def test_all_of_them_end_at_once_when_asked_to(stages):
    began = time.monotonic()
    with ThreadPoolExecutor(len(stages)) as beside:
        assert set(beside.map(Machine.end_with, stages.values())) == {0}
    assert time.monotonic() - began < 10


def test_a_collector_without_kafka_takes_reports_until_its_spool_is_full(addresses, tmp_path):
    settings = {"log": f"kafka://{addresses['nobody']}/t", "spool_max_bytes": "64KiB"}
    with Machine("ingest", tmp_path, **settings) as collector:
        answers = collector.post_all([(REPORT, "/csp/report/shop", {})] * 1000)
        taken = [answer.status for answer in answers].index(503)
        assert 300 < taken < 600
        assert {(answer.status, answer.retry_after) for answer in answers[:taken]} == {(204, None)}
        assert {(answer.status, answer.retry_after) for answer in answers[taken:]} == {(503, "10")}
        wait_for(
            "both ports say so", lambda: collector.ready().status == collector.ask_collector("/ready").status == 503
        )
        wait_for("it says why", collector.told)
        (reason,) = collector.told().elements()
        assert reason.startswith(f"reports wait in the spool: Kafka at {addresses['nobody']} can't be reached: ")
        assert collector.cpu_seconds() < START_CPU_SECONDS
        assert collector.end_with() == 0


def test_a_store_that_hangs_keeps_nobody_from_ending_and_loses_nothing(kafka, clickhouse_server, tmp_path):
    """In the middle of an insert, and of a question."""
    shared = Shared(kafka, clickhouse_server).init()
    process, console = together(
        *(partial(Machine, name, tmp_path / name, **shared.settings) for name in ("process", "console"))
    )
    for machine in process, console:
        wait_for("it is ready", lambda its=machine: its.ready().status == 200)
    clickhouse_server.freeze()
    try:
        asyncio.run(topics.send(shared.place, envelope(REPORT)))
        with ThreadPoolExecutor(3) as beside:
            asked = beside.submit(console.ask, "/api/totals")
            wait_for("the insert is under way", lambda: asyncio.run(topics.committed(shared.place))[0][1])
            began = time.monotonic()
            assert list(beside.map(Machine.end_with, (process, console))) == [0, 0]
            assert time.monotonic() - began < 15
            asked.exception()  # whatever came of it
    finally:
        clickhouse_server.thaw()
    assert command("process", "--drain", **shared.settings).returncode == 0
    assert shared.sums() == {"received": 1, "stored": 1}
