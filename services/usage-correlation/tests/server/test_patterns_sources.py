"""Is a source that is behind waited for, and do its events count though another is far ahead?"""

from datetime import timedelta

import pytest
from pattern_acts import after, make, nothing_waits, observation, observe, remove, told
from sqlalchemy import text
from usage_world import World

from cxmesh.usage.v1 import observation_pb2 as pb
from cxmesh.usage.v1.observation_pb2 import Observation

DAY = 12 * 24 * 60
"""Later than what other tests have sent; in minutes."""
BAD = """
format: cxmesh-pattern/1
name: Voice that is bad on the whole
events: {call: {type: voice_quality}}
window: {event: call, sliding: 30m, measure: {avg: mos}, below: 3.0, least_count: 2}
lateness: 0s
raises: {kind: VOICE_QUALITY, measures: {mos: value, calls: count}}
"""
OFTEN = """
format: cxmesh-pattern/1
name: Three calls within half an hour
events: {call: {type: voice_quality}}
window: {event: call, sliding: 30m, measure: count, at_least: 3}
lateness: 0s
raises: {kind: VOICE_QUALITY}
"""


@pytest.fixture(autouse=True)
async def no_other_sources(world: World) -> None:
    """Those of other tests are as live as ours: the clock stands."""
    async with world.service.runtime.store.unit_of_work() as uow:
        await uow.connection.execute(text("DELETE FROM usage.correlation_source"))


def call(name: str, minute: float, mos: float, source: str) -> Observation:
    made = observation(name, after(DAY + minute), voice_quality=pb.VoiceQuality(mos=mos))
    made.source = source
    return made


async def test_what_is_settled_waits_for_the_source_that_is_behind(world: World) -> None:
    pattern, name = await make(world, BAD), world.profile.hold()
    await observe(world, call(name, 0, 4.4, "slow"))
    # By these alone it would be bad. The other source has not come so far.
    await observe(world, call(name, 20, 2.0, "fast"), call(name, 21, 2.0, "fast"), call(name, 26, 4.9, "fast"))
    await nothing_waits(world)
    assert await told(world, pattern.name, 1, seconds=0.2) == []
    await observe(world, call(name, 19, 4.9, "slow"), call(name, 20.5, 4.9, "slow"), call(name, 27, 4.9, "slow"))
    await nothing_waits(world)
    assert await told(world, pattern.name, 1, seconds=0.2) == []
    await remove(world, pattern.name)


async def test_a_source_that_has_fallen_silent_is_not_waited_for(world: World) -> None:
    pattern, name = await make(world, BAD), world.profile.hold()
    await observe(world, call(name, 30, 4.4, "slow"))
    await observe(world, call(name, 61, 2.0, "fast"), call(name, 62, 2.0, "fast"))
    await nothing_waits(world)
    assert await told(world, pattern.name, 1, seconds=0.2) == []
    world.clock.advance(timedelta(minutes=6))
    [signal] = await told(world, pattern.name, 1)
    assert dict(signal.pattern.measures) == {"mos": 2.0, "calls": 2.0}
    await remove(world, pattern.name)


async def test_no_event_is_late_for_another_source_that_is_ahead(world: World) -> None:
    pattern, name = await make(world, OFTEN), world.profile.hold()
    await observe(world, call(name, 900, 4.4, "fast"))
    await nothing_waits(world)
    # As far as three hours behind the other, window and lateness together are half an hour.
    for minute in (700, 701, 702):
        await observe(world, call(name, minute, 4.4, "slow"))
        await nothing_waits(world)
    [signal] = await told(world, pattern.name, 1)
    assert len(signal.evidence_records) == 3
    await observe(world, call(name, 600, 4.4, "slow"))  # behind its own clock: too late
    await nothing_waits(world)
    assert len(await told(world, pattern.name, 2, seconds=0.2)) == 1
    await remove(world, pattern.name)
