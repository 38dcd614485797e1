"""Every captured report: against its expected outcome, and against what the capture says of itself."""

import json
import re

import msgspec
import pytest

from processor.normalise import normalise
from schema.report import EntryKind, count, entries
from schema.sites import Site
from tests.corpus.captures import EXPECTED, all_captures, captures, outcome, policies
from tests.corpus.pages import OTHER_TYPES, pages

CAPTURES = all_captures()
OLD = list(captures("2015"))
NEW = list(captures("2026"))

SECRETS = ("SECRET", "token", "session=", "secret", "a@b", "a%40b", "user:pw", "abc123", "%3F", "browser_version=")


@pytest.fixture(scope="module")
def expected():
    return [json.loads(line) for line in EXPECTED.read_text().splitlines()]


def test_each_capture_has_its_expected_outcome(expected):
    wanted = {row["capture"]: row for row in expected if "capture" in row}
    assert wanted.keys() == {capture.name for capture in CAPTURES}
    wrong = [capture.name for capture in CAPTURES if outcome(capture) != wanted[capture.name]]
    assert not wrong, "run `python -m tests.corpus.captures` and read the diff"


def test_each_policy_is_stored_as_expected(expected):
    assert {row["policy"]: row["text"] for row in expected if "policy" in row} == policies()


def test_the_collector_takes_every_capture():
    """None is refused, and it counts as many entries as the processor finds, none of them bad."""
    for capture in CAPTURES:
        found = entries(capture.body)
        assert count(capture.body) == len(found) >= 1
        assert EntryKind.BAD not in {entry.kind for entry in found}


def test_an_old_capture_is_one_violation_with_its_directive():
    for capture in OLD:
        report = json.loads(capture.body)["csp-report"]
        [row] = capture.violations()
        assert row.effective_directive == (report.get("effective-directive") or report["violated-directive"].split()[0])
        assert row.disposition == ""
        assert row.document_host == ("" if report.get("document-uri") == "about:blank" else "45.55.25.245")


def test_a_page_violates_what_it_was_made_to_violate():
    allowed = pages()
    for capture in NEW:
        case = capture.of["case"]
        others = {entry.type for entry in entries(capture.body) if entry.kind is EntryKind.OTHER}
        rows = capture.violations()
        found = {
            (row.effective_directive, row.blocked_kind) for row in rows if not row.blocked_url.endswith("/favicon.ico")
        }
        assert others <= OTHER_TYPES.get(case, set()), capture.name
        assert found <= allowed.get(case, set()), capture.name
        assert rows or others, capture.name


def test_every_kind_a_page_can_give_was_seen():
    seen: dict[str, set[tuple[str, str]]] = {}
    for capture in NEW:
        for row in capture.violations():
            seen.setdefault(capture.of["case"], set()).add((row.effective_directive, row.blocked_kind))
    assert {case: found for case, found in pages().items() if found != seen[case]} == {}


def test_the_disposition_is_the_pages_where_the_browser_says_it():
    for capture in NEW:
        silent = capture.of["browser"] == "webkit" and b'"csp-report"' in capture.body  # rule 34
        for row in capture.violations():
            if capture.of["case"] != "frame-ancestors-none":  # its frame carries both policies
                assert row.disposition == (
                    "" if silent else "report" if capture.of["mode"].endswith("-ro") else "enforce"
                )


@pytest.mark.parametrize(
    "browser, name, version, os",
    [
        ("chromium", "HeadlessChrome", "156.0.0", "Linux"),
        ("firefox", "Firefox", "153.0", "Linux"),
        ("webkit", "Safari", "60.5", "Linux"),
    ],
)
def test_todays_browsers_are_recognised(browser, name, version, os):
    rows = [row for capture in NEW if capture.of["browser"] == browser for row in capture.violations()]
    assert {(row.browser, row.browser_version, row.os) for row in rows} == {(name, version, os)}


NAMES = {
    ("Safari", "ios"): ("Mobile Safari", "iOS"),
    ("Safari", "OS X"): ("Safari", "Mac OS X"),
    ("Chrome", "OS X"): ("Chrome", "Mac OS X"),
    ("android", "ANDROID"): ("Chrome Mobile WebView", "Android"),
}


