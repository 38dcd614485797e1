"""The whole program with a login, opened by a real browser that violates the console's own policy."""

import shutil
import time
from pathlib import Path

import httpx
import pytest

from tests.support.program import Program

CHROMIUM = shutil.which("chromium")
TOKEN = "of-an-editor"
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here (Debian's package)")


def test_a_browser_signs_in_and_what_it_violates_is_stored_as_the_site_console(tmp_path: Path):
    from playwright.sync_api import sync_playwright

    sites = tmp_path / "sites.toml"
    sites.write_text("[sites.shop]\n")  # the site console needs no naming
    flags = ("--workers", "1", "--sites", str(sites))
    with Program(tmp_path, *flags, SENTINEL_CONSOLE_TOKEN=TOKEN) as program, sync_playwright() as playwright:
        home = f"http://127.0.0.1:{program.console_port}"
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{home}/violations?sort=biggest")
        assert page.url.startswith(f"{home}/login?")
        page.fill("input[name=token]", "wrong")
        page.click("main button")
        assert page.text_content("[role=alert]") == "That is not the token."
        page.fill("input[name=token]", TOKEN)
        page.click("main button")
        assert page.url == f"{home}/violations?sort=biggest"
        page.wait_for_selector("header form")
        assert page.evaluate("document.cookie") == ""

        page.evaluate("document.body.append(Object.assign(new Image(), {src: 'http://cdn.example/x.png'}))")
        assert stored(home) == [("img-src", "http://cdn.example/x.png")]

        # A link in a message: the browser keeps the cookie back at first.
        other = context.new_page()
        link = f'<a href="{home}/violations?sort=grouped">see</a>'
        other.route("http://chat.example/", lambda route: route.fulfill(body=link, content_type="text/html"))
        other.goto("http://chat.example/")
        other.click("a")
        other.wait_for_selector("header form")
        assert other.url == f"{home}/violations?sort=grouped"

        page.click("header form button")
        assert page.url == f"{home}/login"
        other.goto(home)
        assert other.url.startswith(f"{home}/login")
        browser.close()
        assert (program.data_dir / "console.secret").stat().st_mode & 0o777 == 0o600


def stored(home: str) -> list[tuple[str, str]]:
    """Directives and blocked URLs of the site console, once there are any."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        headers = {"authorization": f"Bearer {TOKEN}"}
        items = httpx.get(f"{home}/api/violations?site=console", headers=headers).json()["items"]
        if items:
            return [(item["effective_directive"], item["blocked_url"]) for item in items]
        time.sleep(0.1)
    return []
