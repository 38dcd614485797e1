"""`make soak`: an hour of browsers' traffic and faults, and exit code 1 where memory, files or threads grow, or a total
is not exact. Ctrl-C judges what has run so far.
"""

import argparse
import json
import random
import shlex
import shutil
import signal
import sys
import tempfile
import threading
from functools import partial
from pathlib import Path

from tests.e2e.drill import disk
from tests.e2e.soak.run import Plan, soak
from tests.support.kafka import jars


def main() -> int:
    given = _arguments()
    if reason := disk.reason_missing() or (None if given.only == "run" else jars.reason_missing()):
        print(reason, "(--only run does without Kafka)", file=sys.stderr)
        return 1
    over = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: over.set())
    plan = Plan(given.minutes * 60, given.rate, given.seed, given.only)
    command = shlex.join(["python", "-m", "tests.e2e.soak", *sys.argv[1:]])
    folder = Path(tempfile.mkdtemp(prefix="csp-sentinel-soak-"))
    holds = False
    try:
        outcome = soak(folder, plan, command, over, partial(print, flush=True))
        holds = outcome.holds
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "soak.json").write_text(json.dumps(outcome.record))
        (given.out / "soak.svg").write_text(outcome.svg)
        print(f"{given.out}/soak.json and soak.svg are written")
    finally:
        if holds:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"the logs are in {folder}; the same again: --seed {plan.seed}")
    print("everything held" if holds else "NOT everything held")
    return 0 if holds else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=100, help="reports a second to each set-up")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="what is sent, what goes wrong, when")
    parser.add_argument("--only", choices=("run", "many"), default="", help="one machine, or many processes with Kafka")
    parser.add_argument("--out", type=Path, default=Path("soak-results"), help="folder for soak.json and soak.svg")
    return parser.parse_args()


sys.exit(main())
