"""Keeps a command's processes running: starts them, starts them again when they die, stops them in order."""

import contextlib
import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Any

logger = logging.getLogger("sentinel.run")
READY = "ready"
_CONTEXT = multiprocessing.get_context("spawn")  # fork would carry the parent's threads' locks along
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0
_LONG_LIFE = 30.0  # after which a death is no sign of a bad start
_STARTS = 5  # failed ones in a row before the program gives up
_TELL_SECONDS = 1.0
_SILENCE_SECONDS = 10.0  # after which one that tells how it is does not work


class StartFailed(Exception):
    """A process could not start; carries its sentence."""


def tell(link: Connection, problems: Callable[[], list[str]]) -> None:
    """For a child's own thread, once it said READY: tells the parent what is wrong with it, until that is gone."""
    with contextlib.suppress(OSError):
        while True:
            link.send(problems())
            time.sleep(_TELL_SECONDS)


@dataclass
class Child:
    """A process to keep. `target` is called with `args` and a Connection, on which it says READY or why it can't, and
    then may `tell` what is wrong with it.
    """

    stage: str
    target: Callable[..., None]
    args: tuple[Any, ...]
    stop_seconds: float  # how long it may take to end after SIGTERM
    process: SpawnProcess | None = None
    link: Connection | None = None
    ready: bool = False
    was_ready: bool = False  # in this or an earlier life
    early_ends: int = 0  # lives in a row that were short
    started_at: float = 0.0
    start_at: float = 0.0
    why: str = ""  # it can't start again
    told: list[str] = field(default_factory=list)  # what is wrong with it
    told_at: float | None = None

    def start(self) -> None:
        ours, theirs = _CONTEXT.Pipe(duplex=False)
        self.process = _CONTEXT.Process(target=self.target, args=(*self.args, theirs), name=self.stage)
        # Ctrl-C in a terminal reaches everyone; the parent decides, also while a child is still being made.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.process.start()
        signal.signal(signal.SIGINT, before)
        theirs.close()
        self.link, self.started_at = ours, time.monotonic()

    def ended(self) -> None:
        self.process, self.ready = None, False
        self.told, self.told_at = [], None

    def alive(self) -> bool:
        return self.process is not None and self.process.is_alive()

    def signal(self, number: int) -> None:
        if self.process is not None and self.process.pid is not None and self.process.is_alive():
            os.kill(self.process.pid, number)

    def listen(self) -> None:
        """Take in what the process said. Raises StartFailed with its sentence, if it never came up."""
        try:
            while self.link is not None and self.link.poll():
                said = self.link.recv()
                if said == READY:
                    self.ready = self.was_ready = True
                    self.why = ""
                elif isinstance(said, list):
                    self.told, self.told_at = said, time.monotonic()
                elif self.was_ready:
                    self.why = said
                    logger.error(
                        "a process can't start again; it is tried on", extra={"stage": self.stage, "why": said}
                    )
                else:
                    raise StartFailed(said)
        except (EOFError, OSError):  # killed between two messages, or in the middle of one
            self.link = None

    def problems(self) -> list[str]:
        told_at = self.told_at
        if told_at is not None and (silent := time.monotonic() - told_at) > _SILENCE_SECONDS:
            return [f"{self.stage}: a process has not answered for {silent:.0f} s"]
        return self.told


class Supervisor:
    """`stages`: children that stop together, in the order in which the reports flow."""

    def __init__(
        self, stages: Sequence[Sequence[Child]], on_death: Callable[[str, int], None], on_stop: Callable[[], None]
    ) -> None:
        """`on_death` is told the stage and the process id of a child that died of itself."""
        self._stages = stages
        self._children = [child for stage in stages for child in stage]
        self._on_death = on_death
        self._on_stop = on_stop
        self._signals: list[int] = []
        self._stopping = False

    def run(self, on_ready: Callable[[], None]) -> None:
        """Until SIGTERM or Ctrl-C. Raises StartFailed; KeyboardInterrupt on a second Ctrl-C."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._take_signal)
        announced = False
        try:
            for child in self._children:
                child.start()
            while not self._asked_to_stop():
                self._look_after()
                if not announced and all(child.ready for child in self._children):
                    announced = True
                    on_ready()
        finally:
            self._stop()

    def problems(self) -> list[str]:
        """A line for each thing that is wrong: processes that don't run, and what the others tell. For any thread."""
        found = ["the program is stopping"] if self._stopping else []
        for stage in self._stages:
            absent = [child for child in stage if not child.ready]
            if absent:
                why = next((f": {child.why}" for child in absent if child.why), "")
                found.append(f"{absent[0].stage}: {len(absent)} of {len(stage)} processes not ready{why}")
            found += [problem for child in stage for problem in child.problems()]
        return list(dict.fromkeys(found))

    def _take_signal(self, number: int, _frame: FrameType | None) -> None:
        self._signals.append(number)

    def _asked_to_stop(self) -> bool:
        while signal.SIGHUP in self._signals:
            self._signals.remove(signal.SIGHUP)
            for child in self._children:
                child.signal(signal.SIGHUP)
        return bool(self._signals)

    def _look_after(self) -> None:
        """One round: wait for something to happen, listen to everyone, start who died."""
        links: list[Any] = [child.link for child in self._children if child.link is not None]
        ends: list[Any] = [child.process.sentinel for child in self._children if child.process and child.alive()]
        wait([*links, *ends], timeout=0.2)
        for child in self._children:
            alive = child.alive()  # before it is listened to: a dead one says nothing later
            child.listen()
            if not alive:
                self._start_again(child)

    def _start_again(self, child: Child) -> None:
        process = child.process
        if process is not None:
            child.ended()
            lived = time.monotonic() - child.started_at
            child.early_ends = 0 if lived > _LONG_LIFE else child.early_ends + 1
            if child.early_ends >= _STARTS and not child.was_ready:
                raise StartFailed(
                    f"the {child.stage} process does not start (exit code {process.exitcode}); see its log"
                )
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(child.early_ends, 10))
            child.start_at = time.monotonic() + pause
            logger.warning(
                "a process died and is started again", extra={"stage": child.stage, "code": process.exitcode}
            )
            self._on_death(child.stage, process.pid or 0)
        elif time.monotonic() >= child.start_at:
            child.start()

    def _stop(self) -> None:
        """Stage by stage, so that the processor stores what the collector took last."""
        self._stopping = True
        self._on_stop()
        for stage in self._stages:
            for child in stage:
                child.signal(signal.SIGTERM)
            ends = time.monotonic() + max(child.stop_seconds for child in stage)
            while any(child.alive() for child in stage) and time.monotonic() < ends:
                if self._signals.count(signal.SIGINT) > 1:
                    self._kill(self._children)
                    raise KeyboardInterrupt
                wait([child.process.sentinel for child in stage if child.process and child.alive()], timeout=0.1)
            self._kill(stage)

    def _kill(self, children: Sequence[Child]) -> None:
        for child in children:
            if child.alive():
                logger.warning("a process did not stop in time and is killed", extra={"stage": child.stage})
                child.signal(signal.SIGKILL)
            if child.process is not None:
                child.process.join()
