"""What every collector does, whatever server it runs on: the public HTTP contract, line by line."""

import base64
import json
import signal
import socket
import time
import uuid
from pathlib import Path

import pytest

from schema.delivery import Kind
from schema.reasons import Reason
from tests.support.collectors import SERVERS, RunningCollector

CORPUS = Path(__file__).parents[1] / "corpus"
LIMIT = 256 << 10
LEGACY = {"csp-report": {"document-uri": "https://shop.example/", "blocked-uri": "https://evil.example/x.js"}}
ITEM = {
    "type": "csp-violation",
    "age": 10,
    "url": "https://shop.example/",
    "body": {"documentURL": "https://shop.example/", "blockedURL": "inline", "effectiveDirective": "script-src-elem"},
}


@pytest.fixture(scope="module", params=SERVERS)
def collector(request, tmp_path_factory):
    running = RunningCollector(request.param, tmp_path_factory.mktemp(request.param))
    yield running
    # uvicorn on its own ends by the signal it was sent
    assert running.stop() == (-signal.SIGTERM if request.param == "asgi" else 0)


@pytest.fixture
def mark():
    """A label no other test uses: finds a test's own deliveries in the shared spool."""
    return f"t-{uuid.uuid4().hex[:12]}"


def dump(found: object) -> bytes:
    return json.dumps(found).encode()


def kept(collector, mark):
    return [delivery for delivery in collector.deliveries() if delivery.site == mark]


# Bodies and content types


@pytest.mark.parametrize(
    "content_type",
    [
        "application/csp-report",
        "application/reports+json",
        "application/json",
        "application/json; charset=UTF-8",
        "APPLICATION/CSP-REPORT",
        "text/plain;charset=UTF-8",
        "application/octet-stream",
        "x/y",
        "",
        "no type at all",
    ],
)
@pytest.mark.parametrize(
    "body", [LEGACY, [ITEM], ITEM, [LEGACY], {"type": "csp-violation", "url": "https://a.example/", **LEGACY}]
)
def test_a_report_is_taken_by_its_shape_whatever_its_content_type(collector, mark, body, content_type):
    answer = collector.post(dump(body), f"/csp/report/{mark}", content_type=content_type)
    assert (answer.status, answer.body) == (204, b"")
    [delivery] = kept(collector, mark)
    assert (delivery.kind, delivery.count, delivery.body) == (Kind.REPORTS, 1, dump(body))


def test_a_report_without_a_content_type_is_taken(collector, mark):
    body = dump(LEGACY)
    came = collector.raw(
        b"POST /csp/report/%s HTTP/1.1\r\nHost: c\r\nContent-Length: %d\r\n\r\n%s" % (mark.encode(), len(body), body)
    )
    assert came.startswith(b"HTTP/1.1 204 ")
    assert len(kept(collector, mark)) == 1


def test_every_captured_report_of_a_real_browser_is_answered_204_and_kept_to_the_byte(collector, mark):
    sent = []
    for file in ("captures-2015.jsonl", "captures-2026.jsonl"):
        for line in (CORPUS / file).read_text().splitlines()[::7]:
            capture = json.loads(line)
            body = base64.b64decode(capture["body_b64"]) if capture.get("body_b64") else capture["body"].encode("utf-8")
            content_type = capture.get("content_type") or capture["headers"]["content-type"]
            agent = capture.get("user_agent") or capture["headers"]["user-agent"]
            answer = collector.post(body, f"/csp/report/{mark}", content_type=content_type, user_agent=agent)
            assert answer.status == 204, capture
            sent.append((body, agent.encode()))
    assert [(delivery.body, delivery.user_agent) for delivery in kept(collector, mark)] == sent


@pytest.mark.parametrize(
    "line", [line for line in (CORPUS / "captures-2026.jsonl").read_text().splitlines() if '"body_b64": "' in line]
)
def test_invalid_utf_8_from_real_chromium_is_kept(collector, mark, line):
    body = base64.b64decode(json.loads(line)["body_b64"])
    assert collector.post(body, f"/csp/report/{mark}").status == 204
    assert kept(collector, mark)[0].body == body


