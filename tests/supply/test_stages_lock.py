"""requirements-stages.lock: on many machines the stages need no ClickHouse in process, nor what comes with it."""

import contextlib
import importlib.metadata
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.supply.locks import locked
from tests.support.ports import free_ports
from tests.support.waiting import wait_for

LEFT_OUT = {"chdb", "chdb-core", "numpy", "pandas", "python-dateutil"}
STAGES = ("ingest", "process", "console", "alerts")
MAIN = "from sentinel.cli import main; main()"


def test_it_is_the_lock_without_the_engine_and_what_comes_with_that_alone():
    whole, stages = locked("requirements.lock"), locked("requirements-stages.lock")
    assert {name for name, _ in whole.keys() - stages.keys()} == LEFT_OUT
    assert {its: whole[its] for its in stages} == stages


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    """An interpreter with all packages of here, but for those that the lock leaves out."""
    here = Path(importlib.metadata.distribution("pip").locate_file(""))
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    [there] = folder.glob("lib/python*/site-packages")
    gone = {
        str(file).partition("/")[0] for name in LEFT_OUT for file in importlib.metadata.distribution(name).files or ()
    }
    for entry in here.iterdir():
        if entry.name not in gone:
            (there / entry.name).symlink_to(entry)
    return folder / "bin" / "python"


@pytest.fixture
def environment(tmp_path, clickhouse) -> dict[str, str]:
    ports = ("SENTINEL_PORT", "SENTINEL_CONSOLE_PORT")
    return {
        **os.environ,
        **dict(zip(ports, map(str, free_ports(2)), strict=True)),
        "SENTINEL_OPS_PORT": "0",
        "SENTINEL_WORKERS": "1",
        "SENTINEL_DATA_DIR": str(tmp_path),
        "SENTINEL_STORE": clickhouse.url,
        "TMPDIR": str(tmp_path),
    }


@contextlib.contextmanager
def started(python: Path, environment: dict[str, str]) -> Iterator[None]:
    """All stages; none of them has ended by the end."""
    running = [subprocess.Popen([python, "-c", MAIN, stage], env=environment) for stage in STAGES]
    try:
        yield
        assert [process.poll() for process in running] == [None] * len(STAGES)
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)


def ask(port: str, path: str, body: bytes | None = None) -> bytes:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, {"Content-Type": "application/csp-report"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


def test_every_stage_works_without_them(python, environment):
    said = subprocess.run([python, "-c", "import chdb"], check=False, capture_output=True, text=True)
    assert "No module named 'chdb'" in said.stderr
    subprocess.run([python, "-c", MAIN, "init"], env=environment, check=True, timeout=60, capture_output=True)
    collector, console = environment["SENTINEL_PORT"], environment["SENTINEL_CONSOLE_PORT"]
    report = {"csp-report": {"document-uri": "https://shop.example/", "blocked-uri": "https://cdn.example/a.js"}}
    with started(python, environment):
        wait_for("it is taken", lambda: ask(collector, "/csp/report/shop", json.dumps(report).encode()) == b"")
        wait_for("it is stored", lambda: json.loads(ask(console, "/api/totals"))["reports"] == 1)
        assert ask(console, "/api/export?format=parquet").startswith(b"PAR1")


def test_what_needs_the_engine_says_so_in_a_sentence(python, environment):
    own = environment | {"SENTINEL_STORE": "chdb:"}
    said = subprocess.run(
        [python, "-c", MAIN, "export"], env=own, check=False, timeout=60, capture_output=True, text=True
    )
    assert said.returncode
    assert "chDB) is not installed here: set SENTINEL_STORE" in said.stderr
    assert "Traceback" not in said.stderr
