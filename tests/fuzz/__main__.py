"""Coverage-guided fuzzing: `python -m tests.fuzz [TARGET…] [--runs N] [--seconds N]`, or `make fuzz`.

Each target runs in a process of its own. What it finds new is kept in `build/fuzz/TARGET` and goes on from there next
time; `--keep` takes the smallest inputs that reach all of it into `tests/fuzz/corpus/TARGET`. An input that breaks
something stays in `build/fuzz` as `TARGET-crash-…`: replay it with `--replay FILE`.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import CORPUS, TARGETS

FOUND = Path("build/fuzz")
_DULL = re.compile(r"^#\d+\s+(?:REDUCE|NEW|INITED)|Instrumenting|Failed to find function|MERGE-OUTER: attempt")
_MOST_MIB = 1024


def main() -> int:
    given = _given()
    if given.replay:
        TARGETS[given.targets[0]].run(Path(given.replay).read_bytes())
        return 0
    return max([_fuzz(name, given) for name in given.targets])


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Coverage-guided fuzzing.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; default: all")
    parser.add_argument("--runs", type=int, default=1_000_000, help="inputs of each target (default 1,000,000)")
    parser.add_argument("--seconds", type=int, default=0, help="at most so long for each target (default: no limit)")
    parser.add_argument("--seed", type=int, default=0, help="of the mutations; default: another each time")
    parser.add_argument("--keep", action="store_true", help="keep in the repository what covers most")
    parser.add_argument("--replay", metavar="FILE", help="try one input on one target")
    given = parser.parse_args()
    if unknown := set(given.targets) - set(TARGETS):
        parser.error(f"there is no target {', '.join(sorted(unknown))}")
    given.targets = given.targets or list(TARGETS)
    return given


def _fuzz(name: str, given: argparse.Namespace) -> int:
    """Exit code of the fuzzer: 0 where nothing was found."""
    found = FOUND / name
    for folder in (found, CORPUS / name):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()[name]):
        (found / f"seed-{number}").write_bytes(seed)
    began = time.monotonic()
    limits = (f"-runs={given.runs}", f"-max_total_time={given.seconds}", f"-seed={given.seed}")
    code, last = _run(name, *limits, found, CORPUS / name)
    print(f"{name}: {last} in {time.monotonic() - began:.0f} s", flush=True)
    if code == 0 and given.keep:
        code = _keep(name, found)
    return code


def _keep(name: str, found: Path) -> int:
    """The kept corpus becomes the smallest inputs that reach what it and `found` reach together."""
    with tempfile.TemporaryDirectory() as fresh:
        code, _ = _run(name, "-merge=1", fresh, CORPUS / name, found)
        if code == 0:
            shutil.rmtree(CORPUS / name)
            shutil.copytree(fresh, CORPUS / name)
    return code


def _run(name: str, *arguments: object) -> tuple[int, str]:
    """Its exit code and last line; its progress is printed on the way."""
    limits = (f"-max_len={TARGETS[name].longest}", f"-rss_limit_mb={_MOST_MIB}", "-timeout=10")
    command = [sys.executable, "-m", "tests.fuzz.guided", name, *limits, f"-artifact_prefix={FOUND}/{name}-",
               *map(str, arguments)]  # fmt: skip
    last = ""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as run:
        for line in run.stdout or ():
            if not _DULL.search(line):
                print(f"{name}: {line.rstrip()}", flush=True)
            if line.startswith("Done"):
                last = line.strip()
    return run.returncode, last


if __name__ == "__main__":
    sys.exit(main())
