"""A violation's page says why its verdict is what it is: the matcher's sentence, and what the report leaves open."""

import msgspec
import pytest

from dashboards.explain import explanation
from tests.support.reports import row


def explained(policy: str, directive: str, blocked: str, disposition: str = "enforce") -> str:
    found = row(
        {
            "document-uri": "https://shop.example/cart",
            "effective-directive": directive,
            "blocked-uri": blocked,
            "original-policy": policy,
            "disposition": disposition,
        }
    )
    return explanation(msgspec.structs.asdict(found))


@pytest.mark.parametrize(
    "policy, directive, blocked, sentence",
    [
        ("default-src 'self'", "img-src", "https://a.example/x.png",
         "img-src falls back to default-src 'self'; the host differs"),
        ("script-src 'unsafe-inline'", "script-src-elem", "inline",
         "script-src-elem falls back to script-src 'unsafe-inline'; 'unsafe-inline' allows it"),
        ("img-src 'self'", "font-src", "https://a.example/x.woff", "no directive of the policy governs font-src"),
        ("img-src https://a.example", "img-src", "https://a.example/go",
         "img-src https://a.example; https://a.example matches: the policy allows this URL, but perhaps not what it"
         " redirects to"),
        ("", "img-src", "https://a.example/x.png", "the report has no policy"),
        ("img-src 'self'", "img-src", "inline", "this directive never blocks such a thing"),
    ],
)  # fmt: skip
def test_a_verdict_is_explained(policy, directive, blocked, sentence):
    assert explained(policy, directive, blocked) == sentence


@pytest.mark.parametrize(
    "disposition, sentence",
    [
        ("enforce", "img-src https:; https: matches"),
        ("report", "img-src https:; no source covers http:"),
        ("", "img-src https:; no source covers http:: it depends on whether the policy was enforced, which the report"
             " doesn't tell"),
    ],
)  # fmt: skip
def test_an_upgrade_counts_only_where_the_verdict_counts_it(disposition, sentence):
    policy = "img-src https:; upgrade-insecure-requests"
    assert explained(policy, "img-src", "http://cdn.example/x.png", disposition) == sentence


def test_without_a_verdict_there_is_nothing_to_explain():
    assert explanation({"verdict": ""}) == ""


def test_a_reason_of_a_newer_version_is_left_out():
    found = row({"document-uri": "https://shop.example/", "effective-directive": "img-src",
                 "blocked-uri": "https://a.example/x.png",
                 "original-policy": "img-src 'self'"})  # fmt: skip
    for verdict in ("consistent", "undecidable", "impossible"):
        newer = msgspec.structs.asdict(found) | {"verdict": verdict, "verdict_reason": "not-known-yet"}
        assert explanation(newer) == "img-src 'self'; the host differs"
