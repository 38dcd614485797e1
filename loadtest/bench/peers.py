"""What the collector is compared with: nginx that answers and does nothing, and go-csp-collector."""

import contextlib
import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from loadtest.bench.child import Child
from loadtest.bench.requests import Request
from loadtest.bench.servers import REPORT_PATH, Kind, Server, free_port, until_listening

GO_MODULE = "github.com/jacobbednarz/go-csp-collector"
GO_VERSION = "v0.0.22"
GO_BINARY = "BENCH_GO_COLLECTOR"  # in the environment: one that is built already
_BUILD_SECONDS = 300

# A POST's body is read and thrown away, and the connection kept: the least that any collector does.
_NGINX = """
worker_processes {workers};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_rlimit_nofile 20000;
events {{ worker_connections 10000; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 75s;
    client_max_body_size 1m;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=2048;
        location = {path} {{ return 204; }}
    }}
}}
"""


@contextlib.contextmanager
def nginx(folder: Path, cores: int | str, *, workers: int = 1) -> Iterator[Server]:
    port = free_port()
    file = folder / "nginx.conf"
    file.write_text(_NGINX.format(folder=folder, port=port, path=REPORT_PATH, workers=workers))
    program = _nginx_program() or "nginx"
    with Child([program, "-c", file, "-p", folder, "-e", folder / "error.log"], folder / "nginx.log", cores) as child:
        until_listening(child, port)
        yield Server(child, f"http://127.0.0.1:{port}", lambda _request: REPORT_PATH)


def _nginx_program() -> str | None:
    """It stands where only an administrator's PATH leads."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def nginx_missing() -> str:
    return "" if _nginx_program() else "nginx is not here (Debian: apt-get install nginx-light)"


@contextlib.contextmanager
def go_collector(_folder: Path, cores: int | str) -> Iterator[Server]:
    """It writes a line a report, as it does for everybody; here nobody keeps them."""
    port, program = free_port(), go_program()
    words: list[str | Path] = [program, "-port", str(port), "-metrics-port", str(free_port())]
    with Child(words, Path(os.devnull), cores, {"GOMAXPROCS": "1"}) as child:
        until_listening(child, port)
        yield Server(child, f"http://127.0.0.1:{port}", _go_path)


def _go_path(request: Request) -> str:
    return "/reporting-api/csp" if request.array else "/"


@functools.cache
def go_missing() -> str:
    try:
        go_program()
    except FileNotFoundError as error:
        return str(error)
    return ""


def go_program() -> Path:
    """Built once, into the user's cache. Raises FileNotFoundError, which says what is missing."""
    if given := os.environ.get(GO_BINARY):
        return Path(given)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "csp-sentinel"
    built = cache / f"go-csp-collector-{GO_VERSION}" / "go-csp-collector"
    if built.exists():
        return built
    go = shutil.which("go", path=f"{os.environ.get('PATH', '')}:/usr/local/go/bin")
    if go is None:
        raise FileNotFoundError("Go is not here to build go-csp-collector")
    built.parent.mkdir(parents=True, exist_ok=True)
    why = _installed(go, built.parent)
    if why or not built.exists():
        raise FileNotFoundError(
            f"Go could not fetch {GO_MODULE}@{GO_VERSION} ({why}); {GO_BINARY} may name a built one"
        )
    return built


def _installed(go: str, folder: Path) -> str:
    """Why not, if not."""
    try:
        done = subprocess.run(
            [go, "install", f"{GO_MODULE}@{GO_VERSION}"],
            env={**os.environ, "GOBIN": str(folder)},
            capture_output=True,
            text=True,
            check=False,
            timeout=_BUILD_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"not within {_BUILD_SECONDS} s"
    return (done.stderr.strip().splitlines() or ["it says nothing"])[-1].strip() if done.returncode else ""


NGINX = Kind("nginx", "nginx", nginx)
# Preflights it answers for the Reporting API alone, which is what they are for.
GO = Kind("go", "go-csp-collector", go_collector, takes=lambda load: load not in {"mix", "browsers"})
