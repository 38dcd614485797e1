"""Every overlay is what its kinds allow and keeps the rules; one that is broken is seen."""

import pytest

from tests.k8s.broken import Broken
from tests.k8s.broken_between import NETWORK, PLACES, REFERENCES, SCALING
from tests.k8s.broken_pods import PODS, SETTINGS
from tests.k8s.broken_shapes import SHAPES
from tests.k8s.checks import misshapen, problems, rules
from tests.k8s.overlays import NAMES, TOGETHER, rendered

BROKEN = [*SHAPES, *PODS, *SETTINGS, *REFERENCES, *SCALING, *NETWORK, *PLACES]


def test_the_overlays_are_those_of_the_loads_and_of_the_operators():
    assert {"small", "baseline-50k", "burst-500k", "strimzi", "clickhouse"} <= set(NAMES)


@pytest.mark.parametrize("names", [*((name,) for name in NAMES), TOGETHER], ids="+".join)
def test_an_overlay_holds_nothing_wrong(names):
    assert problems(rendered(*names)) == []


@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_a_broken_overlay_is_seen(broken: Broken):
    objects = broken.of(rendered(*TOGETHER))
    assert misshapen(objects) if broken.rule == "schema" else list(rules()[broken.rule](objects))


def test_every_rule_is_seen_to_be_broken():
    assert {broken.rule for broken in BROKEN} == {"schema", *rules()}
