"""`make k8s-check`: the overlays against the real programs, a real API server and a real HPA controller."""

import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.k8s.broken_shapes import SHAPES
from tests.k8s.checks import problems
from tests.k8s.cluster import acceptance, documents, tools
from tests.k8s.cluster.controllers import controlled
from tests.k8s.cluster.load import Load
from tests.k8s.cluster.processes import Failed
from tests.k8s.cluster.scaling import Scaled, scaled
from tests.k8s.cluster.server import Server, started
from tests.k8s.objects import of
from tests.k8s.overlays import NAMES, TOGETHER, rendered
from tests.k8s.rules.scaling import bounds


def main() -> int:
    """0: all passed; 1: something did not; 2: a program is missing."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        tools.build()
        with tempfile.TemporaryDirectory(prefix="k8s-check-") as folder:
            return 1 if check(Path(folder)) else 0
    except tools.Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    except (Failed, OSError) as failed:
        print(f"failed: {failed}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped")
        return 130


def check(folder: Path) -> int:
    """How much is wrong. Raises Failed where that can't be found out."""
    schemas = folder / "schemas"
    schemas.mkdir()
    documents.write_schemas(schemas)
    wrong = 0
    for name in NAMES:
        wrong += said(f"{name}: our rules", problems(rendered(name)))
        wrong += said(f"{name}: kubectl renders the same", documents.same_rendering(name))
        wrong += said(f"{name}: kubeconform", documents.shapes(name, schemas))
        wrong += said(f"{name}: promtool", documents.prometheus_rules(name, schemas))
        wrong += said(f"{name}: kube-score", documents.scores(name, schemas))
    began = time.monotonic()
    with started(folder) as server:
        version = server.get("/version")["gitVersion"]
        print(f"the API server {version} is up after {time.monotonic() - began:.0f} s", flush=True)
        for name in NAMES:
            wrong += said(f"{name}: the API server takes it", acceptance.refused(server, name))
        wrong += said(f"the API server refuses {len(SHAPES)} broken objects", let_through(server))
        wrong += said("the HPA controller scales as the overlays say", scale(server, folder))
    return wrong


def said(what: str, problems: Iterable[str]) -> int:
    found = list(problems)
    print(f"{'FAILED' if found else 'ok':6} {what}", *found, sep="\n       ", flush=True)
    return len(found)


def let_through(server: Server) -> Iterator[str]:
    """Of the shapes that the tests call broken."""
    return (str(broken) for broken in SHAPES if acceptance.accepted(server, broken, TOGETHER))


def scale(server: Server, folder: Path) -> Iterator[str]:
    """Those of the overlays that have more pods at most than at least."""
    found = {name: bounds(made) for name in NAMES for made in of(rendered(name), "HorizontalPodAutoscaler")}
    autoscaled = [name for name, (least, most) in found.items() if least < most]
    most = sum(found[name][1] for name in autoscaled)
    load = Load(server, folder)
    with contextlib.closing(load), controlled(server, folder, most):
        server.apply(load.service())
        for one in scaled(autoscaled, server, load):
            print(f"       {table(one)}", flush=True)
            yield from one.wrong()


def table(one: Scaled) -> str:
    ways = [", ".join(f"{pods} at {seconds:.0f} s" for seconds, pods in steps) for steps in (one.up, one.down)]
    return f"{one.overlay}: load comes: {ways[0]}; load goes: {ways[1]}"


if __name__ == "__main__":
    sys.exit(main())
