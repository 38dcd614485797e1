"""`import` reads what others wrote: every shape a report is kept in, and whatever else stands in such files."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest

from schema.delivery import Delivery, Kind, decode, encode
from schema.report import entries
from sentinel.imports import Reading, Skipped, read

NOW = 1_795_338_344_000  # 2026-11-22T09:05:44Z
CORPUS = Path(__file__).parent.parent / "corpus"
LEGACY = b'{"csp-report":{"document-uri":"https://a.example/","blocked-uri":"eval"}}'
MODERN = b'{"age":5,"type":"csp-violation","url":"https://a.example/","body":{"documentURL":"https://a.example/"}}'
OTHER = b'{"age":5,"type":"deprecation","url":"https://a.example/","body":{"id":"x"}}'

ROW = {
    "site": "shop", "window": "2026-11-20T10:10:00Z", "fingerprint": "0123456789abcdef" * 2, "reports": 17,
    "first_seen": "2026-11-20T10:11:12.345Z", "last_seen": "2026-11-20T10:15:00.001Z",
    "document_url": "https://shop.example/cart", "document_host": "shop.example", "referrer": "",
    "effective_directive": "img-src", "blocked_url": "https://cdn.example/a.png", "blocked_host": "cdn.example",
    "blocked_site": "cdn.example", "blocked_kind": "url", "disposition": "enforce", "source_file": "",
    "line_number": 0, "column_number": 0, "status_code": 200, "sample": "", "original_policy": "img-src 'self'",
    "policy_hash": "00112233445566aa", "browser": "Chrome", "browser_version": "156", "os": "Windows",
    "user_agent": "Mozilla/5.0", "noise": "", "verdict": "", "verdict_reason": "", "trust": 100,
}  # fmt: skip
# As go-csp-collector 0.0.17 wrote it, --output-format json.
GO = {
    "blocked_uri": "https://evil.example/x.js", "client_ip": "203.0.113.9", "column_number": 0, "disposition": "",
    "document_uri": "https://shop.example/", "effective_directive": "script-src-elem", "level": "info",
    "line_number": 12, "message": "", "metadata": None, "original_policy": "script-src 'self'",
    "path": "/csp/report-only", "referrer": "", "report_only": True, "script_sample": "", "source_file": "",
    "status_code": 200, "timestamp": "2026-11-20T11:11:12+01:00", "violated_directive": "script-src-elem",
}  # fmt: skip


def all_of(found: bytes, site: str = "here") -> list[Delivery | Skipped]:
    return list(Reading(io.BytesIO(found), site, NOW))


def one(found: bytes | dict[str, Any]) -> Delivery:
    (delivery,) = all_of(found if isinstance(found, bytes) else json.dumps(found).encode())
    assert isinstance(delivery, Delivery), delivery
    assert decode(encode(delivery)) == delivery
    return delivery


def why(found: bytes | dict[str, Any]) -> str:
    (skipped,) = all_of(found if isinstance(found, bytes) else json.dumps(found).encode())
    assert isinstance(skipped, Skipped), skipped
    return skipped.why


def bodies(found: bytes) -> list[Any]:
    return [json.loads(item.body) if isinstance(item, Delivery) else item for item in all_of(found)]


class TestShapes:
    def test_a_body_is_a_delivery_as_it_came(self) -> None:
        assert one(LEGACY) == Delivery(NOW, "here", Kind.REPORTS, 1, b"", LEGACY)

    def test_a_reporting_api_array_stays_one_delivery(self) -> None:
        assert one(b"[%b,%b]" % (MODERN, OTHER)).count == 2

    def test_a_row_of_our_export_keeps_its_count_site_and_time(self) -> None:
        delivery = one(ROW)
        assert (delivery.kind, delivery.count, delivery.site) == (Kind.VIOLATION, 17, "shop")
        assert delivery.received_ms == 1_795_169_700_001
        assert json.loads(delivery.body) == ROW

    def test_a_row_without_a_site_gets_the_one_given(self) -> None:
        delivery = one({name: value for name, value in ROW.items() if name != "site"})
        assert delivery.site == json.loads(delivery.body)["site"] == "here"

    @pytest.mark.parametrize(
        "field, value",
        [
            ("fingerprint", "xyz"),
            ("reports", 0),
            ("reports", "many"),
            ("first_seen", 5),
            ("site", "A b"),
            ("trust", -1),
        ],
    )
    def test_a_row_that_is_not_ours_is_skipped(self, field: str, value: object) -> None:
        assert why(ROW | {field: value})

    def test_a_row_that_lacks_a_field_is_skipped_by_its_name(self) -> None:
        assert "blocked_kind" in why({name: value for name, value in ROW.items() if name != "blocked_kind"})

    def test_a_capture_brings_its_user_agent(self) -> None:
        assert one({"body": LEGACY.decode(), "user_agent": "Old"}).user_agent == b"Old"
        delivery = one({"body": LEGACY.decode(), "headers": {"User-Agent": "New" * 1000, "content-type": "x"}})
        assert (delivery.body, delivery.user_agent) == (LEGACY, (b"New" * 1000)[:1024])

    def test_a_capture_in_base64_is_its_exact_bytes(self) -> None:
        raw = LEGACY.replace(b"eval", b"\xed\xa0\xbd")
        assert one({"body_b64": base64.b64encode(raw).decode(), "headers": {}}).body == raw
        assert "base64" in why({"body_b64": "?"})

    def test_a_go_csp_collector_line_becomes_the_report_it_was(self) -> None:
        delivery = one(GO)
        assert delivery.received_ms == 1_795_169_472_000
        report = json.loads(delivery.body)["csp-report"]
        assert report["blocked-uri"] == "https://evil.example/x.js"
        assert report["line-number"] == 12
        assert report["disposition"] == "report"
        assert b"203.0.113.9" not in delivery.body

    def test_go_csp_collector_s_older_and_enforced_lines_are_known_too(self) -> None:
        older = {"document_uri": "https://a.example", "blocked_uri": "", "violated_directive": "img-src", "msg": ""}
        delivery = one(older | {"time": "2026-11-20T10:11:12Z", "report_only": False})
        assert delivery.received_ms == 1_795_169_472_000
        assert json.loads(delivery.body)["csp-report"].get("disposition") is None

    def test_its_network_error_lines_are_no_reports(self) -> None:
        line = {
            "type": "tcp.refused",
            "phase": "connection",
            "sampling_fraction": 1,
            "elapsed_time": 7,
            "level": "info",
        }
        assert "network error" in why(line | {"url": "https://a.example/"})

    @pytest.mark.parametrize("name", ["captures-2015.jsonl", "captures-2026.jsonl"])
    def test_every_captured_report_is_read(self, name: str) -> None:
        with read(CORPUS / name, "here", NOW) as reading:
            found = list(reading)
        assert len(found) == (CORPUS / name).read_bytes().count(b"\n")
        for item in found:
            assert isinstance(item, Delivery)
            assert item.user_agent.startswith(b"Mozilla") or b"Opera" in item.user_agent or item.user_agent == b""
            assert item.count == len(entries(item.body))


class TestTimes:
    @pytest.mark.parametrize(
        "time, ms",
        [
            ("2026-11-20T10:11:12.345Z", 1_795_169_472_345),
            ("2026-11-20T10:11:12", 1_795_169_472_000),
            ("2026-11-20 12:11:12+02:00", 1_795_169_472_000),
            (1_795_169_472, 1_795_169_472_000),
            (1_795_169_472_345, 1_795_169_472_345),
        ],
    )
    def test_a_time_in_the_line_is_when_it_was_received(self, time: object, ms: int) -> None:
        assert one({"body": LEGACY.decode(), "time": time}).received_ms == ms

    @pytest.mark.parametrize(
        "time", [None, "yesterday", True, 0, -1, 1e400, 10**40, "0001-01-01T00:00:00+14:00", "2999-01-01", [], "", "1"]
    )
    def test_what_is_no_time_of_a_report_is_now(self, time: object) -> None:
        assert one({"body": LEGACY.decode(), "time": time}).received_ms == NOW