@pytest.mark.parametrize(
    "body",
    [
        b'{"csp-report":{"document-uri":"https://a.example/","script-sample":"\xed\xa0\xbd"}}',
        b'{"csp-report":{"document-uri":"https://a.example/","script-sample":"\\ud83d"}}',
        b'{"csp-report":{"document-uri":"https://a.example/","script-sample":"\xff\xfe"}}',
        b'[{"type":"csp-violation","body":{"blockedURL":"inline","sample":"\\ud83d\xed\xa0\xbd"}}]',
        b'\n {"csp-report":{"document-uri":"https://a.example/"}}\n\n',
        b'\xef\xbb\xbf{"csp-report":{"document-uri":"https://a.example/"}}',
        b'{"csp-report":{"document-uri":"https://a.example/","line-number":"17","status-code":null}}',
        b'{"csp-report":{"document-uri":"https://a.example/","line-number":%s}}' % (b"9" * 5000),
        b'{"csp-report":{"document-uri":"https://a.example/","line-number":1e999}}',
        b'{"csp-report":{"document-uri":12,"blocked-uri":"https://a.example/"}}',
        b'{"csp-report":{"blocked-uri":"a","blocked-uri":"b"}}',
        b'{"csp-report":{"document-uri":"https://a.example/\\u0000"}}',
        b'{"csp-report":{"documentURL":"https://a.example/"}}',
        b'{"csp-report":{"violated_directive":"img-src x"}}',
        b'{"csp-report":{"document-uri":"<script>alert(1)</script>\'; DROP TABLE violations; --"}}',
    ],
)
def test_what_a_real_browser_may_have_meant_is_kept(collector, mark, body):
    assert collector.post(body, f"/csp/report/{mark}").status == 204
    assert kept(collector, mark)[0].body == body


@pytest.mark.parametrize(
    "body, entries",
    [
        ([ITEM] * 10, 10),
        ([ITEM, {"type": "deprecation", "body": {}}], 2),
        ([{"type": "deprecation"}, {"type": "coep", "body": {"blockedURL": "https://a.example/"}}], 2),
        ([ITEM, 1, None, "x", [], {}, {"type": "csp-violation"}], 7),
        ({"type": "intervention", "url": "https://a.example/", "body": {"id": "x"}}, 1),
        ([], 0),
    ],
)
def test_the_entries_of_a_body_are_counted_and_one_bad_one_never_costs_its_neighbours(collector, mark, body, entries):
    answer = collector.post(dump(body), f"/csp/report/{mark}", content_type="application/reports+json")
    assert answer.status == 204
    assert sum(delivery.count for delivery in kept(collector, mark)) == entries


def test_ten_thousand_entries_in_one_array(collector, mark):
    body = dump([ITEM] + [{}] * 9_999)
    assert collector.post(body, f"/csp/report/{mark}").status == 204
    assert kept(collector, mark)[0].count == 10_000


# Refusals


@pytest.mark.parametrize(
    "body, reason",
    [
        (b"", Reason.EMPTY),
        (b" \n\t", Reason.EMPTY),
        (b"null", Reason.WRONG_SHAPE),
        (b"12", Reason.WRONG_SHAPE),
        (b'"text"', Reason.WRONG_SHAPE),
        (b"true", Reason.WRONG_SHAPE),
        (b"{}", Reason.WRONG_SHAPE),
        (b'{"unknown":1}', Reason.WRONG_SHAPE),
        (b"not json", Reason.NOT_JSON),
        (b'{"csp-report":{"document-uri":"https://a', Reason.NOT_JSON),
        (b'{"csp-report":{"document-uri":"https://a.example/"}} trailing', Reason.NOT_JSON),
        (b"\x00\x01\x02", Reason.NOT_JSON),
        (b"[" * 10_000 + b"]" * 10_000, Reason.NOT_JSON),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, Reason.NOT_JSON),
        (b'{"csp-report":{}}', Reason.NOTHING_USABLE),
        (b'{"csp-report":[]}', Reason.NOTHING_USABLE),
        (b'{"csp-report":"text"}', Reason.NOTHING_USABLE),
        (b'{"csp-report":{"unknown":1}}', Reason.NOTHING_USABLE),
        (b'{"type":"csp-violation","body":{}}', Reason.NOTHING_USABLE),
        (b"[1,2,3]", Reason.NOTHING_USABLE),
        (b"[{}]", Reason.NOTHING_USABLE),
    ],
)
def test_what_is_no_report_is_refused_with_400_counted_by_reason_and_kept(collector, mark, body, reason):
    answer = collector.post(body, f"/csp/report/{mark}")
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(answer.body)["detail"].endswith(".")
    [delivery] = kept(collector, mark)
    assert (delivery.kind, delivery.detail, delivery.count) == (Kind.REFUSAL, reason, 1)
    assert delivery.body == body[:2048]


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "image/png", "Multipart/Mixed"],
)
def test_a_type_that_can_be_no_report_is_refused_with_415(collector, mark, content_type):
    answer = collector.post(dump(LEGACY), f"/csp/report/{mark}", content_type=content_type)
    assert answer.status == 415
    assert kept(collector, mark)[0].detail == Reason.WRONG_TYPE


