"""What holds of the containers that run our image."""

from collections.abc import Iterator

from tests.k8s.objects import Object, of, says
from tests.k8s.rules.pods import amount
from tests.k8s.rules.settings import IMAGE, programs

PROBED = {"/health", "/ready"}  # at both ports
# The collector's, in k8s/README.md: processes, unfinished bodies, figures. No other command of ours needs less.
LEAST_MEMORY = (148 + 48 + 64) * 1e6


def images_have_no_shell(objects: list[Object]) -> Iterator[str]:
    """Nor `sleep`, nor `wget`: a hook or a probe that runs one fails, and the pod with it (Dockerfile)."""
    for program in programs(objects):
        hooks = program.container.get("lifecycle", {})
        asks = {name: program.container.get(name) for name in ("startupProbe", "readinessProbe", "livenessProbe")}
        for name, ask in (asks | hooks).items():
            if "exec" in (ask or {}):
                yield f"{program.name}: {name} runs a program, and the image has only ours"
        if (command := program.container.get("command", [IMAGE])[0]) != IMAGE:
            yield f"{program.name}: runs {command}, and the image has only {IMAGE}"


def probes_ask_what_the_program_answers(objects: list[Object]) -> Iterator[str]:
    for program in programs(objects):
        for name in ("startupProbe", "readinessProbe", "livenessProbe"):
            path = program.container.get(name, {}).get("httpGet", {}).get("path", "/health")
            if path not in PROBED:
                yield f"{program.name}: {name} asks {path}, which the program does not answer"


def monitors_ask_for_the_figures(objects: list[Object]) -> Iterator[str]:
    for made in of(objects, "PodMonitor"):
        for endpoint in made["spec"]["podMetricsEndpoints"]:
            if (path := endpoint.get("path", "/metrics")) != "/metrics":
                yield f"{says(made)}: asks for {path}, which the program does not answer"


def memory_is_what_was_measured(objects: list[Object]) -> Iterator[str]:
    for program in programs(objects):
        limit = program.container.get("resources", {}).get("limits", {}).get("memory", "0")
        if amount(limit) < LEAST_MEMORY:
            yield f"{program.name}: {limit} of memory are less than {LEAST_MEMORY / 1e6:.0f} MB"
