"""What the operating system counts of each of the program's processes, every few seconds."""

import contextlib
import os
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from loadtest.bench import proc
from tests.e2e.soak.many import Many
from tests.e2e.soak.one import One
from tests.e2e.soak.sender import statuses

_MIB = 1 << 20


class Sample(NamedTuple):
    """`at`: seconds since the soak began; `memory`: resident, in MiB."""

    at: float
    memory: float
    files: int
    threads: int


@dataclass
class Life:
    """Of one process, from its first sample to its last: one that is started again has another."""

    name: str
    samples: list[Sample] = field(default_factory=list)


class Disk(NamedTuple):
    """MiB in a spool, and in the rest of its data dir."""

    at: float
    spool: float
    rest: float


@dataclass
class Samples:
    lives: dict[int, Life] = field(default_factory=dict)  # by process id
    disks: dict[str, list[Disk]] = field(default_factory=dict)
    answered: dict[str, list[tuple[float, int]]] = field(default_factory=dict)  # posts answered 204 until then


class Sampler(threading.Thread):
    def __init__(self, set_ups: Sequence[One | Many], every: float) -> None:
        """`every`: seconds."""
        super().__init__(daemon=True, name="sampler")
        self.samples = Samples()
        self._set_ups, self._every = set_ups, every
        self._began = time.monotonic()
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(self._every):
            at = time.monotonic() - self._began
            for its in self._set_ups:
                self._look(its, round(at, 1))

    def _look(self, its: One | Many, at: float) -> None:
        self.samples.answered.setdefault(its.name, []).append((at, statuses(its.browsers)[204]))
        for name, stage in its.stages():
            for pid, called in _processes(name, stage.process.pid):
                if taken := _sample(pid, at):
                    life = self.samples.lives.setdefault(pid, Life(called))
                    life.name = called  # a store that only begins looks like a worker
                    life.samples.append(taken)
        for name, folder in its.data_dirs.items():
            spool = _bytes(folder / "spool")
            disk = Disk(at, spool / _MIB, max(0, _bytes(folder) - spool) / _MIB)
            self.samples.disks.setdefault(name, []).append(disk)

    def stop(self) -> None:
        self._over.set()
        self.join()


def _processes(name: str, parent: int) -> Iterable[tuple[int, str]]:
    yield parent, name
    for pid in proc.tree(parent)[1:]:
        with contextlib.suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                if proc.has_mapped(pid, "chdb"):
                    yield pid, f"{name}, store"
                elif proc.has_mapped(pid, "uvloop"):  # else it has only just begun
                    yield pid, f"{name}, worker"


def _sample(pid: int, at: float) -> Sample | None:
    """None where the process is gone, or dead and not waited for."""
    with contextlib.suppress(OSError, IndexError):
        threads = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[17])
        files = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
        if memory := proc.resident_bytes(pid):
            return Sample(at, round(memory / _MIB, 2), files, threads)
    return None


def _bytes(folder: Path) -> int:
    """What its files hold; they come and go meanwhile."""
    found = 0
    for above, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                found += Path(above, name).stat().st_size
    return found