def padded(length: int) -> bytes:
    body = b'{"csp-report":{"document-uri":"https://a.example/","x":"'
    return body + b"a" * (length - len(body) - 3) + b'"}}'


def test_a_body_of_exactly_the_limit_is_taken(collector, mark):
    assert collector.post(padded(LIMIT), f"/csp/report/{mark}").status == 204
    assert len(kept(collector, mark)[0].body) == LIMIT


@pytest.mark.parametrize("length", [LIMIT + 1, 3_000_000])
def test_a_body_over_the_limit_is_refused_with_413(collector, mark, length):
    assert collector.post(padded(length), f"/csp/report/{mark}").status == 413
    [delivery] = kept(collector, mark)
    assert delivery.detail == Reason.TOO_LARGE
    assert len(delivery.body) <= 2048


@pytest.mark.parametrize("chunk", [1000, 65_536])
@pytest.mark.parametrize("length, status", [(LIMIT, b"204"), (LIMIT + 1, b"413")])
def test_a_body_without_a_length_is_counted_while_it_streams(collector, mark, length, status, chunk):
    body = padded(length)
    chunks = [body[at : at + chunk] for at in range(0, length, chunk)]
    sent = b"POST /csp/report/%s HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n" % mark.encode()
    sent += b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in chunks) + b"0\r\n\r\n"
    assert collector.raw(sent).split(b" ")[1] == status
    assert len(kept(collector, mark)) == 1


def test_a_body_in_single_byte_chunks_is_put_together(collector, mark):
    body = dump(LEGACY)
    with socket.create_connection(("127.0.0.1", collector.port)) as connection:
        connection.sendall(
            b"POST /csp/report/%s HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n" % mark.encode()
        )
        for byte in body:
            connection.sendall(b"1\r\n%c\r\n" % byte)
        connection.sendall(b"0\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 204 ")
    assert kept(collector, mark)[0].body == body


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "PROPFIND"])
def test_other_methods_are_refused_with_405_and_allow(collector, mark, method):
    answer = collector.request(method, f"/csp/report/{mark}")
    assert answer.status == 405
    assert answer.headers["allow"] == "OPTIONS, POST"
    assert kept(collector, mark)[0].detail == Reason.WRONG_METHOD


@pytest.mark.parametrize(
    "path", ["/", "/csp", "/csp/reports", "/CSP/report", "/csp/reportx", "//csp/report", "/metrics"]
)
def test_an_unknown_path_is_404(collector, path):
    answer = collector.post(dump(LEGACY), path)
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "label", ["Shop", "-shop", "a_b", "a/b", "a.b", "x" * 64, "%2e%2e", "sh%20op", "%E2%98%83", "a%00", "shop/"]
)
def test_a_label_that_can_be_no_site_is_404(collector, label):
    assert collector.post(dump(LEGACY), f"/csp/report/{label}").status == 404


@pytest.mark.parametrize("label", ["s", "shop", "0", "a-b-c", "x" * 63])
def test_a_label_that_can_be_a_site_is_taken(collector, label):
    assert collector.post(dump(LEGACY), f"/csp/report/{label}").status == 204


@pytest.mark.parametrize("path", ["/csp/report", "/csp/report/", "/csp/report?k=1", "/csp/report/default?x=/y"])
def test_no_label_means_the_default_site_and_a_query_changes_nothing(collector, path):
    before = len(kept(collector, "default"))
    assert collector.post(dump(LEGACY), path).status == 204
    assert len(kept(collector, "default")) == before + 1


