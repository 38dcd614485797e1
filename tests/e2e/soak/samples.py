"""What the operating system counts of each of the program's processes, every few seconds."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from loadtest.bench import proc
from tests.e2e.drill.stages import Stage

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
    """MiB in a spool, and in the whole data dir."""

    at: float
    spool: float
    data: float


@dataclass
class Samples:
    lives: dict[int, Life] = field(default_factory=dict)  # by process id
    disks: dict[str, list[Disk]] = field(default_factory=dict)


class Sampler(threading.Thread):
    def __init__(
        self, stages: Callable[[], Iterable[tuple[str, Stage]]], folders: dict[str, Path], every: float
    ) -> None:
        """`stages`: those that run now, with their names; `folders`: data dirs by name; `every`: seconds."""
        super().__init__(daemon=True, name="sampler")
        self.samples = Samples(disks={name: [] for name in folders})
        self._stages, self._folders, self._every = stages, folders, every
        self._began = time.monotonic()
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(self._every):
            at = time.monotonic() - self._began
            for name, stage in self._stages():
                for pid, its in _processes(name, stage.process.pid):
                    if taken := _sample(pid, at):
                        life = self.samples.lives.setdefault(pid, Life(its))
                        life.name = its  # a store that only begins looks like a worker
                        life.samples.append(taken)
            for name, folder in self._folders.items():
                spool = _bytes(folder / "spool") / _MIB
                self.samples.disks[name].append(Disk(at, spool, _bytes(folder) / _MIB))

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
            return Sample(round(at, 1), round(memory / _MIB, 2), files, threads)
    return None


def _bytes(folder: Path) -> int:
    """What its files hold; they come and go meanwhile."""
    found = 0
    for above, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                found += Path(above, name).stat().st_size
    return found
