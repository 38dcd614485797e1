"""What the operating system counts of processes that run: of one, or of all that came from it."""

import contextlib
import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def tree(pid: int) -> list[int]:
    """The process and all that came from it and live."""
    found = [pid]
    for parent in found:
        for file in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, file.read_text().split())
    return found


def cpu_seconds(pid: int) -> float:
    """User and system, of all its threads and of children that it waited for; 0 once it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS


def tree_cpu_seconds(pid: int) -> float:
    return sum(map(cpu_seconds, tree(pid)))


def peak_bytes(pid: int) -> int:
    """The most that was resident since it began its program; 0 once it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")), 0)


def resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def has_mapped(pid: int, name: str) -> bool:
    """Whether a file of this name is in its memory."""
    try:
        return name in Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return False
