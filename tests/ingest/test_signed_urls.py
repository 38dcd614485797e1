"""The public HTTP contract, continued: report URLs with signatures, and where a request says it comes from."""

import json
import signal
import time
from pathlib import Path

import pytest

from schema.delivery import Kind
from schema.reasons import Reason
from schema.signing import token
from tests.support.collectors import SERVERS, RunningCollector

KEY, NEXT, FOREIGN = (f"{name}-key-0123456789-abcdefghijkl" for name in ("first", "second", "somebody-elses"))
BODY = json.dumps({"csp-report": {"document-uri": "https://shop.example/", "blocked-uri": "inline"}}).encode()
SITES = """
[sites.open]
[sites.shop]
signing_keys = ["{keys}"]
[sites.marked]
signing_keys = ["{keys}"]
require_signature = "mark"
[sites.closed]
signing_keys = ["{keys}"]
require_signature = "refuse"
[sites.over]
gone = true
signing_keys = ["{keys}"]
require_signature = "refuse"
"""
SOON = int(time.time()) + 3600
PAST = int(time.time()) - 5


@pytest.fixture(scope="module", params=SERVERS)
def collector(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    sites = folder / "sites.toml"
    sites.write_text(SITES.format(keys=KEY))
    running = RunningCollector(request.param, folder, sites=str(sites))
    yield running
    running.stop()


def sent(collector: RunningCollector, path: str, **headers: str):
    """The answer's status, and the delivery that came of it."""
    before = len(collector.deliveries())
    answer = collector.post(BODY, path, **headers)
    [delivery] = collector.deliveries()[before:]
    return answer, delivery


def signed(site: str, environment: str = "production", expires: int = SOON, key: str = KEY) -> str:
    return f"/csp/report/{site}?k={token(key, site, environment, expires)}"


@pytest.mark.parametrize("site", ["shop", "marked", "closed"])
def test_a_valid_signature_and_its_environment_travel_with_the_report(collector, site):
    for path in (signed(site), signed(site), signed(site) + "&v=2", signed(site).replace("?k=1.", "?v=2&%6b=1%2E")):
        answer, delivery = sent(collector, path)
        assert (answer.status, answer.body) == (204, b"")
        assert (delivery.kind, delivery.site, delivery.body) == (Kind.REPORTS, site, BODY)
        assert (delivery.signature, delivery.environment) == ("valid", "production")


BAD = {
    "": "missing",
    "?v=2": "missing",
    "?k=": "invalid",
    "?k=1.production.1.abc": "invalid",
    "?k=" + "x" * 8000: "invalid",
    "?k=%E2%98%83": "invalid",
    "?k=%00": "invalid",
    signed("open").partition("/open")[2]: "invalid",  # another site's
    "?" + signed("SITE", key=FOREIGN).partition("?")[2]: "invalid",
    "?TWICE": "invalid",
    "?EXPIRED": "expired",
}


@pytest.mark.parametrize("query, outcome", BAD.items())
@pytest.mark.parametrize("site", ["shop", "marked", "closed"])
def test_a_bad_signature_is_told_by_its_kind_or_where_the_site_says_so_refused(collector, site, query, outcome):
    good = signed(site).partition("?")[2]
    query = query.replace("TWICE", f"{good}&{good}")
    query = query.replace("EXPIRED", signed(site, expires=PAST).partition("?")[2])
    answer, delivery = sent(collector, f"/csp/report/{site}{query}")
    assert (delivery.site, delivery.body) == (site, BODY)
    if site == "closed":
        assert answer.status == 403
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert json.loads(answer.body)["detail"].count(".") == 1
        assert (delivery.kind, delivery.detail, delivery.count) == (Kind.REFUSAL, Reason.UNSIGNED, 1)
    else:
        assert answer.status == 204
        assert (delivery.kind, delivery.signature, delivery.environment) == (Kind.REPORTS, outcome, "")


def test_a_signature_that_is_not_ascii_is_invalid_or_bad_http(collector):
    sent = b"POST /csp/report/marked?k=\xe2\x98\x83 HTTP/1.1\r\nHost: c\r\nContent-Length: %d\r\n\r\n%s" % (
        len(BODY),
        BODY,
    )
    before = len(collector.deliveries())
    status = collector.raw(sent).split(b" ")[1]
    assert status in {b"204", b"400"}
    for delivery in collector.deliveries()[before:]:
        assert (delivery.kind, delivery.signature) in {(Kind.REPORTS, "invalid"), (Kind.REFUSAL, "")}


def test_a_site_without_keys_looks_at_no_signature(collector):
    for path in ("/csp/report/open", "/csp/report/open?k=1.x.1.y", signed("open")):
        answer, delivery = sent(collector, path)
        assert (answer.status, delivery.signature, delivery.environment) == (204, "", "")


def test_a_site_that_is_gone_answers_204_whatever_the_signature(collector):
    answer, delivery = sent(collector, "/csp/report/over")
    assert (answer.status, delivery.detail) == (204, Reason.GONE)


def test_a_preflight_needs_no_signature(collector):
    assert collector.request("OPTIONS", "/csp/report/closed", origin="https://shop.example").status == 204


def test_a_signature_expires_while_the_collector_runs(collector):
    path = signed("shop", expires=int(time.time()) + 2)
    assert sent(collector, path)[1].signature == "valid"
    time.sleep(2.1)
    assert sent(collector, path)[1].signature == "expired"


def test_nothing_of_the_query_is_kept(collector):
    for path in (signed("shop"), signed("closed", key=FOREIGN), signed("closed", expires=PAST)):
        _, delivery = sent(collector, path + "&email=alice")
        mac = path.rpartition(".")[2]
        assert mac not in repr(delivery)
        assert "alice" not in repr(delivery)
    collector.raw(b"POST /csp/report/shop?k=s3cret HTTP/1.1\r\nbroken header\r\n\r\n")
    assert not any(b"s3cret" in path.read_bytes() for path in Path(collector.spool).iterdir() if path.is_file())


# Where it came from


@pytest.mark.parametrize(
    "origin, referer, kept",
    [
        ("https://shop.example", "https://shop.example/", (b"https://shop.example", b"https://shop.example")),
        ("http://shop.example:8080", None, (b"http://shop.example:8080", b"")),
        ("null", "https://shop.example/cart?token=s3cret#top", (b"", b"https://shop.example")),
        ("https://shop.example/x?token=s3cret", "https://s3cret:s3cret@shop.example/", (b"https://shop.example", b"")),
        ("s3cret", "about:blank", (b"", b"")),
        ("https://" + "s3cret" * 100, "https://" + "x" * 300 + "/s3cret", (b"", b"")),
        (None, None, (b"", b"")),
    ],
)  # fmt: skip
def test_origins_travel_with_a_report_and_never_a_path(collector, origin, referer, kept):
    headers = {name: value for name, value in (("origin", origin), ("referer", referer)) if value is not None}
    for path in ("/csp/report/open", signed("shop")):
        answer, delivery = sent(collector, path, **headers)
        assert answer.status == 204
        assert (delivery.origin, delivery.referer) == kept
        assert "s3cret" not in repr(delivery)


# Keys change


@pytest.mark.parametrize("server", ["fast", "granian"])
def test_keys_change_with_the_sites_file_on_sighup(server, tmp_path):
    sites = tmp_path / "sites.toml"
    sites.write_text(SITES.format(keys=KEY))
    running = RunningCollector(server, tmp_path, sites=str(sites))
    try:
        old, new = signed("closed"), signed("closed", key=NEXT)
        assert (running.post(BODY, old).status, running.post(BODY, new).status) == (204, 403)
        sites.write_text(SITES.format(keys=f'{NEXT}", "{KEY}'))
        wait_until(running, new, 204)
        assert running.post(BODY, old).status == 204
        sites.write_text(SITES.format(keys=NEXT))
        wait_until(running, old, 403)
        assert running.post(BODY, new).status == 204
        sites.write_text(SITES.format(keys="too short"))
        running.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        assert (running.post(BODY, old).status, running.post(BODY, new).status) == (403, 204)
    finally:
        running.stop()


def wait_until(running: RunningCollector, path: str, status: int) -> None:
    running.process.send_signal(signal.SIGHUP)
    ends = time.monotonic() + 10
    while running.post(BODY, path).status != status:
        assert time.monotonic() < ends
        time.sleep(0.05)
