"""Every overlay is what its kinds allow and keeps the rules; one that is broken is seen."""

import os

import pytest
import yaml

from tests.k8s.broken import Broken
from tests.k8s.broken_between import NETWORK, PLACES, REFERENCES, SCALING
from tests.k8s.broken_pods import PODS, SETTINGS
from tests.k8s.broken_programs import PROGRAMS, SECRETS
from tests.k8s.broken_shapes import SHAPES
from tests.k8s.broken_ways import RIGHTS, ROUTES, WAYS
from tests.k8s.checks import misshapen, problems, rules
from tests.k8s.overlays import FOLDER, NAMES, TOGETHER, rendered
from tests.k8s.render import render

BROKEN = [
    *SHAPES,
    *PODS,
    *SETTINGS,
    *PROGRAMS,
    *SECRETS,
    *REFERENCES,
    *SCALING,
    *NETWORK,
    *WAYS,
    *ROUTES,
    *PLACES,
    *RIGHTS,
]


def test_the_overlays_are_those_of_the_loads_and_of_the_operators():
    assert {"small", "baseline-50k", "burst-500k", "strimzi", "clickhouse"} <= set(NAMES)


@pytest.mark.parametrize("names", [*((name,) for name in NAMES), TOGETHER], ids="+".join)
def test_an_overlay_holds_nothing_wrong(names):
    assert problems(rendered(*names)) == []


@pytest.mark.parametrize("component", ["gateway", "monitoring", "sites"])
def test_a_component_fits_the_overlay_without_it(tmp_path, component):
    small, added = (
        os.path.relpath(path, tmp_path) for path in (FOLDER / "small", FOLDER.parent / "components" / component)
    )
    layer = {"namespace": "csp-sentinel", "resources": [small], "components": [added]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(layer))
    assert problems(render(tmp_path)) == []


@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_a_broken_overlay_is_seen(broken: Broken):
    objects = broken.of(rendered(*TOGETHER))
    assert misshapen(objects) if broken.rule == "schema" else list(rules()[broken.rule](objects))


def test_every_rule_is_seen_to_be_broken():
    assert {broken.rule for broken in BROKEN} == {"schema", *rules()}


def test_the_readme_says_how_many_rules_and_broken_ones_there_are():
    text = (FOLDER.parent / "README.md").read_text()
    assert f"{len(rules())} rules of ours" in text
    assert f"{len(BROKEN)} deliberately broken ones" in text
