"""Templates, sheets and scripts in agreement with the pages that use them."""

import re
from pathlib import Path

import jinja2
import jinja2.meta
import pytest

from dashboards.pages import frame, overview, policies, rejects, sites, sources, system, violation, violations

ROOM = Path(frame.__file__).parents[1]
TEMPLATES, STATIC = ROOM / "templates", ROOM / "static"
SHOWN = {
    "overview.html": overview.Overview,
    "violations.html": violations.Violations,
    "violation.html": violation.OneViolation,
    "sources.html": sources.Sources,
    "policies.html": policies.Policies,
    "policy.html": policies.OnePolicy,
    "policy_diff.html": policies.Diff,
    "sites.html": sites.SitesPage,
    "rejects.html": rejects.Rejects,
    "system.html": system.System,
}


@pytest.mark.parametrize("template", SHOWN)
def test_a_template_uses_all_that_its_page_declares_and_nothing_else(template: str):
    environment = jinja2.Environment(autoescape=True)
    environment.filters |= {shown.__name__: shown for shown in frame.FILTERS}
    used: set[str] = set()
    for name in (template, *(["empty.html"] if "empty.html" in (TEMPLATES / template).read_text() else [])):
        used |= jinja2.meta.find_undeclared_variables(environment.parse((TEMPLATES / name).read_text()))
    assert used - {"parts", "lists", "frame"} == set(SHOWN[template]._fields)


def test_no_template_turns_escaping_off_or_has_style_or_script():
    for file in TEMPLATES.glob("*.html"):
        text = file.read_text().replace('<script type="module" src="/static/console.js"></script>', "")
        assert not re.search(r"\bsafe\b|autoescape|<script|<style|style=|\bon\w+=", text), file.name


def test_the_sheets_know_every_class_the_pages_use():
    sheet = "".join(file.read_text() for file in STATIC.glob("*.css"))
    used: set[str] = set()
    for file in TEMPLATES.glob("*.html"):
        for classes in re.findall(r'class="([^"]*)"', file.read_text()):
            used |= set(re.sub(r"\{[{%].*?[%}]\}", " ", classes).split())
    assert {name for name in used if not re.search(rf"\.{name}\b", sheet)} == set()


def test_no_script_hands_text_to_what_could_run_it():
    for file in STATIC.glob("*.js"):
        text = file.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|DOMParser|document\.write|\beval\b|Function\(|srcdoc|"
                             r"setTimeout\(['\"]|createContextualFragment|javascript:", text), file.name  # fmt: skip
