"""A server against itself as it was when its figures were recorded, in turn: a machine does the same to both.

nginx spends its time in the kernel, ours half of it in Python. By CPU a request, the same instructions had 0.68 of
nginx on an AMD EPYC and 0.57 on an Intel Xeon; the next version there 0.60, and an hour and a half later 0.50 (on
2026-11-27 and 29). That is more than the loss that is looked for.
"""

import functools
import io
import subprocess
import tarfile
from pathlib import Path

from loadtest.bench.child import Failed
from loadtest.bench.figures import Figure, ratio, skipped
from loadtest.bench.loaded import Pace, in_turn, measure
from loadtest.bench.machine import ROOT
from loadtest.bench.options import Options
from loadtest.bench.requests import Load
from loadtest.bench.servers import Kind, sentinel


def over_itself(options: Options, server: str, commit: str, load: Load) -> Figure:
    """CPU a request of `commit`'s code over today's; skipped where that code is not at hand, or doesn't run here.

    Raises Failed: today's doesn't.
    """
    key, name = f"check.{server}-over-itself", f"{server} over {server} as recorded, CPU a request"
    tree = options.folder / "recorded"
    if not tree.exists() and not unpacked(commit, tree):
        return skipped(key, name, f"the recorded commit, {commit[:12]}, is not in this checkout: git fetch --unshallow")
    now, then = _kind(server, ROOT, "now"), _kind(server, tree, "recorded")
    try:
        measure(options, then, load, Pace(1))
    except Failed as error:
        return skipped(key, name, f"the recorded commit, {commit[:12]}, does not run here: {error}")
    rounds = in_turn(options, [then, now], load, Pace(options.seconds))
    cost = {key: [one.cpu_us for one in done] for key, done in rounds.items()}
    return ratio(key, name, cost[then.key], cost[now.key])


def _kind(server: str, tree: Path, when: str) -> Kind:
    start = functools.partial(sentinel, flags=("--server", server), environment={"PYTHONPATH": str(tree)})
    return Kind(f"{server}-{when}", f"Sentinel, {server}, {when}", start)


def unpacked(commit: str, tree: Path) -> bool:
    """Whether the commit's files are in `tree` now."""
    command = ["git", "-C", str(ROOT), "archive", "--format=tar", commit]
    try:
        archive = subprocess.run(command, capture_output=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    if archive.returncode:
        return False
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(tree, filter="data")
    return True
