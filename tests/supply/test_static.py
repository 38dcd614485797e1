"""Static checks for security: all of ruff's rules of that kind are on, and each exception says why."""

import re
import tomllib

from tests.supply.locks import ROOT

RUFF = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
ROOMS = ("schema", "csp", "ingest", "log", "processor", "alerts", "dashboards", "sentinel", "loadtest")


def test_the_rules_are_on_but_for_assert():
    assert "S" in RUFF["select"]
    assert [rule for rule in RUFF["ignore"] if rule.startswith("S")] == ["S101"]


def test_an_exception_stands_on_its_line_with_its_reason():
    lines = [
        (f"{file.relative_to(ROOT)}:{number}", line)
        for room in ROOMS
        for file in (ROOT / room).rglob("*.py")
        for number, line in enumerate(file.read_text().splitlines(), 1)
    ]
    assert [where for where, line in lines if re.search(r"# noqa: [A-Z0-9, ]*\bS\d+(?!.*\(.+\)$)", line)] == []
    assert [where for where, line in lines if re.search(r"# noqa(?!: )|# ruff: noqa|# nosec", line)] == []
