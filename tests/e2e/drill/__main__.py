"""`make drill`: minutes of load and faults, a report, and exit code 1 where a line of it doesn't hold."""

import argparse
import random
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.e2e.drill import disk
from tests.e2e.drill.run import Plan, drill
from tests.e2e.drill.schedule import ALL, BY_NAME
from tests.support.kafka import jars


def main() -> int:
    given = _arguments()
    if reason := jars.reason_missing() or disk.reason_missing():
        print(reason, file=sys.stderr)
        return 1
    seconds = given.minutes * 60
    plan = Plan(
        seed=given.seed,
        collectors=given.collectors,
        processors=given.processors,
        rate=given.rate,
        faults=[BY_NAME[name] for name in given.fault] if given.fault else ALL,
        alone=0 if given.together else seconds / 2,
        together=seconds if given.together else seconds / 2,
    )
    folder = Path(tempfile.mkdtemp(prefix="csp-sentinel-drill-"))
    holds = False
    try:
        holds = drill(folder, plan, partial(print, flush=True))
    finally:
        if holds and not given.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"logs, Kafka and store are in {folder}; the same again: --seed {plan.seed}")
    print("everything held" if holds else "NOT everything held")
    return 0 if holds else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.drill", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="of load; half of it with one fault at a time")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="what goes wrong, and when")
    parser.add_argument("--rate", type=float, default=150, help="requests a second, of three reports on average")
    parser.add_argument("--collectors", default="abc", help="a: fast, b: granian on a small disk, c: waits for Kafka")
    parser.add_argument("--processors", type=int, default=3)
    parser.add_argument("--fault", action="append", choices=BY_NAME, help="only this one; may be given again")
    parser.add_argument("--together", action="store_true", help="several faults at a time from the beginning")
    parser.add_argument("--keep", action="store_true", help="the folder with the logs, also when everything held")
    return parser.parse_args()


sys.exit(main())
