"""What a report is worth: every captured one in full, a made-up one less, with its reason named."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.told import Told
from processor.engines import Engine, engine
from processor.fold import fold
from processor.normalise import normalise
from processor.trust import CONSISTENT, TAKES, Trust, trust
from schema.delivery import Delivery, Kind
from schema.report import EntryKind, entries
from schema.sites import Site, Sites
from schema.violation import LEAST_TRUST, Violation
from tests.corpus.captures import Capture, captures
from tests.support.reports import RECEIVED_MS

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
SAFARI = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/1"
)
CHROME_ON_IOS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/156.0"
)
PAGE = "https://shop.example/cart"
LEGACY = {
    "document-uri": PAGE, "referrer": "", "violated-directive": "img-src", "effective-directive": "img-src",
    "original-policy": "img-src 'self'", "blocked-uri": "https://evil.example/x.png", "status-code": 200,
}  # fmt: skip
WITH_DISPOSITION = LEGACY | {"disposition": "enforce"}
MODERN = {
    "documentURL": PAGE, "referrer": "", "effectiveDirective": "img-src", "originalPolicy": "img-src 'self'",
    "blockedURL": "https://evil.example/x.png", "disposition": "enforce", "statusCode": 200, "sample": "",
}  # fmt: skip
SNAKE = {"csp-report": {name.replace("-", "_"): value for name, value in LEGACY.items()}}
OF_CHROME: dict[str, Any] = {"csp-report": WITH_DISPOSITION}
OF_WEBKIT: dict[str, Any] = {"type": "csp-violation", "url": PAGE, "csp-report": LEGACY}
OF_WEBKIT_TODAY: dict[str, Any] = {"type": "csp-violation", "url": PAGE, "body": MODERN}


def array(agent: str, **changed: Any) -> list[dict[str, Any]]:
    item = {"type": "csp-violation", "url": PAGE, "age": 5, "user_agent": agent, "body": MODERN} | changed
    return [{name: value for name, value in item.items() if value is not None}]


def judged(body: Any, agent: str = CHROME, *, site: Site | None = None, **of_the_delivery: Any) -> Violation:
    delivery = Delivery(
        RECEIVED_MS, "shop", Kind.REPORTS, 1, agent.encode(), msgspec.json.encode(body), **of_the_delivery
    )
    [entry] = entries(delivery.body)
    return normalise(entry, delivery, site or Site())


def taken(body: Any, agent: str = CHROME, **of_the_delivery: Any) -> set[str]:
    found = judged(body, agent, **of_the_delivery)
    assert (found.trust == 100) == (found.trust_reasons == "")
    assert set(found.trust_reasons.split()) <= set(TAKES)
    return set(found.trust_reasons.split())


# Real ones


@pytest.mark.parametrize("year", ["2015", "2026"])
def test_every_captured_report_is_worth_all(year: str):
    """Also by its headers' origins, where the capture has them."""
    judgements = [judgement for capture in captures(year) for judgement in _judgements(capture)]
    assert len(judgements) > 900
    assert [judgement for judgement in judgements if judgement[1:] != (100, "")] == []


def _judgements(capture: Capture) -> Iterator[tuple[str, int, str]]:
    headers = {name: value.encode() for name, value in capture.of.get("headers", {}).items()}
    told = Told.of("shop", None, None, headers.get("origin"), headers.get("referer"))
    _, origin, referer = told.origins or ("", b"", b"")
    delivery = msgspec.structs.replace(capture.delivery(), origin=origin, referer=referer)
    for entry in entries(capture.body):
        if entry.kind is EntryKind.VIOLATION:
            found = normalise(entry, delivery, Site())
            yield capture.name, found.trust, found.trust_reasons


@pytest.mark.parametrize(
    "body, agent",
    [
        (OF_CHROME, CHROME), (OF_CHROME, FIREFOX), (OF_WEBKIT, SAFARI), (OF_WEBKIT_TODAY, SAFARI),
        (OF_WEBKIT_TODAY, CHROME_ON_IOS), (array(CHROME), CHROME), (array(FIREFOX), FIREFOX),
        ({"csp-report": LEGACY}, CHROME_ON_IOS), ({"csp-report": WITH_DISPOSITION | {"new-key": 1}}, CHROME),
    ],
)  # fmt: skip
def test_a_report_in_its_engines_shape_is_worth_all(body: Any, agent: str):
    assert taken(body, agent) == set()


# Forged ones


