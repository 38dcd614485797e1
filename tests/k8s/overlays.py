"""The overlays, by name, and what is installed together."""

from functools import cache
from pathlib import Path

from tests.k8s.objects import Object
from tests.k8s.render import render

FOLDER = Path(__file__).parents[2] / "k8s" / "overlays"
NAMES = sorted(path.parent.name for path in FOLDER.glob("*/kustomization.yaml"))
# Kafka and ClickHouse are sized for this one.
TOGETHER = ("burst-500k", "strimzi", "clickhouse")


@cache
def rendered(*names: str) -> list[Object]:
    """Not to be changed."""
    return [made for name in names for made in render(FOLDER / name)]
