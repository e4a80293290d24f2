"""Does the Tiltfile speak of what is there?

Starlark is close enough to Python that the file runs here, with Tilt's functions replaced by ones that take the same
arguments and write down what they were called with.
"""

import ast
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kustomization import Object
from kustomization.objects import pod_template


@dataclass
class Tilt:
    """What a Tiltfile asked for. Any: the arguments of Tilt's functions are of many types."""

    yaml: list[Any] = field(default_factory=list)
    commands: list[list[str]] = field(default_factory=list)
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)

    def functions(self) -> dict[str, Any]:
        """The signatures are those of https://docs.tilt.dev/api.html, as far as they are used."""

        def docker_build(ref: str, context: str, *, target: str = "", live_update: list[Any] | None = None) -> None:
            self.images[ref] = {"context": context, "target": target, "live_update": live_update or []}

        def k8s_resource(
            workload: str,
            *,
            port_forwards: list[str] | None = None,
            resource_deps: list[str] | None = None,
            trigger_mode: str = "auto",
            labels: list[str] | None = None,
        ) -> None:
            assert workload not in self.resources, f"{workload} is configured twice"
            self.resources[workload] = {
                "ports": [tuple(map(int, each.split(":"))) for each in port_forwards or []],
                "after": resource_deps or [],
                "trigger_mode": trigger_mode,
                "labels": labels,
            }

        def local(command: list[str], *, quiet: bool = False, echo_off: bool = False) -> str:
            self.commands.append(command)
            return "output"

        return {
            "docker_build": docker_build,
            "k8s_resource": k8s_resource,
            "local": local,
            "k8s_yaml": self.yaml.append,
            "kustomize": lambda path: ("kustomize", path),
            "sync": lambda here, there: ("sync", here, there),
            "fall_back_on": lambda files: ("fall_back_on", files),
            "TRIGGER_MODE_MANUAL": "manual",
        }


@pytest.fixture(scope="module")
def tilt(root: Path) -> Tilt:
    tilt = Tilt()
    exec(compile((root / "Tiltfile").read_text(), "Tiltfile", "exec"), tilt.functions())  # noqa: S102 - ours
    return tilt


@pytest.fixture(scope="module")
def workloads(dev: list[Object]) -> dict[str, Object]:
    return {each["metadata"]["name"]: each for each in dev if pod_template(each)}


def test_it_uses_nothing_that_starlark_lacks(root: Path) -> None:
    tree = ast.parse((root / "Tiltfile").read_text())
    lacking = (ast.Import, ast.ImportFrom, ast.While, ast.Try, ast.With, ast.ClassDef, ast.JoinedStr, ast.Raise)
    assert not [node for node in ast.walk(tree) if isinstance(node, lacking)]


def test_it_applies_the_development_overlay_and_the_certificates(tilt: Tilt, root: Path) -> None:
    assert tilt.yaml == [("kustomize", "deploy/k8s/overlays/dev"), "output"]
    assert (root / "deploy/k8s/overlays/dev/kustomization.yaml").exists()
    ((python, script),) = tilt.commands
    assert python == ".venv/bin/python"
    assert (root / script).exists()


def test_it_configures_every_workload_and_nothing_else(tilt: Tilt, workloads: dict[str, Object]) -> None:
    assert set(tilt.resources) == set(workloads)


def test_what_a_resource_waits_for_is_there_and_never_itself(tilt: Tilt) -> None:
    def everything_before(name: str, seen: tuple[str, ...] = ()) -> None:
        assert name not in seen, f"{' -> '.join(seen)} -> {name}"
        for earlier in tilt.resources[name]["after"]:
            everything_before(earlier, (*seen, name))

    for name in tilt.resources:
        everything_before(name)


def test_services_wait_for_their_migration_and_migrations_for_postgresql(tilt: Tilt, packages: dict[str, str]) -> None:
    for name in packages:
        assert f"{name}-migrate" in tilt.resources[name]["after"]
        assert "postgresql" in tilt.resources[f"{name}-migrate"]["after"]
        assert tilt.resources[f"{name}-migrate"]["trigger_mode"] == "manual"


def test_forwarded_ports_are_the_containers_and_differ_here(
    tilt: Tilt, workloads: dict[str, Object], packages: dict[str, str]
) -> None:
    here = [port for resource in tilt.resources.values() for port, _ in resource["ports"]]
    assert len(here) == len(set(here))
    for name, resource in tilt.resources.items():
        (container,) = workloads[name]["spec"]["template"]["spec"]["containers"]
        listened = {each["containerPort"] for each in container.get("ports", [])}
        assert {there for _, there in resource["ports"]} <= listened
    for name in packages:
        assert [there for _, there in tilt.resources[name]["ports"]] == [8443]


def test_the_image_is_the_one_that_the_manifests_ask_for(
    tilt: Tilt, workloads: dict[str, Object], packages: dict[str, str], root: Path
) -> None:
    ((name, image),) = tilt.images.items()
    for service in packages:
        (container,) = workloads[service]["spec"]["template"]["spec"]["containers"]
        assert container["image"].partition(":")[0] == name
    assert f" AS {image['target']}\n" in (root / "Dockerfile").read_text()


def test_changed_sources_go_where_the_image_runs_them(tilt: Tilt, root: Path, packages: dict[str, str]) -> None:
    ((_, image),) = tilt.images.items()
    fall_back, *syncs = image["live_update"]
    text = (root / "Dockerfile").read_text()
    python_path = next(line for line in text.splitlines() if line.startswith("ENV PYTHONPATH="))
    on_path = set(python_path.removeprefix("ENV PYTHONPATH=").split(":"))
    assert {there for _, _, there in syncs} == on_path
    assert {f"/src/services/{name}/src" for name in packages} <= on_path
    for _, here, there in syncs:
        assert (root / here).is_dir()
        assert there == f"/src/{here}"
    for file in fall_back[1]:
        assert (root / file).exists()
