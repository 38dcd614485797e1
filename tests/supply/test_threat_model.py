"""docs/security.md says by which tests each defence is held: they are there."""

import re

from tests.supply.locks import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text()
MODEL = PAGE.partition("## Threat model")[2].partition("\n## ")[0]
MEASURED = PAGE.partition("## What abuse does, measured")[2]


def test_every_test_that_is_named_is_there():
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", PAGE)) | {
        f"tests/{name}.py" for name in re.findall(r"`(\w+/test_\w+)`", MEASURED)
    }
    assert len(named) > 50
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_every_defence_names_a_test_or_where_they_are_named():
    rows = re.findall(r"^\|(.*)\|$", MODEL.partition("### Who could attack")[2], re.MULTILINE)
    defences = [row.split("|") for row in rows][2:]
    assert len(defences) > 15
    assert [tries for _, tries, _, tested in defences if "tests/" not in tested and "](#" not in tested] == []
