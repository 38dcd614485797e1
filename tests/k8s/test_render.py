"""Kustomize's rendering without kustomize, as far as the manifests use it."""

from pathlib import Path

import pytest

from tests.k8s.render import Unknown, render

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: &labels {app: web}
spec:
  selector: {matchLabels: *labels}
  template:
    metadata: {labels: *labels}
    spec:
      containers:
        - name: web
          image: web
          env:
            - {name: A, value: "1"}
            - {name: B, value: "2"}
          volumeMounts: [{name: sites, mountPath: /etc/sites}]
      volumes:
        - name: sites
          configMap: {name: sites}
"""
MONITOR = """\
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata: {name: web}
spec:
  podMetricsEndpoints: [{port: a}, {port: b}]
"""


@pytest.fixture
def layer(tmp_path: Path):
    """A base of one Deployment and one custom object, and over it a kustomization of the given text."""
    base, over = tmp_path / "base", tmp_path / "over"
    base.mkdir()
    over.mkdir()
    (base / "web.yaml").write_text(DEPLOYMENT + "---\n" + MONITOR)
    (base / "kustomization.yaml").write_text("resources: [web.yaml]\nnamespace: web\n")

    def write(text: str) -> Path:
        (over / "kustomization.yaml").write_text(f"resources: [../base]\n{text}")
        return over

    return write


def deployment(folder: Path):
    return next(made for made in render(folder) if made["kind"] == "Deployment")


def container(folder: Path):
    return deployment(folder)["spec"]["template"]["spec"]["containers"][0]


def test_the_namespace_reaches_what_is_below_it(layer):
    assert {made["metadata"]["namespace"] for made in render(layer(""))} == {"web"}
    assert {made["metadata"]["namespace"] for made in render(layer("namespace: other\n"))} == {"other"}


PATCH = """\
patches:
  - patch: |-
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web}
      spec:
        replicas: 3
        selector: null
        template:
          spec:
            containers:
              - name: web
                env: [{name: B, value: "3"}, {name: C, value: "4"}]
                volumeMounts: [{$patch: delete, mountPath: /etc/sites}]
"""


def test_a_patch_is_merged_into_lists_by_their_keys(layer):
    made = deployment(layer(PATCH))
    web = made["spec"]["template"]["spec"]["containers"][0]
    assert made["spec"]["replicas"] == 3
    assert "selector" not in made["spec"]
    assert web["image"] == "web"
    assert {has["name"]: has["value"] for has in web["env"]} == {"A": "1", "B": "3", "C": "4"}
    assert web["volumeMounts"] == []


def test_a_patch_replaces_the_lists_of_a_custom_kind(layer):
    patch = MONITOR.replace("[{port: a}, {port: b}]", "[{port: c}]").replace("\n", "\n      ")
    made = render(layer(f"patches:\n  - patch: |-\n      {patch}"))
    assert made[1]["spec"]["podMetricsEndpoints"] == [{"port": "c"}]


def test_a_json_patch_changes_every_object_that_its_target_means(layer):
    patch = "[{op: add, path: /metadata/labels, value: {a~b: x}}, {op: replace, path: /metadata/labels/a~0b, value: y}]"
    made = render(layer(f"patches:\n  - target: {{name: web}}\n    patch: '{patch}'\n"))
    assert [one["metadata"]["labels"] for one in made] == [{"a~b": "y"}] * 2


def test_an_anchor_is_not_shared_by_what_it_names(layer):
    patch = "[{op: add, path: /spec/selector/matchLabels/tier, value: front}]"
    made = deployment(layer(f"patches:\n  - target: {{kind: Deployment}}\n    patch: '{patch}'\n"))
    assert made["metadata"]["labels"] == {"app": "web"}


def test_images_labels_and_replicas_are_set(layer):
    text = """\
images: [{name: web, newName: example/web, newTag: "2"}]
labels: [{pairs: {tier: front}, includeTemplates: true}]
replicas: [{name: web, count: 4}]
"""
    made = deployment(layer(text))
    assert container(layer(text))["image"] == "example/web:2"
    assert (
        made["metadata"]["labels"] == made["spec"]["template"]["metadata"]["labels"] == {"app": "web", "tier": "front"}
    )
    assert made["spec"]["selector"]["matchLabels"] == {"app": "web"}
    assert made["spec"]["replicas"] == 4


@pytest.mark.parametrize(
    "text",
    [
        "namePrefix: a-\n",
        "labels: [{pairs: {a: b}, includeSelectors: true}]\n",
        "patches: [{target: {kind: Deployment}, patch: '[{op: test, path: /kind, value: x}]'}]\n",
        "patches: [{patch: '{apiVersion: v1, kind: Service, metadata: {name: none}}'}]\n",
        "configMapGenerator: [{name: a, literals: [b=c]}]\n",
    ],
)
def test_what_it_does_not_know_is_an_error(layer, text):
    with pytest.raises(Unknown):
        render(layer(text))
