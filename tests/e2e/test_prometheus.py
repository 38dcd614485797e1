"""A real Prometheus scrapes the running program, its rules fire, and a real Alertmanager tells a webhook."""

import contextlib
import json
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml

from tests.support.grafana import ROOT, panels, prom_expanded
from tests.support.ports import free_port
from tests.support.program import Program

FOLDER = ROOT / "dashboards" / "prometheus"
SECONDS = 40
REPORT = b'{"csp-report":{"document-uri":"https://shop.example/","effective-directive":"img-src"}}'


class Webhook(HTTPServer):
    """Takes what Alertmanager sends."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Taking)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def shut(self) -> None:
        self.shutdown()
        self.server_close()


class _Taking(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.alerts += [alert | {"receiver": said["receiver"]} for alert in said["alerts"]]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def running(*command: object) -> Iterator[None]:
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def until(condition: Callable[[], Any]) -> Any:
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        with contextlib.suppress(OSError):
            if found := condition():
                return found
        time.sleep(0.2)
    raise AssertionError("not in time")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Nothing answers where its Kafka should be, and a 204 would promise that Kafka has the report: so 503 at once."""
    if missing := [name for name in ("prometheus", "prometheus-alertmanager") if which(name) is None]:
        pytest.skip(f"Debian's packages {', '.join(missing)} are not here")
    folder = tmp_path_factory.mktemp("program")
    kafka = f"kafka://127.0.0.1:{free_port()}/reports"
    with Program(folder, "--workers", "1", SENTINEL_LOG=kafka, SENTINEL_DURABILITY="log") as found:
        yield found


@pytest.fixture(scope="module")
def webhook() -> Iterator[Webhook]:
    found = Webhook()
    yield found
    found.shut()


@pytest.fixture(scope="module")
def prometheus(program: Program, webhook: Webhook, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its URL. The committed examples, with shorter intervals and the test's addresses."""
    folder = tmp_path_factory.mktemp("prometheus")
    own, alertmanager, cluster = free_port(), free_port(), free_port()
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
    config["rule_files"] = [str(FOLDER / "rules.yml")]
    config["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]
    address = urllib.parse.urlsplit(program.where["metrics"]).netloc
    config["scrape_configs"][0]["static_configs"] = [{"targets": [address]}]
    routes = yaml.safe_load((FOLDER / "alertmanager.yml").read_text())
    routes["route"]["group_wait"] = "0s"
    for receiver in routes["receivers"]:
        receiver["webhook_configs"] = [{"url": f"http://127.0.0.1:{webhook.server_port}/{receiver['name']}"}]
    with contextlib.ExitStack() as stack:
        stack.enter_context(running(
            "prometheus-alertmanager", f"--config.file={written(folder / 'alertmanager.yml', routes)}",
            f"--storage.path={folder / 'alerts'}", f"--web.listen-address=127.0.0.1:{alertmanager}",
            f"--cluster.listen-address=127.0.0.1:{cluster}", f"--cluster.advertise-address=127.0.0.1:{cluster}",
        ))  # fmt: skip
        stack.enter_context(running(
            "prometheus", f"--config.file={written(folder / 'prometheus.yml', config)}",
            f"--storage.tsdb.path={folder / 'series'}", f"--web.listen-address=127.0.0.1:{own}",
        ))  # fmt: skip
        url = f"http://127.0.0.1:{own}"
        until(lambda: asked(url, "up == 1"))
        yield url


def written(path: Path, config: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(config))
    return path


def asked(url: str, expression: str) -> list[dict[str, Any]]:
    query = urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(f"{url}/api/v1/query?{query}", timeout=10) as answer:
        return list(json.load(answer)["data"]["result"])


def test_reports_answered_503_wake_somebody_within_seconds(program: Program, prometheus: str, webhook: Webhook):
    def told() -> list[dict[str, Any]]:
        assert program.post(REPORT) == 503
        return [its for its in webhook.alerts if its["labels"]["alertname"] == "SentinelReportsTurnedAwayFast"]

    [alert, *_] = until(told)
    assert alert["status"] == "firing"
    assert alert["receiver"] == "pager"
    assert alert["labels"]["severity"] == "critical"
    assert alert["annotations"]["summary"] == "100% of valid reports are answered 503."
    assert alert["annotations"]["runbook_url"] == "docs/runbook.md#sentinelreportsturnedawayfast"


def test_nothing_else_is_wrong_but_that_kafka_is_away(prometheus: str):
    found = {its["metric"]["alertname"] for its in asked(prometheus, "ALERTS")}
    assert found == {"SentinelReportsTurnedAwayFast", "SentinelReportsTurnedAwaySlowly", "SentinelLogAway"}


def test_the_panels_have_figures_of_the_running_program(prometheus: str):
    """But for those of a processor, which has nothing to do here."""
    found = {panel["title"]: asked(prometheus, prom_expanded(panel["targets"][0]["expr"]))
             for _, panel in panels("prometheus")}  # fmt: skip
    number = {title: float(result[0]["value"][1]) for title, result in found.items() if result}
    assert number["Answered 204"] == 0
    assert number["Processes down"] == 0
    assert number["503 by cause"] >= 0
    assert number["Fullest spool"] < 0.1
    assert found.keys() - number.keys() <= {
        "Stored within 60 s", "By site", "End-to-end delay", "Insert time", "Failures",
    }  # fmt: skip
