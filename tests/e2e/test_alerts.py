"""The whole program: a report in, and a webhook has it with all that a person needs."""

import json
import signal
import time

import pytest

from tests.support.program import Program
from tests.support.receiver import Receiver

SECRET = "a secret of thirty-two characters, at least"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"


def report(blocked: str, page: str = "https://www.shop.example/cart") -> bytes:
    body = {
        "document-uri": page, "referrer": "", "violated-directive": "script-src-elem", "blocked-uri": blocked,
        "effective-directive": "script-src-elem", "original-policy": "script-src 'self'", "disposition": "enforce",
        "status-code": 200, "source-file": "https://www.shop.example/app.js", "line-number": 12, "column-number": 34,
        "script-sample": "",
    }  # fmt: skip
    return json.dumps({"csp-report": body}).encode()


@pytest.fixture
def receiver():
    with Receiver() as made:
        yield made


def test_a_new_source_is_told_within_ten_seconds_of_its_report_and_once_over_a_restart(tmp_path, receiver):
    environment = {"SENTINEL_WEBHOOKS": receiver.url, "SENTINEL_WEBHOOK_SECRET": SECRET}
    with Program(tmp_path, "--workers", "1", **environment) as program:
        began = time.monotonic()
        assert program.post(report("https://cdn.evil.example/a.js"), "/csp/report/shop", user_agent=AGENT) == 204
        [request] = receiver.wait_for()
        assert time.monotonic() - began < 10
        assert request.signed_by(SECRET)
        event = next(event for event in request.json["events"] if event["kind"] == "new-source")
        assert event["page"] == "https://www.shop.example/cart"
        assert event["source"] == "https://www.shop.example/app.js:12:34"
        assert (event["verdict"], event["trust"], event["browsers"]) == ("consistent", 100, ["Firefox"])
        assert event["policy"] == "script-src 'self'"
        assert event["link"].startswith(f"http://127.0.0.1:{program.console_port}/violations?site=shop&")
        assert program.stop() == 0
        program.start()
        assert program.post(report("https://cdn.evil.example/a.js"), "/csp/report/shop", user_agent=AGENT) == 204
        assert program.post(report("https://other.example/a.js"), "/csp/report/shop", user_agent=AGENT) == 204
        second = receiver.wait_for(2)[1].json
        assert [event["blocked"] for event in second["events"]] == ["other.example"]
        assert "Traceback" not in program.log()


def test_a_sites_file_that_changes_sends_alerts_elsewhere_from_sighup_on(tmp_path, receiver):
    sites = tmp_path / "sites.toml"
    sites.write_text("[sites.shop]\n")
    with Program(tmp_path, "--workers", "1", "--sites", str(sites)) as program:
        assert program.post(report("https://a.example/a.js"), "/csp/report/shop", user_agent=AGENT) == 204
        program.settle(1)
        sites.write_text(f'[sites.shop.alerts]\nwebhooks = ["{receiver.url}"]\noff = ["new-policy"]\n')
        program.process.send_signal(signal.SIGHUP)
        assert program.post(report("https://b.example/a.js"), "/csp/report/shop", user_agent=AGENT) == 204
        [request] = receiver.wait_for()
        assert "b.example" in {event["blocked"] for event in request.json["events"]}
