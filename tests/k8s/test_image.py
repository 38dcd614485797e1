"""The Dockerfile without Docker: what it copies is there and enough, and its words are the program's."""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel.command_line import parser
from sentinel.settings import Settings, table
from tests.e2e.drill.disk import reason_missing
from tests.support.ports import free_ports
from tests.support.waiting import wait_for

ROOT = Path(__file__).parents[2]
# A line that ends in a backslash goes on in the next.
LINES = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text()).splitlines()
COPIED = [
    source
    for line in LINES
    if line.startswith("COPY ") and "--from" not in line
    for source in line.split()[1:-1]
]  # fmt: skip
PROGRAMS = ("/usr/bin", "/usr/sbin")  # of the system; where /bin and /sbin are folders of their own, these too
PROGRAM = [sys.executable, "-c", "from sentinel.cli import main; main()"]
# Everything but two folders is read-only, as it is in a pod, there are no capabilities, and of the system's programs
# none but a Python that stands among them. Two of them are needed until the last moment: they wait elsewhere.
LIKE_THE_IMAGE = """
only=$3/only; mkdir -p "$only" "$3/last" || exit 9
cp "$(command -v mount)" "$(command -v setpriv)" "$3/last" || exit 9
case $4 in /bin/*|/usr/bin/*) cp "$4" "$only" || exit 9;; esac
for folder in "$1" "$2"; do mount --bind "$folder" "$folder" || exit 9; done
"$3/last/mount" -o remount,bind,ro / || exit 9
for folder in /sbin /usr/sbin /bin /usr/bin; do
    [ -L "$folder" ] || "$3/last/mount" --bind "$only" "$folder" || exit 9
done
last=$3/last
shift 4
exec "$last/setpriv" --no-new-privs --inh-caps=-all --bounding-set=-all "$@"
"""


def said(order: str) -> str:
    """The last line with this order, without it."""
    return [line.partition(" ")[2] for line in LINES if line.strip().startswith(order + " ")][-1]


def test_what_is_copied_is_there():
    assert [name for name in COPIED if not (ROOT / name).exists()] == []


def test_the_builder_gets_what_is_copied_and_nothing_else():
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == set(COPIED)


def test_the_base_is_a_version_that_the_program_runs_on():
    version = re.search(r"^ARG PYTHON=python:3\.(\d+)\.\d+-slim-\w+$", "\n".join(LINES), re.MULTILINE)
    assert version
    assert int(version[1]) >= 11
    bases = [line for line in LINES if line.startswith("FROM ")]
    assert bases == [*(f"FROM ${{PYTHON}} AS {name}" for name in ("build", "sbom", "root")), "FROM scratch AS run"]


def test_packages_are_those_of_the_lock_by_their_hashes():
    installs = [line for line in LINES if "pip install" in line]
    assert len(installs) == 3
    for line, lock in ((installs[0], "${LOCK}"), (installs[2], "requirements-sbom.lock")):
        assert "--require-hashes" in line
        assert line.endswith(f"-r {lock}")
    assert "--no-deps" in installs[1]
    assert "ARG LOCK=requirements.lock" in LINES


def test_it_has_none_of_the_systems_programs_and_nothing_runs_after_they_are_gone():
    text = "\n".join(LINES)
    root, run = text.partition("AS root")[2].split("FROM scratch AS run")
    last = [line for line in root.splitlines() if line.startswith("RUN ")][-1]
    assert last.endswith(f"find {' '.join(PROGRAMS)} -mindepth 1 -delete")
    assert "pip uninstall --yes --quiet --root-user-action ignore wheel setuptools pip" in root
    assert "RUN " not in run
    assert said("ENV").split()[0] == "PATH=/opt/csp-sentinel/bin:/usr/local/bin"


def test_it_runs_as_a_user_by_number_who_is_not_root():
    assert re.fullmatch(r"[1-9]\d{4,}:[1-9]\d{4,}", said("USER"))


def test_what_it_runs_is_an_order_of_the_program_which_sigterm_ends():
    assert json.loads(said("ENTRYPOINT")) == ["csp-sentinel"]
    assert parser().parse_args(json.loads(LINES[-1].partition(" ")[2])).command == "run"
    assert said("STOPSIGNAL") == "SIGTERM"


