"""WebKitGTK by WebDriver: Debian's driver opens MiniBrowser, on a screen that nobody sees."""

import base64
import contextlib
import os
import subprocess
from pathlib import Path
from typing import Any

import httpx

from tests.support.ports import free_ports
from tests.support.waiting import wait_for

DRIVER, SCREEN = "WebKitWebDriver", "Xvfb"


def mini_browser() -> str:
    """Where Debian's driver keeps its newest browser, which is on no PATH; empty where there is none."""
    found = sorted(
        Path("/usr/lib").glob("*/webkit*gtk-[0-9].[0-9]/MiniBrowser"), key=lambda path: path.parent.name[-3:]
    )
    return str(found[-1]) if found else ""


class WebKit:
    """It trusts any certificate."""

    def __init__(self, folder: Path, proxy: int) -> None:
        folder.mkdir()
        [port] = free_ports(1)
        address = f"http://127.0.0.1:{proxy}"
        with (folder / "log").open("wb") as log:
            self._screen, display = _screen(log.fileno())
            # Not the driver's own proxy setting: it speaks TLS with the proxy itself.
            way = {"http_proxy": address, "https_proxy": address, "no_proxy": "127.0.0.1,localhost"}
            self._driver = subprocess.Popen(
                [DRIVER, f"--port={port}"],
                stdout=log,
                stderr=log,
                env={**os.environ, "DISPLAY": display, "HOME": str(folder), **way},
            )
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=90, trust_env=False)
        wait_for("WebKit's driver", self._ready)
        options = {"binary": mini_browser(), "args": ["--automation"]}
        wanted = {"acceptInsecureCerts": True, "webkitgtk:browserOptions": options}
        found = self._command("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{found['sessionId']}"

    def _ready(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return self._client.get("/status").is_success
        return False

    def open(self, url: str) -> None:
        self._command("POST", f"{self._session}/url", {"url": url})

    def leave(self) -> None:
        """The next page does."""

    def ask(self, script: str) -> Any:
        return self._command("POST", f"{self._session}/execute/sync", {"script": f"return {script}", "args": []})

    def picture(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self._command("GET", f"{self._session}/screenshot")))

    def close(self) -> None:
        with contextlib.suppress(httpx.HTTPError, AssertionError):
            self._command("DELETE", self._session)
        self._client.close()
        for process in (self._driver, self._screen):
            process.terminate()
            process.wait(20)

    def _command(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self._client.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()["value"]


def _screen(log: int) -> tuple["subprocess.Popen[bytes]", str]:
    """A running X server, and its name."""
    read, write = os.pipe()
    process = subprocess.Popen([SCREEN, "-displayfd", str(write), "-nolisten", "tcp"], pass_fds=[write], stderr=log)
    os.close(write)
    with os.fdopen(read) as said:
        return process, f":{said.readline().strip()}"
