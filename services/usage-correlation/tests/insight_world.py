"""The usage service with jobs that look at bill cycles all the time, and what the tests do with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from usage_acts import signals_of
from usage_peers import peers
from usage_world import World

from cxmesh.usage.v1.signal_pb2 import Signal, SignalKind
from mesh.clock import FixedClock
from mesh.testkit import Certificates
from mesh.testkit.serving import serving
from usage_correlation.wiring import SERVICE

JANUARY_1 = datetime(2026, 1, 1, 15, tzinfo=UTC)
"""Ten in the morning in New York."""


@asynccontextmanager
async def insight_world(
    postgres_url: str,
    redis_url: str,
    certificates: Certificates,
    now: datetime,
    **settings: Any,  # of the service's own, of any type
) -> AsyncIterator[World]:
    """A world whose clock stands at `now`."""
    clock = FixedClock(now)
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
            **{"insight_pause_seconds": 0.2, "install_shipped_patterns": False, **settings},
        ) as service,
    ):
        yield World(service, profile, catalogue, clock, certificates)


def move_to(world: World, moment: datetime) -> None:
    """Let time pass."""
    world.clock.advance(moment - world.clock.now())


async def signals_seen(world: World, name: str, kind: SignalKind.ValueType, count: int = 1) -> list[Signal]:
    """The subscription's signals of a kind, once there are so many; what is there after five seconds otherwise."""
    for _ in range(100):
        found = [signal for signal in await signals_of(world, name) if signal.kind == kind]
        if len(found) >= count:
            return found
        await asyncio.sleep(0.05)
    return found


async def rounds_go_on(world: World, seconds: float = 0.6) -> None:
    """Give the jobs time to raise what they should not."""
    del world
    await asyncio.sleep(seconds)


def months(count: int, start: datetime = JANUARY_1) -> list[datetime]:
    """The same day and hour of so many months."""
    found = []
    for number in range(count):
        years, month = divmod(start.month - 1 + number, 12)
        found.append(start.replace(year=start.year + years, month=month + 1))
    return found


def days(count: float) -> timedelta:
    return timedelta(days=count)
