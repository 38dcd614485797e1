"""Whatever secret stands in the path of any URL of a report: it is in no row, no example, no refused body."""

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from processor.exported import exported
from processor.redact import redact_bytes, redact_raw
from schema.sites import Site
from tests.support.reports import PLAIN, row
from tests.support.secrets import JWTS, MAILS, ORDINARY, SECRETS

FIELDS = st.sampled_from(
    ["document-uri", "referrer", "blocked-uri", "source-file", "script-sample", "original-policy", "request",
     "violated-directive"]
)  # fmt: skip
TEXTS = {
    "script-sample": "fetch('{}')",
    "original-policy": "img-src 'self' {}; report-uri {}",
    "request": "GET {} HTTP/1.1",
    "violated-directive": "img-src {}",
}
ORIGINS = st.sampled_from(
    [
        "https://shop.example",
        "https://user:pw@shop.example:8443",
        "x-app://place",
        "filesystem:https://shop.example",
        "",
    ]
)
PATHS = st.tuples(st.sampled_from(ORDINARY), SECRETS, st.sampled_from(ORDINARY))


@given(FIELDS, ORIGINS, PATHS)
def test_a_secret_in_the_path_of_a_report_is_stored_nowhere(field, origin, parts):
    before, secret, after = parts
    url = f"{origin}{before.rstrip('/')}/{secret}{after}"
    body = PLAIN | {field: TEXTS.get(field, "{}").replace("{}", url)}
    found = row(body)
    texts = [value for value in msgspec.structs.asdict(found).values() if isinstance(value, str)]
    assert not [text for text in texts if secret in text]
    assert secret not in redact_raw(body)
    assert secret not in redact_bytes(json.dumps({"csp-report": body}).encode())


@given(JWTS | MAILS)
def test_a_parameter_that_a_site_keeps_has_no_secret_in_it(secret):
    found = row(
        PLAIN | {"document-uri": f"https://shop.example/?page=3&who={secret}"}, site=Site(keep_query=("who", "page"))
    )
    assert secret not in found.document_url
    assert "page=3" in found.document_url


def test_a_policy_keeps_its_hashes_and_its_paths_stay_paths():
    text = "script-src 'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=' https://cdn.example/" + "0f" * 20 + "/a.js"
    assert row(PLAIN | {"original-policy": text}).original_policy == text.replace("0f" * 20, "%7Btoken%7D")


def test_two_reports_that_differ_in_a_secret_are_one_violation():
    one, other = (row(PLAIN | {"document-uri": f"https://shop.example/reset/{key * 16}"}) for key in ("a1b2", "c3d4"))
    assert one.document_url == "https://shop.example/reset/{token}"
    assert one.fingerprint == other.fingerprint


def test_an_old_export_without_templates_gets_them_and_loses_its_secrets():
    times = dict.fromkeys(("window", "first_seen", "last_seen"), "2026-11-01T10:00:00Z")
    old = msgspec.structs.asdict(row(PLAIN)) | times | {"document_url": f"https://shop.example/o/17/{'a1b2' * 16}"}
    old["fingerprint"] = old["fingerprint"].hex()
    del old["document_template"], old["blocked_template"]
    found = exported(json.dumps(old).encode())
    assert found.document_url == "https://shop.example/o/17/{token}"
    assert found.document_template == "https://shop.example/o/{n}/{token}"
    assert found.blocked_template == "https://cdn.example/a.js"
    assert found.fingerprint.hex() == old["fingerprint"]
