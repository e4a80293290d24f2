"""Which fixtures does every test of the mesh have? pytest loads this wherever cxmesh-mesh is installed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # imported when a fixture is used, so that a run without servers does not pay for them
    from mesh.clock import FixedClock
    from mesh.testkit.certificates import Certificates
    from mesh.testkit.servers import Servers


@pytest.fixture(scope="session")
def servers() -> "Iterator[Servers]":
    """The PostgreSQL and Redis of this run, each started when first used."""
    from mesh.testkit.servers import servers_of_this_run  # noqa: PLC0415 - see above

    with servers_of_this_run() as servers:
        yield servers


@pytest.fixture(scope="module")
def postgres_url(servers: "Servers") -> Iterator[str]:
    """The URL of a new, empty database for this test module."""
    with servers.database() as url:
        yield url


@pytest.fixture(scope="module")
def redis_url(servers: "Servers") -> str:
    """The URL of the run's Redis, emptied for this test module."""
    return servers.flushed_redis()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> "Certificates":
    """A certificate authority for this run; `certificates.issue("service/profile")` gives PEM files."""
    from mesh.testkit.certificates import Certificates  # noqa: PLC0415 - see above

    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def clock() -> "FixedClock":
    """A clock at noon UTC of the first of March 2026."""
    from mesh.clock import FixedClock  # noqa: PLC0415 - see above

    return FixedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
