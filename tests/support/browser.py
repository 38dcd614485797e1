"""A real browser in front of the console, and what it has to say against a page."""

import contextlib
import shutil
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright, sync_playwright
from starlette.types import ASGIApp

WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
DESKTOP = {"viewport": {"width": 1280, "height": 860}}
DARK = {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"}
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}

# The browser tells of what its policy blocks by an event of the document.
_LISTEN = """
window.__blocked = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.__blocked.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`);
});
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """While it is open no test of the module can use asyncio: it has a loop of its own in this thread."""
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        opened = launch(playwright)
        yield opened
        opened.close()


def launch(playwright: Playwright, *flags: str, **options: Any) -> Browser:
    """Debian's Chromium, which must be there."""
    program = shutil.which("chromium")
    assert program
    return playwright.chromium.launch(executable_path=program, args=["--no-sandbox", *flags], **options)


@contextlib.contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The app behind a real server of its own thread; its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


class Visit:
    """A tab, in which nothing may go wrong unheard: `said` has errors, warnings and dialogs."""

    def __init__(self, browser: Browser, address: str, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.address = address
        self.said: list[str] = []
        self.page.add_init_script(_LISTEN)
        self.page.on("console", lambda its: self.said.append(its.text) if its.type in {"error", "warning"} else None)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append(dialog.message), dialog.dismiss()))

    def __enter__(self) -> "Visit":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page

    def blocked(self) -> list[str]:
        found: list[str] = self.page.evaluate("window.__blocked")
        return found

    def too_wide(self) -> int:
        """Px that only scrolling sideways would show, or that stick out of a panel."""
        found: int = self.page.evaluate(
            "Math.max(...[document.documentElement, ...document.querySelectorAll('.panel, .card')]"
            ".map((its) => its.scrollWidth - its.clientWidth))"
        )
        return found

    def barriers(self) -> list[str]:
        """What axe finds against WCAG 2.2 AA: the rule, and where."""
        found = Axe().run(self.page, options={"runOnly": list(WCAG), "resultTypes": ["violations"]})
        return [
            f"{rule['id']}: {node['target']} {node.get('failureSummary', '')}"
            for rule in found.response["violations"]
            for node in rule["nodes"]
        ]
