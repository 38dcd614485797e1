"""Every link and picture of every page of ours leads to a file that is there, and to a heading of it."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.supply.locks import ROOT

_TARGET = re.compile(r"""\]\(([^)\s]+)[^)]*\)|(?:src|srcset|href)="([^"\s]+)|^\[[^\]]+\]:\s+(\S+)""", re.MULTILINE)
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_OUTSIDE = ("http://", "https://", "mailto:")


def pages() -> list[str]:
    """Those in git, or where there is none, those of the rooms."""
    found = subprocess.run(["git", "ls-files", "*.md"], check=False, cwd=ROOT, capture_output=True, text=True)
    if found.returncode == 0:
        return found.stdout.splitlines()
    every = (path.relative_to(ROOT) for path in ROOT.rglob("*.md"))
    return sorted(
        str(path) for path in every if not any(part.startswith(".") or part == "build" for part in path.parts)
    )


def targets(text: str) -> list[str]:
    found = ("".join(groups) for groups in _TARGET.findall(_CODE.sub("code", text)))
    return [target for target in found if not target.startswith(_OUTSIDE)]


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    named = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return named | set(re.findall(r'(?:id|name)="([^"]+)"', text))


def leads_nowhere(page: Path, target: str) -> bool:
    path, _, part = target.partition("#")
    file = page.parent / path if path else page
    return not file.exists() or bool(part and file.suffix == ".md" and part not in anchors(file.read_text()))


def test_all_pages_are_looked_at():
    assert {"README.md", "SECURITY.md", "docs/security.md", "docs/operations.md", "k8s/README.md"} <= set(pages())


@pytest.mark.parametrize("page", pages())
def test_links_and_pictures_lead_somewhere(page):
    path = ROOT / page
    assert [target for target in targets(path.read_text()) if leads_nowhere(path, target)] == []


@pytest.mark.parametrize(
    "text", ["[a](no.md)", "![a](no.svg)", '<img alt="a" src="no.png">', "[a]: no.md", "[a](README.md#no)", "[a](#no)"]
)
def test_one_that_leads_nowhere_is_found(text):
    [target] = targets(text)
    assert leads_nowhere(ROOT / "README.md", target)
