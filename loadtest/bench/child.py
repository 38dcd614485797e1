"""A process of a measurement: pinned to a core, always ended, and what it used as the operating system counted it."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from loadtest.bench import proc

_STOP_SECONDS = 20.0
_WORDS_OF_LOG = 2000  # characters


class Failed(Exception):
    """A process of the measurement did not do what it should; says which, and its last words."""


class Usage(NamedTuple):
    """Of a process and the children that it waited for."""

    wall_seconds: float
    cpu_seconds: float  # user and system
    peak_bytes: int  # resident, its own
    code: int


def pinned(command: Sequence[str | Path], core: int | str | None) -> list[str]:
    """Bound to a core before it starts: libraries ask then how many threads to make."""
    words = [str(word) for word in command]
    if core is None or shutil.which("taskset") is None:
        return words
    return ["taskset", "-c", str(core), *words]


class Child:
    """Started once made; ended at the end of the `with`, whatever happens in it."""

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        core: int | str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.log = log
        self._name = Path(command[0]).name
        self._began = time.monotonic()
        self._usage: Usage | None = None
        self._peak = 0
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                pinned(command, core),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env={**os.environ, **(environment or {})},
                start_new_session=True,  # Ctrl-C comes to us, and we end it
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait(self, seconds: float) -> Usage:
        """Raises Failed where it takes longer."""
        ends = time.monotonic() + seconds
        while self._usage is None:
            if time.monotonic() > ends:
                raise Failed(f"{self._name} did not end within {seconds:.0f} s: {self.words()}")
            time.sleep(0.01)
            self._collect()
        return self._usage

    def running(self) -> bool:
        self._collect()
        return self._usage is None

    def _collect(self) -> None:
        """By `wait4`, which also says what the process used; but its peak counts what we had when it was forked."""
        if self._usage is not None:
            return
        self._peak = max(self._peak, proc.peak_bytes(self.pid))
        pid, status, used = os.wait4(self.pid, os.WNOHANG)
        if pid:
            code = self.process.returncode = os.waitstatus_to_exitcode(status)
            cpu = used.ru_utime + used.ru_stime
            self._usage = Usage(time.monotonic() - self._began, cpu, self._peak, code)

    def stop(self) -> Usage:
        """As an administrator would, then as the kernel does."""
        with contextlib.suppress(ProcessLookupError):
            if self.running():
                self.process.send_signal(signal.SIGTERM)
                with contextlib.suppress(Failed):
                    return self.wait(_STOP_SECONDS)
                os.killpg(self.pid, signal.SIGKILL)
        return self.wait(_STOP_SECONDS)

    def words(self) -> str:
        """The last ones of its log."""
        return self.log.read_text(errors="replace")[-_WORDS_OF_LOG:].strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def run(
    command: Sequence[str | Path],
    log: Path,
    core: int | str | None = None,
    environment: Mapping[str, str] | None = None,
    seconds: float = 3600,
) -> Usage:
    """To its end. Raises Failed for an exit code but 0."""
    with Child(command, log, core, environment) as child:
        used = child.wait(seconds)
    if used.code:
        raise Failed(f"{Path(command[0]).name} ended with exit code {used.code}: {child.words()}")
    return used
