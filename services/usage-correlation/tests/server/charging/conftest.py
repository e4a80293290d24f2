"""The usage service with plans that charge data, and rating groups of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from charging_world import ALLOWANCES, CHARGED, INCLUDED, RATING_GROUPS, charged_tariff
from usage_peers import peers
from usage_world import World

from mesh.clock import FixedClock
from mesh.testkit import Certificates
from mesh.testkit.serving import serving
from usage_correlation.wiring import SERVICE


@pytest.fixture(scope="module")
async def world(
    postgres_url: str, redis_url: str, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """One for each test module; its clock stands at noon of 15 March 2026."""
    from charging_samples import NOON  # noqa: PLC0415 - beside the tests, found once their folder is on the path

    groups: Path = tmp_path_factory.mktemp("charging") / "rating_groups.yaml"
    groups.write_text(RATING_GROUPS)  # noqa: ASYNC240 - a line, once
    clock = FixedClock(NOON)
    async with peers(certificates) as (profile, catalogue):
        catalogue.sell(CHARGED, charged_tariff(CHARGED))
        catalogue.sell(INCLUDED, charged_tariff(INCLUDED, ALLOWANCES))
        async with serving(
            SERVICE,
            postgres_url,
            redis_url,
            certificates,
            clock=clock,
            memory_seconds=300,
            profile_address=profile.address,
            offer_decision_address=catalogue.address,
            rating_groups_file=groups,
        ) as service:
            yield World(service, profile, catalogue, clock, certificates)
