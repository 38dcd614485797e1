"""`init`, `import`, `export` and `run` with Kafka and a ClickHouse server; spools whose log or workers change."""

import asyncio
import contextlib
import json
import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from schema import tables
from schema.server import Server
from sentinel import places
from tests.e2e.drill.stages import Stage
from tests.support import topics
from tests.support.certificate import make_certificate
from tests.support.clickhouse_http import ClickHouseServer
from tests.support.kafka.listeners import PASSWORD
from tests.support.ports import free_ports
from tests.support.stages import Machine, Shared, command
from tests.support.waiting import wait_for

REPORT = (
    '{"csp-report":{"document-uri":"https://shop.example/%d","effective-directive":"img-src","blocked-uri":"data"}}'
)


@pytest.fixture
def shared(kafka, clickhouse_server) -> Shared:
    return Shared(kafka, clickhouse_server)


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Fifty, a line each."""
    path = tmp_path / "reports.jsonl"
    path.write_text("".join(f"{REPORT % number}\n" for number in range(50)))
    return path


def post(machine: Machine, numbers: range) -> None:
    answers = machine.post_all(((REPORT % number).encode(), "/csp/report/shop", {}) for number in numbers)
    assert {answer.status for answer in answers} == {204}


def settled(machine: Machine, reports: int) -> None:
    """Stored, each once."""
    wait_for(f"{reports} are stored", lambda: machine.get("/api/totals")["reports"] >= reports)
    ledger = machine.get("/api/ledger")
    assert (ledger["received"], ledger["stored"], ledger["balanced"]) == (reports, reports, True)


def test_init_makes_topics_and_tables_and_repeating_it_changes_nothing(shared):
    first, second = (command("init", **shared.settings) for _ in range(2))
    topic = shared.place.topic
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert f"created the topics {topic}, {topic}-dead\n" in first.stdout
    assert second.stdout == "nothing to do: the topics are there\nnothing to do: the tables are up to date\n"


def test_init_reports_a_contradiction_and_alters_nothing(shared):
    shared.init()
    before = asyncio.run(topics.described(shared.place))[shared.place.topic]
    other = shared.log.replace("partitions=2", "partitions=3")
    found = command("init", retention_days=7, **shared.settings | {"log": other})
    assert found.returncode == 1
    assert f"{shared.place.topic} has 2 partitions, and SENTINEL_LOG wants 3" in found.stdout
    assert "SENTINEL_RETENTION_DAYS" in found.stdout
    assert asyncio.run(topics.described(shared.place))[shared.place.topic] == before
    assert command("init", **shared.settings).returncode == 0


def test_init_says_what_it_can_not_reach_or_make(kafka, clickhouse_server, shared):
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    wrong_user = f"clickhouse://u:secret@127.0.0.1:{clickhouse_server.port}/d"
    more = {"log": shared.log.replace("replication=1", "replication=3")}
    for settings, sentence in (
        ({"log": f"kafka://{nobody}/t"}, f"Kafka at {nobody} can't be reached: "),
        (more, f"replication=3 needs 3 brokers, and Kafka at {kafka.bootstrap} has 1: say replication=1&min_isr=1"),
        ({"store": wrong_user}, f"ClickHouse at 127.0.0.1:{clickhouse_server.port} refuses the user u: "),
    ):
        began = time.monotonic()
        found = command("init", **settings)
        assert (found.returncode, found.stderr.count("\n")) == (1, 1), found.stderr
        assert found.stderr.startswith(f"csp-sentinel: {sentence}")
        assert "secret" not in found.stderr
        assert time.monotonic() - began < 20


def test_what_is_imported_is_in_kafka_when_the_command_ends_and_exported_from_the_server(shared, reports, tmp_path):
    shared.init()
    done = command("import", reports, "--site", "shop", data_dir=tmp_path / "data", **shared.settings)
    assert (done.returncode, done.stdout) == (0, "imported 50 reports\n"), done.stderr
    assert in_kafka(shared).total() == 50
    assert not list((tmp_path / "data").rglob("*.seg"))
    assert command("process", "--drain", **shared.settings).returncode == 0
    rows = [json.loads(line) for line in command("export", **shared.settings).stdout.splitlines()]
    assert sum(row["reports"] for row in rows) == 50


def test_an_import_that_was_stopped_goes_on_with_the_next(shared, reports, tmp_path):
    """There is no topic yet, so the first two wait: one is ended by Ctrl-C, one is killed."""
    settings = {**shared.settings, "data_dir": tmp_path / "data"}
    waiting = Stage("import", tmp_path, {f"SENTINEL_{name.upper()}": str(value) for name, value in settings.items()})
    for times, (number, code) in enumerate([(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)], 1):
        waiting.launch("import", reports)
        wait_for(
            "it says for what", lambda n=times: waiting.log.read_text().count("`csp-sentinel init` creates it") == n
        )
        os.killpg(waiting.process.pid, number)
        assert waiting.process.wait(20) == code
    assert waiting.log.read_text().count("the same file again would count it twice") == 1
    shared.init()
    reports.write_text(REPORT % 50)
    assert command("import", reports, **settings).returncode == 0
    assert in_kafka(shared) == Counter({REPORT % 50: 1} | {REPORT % number: 2 for number in range(50)})
    assert not list((tmp_path / "data").rglob("*.seg"))


def in_kafka(shared: Shared) -> Counter[str]:
    return Counter(delivery.body.decode() for delivery in topics.deliveries(shared.place))


@pytest.mark.parametrize(
    "first, second",
    [
        (("SSL", ""), ("SASL_PLAINTEXT", "&security=plain")),
        (("SASL_SSL", "&security=scram-sha-256"), ("SASL_PLAINTEXT", "&security=scram-sha-512")),
    ],
)
def test_tls_and_sasl_need_nothing_but_the_settings(kafka, clickhouse_server, reports, tmp_path, first, second):
    """One way into the topic, and another out of it."""
    shared = Shared(kafka, clickhouse_server).init()
    for arguments, (listener, security) in ((["import", reports], first), (["process", "--drain"], second)):
        ca = f"&ca={kafka.ca}" if listener.endswith("SSL") else ""
        settings = {**shared.settings, "log": shared.over(listener, security + ca), "data_dir": tmp_path / "data"}
        done = command(*arguments, **settings)
        assert done.returncode == 0, done.stderr
        assert PASSWORD not in done.stdout + done.stderr
    assert shared.sums() == {"received": 50, "stored": 50}


def test_a_store_is_reached_over_tls_by_its_own_authority(reports, tmp_path):
    made = make_certificate(tmp_path)
    with ClickHouseServer(tmp_path / "store", user="u", password="p@ss", certificate=made) as server:
        settings = {"store": f"{server.url_of('csp')}?ca={made.certificate}", "data_dir": tmp_path / "data"}
        for arguments in (["init"], ["import", reports]):
            done = command(*arguments, **settings)
            assert done.returncode == 0, done.stderr
        assert len(command("export", **settings).stdout.splitlines()) == 50
        unknown = command("export", **settings | {"store": server.url_of("csp")})
        assert unknown.returncode == 1
        assert (
            f"ClickHouse at 127.0.0.1:{server.port} can't be reached: [SSL: CERTIFICATE_VERIFY_FAILED]"
            in unknown.stderr
        )


def test_everything_on_one_machine_may_have_kafka_for_its_log(kafka, tmp_path):
    shared = Shared(kafka).init()
    with Machine("run", tmp_path, **shared.settings) as machine:
        post(machine, range(20))
        settled(machine, 20)
        post(machine, range(20, 40))
        machine.kill()
        machine.start()
        settled(machine, 40)
        assert machine.end_with() == 0


def test_a_data_dir_changes_its_log_when_nothing_waits_in_it_for_the_other(shared, tmp_path):
    spool = {"store": shared.settings["store"], "log": "spool:", "data_dir": tmp_path / "ingest" / "data"}
    kafka = {**spool, "log": shared.log}

    def refused(**settings: object) -> str:
        done = command("ingest", port=0, ops_port=0, **settings)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
        return done.stderr

    with contextlib.closing(Server(places.STORE.read(spool["store"]))) as server:
        tables.init(server, 90)
    with Machine("ingest", tmp_path / "ingest", **spool) as collector:
        post(collector, range(10))
        assert command("process", "--drain", **spool).returncode == 0
        post(collector, range(10, 15))
        assert collector.end_with() == 0
    assert "store them with `SENTINEL_LOG=spool: csp-sentinel process --drain`" in refused(**kafka)
    assert command("process", "--drain", **spool).returncode == 0
    with Machine("ingest", tmp_path / "ingest", **kafka) as collector:  # there is no topic yet
        post(collector, range(15, 25))
        assert "has another SENTINEL_LOG (kafka:)" in command("process", "--drain", **spool).stderr
        assert collector.end_with() == 0
    assert "reports on their way to Kafka" in refused(**spool)
    shared.init()
    with Machine("ingest", tmp_path / "ingest", **kafka) as collector:
        wait_for("they are in Kafka", lambda: in_kafka(shared).total() == 10)
        assert collector.end_with() == 0
    with Machine("ingest", tmp_path / "ingest", **spool) as collector:
        post(collector, range(25, 30))
        assert collector.end_with() == 0
    for settings in (spool, kafka):
        assert command("process", "--drain", **settings).returncode == 0
    assert shared.sums() == {"received": 30, "stored": 30}


def test_the_spools_of_workers_that_are_no_more_are_shipped(shared, tmp_path):
    settings = {"log": shared.log}
    collector = Machine("ingest", tmp_path, **settings, workers=2)  # there is no topic yet
    posted = 0
    while len([path for path in spools(collector) if path.stat().st_size > 500]) < 2:
        post(collector, range(posted, posted + 10))  # over a connection of its own: any worker may take it
        posted += 10
    collector.kill()
    shared.init()
    with Machine("ingest", tmp_path, **settings, workers=1):
        wait_for("all are in Kafka", lambda: in_kafka(shared) == Counter(REPORT % number for number in range(posted)))
        wait_for("the folder is gone", lambda: {path.parent.name for path in spools(collector)} <= {"0"})


def spools(collector: Machine) -> list[Path]:
    return list((collector.data_dir / "spool").glob("*/*.seg"))
