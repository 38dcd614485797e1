"""The real HPA controller scales each overlay's collectors to their most under load, and back after it."""

import time
from collections.abc import Iterator
from copy import deepcopy
from typing import NamedTuple

from tests.k8s.cluster.load import Load
from tests.k8s.cluster.processes import Failed
from tests.k8s.cluster.server import Server
from tests.k8s.objects import Object, of
from tests.k8s.overlays import rendered
from tests.k8s.rules.scaling import bounds

NAME = "collector"
# Of the work that its fewest, and its most pods do at the HPA's target.
QUIET, LOUD = 0.5, 2.0
SYNC_SECONDS = 15  # between two looks of an HPA, by default
SETTLE_SECONDS, UP_SECONDS, DOWN_SECONDS = 180, 600, 1200
Steps = list[tuple[float, int]]  # seconds since the load changed, and the pods that were ready then


class Scaled(NamedTuple):
    """`window`: the HPA's scaleDown stabilizationWindowSeconds."""

    overlay: str
    least: int
    most: int
    window: int
    up: Steps
    down: Steps

    def wrong(self) -> Iterator[str]:
        """The pause counts from the HPA's last look before the load went."""
        began = self.down[1][0]
        if began < self.window - SYNC_SECONDS:
            yield f"{self.overlay}: pods went {began:.0f} s after the load, before the {self.window} s to wait"


class Collectors:
    """An overlay's, in a namespace of its own, so that those of all are watched at once."""

    def __init__(self, overlay: str, server: Server, load: Load) -> None:
        self.overlay, self.namespace = overlay, f"csp-sentinel-{overlay}"
        self._server, self._load = server, load
        objects = rendered(overlay)
        (autoscaler,) = of(objects, "HorizontalPodAutoscaler")
        self.least, self.most = bounds(autoscaler)
        metric = autoscaler["spec"]["metrics"][0]["resource"]["target"]
        self._target = metric["averageUtilization"] / 100
        self.window = autoscaler["spec"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"]
        whole = of(objects, "Namespace", "ServiceAccount")
        named = of(objects, "Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget")
        named = [made for made in named if made["metadata"]["name"] == NAME]
        self._objects = [_in(made, self.namespace) for made in (*whole, *named)]

    def install(self) -> None:
        self.set_load(QUIET, self.least)
        self._server.apply(self._objects)

    def set_load(self, share: float, pods: int) -> None:
        """`share` of what so many pods, of one core each, do at the target."""
        self._load.cores[self.namespace] = share * pods * self._target

    def ready(self) -> int | None:
        """Pods; None where the server is too busy to say."""
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{NAME}"
        try:
            return int(self._server.get(path)["status"].get("readyReplicas", 0))
        except OSError:
            return None


def _in(made: Object, where: str) -> Object:
    made = deepcopy(made)
    if made["kind"] == "Namespace":
        made["metadata"]["name"] = where
    else:
        made["metadata"]["namespace"] = where
    return made


def scaled(overlays: list[str], server: Server, load: Load) -> list[Scaled]:
    """All at once, from their fewest pods to their most and back: some twelve minutes. Raises Failed."""
    collectors = [Collectors(name, server, load) for name in overlays]
    for one in collectors:
        one.install()
    _watch("little load", collectors, [one.least for one in collectors], SETTLE_SECONDS)
    for one in collectors:
        one.set_load(LOUD, one.most)
    up = _watch("load comes", collectors, [one.most for one in collectors], UP_SECONDS)
    for one in collectors:
        one.set_load(QUIET, one.least)
    down = _watch("load goes", collectors, [one.least for one in collectors], DOWN_SECONDS)
    return [
        Scaled(one.overlay, one.least, one.most, one.window, *steps)
        for one, *steps in zip(collectors, up, down, strict=True)
    ]


def _watch(what: str, collectors: list[Collectors], wanted: list[int], seconds: int) -> list[Steps]:
    """Until each has as many ready pods as wanted of it, with a line for each step. Raises Failed."""
    began = time.monotonic()
    steps: list[Steps] = [[] for _ in collectors]
    while [had[-1][1] if had else None for had in steps] != wanted:
        passed = time.monotonic() - began
        if passed > seconds:
            raise Failed(f"{what}: not {wanted} pods within {seconds} s, but {[had[-1][1] for had in steps if had]}")
        for one, had in zip(collectors, steps, strict=True):
            ready = one.ready()
            if ready is not None and (not had or had[-1][1] != ready):
                had.append((passed, ready))
                print(f"       {what}, {passed:3.0f} s: {one.overlay} has {ready} pods ready", flush=True)
        time.sleep(1)
    return steps
