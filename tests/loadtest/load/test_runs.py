"""`make load` as a person starts it: Locust, its workers, and what they send to."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loadtest.load.arguments import read
from tests.loadtest.load.collector import Collector

PATIENCE = 240


class Loaded:
    """`python -m loadtest.load`, and what it leaves."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder / "results"
        self._out = folder / "out"
        with self._out.open("wb") as out:
            command = [sys.executable, "-m", "loadtest.load", *words, "--results", self.folder]
            self.process = subprocess.Popen(command, stdout=out, stderr=out)

    def said(self) -> str:
        return self._out.read_text()

    def wait(self) -> int:
        return self.process.wait(PATIENCE)

    def results(self):
        return json.loads((self.folder / "results.json").read_text())

    def failed(self) -> list[str]:
        return [line["text"].partition(":")[0] for line in self.results()["lines"] if not line["holds"]]


class Against:
    """A run against a collector that is not the real one."""

    def __init__(self, folder: Path, *words: str, **faults: int) -> None:
        folder.mkdir()
        self.collector = Collector(**faults)
        where = ("--host", self.collector.url, "--console", self.collector.url)
        self.loaded = Loaded(folder, *words, *where)

    def close(self) -> None:
        if self.loaded.process.poll() is None:
            self.loaded.process.terminate()
            self.loaded.wait()
        self.collector.close()


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Against a pipeline of its own, which two cores can't serve beside the other runs."""
    folder = tmp_path_factory.mktemp("own")
    loaded = Loaded(folder, "smoke", "--minutes", "0.17", "--scale", "2", "--workers", "2")
    yield loaded
    if loaded.process.poll() is None:
        loaded.process.terminate()
        loaded.wait()


def test_smoke_against_a_pipeline_of_its_own_stores_what_was_answered(own):
    """With workers; whether answers came fast enough is the machine's matter, and the exit code's."""
    code = own.wait()
    found = own.results()
    assert not {name for name in own.failed() if name not in {"p95", "p99"}}, own.said()
    assert code == (0 if found["holds"] else 1), own.said()
    assert found["sent"]["answered"]["posts"] >= 20
    assert found["books"]["ledger"]["stored"] == found["sent"]["answered"]["reports"] > 0
    assert found["sent"]["site"].startswith("load-")
    left = {path.name for path in own.folder.iterdir()}
    assert left >= {"results.json", "chart.svg", "report.html", "requests.csv", "history.csv"}


@pytest.fixture(scope="module")
def against(tmp_path_factory):
    """All at once, because most of their time is waiting."""
    folder = tmp_path_factory.mktemp("load")
    short = ("smoke", "--minutes", "0.05")
    runs = {
        "refusing": Against(folder / "refusing", *short, "--workers", "2", refuses=5),
        "forgetful": Against(folder / "forgetful", *short, forgets=1),
        "stopped": Against(folder / "stopped", "soak", "--scale", "0.2"),
    }
    yield runs
    for run in runs.values():
        run.close()


def test_a_collector_that_refuses_some_fails_the_run(against):
    run = against["refusing"]
    assert run.loaded.wait() == 1, run.loaded.said()
    assert "errors" in run.loaded.failed()
    sent = run.loaded.results()["sent"]
    assert sent["statuses"]["503"] == sent["unknown"]["posts"] > 0
    assert "NOT everything held" in run.loaded.said()
    assert "so the check is a range" in run.loaded.said()


def test_what_workers_sent_is_known_exactly(against):
    run = against["refusing"]
    run.loaded.wait()
    sent = run.loaded.results()["sent"]
    assert sent["taken"] == run.collector.requests["POST"]
    assert sent["answered"]["reports"] + sent["answered"]["ignored"] == run.collector.counted.total()


def test_a_ledger_that_lacks_one_report_fails_the_run(against):
    run = against["forgetful"]
    assert run.loaded.wait() == 1, run.loaded.said()
    assert "stored = answered 204" in run.loaded.failed()


def test_ctrl_c_ends_the_load_and_what_was_sent_is_still_checked(against):
    run = against["stopped"]
    ends = time.monotonic() + PATIENCE
    while run.collector.requests["POST"] < 40 and time.monotonic() < ends:
        time.sleep(0.05)
    run.loaded.process.send_signal(signal.SIGINT)
    code = run.loaded.wait()
    found = run.loaded.results()
    assert code == (130 if found["holds"] else 1), run.loaded.said()
    assert "stored = answered 204" not in run.loaded.failed()
    assert found["sent"]["answered"]["posts"] >= 20
    assert "stopped after" in run.loaded.said()


def test_what_starts_locust_is_not_patched_by_it():
    script = "import loadtest.load.__main__, sys; sys.exit('gevent' in sys.modules or 'locust' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_each_profile_is_a_shape_and_a_server_that_stands_still_does_not_slow_the_arrivals():
    """In a process of its own, because Locust patches it."""
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("patched.py")], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "words, why",
    [
        (["sprint"], "invalid choice"),
        (["--host", "localhost:8080"], "is no address like"),
        (["--console", "http://127.0.0.1:1"], "--console goes with --host"),
        (["--scale", "0"], "is not a number from"),
        (["--minutes", "soon"], "is not a number from"),
    ],
)
def test_wrong_use_is_explained(words, why, capsys):
    with pytest.raises(SystemExit) as ended:
        read(words)
    assert ended.value.code == 2
    assert why in capsys.readouterr().err


def test_a_scale_may_come_from_the_environment_and_the_command_line_wins(monkeypatch):
    monkeypatch.setenv("LOAD_SCALE", "3")
    assert read([]).scale == 3
    assert read(["--scale", "2"]).scale == 2


def test_the_help_names_every_profile(capsys):
    with pytest.raises(SystemExit):
        read(["--help"])
    said = capsys.readouterr().out
    for name in ("smoke", "average", "stress", "spike", "soak", "breakpoint", "WORKERS=2", "UI=1", "--master"):
        assert name in said
