"""What a section is told: how long, how often, on which cores, and where to say how far it is."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@dataclass(frozen=True)
class Options:
    """`folder` is there for the section's files and deleted afterwards. Seconds are those of one run under load."""

    folder: Path
    rounds: int = 3
    seconds: float = 6
    reports: int = 200_000
    soak_minutes: float = 10
    quick: bool = False
    server_core: int = 0
    client_core: int = 1
    console: Console = field(default_factory=lambda: Console(stderr=True))

    def once(self) -> "Options":
        """For one round of several things in turn."""
        return replace(self, rounds=1)

    def say(self, text: str) -> None:
        self.console.print(f"  {text}", highlight=False)

    @contextlib.contextmanager
    def progress(self, text: str, total: float) -> Iterator[Callable[[float], None]]:
        """A bar while it lasts; what it gives is called with how much more is done."""
        columns = TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        with Progress(*columns, console=self.console, transient=True) as bar:
            task = bar.add_task(text, total=total)
            yield lambda more: bar.advance(task, more)
