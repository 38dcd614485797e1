"""Templates and sheet in agreement with the pages that use them."""

import re
from pathlib import Path

import jinja2
import jinja2.meta
import pytest

from dashboards import pages

TEMPLATES = Path(pages.__file__).parent / "templates"


@pytest.mark.parametrize(
    "template, context", [("overview.html", pages.Overview), ("violation.html", pages.OneViolation)]
)
def test_a_template_uses_all_that_its_page_declares_and_nothing_else(template: str, context: type):
    environment = jinja2.Environment(autoescape=True)
    used: set[str] = set()
    for name in (template, *(["empty.html"] if template == "overview.html" else [])):
        used |= jinja2.meta.find_undeclared_variables(
            environment.parse(_without_filters((TEMPLATES / name).read_text()))
        )
    assert used - {"chips", "parts"} == set(context._fields)


def _without_filters(text: str) -> str:
    return re.sub(r"\| (plain|lines|brief|number|moment|short|span|directives|written)\b", "| string", text)


def test_no_template_turns_escaping_off_or_has_style_or_script():
    for file in TEMPLATES.glob("*.html"):
        text = file.read_text()
        assert not re.search(r"\bsafe\b|autoescape|<script|<style|style=|\bon\w+=", text), file.name


def test_the_sheet_knows_every_class_the_pages_use():
    sheet = (TEMPLATES.parent / "static" / "console.css").read_text()
    used: set[str] = set()
    for file in TEMPLATES.glob("*.html"):
        for classes in re.findall(r'class="([^"]*)"', file.read_text()):
            used |= set(re.sub(r"\{\{.*?\}\}", " ", classes).split())
    assert {name for name in used if not re.search(rf"\.{name}\b", sheet)} == {"y"}
