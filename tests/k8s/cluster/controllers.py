"""The controllers and the scheduler of a real cluster, and nodes that only say that they run what they are given."""

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path

from tests.k8s.cluster.processes import running, wait_until
from tests.k8s.cluster.server import Server
from tests.k8s.cluster.tools import PROGRAMS, download
from tests.k8s.objects import Object

ZONES = 3
PODS_A_NODE = 7  # of a core each, on 8 cores
# What kwok's nodes and pods go through: ready at once, and gone at once.
STAGES = ("node/fast/*.yaml", "node/heartbeat-with-lease/*.yaml", "pod/fast/*.yaml")


@contextlib.contextmanager
def controlled(server: Server, folder: Path, pods: int) -> Iterator[None]:
    """Nodes for so many pods, and whoever puts them there, with the defaults that a cluster has."""
    as_whom = [f"--kubeconfig={server.kubeconfig}", "--leader-elect=false", "--secure-port=0"]
    manager = [
        PROGRAMS["kube-controller-manager"].path, *as_whom, f"--service-account-private-key-file={folder}/accounts.key",
        f"--root-ca-file={folder}/certificates/apiserver.crt",
    ]  # fmt: skip
    scheduler = [PROGRAMS["kube-scheduler"].path, *as_whom]
    kwok = [
        PROGRAMS["kwok"].path, f"--kubeconfig={server.kubeconfig}", "--manage-all-nodes=true", "--node-ip=127.0.0.1",
        "--node-lease-duration-seconds=40", f"--config={_stages(folder)}",
    ]  # fmt: skip
    made = nodes(pods)
    with (
        running(manager, folder / "controller-manager.log"),
        running(scheduler, folder / "scheduler.log"),
        running(kwok, folder / "kwok.log") as check,
    ):
        server.apply(made)
        wait_until(lambda: _ready(server) == len(made), "the nodes", 120, check)
        yield


def _stages(folder: Path) -> Path:
    kwok = PROGRAMS["kwok"]
    source = Path(download(f"{kwok.module}@{kwok.version}")["Dir"]) / "kustomize" / "stage"
    files = [file for pattern in STAGES for file in sorted(source.glob(pattern)) if file.name != "kustomization.yaml"]
    written = folder / "stages.yaml"
    written.write_text("\n---\n".join(file.read_text() for file in files))
    return written


def nodes(pods: int) -> list[Object]:
    """As many in each zone, and enough for so many pods."""
    number = math.ceil(pods / PODS_A_NODE / ZONES) * ZONES
    size = {"cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "1Ti"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": f"node-{index}",
                "annotations": {"kwok.x-k8s.io/node": "fake"},
                "labels": {
                    "kubernetes.io/hostname": f"node-{index}",
                    "kubernetes.io/os": "linux",
                    "topology.kubernetes.io/zone": f"zone-{index % ZONES}",
                },
            },
            "status": {"allocatable": size, "capacity": size},
        }
        for index in range(number)
    ]


def _ready(server: Server) -> int:
    conditions = [node["status"].get("conditions", []) for node in server.get("/api/v1/nodes")["items"]]
    return sum({"Ready"} <= {has["type"] for has in each if has["status"] == "True"} for each in conditions)
