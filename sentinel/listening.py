"""Where a command listens, and what it says of that: to the person who started it, and to the other commands."""

import contextlib
import errno
import json
import os
import socket
import time
from pathlib import Path

from ingest.servers import BACKLOG
from sentinel.explained import CannotStart
from sentinel.settings import Settings
from sentinel.spools import is_running

PREDECESSOR_SECONDS = 10.0  # for processes of a killed run to end


class Places:
    """The file that says where a command listens, for the other commands; for who holds the command's lock.

    It goes with the command. A killed one leaves it, and for a moment processes that still hold its ports.
    """

    def __init__(self, data_dir: Path, command: str) -> None:
        """`patience`: seconds for such processes to end."""
        self._path = data_dir / f"{command}.json"
        self.patience = PREDECESSOR_SECONDS if self._path.exists() else 0

    def __enter__(self) -> "Places":
        self._path.unlink(missing_ok=True)  # from now on it would be taken for ours
        return self

    def __exit__(self, *_: object) -> None:
        self._path.unlink(missing_ok=True)

    def write(self, where: dict[str, str]) -> None:
        unfinished = self._path.with_suffix(".part")
        with contextlib.suppress(OSError):  # a collector must come up on the disk that its spool has filled
            unfinished.write_text(json.dumps({**where, "pid": os.getpid()}))
            unfinished.replace(self._path)


def console_of(data_dir: Path) -> str | None:
    """The URL of the console that runs on a data dir now."""
    for command in ("run", "console"):
        if is_running(data_dir, command):
            with contextlib.suppress(OSError, ValueError, KeyError, RecursionError):
                return str(json.loads((data_dir / f"{command}.json").read_text())["console"])
    return None


def listen(host: str, port: int, flag: str, seconds: float = 0) -> socket.socket:
    """`seconds`: to try, because processes of a killed `run` that are just ending still hold the port."""
    setting = f"--{flag} (SENTINEL_{flag.replace('-', '_').upper()})"
    ends = time.monotonic() + seconds
    while True:
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            if taken and time.monotonic() < ends:
                time.sleep(0.1)
                continue
            why = "it is taken by another program" if taken else error.strerror or str(error)
            raise CannotStart(f"can't listen on {host} port {port}: {why}; choose another {setting}") from None


def url_of(listener: socket.socket) -> str:
    return address_url(*listener.getsockname()[:2])


def address_url(host: str, port: int) -> str:
    """As it is reached on its own machine."""
    shown = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104  (shown, not bound)
    return f"http://{shown}:{port}"


def announce(places: Places, where: dict[str, str], settings: Settings) -> None:
    """What a person needs next, on standard output; and where things are, for the other commands."""
    places.write(where)
    reports = f"{where['collector']}/csp/report"
    for name, url in {**where, "collector": reports}.items():
        print(f"{name + ':':<11}{url}")
    if settings.log is not None:
        print(f"ships to:  {settings.log.url}")
    print(
        "\nTo try it on this machine, send this header with your pages (SITE is a label of your choice):\n"
        f"  Content-Security-Policy-Report-Only: default-src 'self'; report-uri {reports}/SITE\n"
        "On a real site, behind https (browsers deliver the Reporting API nowhere else), send both:\n"
        f'  Reporting-Endpoints: csp="{settings.collector_url or "https://YOUR-COLLECTOR"}/csp/report/SITE"\n'
        "  Content-Security-Policy-Report-Only: default-src 'self'; report-to csp\n"
        "Nothing to report yet? `csp-sentinel demo` sends some. Ctrl-C stops.",
        flush=True,
    )
