"""`make k8s-check` where it can't run, and the programs it starts."""

import os
import subprocess
import sys

import pytest

from tests.k8s.cluster.controllers import nodes
from tests.k8s.cluster.processes import Failed, running, wait_until
from tests.k8s.cluster.scaling import Scaled


def test_without_go_it_says_so_at_once(tmp_path):
    environ = os.environ | {"PATH": str(tmp_path), "K8S_CHECK_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.k8s.cluster"], check=False, env=environ, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "go.dev" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_program_ends_with_what_needs_it(tmp_path):
    marker = tmp_path / "ended"
    script = f"trap 'touch {marker}; exit' TERM; echo ready; while :; do sleep 0.05; done"
    with running(["sh", "-c", script], tmp_path / "log") as check:
        wait_until((tmp_path / "log").read_text, "its first line", 10, check)
    assert marker.exists()


def test_a_program_that_ends_by_itself_is_told_of_with_its_last_words(tmp_path):
    with (
        pytest.raises(Failed, match=r"(?s)sh ended with code 3.*no such file"),
        running(["sh", "-c", "echo no such file; exit 3"], tmp_path / "log") as check,
    ):
        wait_until(lambda: False, "never", 30, check)


def test_pods_that_go_before_the_pause_are_wrong():
    steps = [(0.0, 6), (60.0, 5), (360.0, 3)]
    early = Scaled("small", least=3, most=6, window=300, up=[(0.0, 3), (31.0, 6)], down=steps)
    assert list(early.wrong()) == ["small: pods went 60 s after the load, before the 300 s to wait"]
    assert not list(early._replace(window=50).wrong())


def test_nodes_are_spread_over_the_zones_and_hold_the_pods():
    made = nodes(30)
    zones = [node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in made]
    assert len({zones.count(zone) for zone in zones}) == 1
    assert sum(int(node["status"]["allocatable"]["cpu"]) for node in made) > 30
