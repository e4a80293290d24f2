"""Which manifests are under test, and which services do they have to deploy?"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the modules beside the tests, which are no package

from kustomization import Object, build

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def packages() -> dict[str, str]:
    """Name of each service to its Python package, as the workspace has them."""
    return {
        path.parts[-4]: path.parts[-2]  # services/<name>/src/<package>/py.typed
        for path in ROOT.glob("services/*/src/*/py.typed")
    }


@pytest.fixture(scope="session")
def base() -> list[Object]:
    return build(ROOT / "deploy/k8s/base")


@pytest.fixture(scope="session")
def dev() -> list[Object]:
    return build(ROOT / "deploy/k8s/overlays/dev")


@pytest.fixture(scope="session", params=["base", "overlays/dev"])
def rendered(request: pytest.FixtureRequest) -> list[Object]:
    """For what holds wherever the mesh is deployed."""
    return build(ROOT / "deploy/k8s" / request.param)


@pytest.fixture(scope="session")
def with_cert_manager(tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    """The base with the component that has cert-manager make the certificates."""
    folder = tmp_path_factory.mktemp("overlay")
    text = "resources: [{0}/base]\ncomponents: [{0}/components/cert-manager]\nnamespace: cxmesh\n"
    (folder / "kustomization.yaml").write_text(text.format(ROOT / "deploy/k8s"))
    return build(folder)
