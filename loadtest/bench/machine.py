"""On what the figures were measured: without that they say nothing to anybody else."""

import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PACKAGES = ("chdb", "clickhouse-connect", "granian", "httptools", "msgspec", "ua-parser-rs", "uvicorn", "uvloop")
# A tool, and how it says its version.
_TOOLS = {"nginx": ("-v",), "wrk": ("-v",), "valgrind": ("--version",), "go": ("version",), "java": ("-version",)}
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/usr/local/go/bin"


def machine() -> dict[str, str]:
    return {
        "processor": _first(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo")) or platform.processor(),
        "cores": str(os.cpu_count()),
        "memory_kib": _first(r"MemTotal:\s*(\d+)", Path("/proc/meminfo")),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Of the libraries that matter, and of the peers and tools that are here."""
    found = {name: said for name in _TOOLS if (said := _tool(name))}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """With a plus where files differ from it; empty outside of a checkout."""
    head = _said(["git", "-C", str(ROOT), "rev-parse", "HEAD"])
    if not head.isalnum():  # git's words of why not
        return ""
    return head + ("+" if _said(["git", "-C", str(ROOT), "status", "--porcelain", "-uno"]) else "")


def _tool(name: str) -> str:
    path = shutil.which(name, path=_PATH)
    found = re.search(r"\d+\.\d[\w.+-]*", _said([path, *_TOOLS[name]])) if path else None
    return found[0] if found else ""


def _said(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout + done.stderr).strip()


def _first(pattern: str, file: Path) -> str:
    try:
        found = re.search(pattern, file.read_text())
    except OSError:
        return ""
    return found[1].strip() if found else ""
