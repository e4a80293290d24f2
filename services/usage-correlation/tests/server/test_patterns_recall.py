"""Does a pattern that is made today know what was stored before, once, whatever comes in meanwhile?"""

import asyncio
from datetime import timedelta

import pytest
from pattern_acts import HEAVY, after, change, make, nothing_waits, patterns, remove, told
from sqlalchemy import text
from usage_acts import record
from usage_samples import tariff_document, usage_record
from usage_world import World

from cxmesh.usage.v1 import pattern_service_pb2 as pb
from cxmesh.usage.v1.pattern_pb2 import Pattern
from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_DATA, UsageRecord
from usage_correlation.handlers.patterns.ports import LANES, Recall
from usage_correlation.handlers.patterns.recall_history import BEGIN_AFTER
from usage_correlation.store.correlation_queue import PostgresLane

USUAL = """
format: cxmesh-pattern/1
name: Unusually much data
events: {use: {type: usage, where: usage_type == "data"}}
change:
  event: use
  every: day
  measure: {sum: quantity}
  baseline: {periods: 20, at_least: 5}
  above: {ratio: 3, least: 100}
raises: {kind: UNUSUAL_SPEND, measures: {usual: mean, value: value}}
"""
SILENT = """
format: cxmesh-pattern/1
name: No usage for two days where daily was normal
subscribers: subscriber.plan == "quiet"
events: {use: {type: usage}}
absence: {event: use, for: 2d, normal: {days: 10, at_least: 8}}
lateness: 0s
raises: {kind: SILENCE, measures: {normal: normal_days}}
"""


@pytest.fixture(autouse=True, scope="module")
def plans(world: World) -> None:
    """With data, one of them of its own for silence: the stored usage is shared."""
    rate = '      - {line: data, service: data, price: "0.000001", per: megabyte}\n    recurring:'
    for plan in ("data", "quiet"):
        world.catalogue.sell(plan, tariff_document(plan).replace("    recurring:", rate))


def data(name: str, quantity: int, day: float, minute: float = 0) -> UsageRecord:
    start = after(day * 24 * 60 + minute)
    return usage_record(name, quantity, start=start, usage_type=USAGE_TYPE_DATA, destination="")


async def recalled(world: World, pattern: Pattern, *, seconds: float = 15) -> None:
    world.clock.advance(BEGIN_AFTER)
    until = asyncio.get_running_loop().time() + seconds
    while (await patterns(world).GetPattern(pb.GetPatternRequest(name=pattern.name))).recalling:
        assert asyncio.get_running_loop().time() < until
        await asyncio.sleep(0.02)
    await nothing_waits(world)


async def sums(world: World, pattern: Pattern, name: str) -> list[tuple[int, float]]:
    """Count and total of each period of a subscriber, oldest first."""
    statement = text("""
        SELECT event_count, total
        FROM usage.pattern JOIN usage.pattern_sum USING (state_key) JOIN usage.subscription USING (subscription_key)
        WHERE pattern_id = :pattern AND subscription_id = :name ORDER BY start_micros
    """)
    where = {"pattern": pattern.name.removeprefix("patterns/"), "name": name}
    async with world.service.runtime.store.reading() as connection:
        return [(row.event_count, row.total) for row in await connection.execute(statement, where)]


async def test_a_baseline_is_there_from_the_first_day(world: World) -> None:
    name = world.profile.hold("data")
    await record(world, *(data(name, 100, day) for day in range(10)))
    pattern = await make(world, USUAL)
    assert pattern.recalling
    assert await sums(world, pattern, name) == []
    await recalled(world, pattern)
    assert await sums(world, pattern, name) == [(1, 100.0)] * 10
    await record(world, data(name, 1000, 12))
    [signal] = await told(world, pattern.name, 1)
    assert signal.pattern.measures["value"] == 1000
    await remove(world, pattern.name)


async def test_what_comes_in_meanwhile_counts_once(world: World) -> None:
    names = [world.profile.hold("data") for _ in range(12)]
    await record(world, *(data(name, 100, day) for day in range(9) for name in names))
    pattern = await make(world, USUAL)

    async def source(hour: int) -> None:
        for minute in range(12):
            await record(world, *(data(name, 1, 9, hour * 60 + minute) for name in names))
            await asyncio.sleep(0)

    feeding = asyncio.gather(*(source(hour) for hour in range(3)))
    await recalled(world, pattern)
    await feeding
    await nothing_waits(world)
    for name in names:
        assert await sums(world, pattern, name) == [(1, 100.0)] * 9 + [(36, 36.0)]
    await remove(world, pattern.name)


async def test_a_resumed_pattern_learns_what_came_while_it_was_paused(world: World) -> None:
    pattern, name = await make(world, USUAL), world.profile.hold("data")
    await record(world, *(data(name, 100, day) for day in range(4)))
    await nothing_waits(world)
    await change(world, pattern.name, paused=True)
    await record(world, *(data(name, 100, day) for day in range(4, 8)))
    assert await sums(world, pattern, name) == [(1, 100.0)] * 4
    pattern = await change(world, pattern.name, paused=False)
    assert pattern.recalling
    await recalled(world, pattern)
    assert await sums(world, pattern, name) == [(1, 100.0)] * 8
    await remove(world, pattern.name)


async def test_events_that_are_kept_one_by_one_are_recalled_too(world: World) -> None:
    name = world.profile.hold("data")
    await record(world, data(name, 600, 11))
    pattern = await make(world, HEAVY.replace("sliding: 1h", "sliding: 2d"))
    await recalled(world, pattern)
    assert await told(world, pattern.name, 1, seconds=0.2) == []
    await record(world, data(name, 400, 12.5))
    [signal] = await told(world, pattern.name, 1)
    assert dict(signal.pattern.measures) == {"bytes": 1000.0}
    assert len(signal.evidence_records) == 2
    await remove(world, pattern.name)


async def test_a_look_up_that_is_broken_off_goes_on_and_counts_nothing_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [world.profile.hold("data") for _ in range(8)]
    await record(world, *(data(name, 100, day) for day in range(6) for name in names))
    whole, broken = PostgresLane.recalled, []

    async def breaks(self: PostgresLane, recall: Recall, after: str | None) -> None:
        """As late as can be: all is written, and nothing committed."""
        await whole(self, recall, after)
        if len(broken) < LANES:
            broken.append(after)
            raise ConnectionError("the database has gone away")

    monkeypatch.setattr(PostgresLane, "recalled", breaks)
    pattern = await make(world, USUAL)
    await recalled(world, pattern)
    assert len(broken) == LANES
    for name in names:
        assert await sums(world, pattern, name) == [(1, 100.0)] * 6
    await remove(world, pattern.name)


async def test_what_was_decided_before_the_pattern_was_made_is_not_told(world: World) -> None:
    long_ago, lately = world.profile.hold("quiet"), world.profile.hold("quiet")
    # Noon of the 15th: one has been silent since the 11th, the other since yesterday.
    await record(world, *(data(long_ago, 1, day) for day in range(10)))
    await record(world, *(data(lately, 1, day) for day in range(2, 12)), data(lately, 1, 12, 30))
    pattern = await make(world, SILENT)
    await recalled(world, pattern)
    assert await told(world, pattern.name, 1, seconds=0.3) == []
    world.clock.advance(timedelta(days=2))
    [signal] = await told(world, pattern.name, 1)
    assert signal.subscription == f"subscriptions/{lately}"
    assert len(await told(world, pattern.name, 2, seconds=0.3)) == 1
    await remove(world, pattern.name)
