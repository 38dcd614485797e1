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

PREDECESSOR_SECONDS = 10.0  # for processes of a killed run to end


def patience(places: Path) -> float:
    """A killed program leaves this file, and for a moment processes that still hold its ports."""
    return PREDECESSOR_SECONDS if places.exists() else 0


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
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104  (shown, not bound)
    return f"http://{shown}:{port}"


def announce(places: Path, where: dict[str, str], settings: Settings) -> None:
    """What a person needs next, on standard output; and where things are, for the other commands."""
    unfinished = places.with_suffix(".part")
    with contextlib.suppress(OSError):  # a collector must come up on the disk that its spool has filled, to empty it
        unfinished.write_text(json.dumps({**where, "pid": os.getpid()}))
        unfinished.replace(places)
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
