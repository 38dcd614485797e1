"""Firefox by its own protocol, Marionette: Debian has no geckodriver, and a visit needs five commands."""

import base64
import contextlib
import json
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

PROGRAM = "firefox-esr"
_START_SECONDS = 180  # three browsers start at once
_PREFERENCES = {
    "marionette.port": 0,
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.ssl": "127.0.0.1",
    "browser.chrome.site_icons": False,  # or each page asks for /favicon.ico, which img-src may block
    "security.csp.reporting.limit.count": 0,  # no limit: it keeps what is over 100 in 2 s to itself
    # A new profile would open a welcome, and Marionette waits until the first window has loaded.
    "browser.aboutwelcome.enabled": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.page": 0,
    "startup.homepage_welcome_url": "about:blank",
}


class Firefox:
    """With a profile of its own; it trusts any certificate."""

    def __init__(self, folder: Path, proxy: int) -> None:
        folder.mkdir()
        preferences = _PREFERENCES | {"network.proxy.http_port": proxy, "network.proxy.ssl_port": proxy}
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()]
        (folder / "user.js").write_text("".join(lines))
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "--headless", "--marionette", "--no-remote", "--profile", folder], stdout=log, stderr=log
            )
        self._socket = socket.socket()
        self._socket.settimeout(_START_SECONDS)
        self._stream = self._socket.makefile("rb")
        try:
            self._socket.connect(("127.0.0.1", self._port(folder)))
            self._read()  # who it is
            self._command("WebDriver:NewSession", acceptInsecureCerts=True)
        except BaseException:
            self._process.kill()
            self.close()
            raise

    def _port(self, folder: Path) -> int:
        ends = time.monotonic() + _START_SECONDS
        while time.monotonic() < ends and self._process.poll() is None:
            with contextlib.suppress(OSError, ValueError):
                return int((folder / "MarionetteActivePort").read_text())
            time.sleep(0.05)
        raise AssertionError((folder / "log").read_text())

    def open(self, url: str) -> None:
        """In a tab of its own, because a page that is left takes reports back that are on their way."""
        tab = self._command("WebDriver:NewWindow", type="tab", focus=True)["handle"]
        self._command("WebDriver:SwitchToWindow", handle=tab, focus=True)
        self._command("WebDriver:Navigate", url=url)

    def leave(self) -> None:
        first, *others = self._command("WebDriver:GetWindowHandles")
        for tab in others:
            self._command("WebDriver:SwitchToWindow", handle=tab, focus=False)
            self._command("WebDriver:CloseWindow")
        self._command("WebDriver:SwitchToWindow", handle=first, focus=True)

    def ask(self, script: str) -> Any:
        return self._command("WebDriver:ExecuteScript", script=f"return {script}", args=[], sandbox=None)["value"]

    def picture(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self._command("WebDriver:TakeScreenshot", full=True)["value"]))

    def close(self) -> None:
        with contextlib.suppress(OSError, AssertionError):
            self._command("Marionette:Quit", flags=["eForceQuit"])
        self._stream.close()
        self._socket.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _command(self, name: str, **arguments: Any) -> Any:
        line = json.dumps([0, 1, name, arguments]).encode()
        self._socket.sendall(b"%d:%s" % (len(line), line))
        _, _, error, result = self._read()
        assert error is None, error
        return result

    def _read(self) -> Any:
        """A length, a colon, JSON."""
        length = b""
        while not length.endswith(b":"):
            piece = self._stream.read(1)
            assert piece, "Firefox is gone"
            length += piece
        return json.loads(self._stream.read(int(length[:-1])))
