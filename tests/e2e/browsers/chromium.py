"""Chromium by Playwright, as in the tests of the console."""

from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.support.browser import launch


class Chromium:
    def __init__(self, _folder: Path, proxy: int) -> None:
        self._playwright = sync_playwright().start()
        # Reports go out within a second instead of once a minute.
        flags = ["--ignore-certificate-errors", "--short-reporting-delay"]
        self._browser = launch(self._playwright, *flags, proxy={"server": f"http://127.0.0.1:{proxy}"})
        self._page = self._browser.new_page()
        self._tools = self._page.context.new_cdp_session(self._page)

    def open(self, url: str) -> None:
        self._page.goto(url)
        self._tools.send("Page.getAppManifest")  # what reads a page's manifest, as installing it would

    def leave(self) -> None:
        """The next page does."""

    def ask(self, script: str) -> Any:
        return self._page.evaluate(script)

    def picture(self, file: Path) -> None:
        self._page.screenshot(path=file)

    def close(self) -> None:
        self._browser.close()
        self._playwright.stop()
