"""The browsers of this machine, each as a person would have it, but without a window."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from tests.e2e.browsers import firefox, webkit
from tests.e2e.browsers.chromium import Chromium
from tests.e2e.browsers.firefox import Firefox
from tests.e2e.browsers.webkit import WebKit


class Browser(Protocol):
    """It knows no web but that behind the proxy; it belongs to the thread that made it."""

    def open(self, url: str) -> None:
        """Returns when the page is loaded."""

    def leave(self) -> None:
        """Closes the pages, once their reports have arrived."""

    def ask(self, script: str) -> Any:
        """The value of an expression of ECMAScript in the page."""

    def picture(self, file: Path) -> None: ...

    def close(self) -> None: ...


# By the table's name: (what starts it in this folder, behind the proxy of this port; the programs it needs).
ENGINES: dict[str, tuple[Callable[[Path, int], Browser], list[str]]] = {
    "chromium": (Chromium, ["chromium"]),
    "firefox": (Firefox, [firefox.PROGRAM]),
    "webkit": (WebKit, [webkit.DRIVER, webkit.SCREEN, webkit.mini_browser() or "MiniBrowser"]),
}


def version(program: str) -> str:
    """As the program says: its first number with a dot."""
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    return next(word for word in said.split() if word[0].isdigit() and "." in word)
