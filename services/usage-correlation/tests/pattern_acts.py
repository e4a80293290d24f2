"""What the tests of patterns do with the service, and what they look at."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from usage_samples import MARCH_2, fresh
from usage_world import World

from cxmesh.usage.v1 import observation_pb2 as observed
from cxmesh.usage.v1 import pattern_service_pb2 as pb
from cxmesh.usage.v1.observation_pb2 import Observation
from cxmesh.usage.v1.observation_service_pb2 import RecordObservationsRequest, RecordObservationsResponse
from cxmesh.usage.v1.observation_service_pb2_grpc import ObservationServiceStub
from cxmesh.usage.v1.pattern_pb2 import Pattern
from cxmesh.usage.v1.pattern_service_pb2_grpc import PatternServiceStub
from cxmesh.usage.v1.signal_pb2 import Signal
from cxmesh.usage.v1.usage_service_pb2 import ListSignalsRequest

HEAVY = """
format: cxmesh-pattern/1
name: Much data within an hour
events: {use: {type: usage, where: usage_type == "data" && quantity >= 100}}
window: {event: use, sliding: 1h, measure: {sum: quantity}, at_least: 1000}
raises: {kind: PATTERN, severity: info, labels: {plan: subscriber.plan}, measures: {bytes: value}}
"""
DROPS = """
format: cxmesh-pattern/1
name: Three dropped calls in one cell
events: {drop: {type: call_failure, where: kind == "dropped"}}
group_by: [cell]
window: {event: drop, sliding: 30m, measure: count, at_least: 3}
raises: {kind: REPEATED_DROPS, labels: {cell: cell}, measures: {drops: value}}
"""


def patterns(world: World, as_: str = "service/operator") -> Any:
    """The stub; Any: its asynchronous class is known to type checkers alone."""
    return PatternServiceStub(world.service.channel(as_))


def observations(world: World, as_: str = "service/operator") -> Any:
    """The same."""
    return ObservationServiceStub(world.service.channel(as_))


async def make(world: World, document: str, *, paused: bool = False) -> Pattern:
    made = Pattern(document=document, paused=paused)
    return await patterns(world).CreatePattern(pb.CreatePatternRequest(pattern_id=fresh("p"), pattern=made))


async def change(world: World, name: str, **fields: Any) -> Pattern:
    request = pb.UpdatePatternRequest(pattern=Pattern(name=name, **fields))
    request.update_mask.paths.extend(fields)
    return await patterns(world).UpdatePattern(request)


async def remove(world: World, name: str) -> None:
    await patterns(world).DeletePattern(pb.DeletePatternRequest(name=name))


def observation(
    name: str, at: datetime = MARCH_2, *, cell: str = "c1", ident: str | None = None, **detail: Any
) -> Observation:
    """One of a subscription, of the detail given; a dropped call when none is."""
    if not detail:
        detail = {"call_failure": observed.CallFailure(kind=observed.CALL_FAILURE_KIND_DROPPED, service="voice")}
    made = Observation(
        source="probe-3",
        observation_id=ident or fresh("o"),
        subscription=f"subscriptions/{name}" if name else "",
        cell=cell,
        **detail,
    )
    made.observe_time.FromDatetime(at)
    return made


async def observe(world: World, *several: Observation, as_: str = "service/operator") -> RecordObservationsResponse:
    return await observations(world, as_).RecordObservations(RecordObservationsRequest(observations=several))


async def told(world: World, pattern: str, count: int, *, seconds: float = 10) -> list[Signal]:
    """The signals of a pattern, oldest first, as soon as there are so many; what there is after so long."""
    until = asyncio.get_running_loop().time() + seconds
    while True:
        answer = await world.stub().ListSignals(ListSignalsRequest(page_size=1000))
        mine = [each for each in answer.signals if each.pattern.pattern == pattern][::-1]
        if len(mine) >= count or asyncio.get_running_loop().time() > until:
            return mine
        await asyncio.sleep(0.02)


async def nothing_waits(world: World, *, seconds: float = 10) -> None:
    """Until all that was handed over has been looked at."""
    until = asyncio.get_running_loop().time() + seconds
    while await count(world, "correlation_queue"):
        assert asyncio.get_running_loop().time() < until
        await asyncio.sleep(0.01)


async def count(world: World, table: str) -> int:
    async with world.service.runtime.store.reading() as connection:
        statement = text(f"SELECT count(*) FROM usage.{table}")  # noqa: S608 - names of our own tables
        found: int = (await connection.execute(statement)).scalar_one()
        return found


def after(minutes: float) -> datetime:
    return MARCH_2 + timedelta(minutes=minutes)
