"""Is the SDK ready to be published: typed, licensed, described, with every contract and nothing else in it?"""

import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


@pytest.fixture
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = [each for each in wheel.namelist() if each.endswith(".dist-info/METADATA")]
    return Parser().parsestr(wheel.read(name).decode())


def test_every_contract_is_in_it_with_types(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    protos = sorted((ROOT.parents[1] / "protos" / "api").rglob("*.proto"))
    assert protos
    for proto in protos:
        module = str(proto.relative_to(ROOT.parents[1] / "protos" / "api")).removesuffix(".proto") + "_pb2"
        assert {f"{module}.py", f"{module}.pyi"} <= names
        assert f"{module.rpartition('/')[0]}/py.typed" in names


def test_nothing_but_contracts_is_in_it(wheel: zipfile.ZipFile) -> None:
    roots = {name.split("/")[0] for name in wheel.namelist()}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"buf", "cxmesh"}
    assert not [name for name in wheel.namelist() if "test" in name or "__pycache__" in name]


def test_it_says_what_it_is_and_how_it_may_be_used(wheel: zipfile.ZipFile, metadata: Message) -> None:
    assert (metadata["Name"], metadata["License-Expression"]) == ("cxmesh-contracts", "Apache-2.0")
    assert metadata["Requires-Python"] == ">=3.11"
    assert {"Typing :: Typed", "Programming Language :: Python :: 3.13"} <= set(metadata.get_all("Classifier", []))
    assert metadata["Description-Content-Type"] == "text/markdown"
    licence = next(name for name in wheel.namelist() if name.endswith("/LICENSE"))
    assert "Apache License" in wheel.read(licence).decode()


def test_every_example_is_told_of_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    examples = sorted(path.name for path in (ROOT / "examples").glob("*.py"))
    assert [name for name in examples if f"(examples/{name})" not in readme] == []
