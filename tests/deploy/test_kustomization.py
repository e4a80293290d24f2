"""Does the small renderer say what kustomize says, and does it refuse what it does not know?"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from kustomization import Object, UnsupportedError, build

OBJECT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: one, labels: {tier: front}}
spec:
  replicas: 1
  template:
    spec:
      containers:
        - {name: main, image: "registry.example:5000/one:1", env: [{name: A, value: a}]}
      volumes:
        - {name: settings, configMap: {name: settings}}
"""


def kubectl_kustomize(folder: Path) -> list[Object]:
    done = subprocess.run(["kubectl", "kustomize", str(folder)], check=True, capture_output=True, text=True)
    return list(yaml.safe_load_all(done.stdout))


def by_name(objects: list[Object]) -> dict[tuple[str, str], Object]:
    return {(each["kind"], each["metadata"]["name"]): each for each in objects}


def kustomization(folder: Path, text: str) -> Path:
    (folder / "one.yaml").write_text(OBJECT)
    (folder / "kustomization.yaml").write_text("resources: [one.yaml]\n" + text)
    return folder


FEATURES = [
    "namespace: there",
    "labels: [{pairs: {a: b}, includeTemplates: true}]",
    "images: [{name: registry.example:5000/one, newName: two, newTag: '2'}]",
    "replicas: [{name: one, count: 4}]",
    "configMapGenerator: [{name: settings, literals: ['A=x=<&>', B=ü]}]",
    "configMapGenerator: [{name: settings}]",
    f"secretGenerator: [{{name: s, literals: [A={'long' * 20}, B=short]}}]",
    "configMapGenerator: [{name: settings, literals: [A=1]}]\ngeneratorOptions: {disableNameSuffixHash: true}",
    "patches: [{target: {kind: Deploy.*}, patch: '- {op: replace, path: /spec/replicas, value: 3}'}]",
    "patches: [{target: {labelSelector: tier=front}, patch: '- {op: add, path: /metadata/labels/a~1b, value: c}'}]",
    (
        "patches: [{patch: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: one}, spec: {replicas: null,"
        " template: {spec: {containers: [{name: side, image: x}, {name: main, image: y, env: [{name: B}]}]}}}}'}]"
    ),
    (
        "replacements: [{source: {kind: Deployment, fieldPath: metadata.labels.tier}, targets: [{select: {name: one},"
        " fieldPaths: ['spec.template.spec.containers.[name=main].env.0.value']}]}]"
    ),
]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
class TestAgainstKubectl:
    @pytest.mark.parametrize("folder", ["base", "overlays/dev"])
    def test_renders_the_manifests_as_kubectl_does(self, root: Path, folder: str) -> None:
        path = root / "deploy/k8s" / folder
        assert by_name(build(path)) == by_name(kubectl_kustomize(path))

    @pytest.mark.parametrize("feature", FEATURES)
    def test_renders_each_feature_as_kubectl_does(self, tmp_path: Path, feature: str) -> None:
        path = kustomization(tmp_path, feature)
        assert by_name(build(path)) == by_name(kubectl_kustomize(path))

    def test_renders_the_certificates_as_kubectl_does(
        self, root: Path, tmp_path: Path, with_cert_manager: list[Object]
    ) -> None:
        manifests = Path(os.path.relpath(root / "deploy/k8s", tmp_path))  # kustomize takes relative paths alone
        (tmp_path / "kustomization.yaml").write_text(
            f"resources: [{manifests}/base]\ncomponents: [{manifests}/components/cert-manager]\nnamespace: cxmesh\n"
        )
        assert by_name(with_cert_manager) == by_name(kubectl_kustomize(tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        "namePrefix: a-",
        "labels: [{pairs: {a: b}, includeSelectors: true}]",
        "images: [{name: one, digest: sha256:0}]",
        "replicas: [{name: other, count: 4}]",
        "configMapGenerator: [{name: settings, behavior: merge}]",
        "configMapGenerator: [{name: settings, literals: [FROM_ENVIRONMENT]}]",
        "secretGenerator: [{name: settings, files: [one.yaml]}]",
        "patches: [{target: {kind: Job}, patch: '- {op: remove, path: /spec}'}]",
        "patches: [{target: {kind: Deployment}, patch: '- {op: replace, path: /spec/missing, value: 1}'}]",
        "patches: [{target: {kind: Deployment}, patch: '- {op: copy, path: /spec, from: /spec}'}]",
        "patches: [{target: {kind: Deployment}, patch: '{kind: Deployment, spec: {$patch: replace}}'}]",
        "patches: [{patch: '- {op: remove, path: /spec}'}]",
        "patches: [{target: {kind: Deployment}, patch: '[{op: remove, path: /spec}]'}]",
        "resources: [one.yaml, one.yaml]",
        "replacements: [{source: {kind: Job, fieldPath: metadata.name}, targets: []}]",
        (
            "replacements: [{source: {kind: Deployment, fieldPath: metadata.name}, targets: [{select: {kind: Job},"
            " fieldPaths: [metadata.name]}]}]"
        ),
        (
            "replacements: [{source: {kind: Deployment, fieldPath: metadata.name}, targets: [{select: {name: one},"
            " fieldPaths: [metadata.annotations.x]}]}]"
        ),
    ],
)
def test_what_it_does_not_know_or_find_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnsupportedError):
        build(kustomization(tmp_path, text))
