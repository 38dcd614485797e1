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
        folders = {name: folder for its in set_ups for name, folder in its.data_dirs.items()}
        every = max(0.5, min(_EVERY_SECONDS, plan.seconds / 100))
        self._sampler = Sampler(lambda: [stage for its in set_ups for stage in its.stages()], folders, every)
        self._loads = [Load(its.browsers, plan.rate, plan.seconds, plan.seed) for its in set_ups]
        self._tables = [Timetable(its.name, its.troubles(), plan.seconds, plan.seed, say) for its in set_ups]
        self._rates: dict[str, list[tuple[float, float]]] = {}

    def outcome(self, command: str, over: threading.Event) -> Outcome:
        lasted = self._under_load(over)
        lines = [line for its in self._set_ups for line in self._totals(its)]
        samples = self._sampler.samples
        must = lasted * (1 - KILLING_SHARE) > 4 * LEAST_SECONDS
        lines += judge_lives(samples.lives.values(), must=must)
        faults = [found for table in self._tables for found in table.happened]
        lines += [Line(False, str(found)) for found in faults if found.failed]
        for line in lines:
            self._say(f"{'yes' if line.holds else 'NO ':<4}{line.text}")
        about = {
            "date": time.strftime("%Y-%m-%d"), "minutes": round(lasted / 60, 1), "command": command,
            "commit": commit(), "machine": machine(), "seed": self._plan.seed,
        }  # fmt: skip
        record = about | {
            "holds": all(line.holds for line in lines),
            "lines": [line._asdict() for line in lines],
            "faults": [found.record() for found in faults],
            "sites": [
                asdict(account) for its in self._set_ups for its in its.browsers for account in its.sent.accounts
            ],
            "lives": [asdict(life) | {"pid": pid} for pid, life in samples.lives.items()],
            "disks": samples.disks,
        }
        title = f"Soak of {lasted / 60:.0f} minutes, {about['date']}: {len(faults)} faults"
        return Outcome(record["holds"], record, chart(title, samples, self._rates, faults))

    def _under_load(self, over: threading.Event) -> float:
        """Seconds it lasted."""
        began = time.monotonic()
        everything = [self._sampler, *self._loads, *self._tables]
        for thread in everything:
            thread.start()
        told = before = began
        answered = {its.name: 0 for its in self._set_ups}
        while not over.wait(min(_EVERY_SECONDS, max(0.1, self._plan.seconds - (time.monotonic() - began)))):
            now = time.monotonic()
            for its in self._set_ups:
                total = statuses(its.browsers)[204]
                self._rates.setdefault(its.name, []).append(
                    (now - began, (total - answered[its.name]) / (now - before))
                )
                answered[its.name] = total
            before = now
            if now - told > _TELL_SECONDS:
                told = now
                self._progress()
            if now - began > self._plan.seconds:
                break
        for table in self._tables:
            table.stop()
        for load in self._loads:
            load.stop()
        self._sampler.stop()
        self._say("the load has stopped")
        return time.monotonic() - began

    def _progress(self) -> None:
        for its, table in zip(self._set_ups, self._tables, strict=True):
            found = statuses(its.browsers)
            pids = {stage.process.pid: name for name, stage in its.stages()}
            lives = self._sampler.samples.lives
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
