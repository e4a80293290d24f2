"""The service, running, with those that it asks."""

from collections.abc import AsyncIterator

import pytest
from offer_peers import Peers, serving_peers
from offer_samples import NOW
from offer_world import World
from sqlalchemy import text

from mesh.clock import FixedClock
from mesh.testkit import Certificates
from mesh.testkit.serving import ServiceUnderTest, serving
from offer_decision.wiring import SERVICE

MAX_MESSAGE_BYTES = 1024 * 1024


@pytest.fixture(scope="module")
async def running(
    postgres_url: str, redis_url: str, certificates: Certificates
) -> AsyncIterator[tuple[ServiceUnderTest, Peers, FixedClock]]:
    """One for each test module."""
    clock = FixedClock(NOW)
    async with (
        serving_peers(certificates) as peers,
        serving(
            SERVICE,
            postgres_url,
            redis_url,
            certificates,
            clock=clock,
            max_message_bytes=MAX_MESSAGE_BYTES,
            **peers.settings(),
        ) as service,
    ):
        yield service, peers, clock


@pytest.fixture
async def world(running: tuple[ServiceUnderTest, Peers, FixedClock]) -> AsyncIterator[World]:
    """Nothing in it is left of the tests before, but that its clock goes on where they left it."""
    service, peers, clock = running
    yield World(service, peers, clock)
    peers.reset()
    tables = "plan, campaign, decision, recovery, outbox, inbox, idempotent_request"
    async with service.runtime.store.unit_of_work() as uow:
        names = ", ".join(f"offer.{name}" for name in tables.split(", "))
        await uow.connection.execute(text(f"TRUNCATE {names}"))
