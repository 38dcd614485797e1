"""What strangers wrote is text on every page, whatever it holds."""

import re
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette

from dashboards.app import build
from schema.clickhouse import Engine
from tests.support import hostile
from tests.support.page import Page, opened
from tests.support.store import empty

FIRST = f"/violations/{1:032x}"
PAGES = ["/", "/violations", "/violations?sort=grouped", "/violations?q=script", FIRST, f"/violations/{2:032x}",
         f"/violations/{3:032x}", "/sources?state=all&noise=all", "/policies", "/rejects", "/alerts", "/sites",
         *(f"/policies/{its}" for its in hostile.POLICIES),
         f"/policies/diff?a={hostile.POLICIES[0]}&b={hostile.POLICIES[1]}", "/system"]  # fmt: skip


@pytest.fixture(scope="module")
def attacked(store: Engine) -> Iterator[Starlette]:
    client = store.client()
    empty(client)
    hostile.fill(client)
    yield build(store, lambda: None, token=None)
    empty(client)


def addresses(shown: Page) -> Iterator[str]:
    for _, attributes in shown.tags:
        yield from (attributes[name] or "" for name in ("href", "src", "action", "data-fresh") if name in attributes)


@pytest.mark.parametrize("path", PAGES)
def test_nothing_of_it_is_an_element_an_attribute_or_an_address(attacked: Starlette, path: str):
    shown = opened(attacked, path)
    tags = [tag for tag, _ in shown.tags]
    assert tags.count("script") == 1
    assert not set(tags) & {"style", "img", "iframe", "object", "base", "textarea"}
    assert not re.findall(r"onerror=alert\(2\)>\D*49", shown.text)
    for tag, attributes in shown.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], (tag, attributes)
    for address in addresses(shown):
        assert address.startswith(("/", "#")), address
        assert not address.startswith("//"), address
    for hidden in "\u202e\u2066\x00":
        assert hidden not in shown.text


@pytest.mark.parametrize("path", ["/", "/violations", FIRST, "/sources?state=all&noise=all", "/rejects", "/alerts"])
def test_it_is_shown(attacked: Starlette, path: str):
    text = opened(attacked, path).text
    assert "<script>alert(1)</script>" in text
    assert "⟦U+202E⟧" in opened(attacked, FIRST).text


def test_the_whole_of_64_kib_can_be_reached_and_lists_stay_short(attacked: Starlette):
    assert "é/" * 21_800 in opened(attacked, f"/violations/{2:032x}").text
    for path in ("/", "/violations", "/sources?state=all&noise=all", "/policies"):
        assert "é/" * 600 not in opened(attacked, path).text


def test_links_out_of_it_lead_somewhere(attacked: Starlette):
    for path in ("/", "/violations", FIRST, "/sources?state=all&noise=all"):
        for link in opened(attacked, path).links():
            if link.startswith("/") and not link.startswith("/api"):
                opened(attacked, link)
