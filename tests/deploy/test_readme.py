"""Is what the platform team reads true?"""

import importlib
import re
import shutil
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from environment import environment_of
from kustomization import Object, build

from mesh.settings import ServiceSettings


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    return (root / "deploy/README.md").read_text()


@pytest.fixture
def example(readme: str, root: Path, tmp_path: Path) -> list[Object]:
    """The overlay of the README, rendered where it says."""
    (text,) = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    shutil.copytree(root / "deploy/k8s", tmp_path / "k8s")
    overlay = tmp_path / "k8s/overlays/production"
    overlay.mkdir()
    (overlay / "kustomization.yaml").write_text(text)
    return build(overlay)


def test_the_example_overlay_changes_what_it_says(example: list[Object]) -> None:
    deployments = {each["metadata"]["name"]: each["spec"] for each in example if each["kind"] == "Deployment"}
    usage, profile = deployments["usage-correlation"], deployments["profile"]
    assert (usage["replicas"], profile["replicas"]) == (4, 2)
    (container,) = usage["template"]["spec"]["containers"]
    assert container["image"] == "registry.example/cxmesh:0.1.0"
    assert container["resources"]["limits"]["memory"] == "2Gi"
    assert container["resources"]["limits"]["cpu"] == "2"
    assert environment_of(example, "profile")["CXMESH_STREAM_PARTITIONS"] == "4"
    assert environment_of(example, "notification")["CXMESH_SMTP_HOST"] == "smtp.example"
    (policy,) = [each["spec"] for each in example if each["metadata"]["name"] == "all-to-postgresql"]
    assert policy["egress"][0]["to"] == [{"ipBlock": {"cidr": "10.20.0.0/24"}}]


def test_the_example_overlay_is_valid(example: list[Object]) -> None:
    for each in example:
        if not each["apiVersion"].startswith("cert-manager.io/"):
            kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)


def test_every_variable_that_it_names_is_read_by_a_service(readme: str, packages: dict[str, str]) -> None:
    known = set(ServiceSettings.model_fields)
    for package in packages.values():
        known |= set(importlib.import_module(f"{package}.settings").Settings.model_fields)
    named = set(re.findall(r"\bCXMESH_([A-Z_]+)\b", readme))
    assert named
    assert {each.lower() for each in named} <= known


def test_every_path_that_it_names_is_there(readme: str, root: Path) -> None:
    named = set(re.findall(r"deploy/[A-Za-z0-9_./-]*[A-Za-z0-9_]", readme))
    named = {each for each in named if "overlays/production" not in each}
    assert len(named) > 5
    for path in named:
        assert (root / path).exists(), path


def test_the_table_of_callers_is_the_one_in_the_policies(readme: str, base: list[Object]) -> None:
    for policy in base:
        name = policy["metadata"]["name"]
        if policy["kind"] != "NetworkPolicy" or not name.endswith("-callers") or name.startswith("value-network"):
            continue
        (peer,) = policy["spec"]["ingress"][0]["from"]
        (rule,) = peer["podSelector"]["matchExpressions"]
        row = re.search(rf"^\| {name.removesuffix('-callers')}[^|]*\| ([^|]+) \|$", readme, re.MULTILINE)
        assert row, name
        assert set(row[1].split(", ")) == set(rule["values"])


def test_labels_in_its_commands_find_something(readme: str, base: list[Object]) -> None:
    for selector in set(re.findall(r"-l ([a-z./-]+=[a-z]+)", readme)):
        key, _, value = selector.partition("=")
        assert any(each["metadata"].get("labels", {}).get(key) == value for each in base), selector


def test_the_manifests_are_plain_yaml(root: Path) -> None:
    for path in (root / "deploy").rglob("*.yaml"):
        assert list(yaml.safe_load_all(path.read_text())), path
