"""One soak from its beginning to its verdict."""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from loadtest.bench.machine import commit, machine
from tests.e2e.drill.verdict import Line
from tests.e2e.soak.chart import chart
from tests.e2e.soak.many import Many, many
from tests.e2e.soak.one import One
from tests.e2e.soak.samples import Sampler
from tests.e2e.soak.sender import Load, statuses
from tests.e2e.soak.timetable import KILLING_SHARE, Timetable
from tests.e2e.soak.verdict import LEAST_SECONDS, judge_lives, judge_totals

_EVERY_SECONDS = 5.0  # a sample
_TELL_SECONDS = 60.0


class Plan(NamedTuple):
    """`rate`: reports a second to each set-up. `only`: "run" or "many", or both where it is empty."""

    seconds: float
    rate: float
    seed: int
    only: str


class Outcome(NamedTuple):
    holds: bool
    record: dict[str, Any]
    svg: str


def soak(folder: Path, plan: Plan, command: str, over: threading.Event, tell: Callable[[str], None]) -> Outcome:
    """Until the plan's seconds have gone, or `over` is set; `folder` then has the logs of all."""
    began = time.monotonic()

    def say(line: str) -> None:
        tell(f"{(time.monotonic() - began) / 60:6.1f} min  {line}")

    with contextlib.ExitStack() as stack:
        set_ups: list[One | Many] = []
        for name in (plan.only,) if plan.only else ("run", "many"):
            (folder / name).mkdir()
            made = One(folder / name) if name == "run" else many(folder / name)
            set_ups.append(stack.enter_context(made))
        began = time.monotonic()
        say(f"everything is up; seed {plan.seed}")
        return _Soak(set_ups, plan, say).outcome(command, over)


class _Soak:
    def __init__(self, set_ups: Sequence[One | Many], plan: Plan, say: Callable[[str], None]) -> None:
        self._set_ups, self._plan, self._say = set_ups, plan, say
        self._sampler = Sampler(set_ups, max(0.5, min(_EVERY_SECONDS, plan.seconds / 100)))
        self._loads = [Load(its.browsers, plan.rate, plan.seconds, plan.seed) for its in set_ups]
        self._tables = [Timetable(its.name, its.troubles(), plan.seconds, plan.seed, say) for its in set_ups]

    def outcome(self, command: str, over: threading.Event) -> Outcome:
        lasted = self._under_load(over)
        samples = self._sampler.samples
        faults = [found for table in self._tables for found in table.happened]
        lines = [line for its in self._set_ups for line in self._totals(its)]
        must = lasted * (1 - KILLING_SHARE) > 4 * LEAST_SECONDS
        lines += judge_lives(samples.lives.values(), must=must)
        lines += [Line(False, str(found)) for found in faults if found.failed]
        for line in lines:
            self._say(f"{'yes' if line.holds else 'NO ':<4}{line.text}")
        holds, date, minutes = all(line.holds for line in lines), time.strftime("%Y-%m-%d"), round(lasted / 60, 1)
        sites = [asdict(account) for its in self._set_ups for by in its.browsers for account in by.sent.accounts]
        record = {
            "holds": holds, "date": date, "minutes": minutes, "command": command, "seed": self._plan.seed,
            "commit": commit(), "machine": machine(), "lines": [line._asdict() for line in lines],
            "faults": [asdict(found) for found in faults], "sites": sites, "samples": asdict(samples),
        }  # fmt: skip
        return Outcome(
            holds, record, chart(f"Soak of {minutes:g} minutes, {date}: {len(faults)} faults", samples, faults)
        )

    def _under_load(self, over: threading.Event) -> float:
        """Seconds it lasted."""
        began = time.monotonic()
        for thread in (self._sampler, *self._loads, *self._tables):
            thread.start()
        while not over.wait(min(_TELL_SECONDS, max(0.0, left := began + self._plan.seconds - time.monotonic()))):
            if left <= 0:
                break
            self._progress()
        for thread in (*self._tables, *self._loads, self._sampler):
            thread.stop()
        self._say("the load has stopped")
        return time.monotonic() - began

    def _progress(self) -> None:
        lives = self._sampler.samples.lives
        for its, table in zip(self._set_ups, self._tables, strict=True):
            found = statuses(its.browsers)
            pids = {stage.process.pid: name for name, stage in its.stages()}
            sizes = [f"{name} {lives[pid].samples[-1].memory:.0f}" for pid, name in pids.items() if pid in lives]
            self._say(
                f"{its.name}: {found[204]} posts answered 204, {found.total() - found[204]} not; {len(table.happened)} "
                f"faults; MiB: {', '.join(sizes)}"
            )

    def _totals(self, its: One | Many) -> list[Line]:
        try:
            whole = its.settle()
        except AssertionError as error:
            return [Line(False, f"{its.name}: it does not settle: {error}")]
        accounts = [account for sender in its.browsers for account in sender.sent.accounts]
        by_site = {account.site: its.get(f"/api/ledger?limit=1&site={account.site}") for account in accounts}
        return judge_totals(its.name, accounts, by_site, whole, its.get("/api/totals")["reports"])
