"""Text, code and tables in agreement, and imports one way."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

from processor import schemes
from processor.urls import read_blocked
from schema.names import BLOCKED_KINDS
from schema.violation import Violation
from sentinel.settings import table

ROOT = Path(__file__).parents[1]
ROOMS = {"schema", "csp", "ingest", "log", "processor", "alerts", "dashboards", "sentinel", "loadtest", "k8s", "tests"}
MAY_IMPORT = {
    "schema": {"schema"},
    "csp": {"csp"},
    "log": {"log", "schema"},
    "ingest": {"ingest", "log", "schema"},
    "processor": {"processor", "csp", "log", "schema"},
    "alerts": {"alerts", "csp", "schema"},
    "dashboards": {"dashboards", "csp", "log", "schema"},
    # `plan` is the capacity model, `demo` sends what the traffic model makes, and these stand alone:
    # test_what_is_installed_of_loadtest_stands_alone.
    "sentinel": {"sentinel", "schema", "csp", "ingest", "log", "processor", "alerts", "dashboards", "loadtest"},
    # A user of all of it, and of the tests' Kafka.
    "loadtest": ROOMS - {"k8s"},
}


def imported(file: Path) -> set[str]:
    """The rooms a file imports from, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            found.add((node.module or "").split(".")[0])
    return found & ROOMS


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_go_one_way(room):
    files = list((ROOT / room).rglob("*.py"))
    assert files
    for file in files:
        assert imported(file) <= MAY_IMPORT[room], file.relative_to(ROOT)


@pytest.mark.parametrize("name", ["capacity", "traffic"])
def test_what_is_installed_of_loadtest_stands_alone(name):
    """The rest of its room needs a checkout."""
    for file in (ROOT / "loadtest" / name).glob("*.py"):
        ours = re.findall(r"^(?:from|import) ((?:loadtest|tests)\b[\w.]*)", file.read_text(), re.MULTILINE)
        assert all(found.startswith(f"loadtest.{name}") for found in ours), file.name
        assert imported(file) <= {"loadtest"}, file.name


def test_the_command_line_takes_no_more_of_loadtest_than_is_installed():
    for file in (ROOT / "sentinel").glob("*.py"):
        ours = re.findall(r"^\s*(?:from|import) (loadtest\b[\w.]*)", file.read_text(), re.MULTILINE)
        assert all(found.startswith(("loadtest.capacity", "loadtest.traffic")) for found in ours), file.name


def test_the_traffic_model_needs_the_standard_library_alone():
    for file in (ROOT / "loadtest" / "traffic").glob("*.py"):
        found = re.findall(r"^(?:from|import) (\w+)", file.read_text(), re.MULTILINE)
        assert set(found) <= sys.stdlib_module_names | {"loadtest"}, file.name


def test_every_room_is_there():
    assert {path.name for path in ROOT.iterdir()} >= ROOMS


def test_the_readme_names_every_setting_with_its_default():
    readme = (ROOT / "README.md").read_text()
    shown = [line for line in readme.splitlines() if line.startswith("| `SENTINEL_")]
    wanted = [
        f"| `{row.name}` | {f'`{row.default}`' if row.default else ''} | {row.unit} | {row.meaning} |"
        for row in table()
    ]
    assert shown == wanted


def test_the_violations_fields_are_the_tables_columns():
    ddl = "".join(path.read_text() for path in sorted((ROOT / "schema" / "migrations").glob("*.sql")))
    made = re.search(r"CREATE TABLE violations\n\((.*?)\n\)", ddl, re.DOTALL)
    columns = {line.split()[0] for line in made[1].splitlines() if line.startswith("    ") and "INDEX" not in line}
    columns |= set(re.findall(r"ALTER TABLE violations ADD COLUMN IF NOT EXISTS (\w+)", ddl))
    assert columns - {"judged", "labelled"} == set(Violation.__struct_fields__) - {"original_policy"}


def test_the_kinds_that_can_be_asked_for_are_those_the_processor_gives():
    """Neither room may import the other."""
    given = {*schemes.KINDS.values(), *schemes.KEYWORDS.values(), read_blocked("").kind}
    assert given == set(BLOCKED_KINDS)


def test_metrics_are_defined_in_one_file_and_each_says_what_it_means():
    for file in ROOT.glob("*/**/*.py"):
        if file.parts[len(ROOT.parts)] in MAY_IMPORT and file.name != "metrics.py":
            text = file.read_text()
            assert not re.search(r"from prometheus_client import .*(Counter|Gauge|Histogram)", text), file
    names = re.findall(r'"(sentinel_\w+)",\s*"([^"]+)"', (ROOT / "schema" / "metrics.py").read_text())
    assert len(names) >= 15
    assert all(meaning.endswith(".") for _, meaning in names)


def test_what_is_logged_is_under_the_name_of_its_stage():
    for room in MAY_IMPORT:
        for file in (ROOT / room).rglob("*.py"):
            assert "getLogger(__name__)" not in file.read_text(), file.relative_to(ROOT)


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_the_lock_has_a_hash_for_each_package_and_names_no_registry(lock):
    text = (ROOT / lock).read_text()
    packages = re.findall(r"^[a-zA-Z0-9_.-]+==", text, re.MULTILINE)
    assert packages
    assert len(re.findall(r"==[^\n]*\\\n\s+--hash=sha256:", text)) == len(packages)
    assert "://" not in text
    assert "--index" not in text


def test_the_lock_has_every_dependency():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    locked = set(re.findall(r"^([a-zA-Z0-9_.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert {re.split(r"[><=\[; ]", name)[0].replace(".", "-") for name in wanted} <= locked
