"""`make audit`: does anybody know of a hole in a package of the locks? Asked of a service on the network, by pip-audit.

Exit code 0: none is known of any package. 1: there are holes. 2: nothing can be said, because the service did not
answer, or not about every package. What was not asked is never taken for good.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.supply.locks import ROOT

LOCKS = tuple(ROOT / name for name in ("requirements.lock", "requirements-dev.lock"))
HOLES, UNKNOWN = 1, 2
_SECONDS = 600
_PIP_AUDIT = Path(sys.executable).with_name("pip-audit")
# Nothing is installed or resolved: the lock says it all. Strict: a package that was not asked about is an error.
_OPTIONS = ["--disable-pip", "--require-hashes", "--strict", "--progress-spinner=off", "--format=json"]


def audited(lock: Path, options: Sequence[str]) -> int:
    """Prints what is known of the packages of a lock."""
    command = [_PIP_AUDIT, *_OPTIONS, *(options or ["--vulnerability-service=osv"]), "--requirement", lock]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_SECONDS)
        packages = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError) as error:
        why = f"no answer in {_SECONDS} s" if isinstance(error, subprocess.TimeoutExpired) else _last(done.stderr)
        print(f"{lock.name}: NOT audited, so nothing is known of its packages: {why}")
        return UNKNOWN
    holes = [(its, hole) for its in packages for hole in its.get("vulns", ())]
    for its, hole in holes:
        print(f"{lock.name}: {its['name']} {its['version']} has {_described(hole)}")
    if not holes and (done.returncode or any("vulns" not in its for its in packages)):
        print(f"{lock.name}: NOT audited as a whole: {_last(done.stderr)}")
        return UNKNOWN
    if not holes:
        print(f"{lock.name}: no hole is known in {len(packages)} packages")
    return HOLES if holes else 0


def _described(hole: dict[str, Any]) -> str:
    mended = ", ".join(hole["fix_versions"]) or "no version yet"
    return f"{', '.join([hole['id'], *hole['aliases']])}, mended in {mended}"


def _last(said: str) -> str:
    """A traceback's or a log's last line says what was wrong."""
    return said.strip().rpartition("\n")[2][:300] or "pip-audit said nothing"


if __name__ == "__main__":
    outcomes = [audited(lock, sys.argv[1:]) for lock in LOCKS]
    sys.exit(HOLES if HOLES in outcomes else max(outcomes))
