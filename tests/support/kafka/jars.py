"""The broker's jars, fetched once from Maven Central into the user's cache; only the standard library is needed."""

import fcntl
import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")
OLDEST_JAVA = 17  # Kafka 4's broker
FETCH_SECONDS = 300  # 43 MB; 10 s on a good line
TOOLS = {"setpriv": "ends the brokers with the tests (util-linux)", "openssl": "makes the brokers' certificate"}


class Missing(Exception):
    """Says what keeps Kafka from running here."""


def folder() -> Path:
    """Where the jars are, or will be: another pom is another folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "csp-sentinel" / f"kafka-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"


def fetch() -> Path:
    """The folder of the jars, which is whole or absent; of several processes one fetches and the others wait.

    Raises Missing.
    """
    jars = folder()
    if jars.is_dir():
        return jars
    jars.parent.mkdir(parents=True, exist_ok=True)
    with jars.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jars.is_dir():
            with tempfile.TemporaryDirectory(dir=jars.parent) as began:
                _copy_dependencies(Path(began) / "jars")
                (Path(began) / "jars").rename(jars)
    return jars


def _copy_dependencies(to: Path) -> None:
    if shutil.which("mvn") is None:
        raise Missing("Kafka's jars are not here, and Maven (mvn), which would fetch them, isn't either")
    command = [
        "mvn",
        "--batch-mode",
        "--quiet",
        "--file",
        POM,
        "dependency:copy-dependencies",
        f"-DoutputDirectory={to}",
    ]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=FETCH_SECONDS)
    except subprocess.TimeoutExpired:
        raise Missing(f"Maven did not fetch Kafka's jars within {FETCH_SECONDS} s") from None
    if done.returncode:
        raise Missing(f"Maven could not fetch Kafka's jars:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


@functools.cache
def reason_missing() -> str | None:
    """Why Kafka can't run here, or None; fetches the jars where that is all that is missing."""
    for tool, why in TOOLS.items():
        if shutil.which(tool) is None:
            return f"{tool}, which {why}, is not here"
    if (java := _java_version()) < OLDEST_JAVA:
        return f"Kafka needs Java {OLDEST_JAVA} or newer; here is {java or 'none'}"
    try:
        fetch()
    except Missing as missing:
        return str(missing)
    return None


def _java_version() -> int:
    """0: no Java."""
    if shutil.which("java") is None:
        return 0
    said = subprocess.run(["java", "-version"], check=False, capture_output=True, text=True).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found[1]) if found else 0


if __name__ == "__main__":  # fetches them ahead of the tests
    sys.exit(reason_missing())
