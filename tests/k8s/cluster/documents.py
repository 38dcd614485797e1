"""What can be said of an overlay without a server: by kubectl, kubeconform, promtool and kube-score."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.k8s.cluster.tools import PROGRAMS
from tests.k8s.objects import Object, namespace, of, says
from tests.k8s.overlays import FOLDER, rendered
from tests.k8s.schemas import BUILT_IN, definitions, whole


def same_rendering(name: str) -> Iterator[str]:
    """The tests' own rendering against kustomize's."""
    done = _run("kubectl", "kustomize", FOLDER / name)
    if done.returncode:
        yield done.stderr.strip()
        return
    theirs = _by_name([made for made in yaml.safe_load_all(done.stdout) if made])
    ours = _by_name(rendered(name))
    for key in sorted(theirs.keys() | ours.keys()):
        if theirs.get(key) != ours.get(key):
            yield f"{key[0]} is rendered otherwise by the tests"


def _by_name(objects: list[Object]) -> dict[tuple[str, str], Object]:
    return {(says(made), namespace(made)): made for made in objects}


def shapes(name: str, folder: Path) -> Iterator[str]:
    """kubeconform, strict, where a kind without a schema is an error; `folder` is that of `write_schemas`."""
    done = _run(
        "kubeconform", "-strict", "-output", "json",
        "-schema-location", f"{folder}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json",
        "-schema-location", f"{folder}/{{{{.Group}}}}/{{{{.ResourceKind}}}}_{{{{.ResourceAPIVersion}}}}.json",
        _written(name, folder),
    )  # fmt: skip
    if done.returncode:
        yield from (f"{of['kind']} {of['name']}: {of['msg']}" for of in json.loads(done.stdout)["resources"])


def write_schemas(folder: Path) -> None:
    """As kubeconform looks for them: built-in kinds by kind, group and version, custom ones under their group."""
    for file in BUILT_IN.iterdir():
        schema = json.loads(file.read_text())
        schema.pop("$id", None)
        text = json.dumps(schema).replace("/api/_definitions.json#", "_definitions.json#")
        (folder / file.name).write_text(text)
    for definition in definitions():
        spec = definition["spec"]
        group = folder / spec["group"]
        group.mkdir(exist_ok=True)
        for version in spec["versions"]:
            schema = whole(version["schema"]["openAPIV3Schema"])
            (group / f"{spec['names']['kind'].lower()}_{version['name']}.json").write_text(json.dumps(schema))


def prometheus_rules(name: str, folder: Path) -> Iterator[str]:
    """promtool; nothing to check is nothing wrong."""
    for made in of(rendered(name), "PrometheusRule"):
        file = folder / f"{name}-rules.json"
        file.write_text(json.dumps({"groups": made["spec"]["groups"]}))
        done = subprocess.run(["promtool", "check", "rules", file], check=False, capture_output=True, text=True)
        if done.returncode:
            yield f"{says(made)}: {done.stderr.strip()}"


def scores(name: str, folder: Path) -> Iterator[str]:
    """What kube-score calls critical."""
    done = _run("kube-score", "score", "--output-format", "ci", _written(name, folder))
    lines = done.stdout.splitlines()
    yield from (line for line in lines if line.startswith("[CRITICAL]"))
    if done.returncode and not any(line.startswith("[CRITICAL]") for line in lines):
        yield done.stderr.strip()


def _written(name: str, folder: Path) -> Path:
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump_all(rendered(name)))
    return file


def _run(program: str, *arguments: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAMS[program].path, *arguments], check=False, capture_output=True, text=True)