def test_an_escaped_label_is_the_label(collector, mark):
    assert collector.post(dump(LEGACY), f"/csp/report/%74{mark[1:]}").status == 204
    assert len(kept(collector, mark)) == 1


def test_a_body_that_stops_half_way_is_counted_and_nothing_of_it_is_taken_for_a_report(collector, mark):
    sent = b"POST /csp/report/%s HTTP/1.1\r\nHost: c\r\nContent-Length: 500\r\n\r\n%s" % (mark.encode(), dump(LEGACY))
    with socket.create_connection(("127.0.0.1", collector.port)) as connection:
        connection.sendall(sent)
        time.sleep(0.2)
    ends = time.monotonic() + 5
    while not kept(collector, mark) and time.monotonic() < ends:
        time.sleep(0.05)
    [delivery] = kept(collector, mark)
    assert (delivery.kind, delivery.detail) == (Kind.REFUSAL, Reason.INCOMPLETE)


def test_a_user_agent_of_a_megabyte_does_no_harm(collector, mark):
    agent = "x" * 1_000_000
    sent = b"POST /csp/report/%s HTTP/1.1\r\nHost: c\r\nUser-Agent: %s\r\nContent-Length: 2\r\n\r\n{}"
    came = collector.raw(sent % (mark.encode(), agent.encode()))
    assert came.split(b" ")[1:2] in ([b"431"], [b"400"], [])
    assert collector.post(dump(LEGACY), f"/csp/report/{mark}").status == 204


def test_a_long_user_agent_is_cut(collector, mark):
    assert collector.post(dump(LEGACY), f"/csp/report/{mark}", user_agent="x" * 5000).status == 204
    assert kept(collector, mark)[0].user_agent == b"x" * 1024


# Preflights


@pytest.mark.parametrize("path", ["/csp/report", "/csp/report/shop"])
def test_a_preflight_gets_what_the_reporting_api_needs_from_any_origin(collector, path):
    answer = collector.request(
        "OPTIONS",
        path,
        origin="null",
        access_control_request_method="POST",
        access_control_request_headers="content-type",
    )
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "content-type" in answer.headers["access-control-allow-headers"].lower()
    assert int(answer.headers["access-control-max-age"]) > 0


def test_answers_to_reports_can_be_read_by_any_origin(collector):
    for body in (dump(LEGACY), b"{}"):
        assert collector.post(body, origin="https://shop.example").headers["access-control-allow-origin"] == "*"


# Connections


def test_many_requests_on_one_connection_even_pipelined_behind_another_path(collector, mark):
    body = dump(LEGACY)
    post = b"POST /csp/report/%s HTTP/1.1\r\nHost: c\r\nContent-Length: %d\r\n\r\n%s" % (mark.encode(), len(body), body)
    get = b"GET /health HTTP/1.1\r\nHost: c\r\n\r\n"
    came = collector.raw(post + post + get + post + get + post, answers=6)
    statuses = [part[:3] for part in came.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"204", b"204", b"200", b"204", b"200", b"204"]
    assert len(kept(collector, mark)) == 4


def test_the_first_of_two_content_types_counts_and_a_trailer_changes_nothing(collector, mark):
    body = dump(LEGACY)
    came = collector.raw(
        b"POST /csp/report/%s HTTP/1.1\r\nHost: c\r\nContent-Type: application/csp-report\r\nTrailer: Content-Type\r\n"
        b"Content-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\nContent-Type: image/gif\r\n\r\n"
        % (mark.encode(), len(body), body)
    )
    assert came.split(b" ")[1] == b"204"


def test_http_1_0_is_answered_and_closed(collector, mark):
    body = dump(LEGACY)
    came = collector.raw(
        b"POST /csp/report/%s HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s" % (mark.encode(), len(body), body)
    )
    assert came.split(b" ")[1] == b"204"


def test_a_client_that_waits_for_100_continue_gets_it(collector, mark):
    body = dump(LEGACY)
    with socket.create_connection(("127.0.0.1", collector.port), timeout=5) as connection:
        connection.sendall(
            b"POST /csp/report/%s HTTP/1.1\r\nHost: c\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
            % (mark.encode(), len(body))
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 204 ")


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_health_and_ready_answer(collector, path):
    assert collector.request("GET", path).status == 200
    assert collector.request("HEAD", path).status == 200
    assert collector.request("POST", path, b"").status == 405
