"""What do the tests of the whole mesh run on: real instances, each in a folder of its own, gone when the tests end."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the modules beside the tests, which are no package

if TYPE_CHECKING:  # imported where used, so that a run without these tests doesn't pay for gRPC and the command
    from cxmesh_cli.demo.client import MeshClient
    from cxmesh_cli.instance.home import Home

StartInstance = Callable[..., "Home"]


@pytest.fixture(scope="session")
def home() -> "Iterator[Home]":
    """An instance of all six services that keeps every trace."""
    from mesh_instance import running_instance  # noqa: PLC0415 - see above

    with running_instance() as home:
        yield home


@pytest.fixture(scope="session")
def client(home: "Home") -> "Iterator[MeshClient]":
    """Calls every service of `home` as the operator."""
    from cxmesh_cli.demo.client import MeshClient  # noqa: PLC0415 - see above

    with MeshClient(home) as client:
        yield client


@pytest.fixture(scope="module")
def start_instance() -> Iterator[StartInstance]:
    """`start_instance("profile", "offer-decision")` starts an instance of these services, for one test module.

    Without value-network-sla nobody takes traces, so none are kept.
    """
    from mesh_instance import running_instance  # noqa: PLC0415 - see above

    with ExitStack() as instances:
        yield lambda *services: instances.enter_context(running_instance(*services, sample=0.0))
