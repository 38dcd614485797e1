"""One machine, end to end: real browsers' reports in, answers out."""

import base64
import json
import re
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from schema.report import EntryKind, entries
from tests.support.program import PROGRAM, Program

CORPUS = Path(__file__).parents[1] / "corpus"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    with Program(tmp_path_factory.mktemp("run"), "--workers", "2") as running:
        yield running


def legacy(page: str, **fields: object) -> bytes:
    return json.dumps({"csp-report": {"document-uri": page, "effective-directive": "img-src", **fields}}).encode()


def array(*ages: int, page: str, **more: object) -> bytes:
    body = {"documentURL": page, "effectiveDirective": "img-src", "blockedURL": "https://evil.example/", **more}
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
    return json.dumps(
        [{"age": age, "type": "csp-violation", "url": page, "user_agent": agent, "body": body} for age in ages]
    ).encode()


def ledger(program: Program, site: str) -> dict:
    return program.get(f"/api/ledger?site={site}")


def settled(program: Program, site: str, received: int) -> dict:
    ends = time.monotonic() + 15
    while (found := ledger(program, site))["received"] < received and time.monotonic() < ends:
        time.sleep(0.1)
    return found


def captures() -> list[dict]:
    lines = [line for name in ("2015", "2026") for line in (CORPUS / f"captures-{name}.jsonl").read_text().splitlines()]
    return [json.loads(line) for line in lines]


def body_of(capture: dict) -> bytes:
    return base64.b64decode(capture["body_b64"]) if capture.get("body_b64") else capture["body"].encode()


def test_a_real_browsers_report_is_in_the_console_within_three_seconds(program):
    capture = captures()[-1]
    started = time.monotonic()
    assert program.post(body_of(capture), "/csp/report/quick") == 204
    while ledger(program, "quick")["received"] == 0:
        assert time.monotonic() - started < 3
        time.sleep(0.05)


def test_every_captured_report_arrives_and_the_totals_are_what_was_sent(program):
    violations = ignored = 0
    for capture in captures():
        agent = capture.get("user_agent") or capture["headers"]["user-agent"]
        content_type = capture.get("content_type") or capture["headers"]["content-type"]
        assert program.post(body_of(capture), "/csp/report/corpus", content_type=content_type, user_agent=agent) == 204
        found = entries(body_of(capture))
        violations += sum(entry.kind is EntryKind.VIOLATION for entry in found)
        ignored += sum(entry.kind is EntryKind.OTHER for entry in found)
    found = settled(program, "corpus", violations + ignored)
    totals = program.get("/api/totals?site=corpus")
    assert found["received"] == violations + ignored
    assert found["stored"] == totals["reports"] == violations
    assert sum(totals["ignored"].values()) == ignored
    assert found["balanced"]


def test_the_ledger_balances_after_a_mixed_and_hostile_load(program):
    good = [legacy(f"https://shop.example/{number}") for number in range(20)]
    hostile = [
        b"", b"null", b"{}", b"[" * 10_000, b"\x00", b'{"csp-report":{}}', b"x" * 300_000,
        b'[{}, 1, {"type": "deprecation", "body": {}}, %s]' % array(1, page="https://a.example/")[1:-1],
        legacy("https://a.example/<script>alert(1)</script>'; DROP TABLE violations; --", **{"line-number": "9" * 400}),
    ]  # fmt: skip
    statuses = [program.post(body, "/csp/report/mixed") for body in [*good, *hostile]]
    assert statuses == [204] * 20 + [400] * 6 + [413, 204, 204]
    found = settled(program, "mixed", 32)
    assert (found["received"], found["stored"], found["balanced"]) == (32, 22, True)
    assert found["ignored"] == {"deprecation": 1}
    assert found["rejected"] == {
        "bad-entry": 2, "empty": 1, "wrong-shape": 2, "not-json": 2, "nothing-usable": 1, "too-large": 1,
    }  # fmt: skip


def test_a_chromium_retry_is_folded_away_and_a_real_repeat_is_not(program):
    for attempt in range(3):  # the machine may be too busy to send the second at its moment
        site, page = f"retry-{attempt}", f"https://shop.example/retry/{attempt}"
        started = time.monotonic()
        assert program.post(array(100, 250, page=page), f"/csp/report/{site}") == 204
        time.sleep(1)
        later = int((time.monotonic() - started) * 1000)
        assert program.post(array(100 + later, 250 + later, page=page), f"/csp/report/{site}") == 204
        for _ in range(3):
            assert program.post(array(100, 250, page=page), f"/csp/report/{site}") == 204
        found = settled(program, site, 10)
        assert found["received"] == 10 == found["stored"] + found["retried"]
        if found["retried"]:
            break
    assert (found["stored"], found["retried"]) == (8, 2)


