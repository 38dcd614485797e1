"""The stages as programs of their own, and the commands around them."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.program import PROGRAM, Program

REPORT = b'{"csp-report":{"document-uri":"https://shop.example/","effective-directive":"img-src","blocked-uri":"data"}}'


def sentinel(*arguments: object, ok: bool = True) -> subprocess.CompletedProcess[bytes]:
    found = subprocess.run([PROGRAM, *map(str, arguments)], check=False, capture_output=True, timeout=60)
    if ok:
        assert found.returncode == 0, found.stderr.decode()
    return found


def exported(folder: Path, *flags: object) -> list[dict]:
    return [json.loads(line) for line in sentinel("export", "--data-dir", folder, *flags).stdout.splitlines()]


def post(port: int, body: bytes) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/csp/report/shop", body, {"content-type": "text/plain"})
    with urllib.request.urlopen(request) as answer:
        return answer.status


@pytest.mark.parametrize("server", ["fast", "granian"])
def test_ingest_and_process_share_a_data_dir(tmp_path, server):
    port = free_port()
    ingest = subprocess.Popen(
        [PROGRAM, "ingest", "--host", "127.0.0.1", "--port", str(port), "--ops-port", "0", "--workers", "2",
         "--data-dir", tmp_path, "--server", server],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert b"collector:" in ingest.stdout.readline()
    for _ in range(30):
        assert post(port, REPORT) == 204
    sentinel("process", "--drain", "--data-dir", tmp_path)
    assert sum(row["reports"] for row in exported(tmp_path)) == 30
    assert post(port, REPORT) == 204
    ingest.send_signal(signal.SIGTERM)
    assert ingest.wait(10) == 0
    ingest.stdout.close()
    sentinel("process", "--drain", "--data-dir", tmp_path)
    assert sum(row["reports"] for row in exported(tmp_path)) == 31
    assert not list((tmp_path / "spool").glob("*/*.seg"))


def test_a_processor_that_stays_stores_as_reports_come_and_stops_in_order(tmp_path):
    sentinel("import", "--data-dir", tmp_path, write(tmp_path / "a.json", REPORT))
    process = subprocess.Popen([PROGRAM, "process", "--data-dir", tmp_path, "--ops-port", "0"], stdout=subprocess.PIPE)
    assert b"processor:" in process.stdout.readline()
    time.sleep(2)
    sentinel("import", "--data-dir", tmp_path, write(tmp_path / "b.json", REPORT))  # waits for the processor
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    process.stdout.close()
    assert sum(row["reports"] for row in exported(tmp_path)) == 2


def test_the_console_alone_serves_a_data_dir(tmp_path):
    sentinel("import", "--data-dir", tmp_path, write(tmp_path / "a.json", REPORT))
    port = free_port()
    console = subprocess.Popen(
        [PROGRAM, "console", "--console-port", str(port), "--data-dir", tmp_path, "--ops-port", "0"],
        stdout=subprocess.PIPE,
    )
    assert b"console:" in console.stdout.readline()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/totals") as answer:
        totals = json.loads(answer.read())
    assert (totals["reports"], totals["lag_seconds"]) == (1, None)
    console.send_signal(signal.SIGINT)
    assert console.wait(10) == 0
    console.stdout.close()


def test_export_works_beside_a_console_alone(tmp_path):
    sentinel("import", "--data-dir", tmp_path, write(tmp_path / "a.json", REPORT))
    console = subprocess.Popen(
        [PROGRAM, "console", "--console-port", "0", "--data-dir", tmp_path, "--ops-port", "0"], stdout=subprocess.PIPE
    )
    assert b"console:" in console.stdout.readline()
    assert len(exported(tmp_path)) == 1
    console.send_signal(signal.SIGINT)
    assert console.wait(10) == 0
    console.stdout.close()
    assert not (tmp_path / "console.json").exists()


RULE = """
version = "1"
[[rule]]
id = "data-scheme"
category = "browser"
reason = "The first reason."
blocked_kinds = "data"
"""


def test_the_console_alone_follows_its_noise_rules_at_sighup(tmp_path):
    rules = tmp_path / "rules.toml"
    rules.write_text(RULE)
    loaded = write(tmp_path / "a.json", REPORT)
    sentinel("import", "--data-dir", tmp_path, "--noise", rules, loaded)
    [row] = exported(tmp_path)
    port = free_port()
    console = subprocess.Popen(
        [PROGRAM, "console", "--console-port", str(port), "--data-dir", tmp_path, "--ops-port", "0",
         "--noise", rules],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert b"console:" in console.stdout.readline()
    address = f"http://127.0.0.1:{port}/violations/{row['fingerprint']}"
    page = urllib.request.Request(address, headers={"accept": "text/html"})

    def says(words: str) -> bool:
        with urllib.request.urlopen(page) as answer:
            return words in answer.read().decode()

    assert says("The first reason.")
    for text, reason in ((RULE.replace("first", "second"), "second"), ("no TOML", "second"), (RULE, "first")):
        rules.write_text(text)
        console.send_signal(signal.SIGHUP)
        ends = time.monotonic() + 10
        while not says(f"The {reason} reason."):
            assert time.monotonic() < ends
            time.sleep(0.1)
    console.send_signal(signal.SIGINT)
    assert console.wait(10) == 0
    console.stdout.close()


def write(path: Path, body: bytes) -> Path:
    path.write_bytes(body)
    return path


def test_init_makes_the_tables_and_repeating_it_changes_nothing(tmp_path):
    assert b"0001" in sentinel("init", "--data-dir", tmp_path).stdout
    assert b"up to date" in sentinel("init", "--data-dir", tmp_path).stdout
    assert exported(tmp_path) == []


def test_an_export_imported_elsewhere_gives_the_same_numbers(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    corpus = Path(__file__).parents[1] / "corpus" / "captures-2026.jsonl"
    sentinel("import", "--data-dir", first, corpus, "--site", "corpus")
    rows = exported(first)
    assert sum(row["reports"] for row in rows) > 1238
    (tmp_path / "export.ndjson").write_bytes(sentinel("export", "--data-dir", first).stdout)
    sentinel("import", "--data-dir", second, tmp_path / "export.ndjson")
    assert sorted(map(json.dumps, exported(second))) == sorted(map(json.dumps, rows))


def test_an_export_goes_where_a_link_leads_and_through_a_pipe(tmp_path):
    sentinel("import", "--data-dir", tmp_path / "data", write(tmp_path / "a.json", REPORT))
    (tmp_path / "link").symlink_to(tmp_path / "target")
    sentinel("export", "--data-dir", tmp_path / "data", "--output", tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert len((tmp_path / "target").read_bytes().splitlines()) == 1
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE) as reading:
        sentinel("export", "--data-dir", tmp_path / "data", "--output", tmp_path / "pipe")
        assert len(reading.stdout.read().splitlines()) == 1
    assert (tmp_path / "pipe").is_fifo()


def test_nothing_is_exported_where_no_store_is(tmp_path):
    refused = sentinel("export", "--data-dir", tmp_path / "misspelt", ok=False)
    assert b"there is no store in" in refused.stderr
    assert not (tmp_path / "misspelt").exists()


def test_import_and_export_work_beside_a_running_program(tmp_path):
    with Program(tmp_path, "--workers", "1") as program:
        found = sentinel("import", "--data-dir", program.data_dir, write(tmp_path / "a.json", REPORT), "--site", "shop")
        assert b"imported 1 reports" in found.stdout
        assert program.get("/api/totals?site=shop")["reports"] == 1
        for form in ("ndjson", "csv", "parquet"):
            path = tmp_path / f"out.{form}"
            sentinel("export", "--data-dir", program.data_dir, "--format", form, "--output", path)
            assert path.stat().st_size > 100
        assert len(exported(program.data_dir, "--directive", "img-src")) == 1
        assert exported(program.data_dir, "--directive", "script-src") == []
        refused = sentinel("export", "--data-dir", program.data_dir, "--from", "yesterday", ok=False)
        assert refused.returncode == 1
        assert b"from" in refused.stderr
        assert b"nothing to do" in sentinel("init", "--data-dir", program.data_dir).stdout


def test_the_metrics_are_where_it_says_on_an_ipv6_host_too(tmp_path):
    with Program(tmp_path, "--workers", "1", "--ops-host", "::1") as program:
        assert program.where["metrics"].startswith("http://[::1]:")
        with urllib.request.urlopen(program.where["metrics"]) as answer:
            assert b"sentinel_worker_restarts_total" in answer.read()


def test_the_demo_sends_what_it_says_and_the_totals_agree(tmp_path):
    with Program(tmp_path, "--workers", "1") as program:
        url = f"http://127.0.0.1:{program.collector_port}"
        said = sentinel("demo", "--url", url, "--reports", "500").stdout.decode()
        ledger = program.settle(500, "stored")
        totals = program.get("/api/totals")
    assert totals["reports"] == ledger["stored"] == 500
    assert "500" in said


def test_the_demo_without_a_collector_is_one_sentence():
    found = sentinel("demo", "--url", f"http://127.0.0.1:{free_port()}", ok=False)
    assert found.returncode == 1
    assert len(found.stderr.decode().strip().splitlines()) == 1


@pytest.mark.parametrize(
    "command", ["run", "ingest", "process", "console", "init", "import", "export", "demo", "settings"]
)
def test_each_command_has_a_help_with_an_example(command):
    found = sentinel(command, "--help").stdout.decode()
    assert "example:\n  " in found
    assert f"csp-sentinel {command}" in found


def test_settings_prints_where_each_value_comes_from_and_masks_secrets(tmp_path):
    found = subprocess.run(
        [PROGRAM, "settings", "--port", "9000"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "SENTINEL_CONSOLE_TOKEN": "correct-horse"},
    ).stdout
    assert "SENTINEL_PORT=9000" in found
    assert "correct-horse" not in found


def test_downloads_given_up_half_way_leave_the_export_working(tmp_path):
    with Program(tmp_path, "--workers", "1") as program:
        url = f"http://127.0.0.1:{program.collector_port}"
        sentinel("demo", "--url", url, "--reports", "3000")
        program.settle(3000, "stored")
        for _ in range(4):
            with socket.create_connection(("127.0.0.1", int(program.console_port))) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.sendall(b"GET /api/export HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        assert sum(row["reports"] for row in map(json.loads, program.read("/api/export").splitlines())) == 3000