def test_the_browsers_of_2015_are_recognised():
    for capture in OLD:
        label, system = capture.of["browser"], capture.of["os"]
        [row] = capture.violations()
        assert (row.browser, row.os) == NAMES.get((label, system), (label, system))
        sent = re.search(
            r"(?:OPR|Edge|Firefox|Version|Chrome)/([\d.]+)", capture.user_agent.replace("Version/4.0 ", "")
        )
        if label == "Opera":
            sent = re.search(r"OPR/([\d.]+)", capture.user_agent)
        elif label == "Edge":
            sent = re.search(r"Edge/([\d.]+)", capture.user_agent)
        assert sent[1].startswith(row.browser_version)


def test_the_version_is_what_the_capture_was_ordered_as():
    """But where the farm sent another one: "Firefox 38" was 39, Edge's own count 0.11, Android's is the system's."""
    for capture in OLD:
        ordered = capture.of["browser_version"].split(".")[0]
        if (capture.of["browser"], ordered) in {("Firefox", "38"), ("Edge", "0")} or capture.of["browser"] == "android":
            continue
        assert capture.violations()[0].browser_version.split(".")[0] == ordered


def test_nothing_secret_of_any_capture_is_stored():
    for capture in CAPTURES:
        for row in capture.violations():
            fields = msgspec.structs.asdict(row)
            texts = {name: value for name, value in fields.items() if isinstance(value, str) and name != "user_agent"}
            leaked = [(name, secret) for name, value in texts.items() for secret in SECRETS if secret in value]
            assert not leaked, capture.name
            for name in ("document_url", "referrer", "blocked_url", "source_file", "original_policy"):
                assert not set("?#@") & set(texts[name]), (capture.name, name)


def test_a_sample_cut_inside_a_character_is_kept_up_to_it():
    """Chromium sends half a surrogate pair as bytes, WebKit as an escape (rule 32)."""
    halves = [c for c in NEW if c.of["case"] == "script-sample-surrogate-split" and c.of["browser"] != "firefox"]
    samples = {row.sample for capture in halves for row in capture.violations()}
    assert {sample.rstrip("\ufffd") for sample in samples} == {"/*" + "x" * 37, ""}
    assert "body_b64" in {key for capture in halves for key in capture.of}
    for capture in halves:
        if "body_b64" in capture.of:
            assert [row.sample for row in capture.violations()] == ["/*" + "x" * 37 + "\ufffd"]


def test_extensions_and_the_browsers_own_loads_are_noise():
    for capture in CAPTURES:
        for row in capture.violations(Site(hosts=("localhost", "*.localhost", "127.0.0.1"))):
            if capture.of.get("case") == "extension-inject" or row.source_file.startswith("safari-extension://"):
                assert row.noise == "extension"
            elif row.source_file == "resource" or row.blocked_url.startswith("android-webview"):
                assert row.noise == "browser"
            elif row.blocked_kind != "extension":
                assert row.noise == ""


def test_pages_on_localhost_are_foreign_unless_the_site_names_it():
    for capture in NEW:
        for row in capture.violations():
            local = row.document_host in {"localhost", "127.0.0.1", "xn--bcher-kva.localhost"}
            assert local == (row.document_url not in {"blob", "about"})
            assert row.noise in ({"foreign", "extension", "browser"} if local else {""})


def test_repeats_on_one_page_share_a_fingerprint():
    """The page evaluates the same line five times: Firefox and WebKit report each (rule 40)."""
    for browser in ("firefox", "webkit"):
        loops = [c for c in NEW if (c.of["case"], c.of["browser"]) == ("eval-same-location-loop", browser)]
        rows = [row for capture in loops for row in capture.violations()]
        by_page = {row.document_url: row.fingerprint for row in rows}
        assert len(rows) > len(by_page)
        assert all(by_page[row.document_url] == row.fingerprint for row in rows)


def test_normalising_again_gives_the_same_row():
    """Nothing depends on what was normalised before: caches must not show."""
    before = [capture.violations() for capture in CAPTURES]
    for capture, rows in zip(reversed(CAPTURES), reversed(before), strict=True):
        delivery = capture.delivery()
        again = [normalise(e, delivery, Site()) for e in entries(capture.body) if e.kind is EntryKind.VIOLATION]
        assert again == rows


def test_one_policy_is_one_policy_in_every_browser():
    """But where it names the browser's own port, and that Firefox leaves out directives it doesn't know."""
    hashes: dict[str, set[str]] = {}
    for capture in NEW:
        if capture.of["mode"] == "to" and capture.of["case"] not in {
            "img-redirect",
            "script-redirect",
            "unknown-directive",
        }:
            hashes.setdefault(capture.of["case"], set()).update(row.policy_hash for row in capture.violations())
    assert {case for case, found in hashes.items() if len(found) > 1} == {"multi-header-two-enforced"}