@pytest.mark.parametrize(
    "body, agent, reason",
    [
        (OF_CHROME, "", "no-user-agent"),
        (OF_CHROME, "curl/8.14.1", "not-a-browser"),
        (array("python-requests/2.32"), "python-requests/2.32", "not-a-browser"),
        (OF_CHROME, "Mozilla/5.0 (compatible; Something/1.0)", "unknown-browser"),
        (array(SAFARI), SAFARI, "shape-not-the-browsers"),
        (OF_CHROME, SAFARI, "shape-not-the-browsers"),
        (OF_WEBKIT, CHROME, "shape-not-the-browsers"),
        (OF_WEBKIT_TODAY, FIREFOX, "shape-not-the-browsers"),
        ([OF_CHROME], CHROME, "shape-not-the-browsers"),
        (array(CHROME, age=None), CHROME, "shape-not-the-browsers"),
        (array(CHROME, user_agent=None), CHROME, "shape-not-the-browsers"),
        (array(CHROME.replace("156", "49")), CHROME.replace("156", "49"), "shape-not-the-browsers"),
        ({"csp-report": MODERN}, CHROME, "keys-not-the-browsers"),
        (SNAKE, FIREFOX, "keys-not-the-browsers"),
        (array(CHROME, body=WITH_DISPOSITION), CHROME, "keys-not-the-browsers"),
        ({"csp-report": {"document-uri": PAGE, "blocked-uri": "inline"}}, CHROME, "fields-not-the-browsers"),
        ({"csp-report": LEGACY}, FIREFOX, "fields-not-the-browsers"),
        (array(CHROME, body={"documentURL": PAGE, "blockedURL": "inline"}), CHROME, "fields-not-the-browsers"),
        (OF_WEBKIT | {"csp-report": WITH_DISPOSITION}, SAFARI, "fields-not-the-browsers"),
        (array(FIREFOX), CHROME, "agents-differ"),
    ],
)  # fmt: skip
def test_a_report_that_its_browser_would_not_send_loses_points_with_a_reason(body: Any, agent: str, reason: str):
    assert taken(body, agent) == {reason}


def test_an_old_firefox_has_no_effective_directive_and_loses_nothing():
    old = {name: value for name, value in LEGACY.items() if name not in {"effective-directive", "status-code"}}
    assert taken({"csp-report": old}, FIREFOX.replace("153", "78")) == set()


def test_a_newer_version_of_a_browser_is_taken_as_the_newest_known():
    newer = CHROME.replace("156", "999")
    assert engine(newer) == Engine("chromium", 999)
    assert taken(array(newer), newer) == set()


# Origins


@pytest.mark.parametrize(
    "origin, referer, reasons",
    [
        (b"https://shop.example", b"https://shop.example", set()),
        (b"", b"", set()),
        (b"https://SHOP.example:443", b"", set()),
        (b"https://evil.example", b"", {"origin-elsewhere"}),
        (b"http://shop.example", b"", {"origin-elsewhere"}),
        (b"https://shop.example:8443", b"", {"origin-elsewhere"}),
        (b"https://shop.exampl", b"", {"origin-elsewhere"}),
        (b"https://shop.example.evil.example", b"https://shop.example", {"origin-elsewhere"}),
        (b"", b"https://www.shop.example", {"referer-elsewhere"}),
        (b"https://evil.example", b"https://evil.example", {"origin-elsewhere", "referer-elsewhere"}),
        (b"\xff", b"", {"origin-elsewhere"}),
    ],
)
def test_an_origin_that_is_not_the_documents_takes_and_none_takes_nothing(
    origin: bytes, referer: bytes, reasons: set[str]
):
    assert taken(OF_CHROME, origin=origin, referer=referer) == reasons


@pytest.mark.parametrize(
    "document", ["about", "blob:https://shop.example/1", "data", "", "chrome-extension://abc/x.html"]
)
def test_a_document_without_an_origin_of_its_own_is_held_against_nobody(document: str):
    body = {"csp-report": WITH_DISPOSITION | {"document-uri": document}}
    assert taken(body, origin=b"https://shop.example") == set()


def test_who_frames_a_document_sends_its_frame_ancestors_reports():
    framed = {"effective-directive": "frame-ancestors", "original-policy": "frame-ancestors 'none'"}
    body = {"csp-report": WITH_DISPOSITION | framed}
    assert taken(body, referer=b"https://elsewhere.example") == set()


