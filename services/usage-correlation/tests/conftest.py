"""Where do the tests find their samples, and which service do they call?"""

import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Test folders are no packages; what several tests share is imported from beside them.
sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:  # imported where used, so that pure tests don't pay for gRPC and servers
    from usage_world import World

    from mesh.testkit import Certificates

NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
async def world(postgres_url: str, redis_url: str, certificates: "Certificates") -> "AsyncIterator[World]":
    """One for each test module; its clock stands at noon of 15 March 2026."""
    from usage_peers import peers  # noqa: PLC0415 - see above
    from usage_world import World  # noqa: PLC0415 - see above

    from mesh.clock import FixedClock  # noqa: PLC0415 - see above
    from mesh.testkit.serving import serving  # noqa: PLC0415 - see above
    from usage_correlation.wiring import SERVICE  # noqa: PLC0415 - see above

    clock = FixedClock(NOON)
    async with (
        peers(certificates) as (profile, catalogue),
        serving(
            SERVICE,
            postgres_url,
            redis_url,
            certificates,
            clock=clock,
            profile_address=profile.address,
            offer_decision_address=catalogue.address,
            watch_poll_seconds=0.01,
            memory_seconds=300,
            # A test makes the patterns that it is about.
            install_shipped_patterns=False,
        ) as service,
    ):
        yield World(service, profile, catalogue, clock, certificates)
