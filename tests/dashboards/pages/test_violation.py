"""One violation: every field, why it is real or not, and how to see it again."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.applications import Starlette

from dashboards import reproduce
from dashboards.app import build
from dashboards.rows import FIELDS
from schema.clickhouse import Engine
from tests.support.asgi import ask
from tests.support.hostile import LONG, TEXT
from tests.support.page import Page, opened
from tests.support.store import empty, insert, violation


def test_it_shows_every_field_its_policies_and_its_example(app: Starlette):
    shown = opened(app, f"/violations/{0:032x}")
    item = ask(app, f"/api/violations/{0:032x}").json
    for name in FIELDS:
        if name != "original_policy":
            assert f" {name} " in shown.text, name
        assert str(item[name]).split(";", maxsplit=1)[0] in shown.text, name
    assert "default-src 'self'" in shown.text
    assert '{"csp-report":{}}' in shown.text


def test_it_leads_back_with_the_filters_it_came_with(app: Starlette):
    shown = opened(app, f"/violations/{0:032x}?site=shop&q=page")
    assert "/violations?site=shop&q=page" in shown.links()
    assert "site shop" in shown.text


def test_an_unknown_one_is_a_page_that_says_so(app: Starlette):
    assert "fingerprint" in opened(app, f"/violations/{999:032x}", 404).text
    assert "fingerprint" in opened(app, "/violations/x", 404).text


@pytest.fixture
def judged(store: Engine) -> Starlette:
    client = store.client()
    empty(client)
    insert(client, [
        violation(1, original_policy="default-src 'self'; script-src https://cdn.example; script-src *",
                  policy_hash="00000000000000cc", verdict="consistent", verdict_reason="script-src"),
        violation(2, blocked_url="https://cdn.evil.example/1.js", document_url="https://www.shop.example/other"),
        violation(3, original_policy="script-src *", policy_hash="00000000000000bb", verdict="impossible",
                  verdict_reason="allowed"),
        violation(4, original_policy="img-src 'self', script-src 'none', object-src 'none'",
                  policy_hash="00000000000000dd", verdict="consistent", verdict_reason="script-src"),
    ])  # fmt: skip
    return build(store, lambda: 0.0, None)


def test_the_directive_that_blocks_is_marked_in_the_policy(judged: Starlette):
    shown = opened(judged, f"/violations/{1:032x}")
    assert [tag for tag, _ in shown.tags].count("mark") == 1
    assert "script-src https://cdn.example blocks it" in shown.text


def test_of_several_policies_the_one_that_blocks_has_the_mark(judged: Starlette):
    shown = opened(judged, f"/violations/{4:032x}")
    assert [tag for tag, _ in shown.tags].count("mark") == 1
    assert "Policy 2 of 3 script-src 'none' blocks it Policy 3 of 3 object-src 'none'" in shown.text


def test_a_policy_that_allows_it_has_no_mark(judged: Starlette):
    shown = opened(judged, f"/violations/{3:032x}")
    assert "mark" not in {tag for tag, _ in shown.tags}
    assert "Impossible. Its own policy doesn’t block this" in shown.text


def test_a_violation_without_a_kept_report_says_so(judged: Starlette):
    shown = opened(judged, f"/violations/{1:032x}").text
    assert "A report as a browser sent it None is kept of this violation" in shown


def test_the_same_source_on_other_pages_is_listed(judged: Starlette):
    shown = opened(judged, f"/violations/{1:032x}")
    assert "The same source elsewhere" in shown.text
    assert f"/violations/{2:032x}" in shown.links()


def test_a_link_to_it_elsewhere_leaves_the_filters_behind_that_may_leave_it_out(judged: Starlette):
    shown = opened(judged, f"/violations/{1:032x}?disposition=enforce")
    assert f"/violations/{2:032x}" in shown.links()


def blocked(**fields: object) -> dict[str, object]:
    return {
        "original_policy": "script-src 'self'", "effective_directive": "script-src-elem", "blocked_kind": "url",
        "blocked_url": "https://evil.example/a.js", "blocked_host": "evil.example", "sample": "",
        "document_url": "https://www.shop.example/", "disposition": "enforce", **fields,
    }  # fmt: skip


@pytest.mark.parametrize("hostile", [
    {}, {"blocked_url": "https://evil.example/'; touch /tmp/owned; '$(touch x)`y`\\n"},
    {"original_policy": f"script-src 'self'; {TEXT}", "document_url": TEXT}, {"blocked_url": LONG},
    {"blocked_kind": "inline", "sample": TEXT}, {"blocked_kind": "eval", "effective_directive": "script-src"},
])  # fmt: skip
def test_the_question_for_the_matcher_can_be_pasted_into_a_shell(hostile: dict[str, object]):
    line = reproduce.question(blocked(**hostile))
    assert line.isascii()
    assert line.isprintable()
    command, program = line.rsplit(" | ", 1)
    assert program == ".venv/bin/csp-sentinel match"
    said = subprocess.run(["/bin/sh"], input=command, capture_output=True, text=True, check=True).stdout
    asked = json.loads(said)
    assert asked["document"] == blocked(**hostile)["document_url"]
    match = Path(sys.executable).with_name("csp-sentinel")
    answer = subprocess.run([match, "match"], input=said, capture_output=True, text=True, check=True).stdout
    assert json.loads(answer)["allowed"] is False
    assert shlex.split(command)[0] == "printf"


@pytest.mark.parametrize("directive, kind, has", [
    ("script-src-elem", "url", "script"), ("img-src", "url", "img"), ("style-src-elem", "url", "link"),
    ("frame-src", "url", "iframe"), ("script-src-elem", "inline", "script"), ("style-src-attr", "inline", "p"),
    ("script-src-attr", "inline", "button"), ("connect-src", "url", ""), ("script-src", "eval", ""),
])  # fmt: skip
def test_the_page_that_does_it_again_holds_one_element(directive: str, kind: str, has: str):
    host = "e.example" if kind == "url" else ""
    text = reproduce.page(blocked(
        effective_directive=directive, blocked_kind=kind, blocked_host=host, blocked_url=f"https://e.example/{TEXT}",
        sample=TEXT, original_policy=f"{directive} 'self'",
    ))  # fmt: skip
    assert bool(text) == bool(has)
    if has:
        tags = [tag for tag, _ in Page(text.replace("<!doctype html>", "")).tags]
        assert tags == ["meta", "title", "meta", has]


def test_the_page_that_does_it_again_is_under_every_policy_of_the_report():
    text = reproduce.page(blocked(original_policy="img-src 'self', script-src 'none'"))
    metas = [its["content"] for _, its in Page(text.replace("<!doctype html>", "")).tags if "http-equiv" in its]
    assert metas == ["img-src 'self'", "script-src 'none'"]


UPGRADES = "img-src https:; upgrade-insecure-requests"


def image(**fields: object) -> dict[str, object]:
    return blocked(effective_directive="img-src", blocked_url="http://cdn.example/x.png", blocked_host="cdn.example",
                   original_policy=UPGRADES, **fields)  # fmt: skip


@pytest.mark.parametrize("disposition, deciding", [("report", "img-src"), ("enforce", ""), ("", "")])
def test_an_upgrade_counts_only_in_a_policy_that_is_enforced(disposition: str, deciding: str):
    assert reproduce.decides(image(disposition=disposition), UPGRADES) == deciding


def test_the_question_and_the_page_of_a_policy_that_only_reports_upgrade_nothing():
    one = image(disposition="report")
    for text in (reproduce.question(one), reproduce.page(one)):
        assert "img-src https:" in text
        assert "upgrade-insecure-requests" not in text
    assert "upgrade-insecure-requests" in reproduce.question(image(disposition="enforce"))


def test_a_report_without_a_policy_asks_nothing():
    assert reproduce.question(blocked(original_policy="")) == reproduce.page(blocked(original_policy="")) == ""