def test_the_metrics_of_all_workers_are_added_up_on_the_operations_port_only(program):
    def accepted() -> float:
        with urllib.request.urlopen(program.where["metrics"]) as answer:
            text = answer.read().decode()
        assert "Reports (entries of bodies) answered 204." in text
        return float(re.search(r"^sentinel_reports_accepted_total (\S+)", text, re.MULTILINE)[1])

    time.sleep(1.5)  # workers write their figures down once a second
    before = accepted()
    for number in range(40):  # a connection each, so that both workers get some
        assert program.post(legacy(f"https://shop.example/metrics/{number}"), "/csp/report/metrics") == 204
    ends = time.monotonic() + 5
    while accepted() < before + 40 and time.monotonic() < ends:
        time.sleep(0.1)
    assert accepted() == before + 40
    assert program.post(b"", "/metrics") == 404


def test_what_is_stored_survives_a_restart_and_ending_takes_less_than_ten_seconds(tmp_path):
    with Program(tmp_path, "--workers", "1") as program:
        for number in range(50):
            assert program.post(legacy(f"https://shop.example/{number}")) == 204
        started = time.monotonic()
        assert program.stop() == 0  # at once: what is left in the spool is stored on the way out
        assert time.monotonic() - started < 10
        program.start()
        assert program.settle(50)["stored"] == 50
        program.process.send_signal(signal.SIGINT)
        assert program.process.wait(10) == 0
        assert "Traceback" not in program.log()


def test_a_second_ctrl_c_ends_it_at_once_and_loses_nothing(tmp_path):
    with Program(tmp_path, "--workers", "1") as program:
        with socket.create_connection(("127.0.0.1", program.collector_port)) as slow:
            slow.sendall(b"POST /csp/report HTTP/1.1\r\nContent-Length: 500\r\n\r\n{")  # keeps the worker from ending
            assert program.post(legacy("https://shop.example/")) == 204
            program.process.send_signal(signal.SIGINT)
            time.sleep(0.3)
            program.process.send_signal(signal.SIGINT)
            started = time.monotonic()
            assert program.process.wait(10) == 130
            assert time.monotonic() - started < 2
        program.start()
        assert program.settle(1)["stored"] == 1


def fails(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    found = subprocess.run(
        [PROGRAM, *map(str, arguments)], check=False, capture_output=True, text=True, timeout=60, env=environment
    )
    assert found.returncode != 0
    assert "Traceback" not in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1, found.stderr
    return found


def test_a_second_run_on_the_same_data_dir_is_one_clear_sentence(program):
    found = fails("run", "--data-dir", program.data_dir, "--port", "0", "--console-port", "0", "--ops-port", "0")
    assert "another `csp-sentinel run` uses the data dir" in found.stderr


@pytest.mark.parametrize("flag", ["--port", "--console-port", "--ops-port"])
def test_a_taken_port_is_one_clear_sentence(tmp_path, flag):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = {"--port": 0, "--console-port": 0, "--ops-port": 0} | {flag: taken.getsockname()[1]}
        flags = [word for pair in ports.items() for word in pair]
        found = fails("run", "--host", "127.0.0.1", "--data-dir", tmp_path / "data", *flags)
    assert f"choose another {flag} (SENTINEL_" in found.stderr


def test_a_data_dir_that_cant_be_written_is_one_clear_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nowhere")):
        assert "choose another --data-dir" in fails("run", "--data-dir", folder).stderr


def test_a_misspelt_setting_is_one_sentence_that_names_the_right_one(tmp_path):
    found = fails("run", "--data-dir", tmp_path, SENTINEL_PROT="8080")
    assert found.returncode == 2
    assert "SENTINEL_PORT" in found.stderr


def test_a_wrong_sites_file_is_one_clear_sentence(tmp_path):
    (tmp_path / "sites.toml").write_text("[sites.Shop]\n")
    assert "[sites.Shop] is no label" in fails("run", "--data-dir", tmp_path, "--sites", tmp_path / "sites.toml").stderr
