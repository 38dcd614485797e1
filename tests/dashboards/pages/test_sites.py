"""Sites: who reports, who fell silent, and what is set for them."""

import time
from pathlib import Path

from dashboards.app import build
from schema.clickhouse import Engine
from schema.signing import new_key
from schema.sites import load_sites
from tests.support.asgi import ask
from tests.support.page import opened
from tests.support.store import empty, insert, violation

KEY = new_key()
FILE = f"""
[sites.shop]
hosts = ["shop.example"]
sample = 0.5
signing_keys = ["{KEY}"]

[sites.never]
"""


def test_silence_is_visible(store: Engine, tmp_path: Path):
    client = store.client()
    empty(client)
    now = time.time()
    insert(client, [violation(1, at=now - 90, reports=8), violation(2, at=now - 90, reports=2, noise="extension"),
                    violation(3, at=now - 5 * 86400, site="blog")])  # fmt: skip
    shown = opened(build(store, lambda: 0.0, None), "/sites").text
    shop, blog = shown.split(" shop ", 1)[1], shown.split(" blog ", 1)[1]
    assert "Reports 10 Noise 20% New sources 1 Last report 1 min ago" in shop or "2 min ago" in shop
    assert "silent for 5 d" in blog.split("Settings")[0] or "silent for 4 d" in blog.split("Settings")[0]
    assert "csp/report/blog" in blog


def test_what_the_sites_file_says_is_shown_and_its_keys_are_not(store: Engine, tmp_path: Path):
    client = store.client()
    empty(client)
    insert(client, [violation(1), violation(2, site="old")])
    path = tmp_path / "sites.toml"
    path.write_text(FILE)
    sites = load_sites(path)
    text = ask(build(store, lambda: 0.0, None, sites=lambda: sites), "/sites").text
    assert "shop.example" in text
    assert "0.5" in text
    assert "csp-sentinel sign --site shop" in text
    assert "never reported" in text
    assert "its reports are refused" in text  # those of `old`
    assert KEY not in text


def test_they_come_page_by_page(store: Engine):
    client = store.client()
    empty(client)
    insert(client, [violation(number, site=f"site-{number:02}") for number in range(25)])
    app = build(store, lambda: 0.0, None)
    first = opened(app, "/sites")
    [more] = [link for link in first.links() if "cursor=" in link]
    rest = opened(app, more)
    assert "1–20 sites" in first.text
    assert "21–25 of 25 sites" in rest.text
    assert "site-24" in rest.text


def test_none_is_said_with_what_to_do(store: Engine):
    empty(store.client())
    assert "csp-sentinel demo" in opened(build(store, lambda: 0.0, None), "/sites").text
