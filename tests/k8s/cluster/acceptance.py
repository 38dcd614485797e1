"""What a real API server accepts, by a dry run: nothing is stored but the namespaces."""

from collections.abc import Iterator

from tests.k8s.broken import Broken
from tests.k8s.cluster.processes import Failed
from tests.k8s.cluster.server import Server
from tests.k8s.objects import of
from tests.k8s.overlays import rendered

DRY = "--dry-run=server"


def refused(server: Server, name: str) -> Iterator[str]:
    """What it refuses of an overlay, or warns of: that Pod Security would not let a pod run comes as a warning."""
    objects = rendered(name)
    try:
        server.apply(of(objects, "Namespace"))  # a dry run makes none, and the others are in it
        said = server.apply(objects, DRY)
    except Failed as failed:
        yield str(failed)
        return
    yield from (line for line in said.splitlines() if line.startswith("Warning"))


def accepted(server: Server, broken: Broken, names: tuple[str, ...]) -> bool:
    """Whether it takes the object that is broken, without a warning."""
    before = rendered(*names)
    changed = [made for made in broken.of(before) if made not in before]
    try:
        return "Warning" not in server.apply(changed, DRY)
    except Failed:
        return False