def test_its_settings_and_ports_are_the_programs():
    named = set(re.findall(r"SENTINEL_[A-Z_]+", "\n".join(LINES)))
    assert named <= {row.name for row in table()}
    defaults = Settings()
    assert said("EXPOSE").split() == [str(port) for port in (defaults.port, defaults.console_port, defaults.ops_port)]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The program alone, built of copies of what the Dockerfile copies, as it is built there."""
    build, site = tmp_path_factory.mktemp("build"), tmp_path_factory.mktemp("site")
    for name in COPIED:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, build / name)
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*words, "--target", site, build], check=True, timeout=120)
    return site


@pytest.fixture(scope="module")
def environment(installed, tmp_path_factory) -> dict[str, str]:
    """Of the program as it is installed there, with folders and free ports of its own."""
    folder = tmp_path_factory.mktemp("run")
    ports = zip(("SENTINEL_PORT", "SENTINEL_CONSOLE_PORT", "SENTINEL_OPS_PORT"), map(str, free_ports(3)), strict=True)
    for name in ("data", "tmp"):
        (folder / name).mkdir()
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(installed),
        "PYTHONDONTWRITEBYTECODE": "1",
        "SENTINEL_DATA_DIR": str(folder / "data"),
        "SENTINEL_WORKERS": "1",
        "TMPDIR": str(folder / "tmp"),
        **dict(ports),
    }


@pytest.fixture(scope="module")
def running(environment) -> Iterator[int]:
    """`run`, where nothing can be written but data dir and temporary files, and no program of the system is there."""
    if reason := reason_missing():
        pytest.skip(reason)
    data, temporary = environment["SENTINEL_DATA_DIR"], environment["TMPDIR"]
    away, python = str(Path(temporary).parent), str(Path(sys.executable).resolve())
    inside = ["unshare", "-rm", "sh", "-c", LIKE_THE_IMAGE, "sh", data, temporary, away, python]
    with (Path(temporary).parent / "log").open("wb") as log:
        program = subprocess.Popen([*inside, *PROGRAM, "run"], env=environment, cwd="/", stdout=log, stderr=log)
        try:
            wait_for("it is ready", lambda: b"ready" in get(environment["SENTINEL_OPS_PORT"], "/ready"))
            yield program.pid
        finally:
            program.terminate()
            program.wait(60)


def get(port: str, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return answer.read()


def test_it_runs_without_a_shell(running, environment):
    """That is: the namespace it runs in has none."""
    programs = Path(f"/proc/{running}/root")
    assert (programs / "usr").exists()
    assert not any((programs / name).exists() for name in ("bin/sh", "usr/bin/sh", "usr/bin/perl", "usr/bin/mount"))


def test_what_is_copied_is_enough_to_take_a_report_and_to_show_it(running, environment):
    collector, console = environment["SENTINEL_PORT"], environment["SENTINEL_CONSOLE_PORT"]
    demo = [*PROGRAM, "demo", "--url", f"http://127.0.0.1:{collector}", "--reports", "20"]
    subprocess.run(demo, env=environment, cwd="/", check=True, timeout=60, capture_output=True)
    wait_for("all are stored", lambda: json.loads(get(console, "/api/totals"))["reports"] == 20)
    assert b"/static/" in get(console, "/")
    assert get(console, "/static/frame.css")
    plan = [*PROGRAM, "plan", "--rps", "5000", "--json"]
    assert subprocess.run(plan, env=environment, cwd="/", check=False, timeout=60, capture_output=True).returncode == 0


def test_its_health_check_tells_whether_the_program_lives(running, environment):
    command = json.loads(said("HEALTHCHECK").partition("CMD ")[2])

    def asked(port: str) -> int:
        words = [sys.executable, *command[1:]]
        return subprocess.run(words, env={"SENTINEL_OPS_PORT": port}, check=False, capture_output=True).returncode

    assert command[0] == "python"
    assert asked(environment["SENTINEL_OPS_PORT"]) == 0
    assert asked(str(free_ports(1)[0])) == 1