def test_an_international_name_is_the_same_in_either_spelling():
    body = {"csp-report": WITH_DISPOSITION | {"document-uri": "https://bücher.example/"}}
    assert taken(body, origin=b"https://xn--bcher-kva.example") == set()


# Signatures


@pytest.mark.parametrize("signature", ["missing", "invalid", "expired"])
def test_a_bad_signature_takes_only_where_the_site_requires_one(signature: str):
    assert taken(OF_CHROME, signature=signature) == set()
    for required in ("mark", "refuse"):  # it was accepted before the setting changed
        assert taken(OF_CHROME, signature=signature, site=Site(require_signature=required)) == {
            f"signature-{signature}"
        }


def test_a_valid_signature_takes_nothing_and_its_environment_is_stored():
    found = judged(OF_CHROME, signature="valid", environment="staging", site=Site(require_signature="mark"))
    assert (found.trust, found.signature, found.environment) == (100, "valid", "staging")


# Verdicts


def again(violation: Violation, body: Any, agent: str) -> Trust:
    delivery = Delivery(RECEIVED_MS, "shop", Kind.REPORTS, 1, agent.encode(), msgspec.json.encode(body))
    [entry] = entries(delivery.body)
    return trust(violation, entry, delivery, Site())


def test_an_impossible_report_alone_is_below_what_may_alert_and_a_consistent_one_is_supported():
    plain = judged(OF_CHROME)
    plain.verdict = "impossible"
    assert again(plain, OF_CHROME, CHROME) == Trust(100 - TAKES["impossible"], "impossible")
    assert again(plain, OF_CHROME, CHROME).score < LEAST_TRUST
    plain.verdict = "undecidable"
    assert again(plain, OF_CHROME, CHROME) == Trust(100, "")
    odd = judged(OF_CHROME, "")
    odd.verdict = "undecidable"
    before = again(odd, OF_CHROME, "").score
    odd.verdict = "consistent"
    assert before < again(odd, OF_CHROME, "").score < 100


@given(st.sampled_from([OF_CHROME, OF_WEBKIT, OF_WEBKIT_TODAY, array(CHROME), [OF_CHROME]]), st.text(max_size=60),
       st.binary(max_size=30), st.sampled_from(["", "missing", "invalid", "nonsense"]))  # fmt: skip
def test_the_score_stays_within_its_bounds(body: Any, agent: str, origin: bytes, signature: str):
    delivery = Delivery(RECEIVED_MS, "shop", Kind.REPORTS, 1, agent.encode(errors="replace"), msgspec.json.encode(body),
                        "", origin, origin, signature)  # fmt: skip
    [entry] = entries(delivery.body)
    site = Site(require_signature="mark" if signature != "nonsense" else "")
    found = normalise(entry, delivery, site)
    assert 0 <= found.trust <= 100


# A row


def test_a_row_is_worth_its_best_report_so_that_a_forged_one_takes_nothing_from_it():
    body = msgspec.json.encode(OF_CHROME)
    elsewhere, here = b"https://evil.example", b"https://shop.example"
    for origins in ([elsewhere, here], [here, elsewhere]):
        rows = fold(
            [Delivery(RECEIVED_MS, "shop", Kind.REPORTS, 1, CHROME.encode(), body, "", origin) for origin in origins],
            (), Sites(),
        ).rows  # fmt: skip
        [row] = rows.values()
        assert (row.violation.reports, row.violation.trust, row.violation.trust_reasons) == (2, 100, "")


@pytest.mark.parametrize("reason", ["shape-not-the-browsers", "origin-elsewhere", "keys-not-the-browsers"])
def test_what_no_browser_does_takes_a_source_out_of_the_alerts_though_its_policy_blocks_what_it_says(reason):
    assert 100 - TAKES[reason] + CONSISTENT < LEAST_TRUST


def test_reports_at_unsigned_urls_are_not_counted_with_signed_ones():
    site = Site(require_signature="mark")
    found = {}
    for signature in ("valid", "missing", "invalid", "expired"):
        delivery = Delivery(RECEIVED_MS, "shop", Kind.REPORTS, 1, CHROME.encode(), msgspec.json.encode(OF_CHROME),
                            "", b"", b"", signature)  # fmt: skip
        [entry] = entries(delivery.body)
        found[signature] = normalise(entry, delivery, site).fingerprint
        if signature != "valid":  # a site that doesn't ask for signatures has one violation of them all
            assert normalise(entry, delivery, Site()).fingerprint == found["valid"]
    assert len(set(found.values())) == 4
