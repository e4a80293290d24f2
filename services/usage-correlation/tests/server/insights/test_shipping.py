"""Do the shipped patterns arrive, and do they stay what staff have made of them?"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from insight_world import insight_world, signals_seen
from pattern_acts import change, observation, observe, patterns, remove
from usage_samples import MARCH_2, minutes
from usage_world import World

from cxmesh.usage.v1.observation_pb2 import Observation, VoiceQuality
from cxmesh.usage.v1.pattern_pb2 import Pattern
from cxmesh.usage.v1.pattern_service_pb2 import CreatePatternRequest, ListPatternsRequest
from cxmesh.usage.v1.signal_pb2 import SIGNAL_KIND_VOICE_QUALITY
from mesh.testkit import Certificates
from usage_correlation.domain.patterns.document import PatternReader
from usage_correlation.handlers.insights.ship_patterns import ShipPatterns, ShippedPattern
from usage_correlation.store.insight_patterns import PostgresShippedLog
from usage_correlation.store.patterns import PostgresPatternWriter
from usage_correlation.wiring_insights import shipped_patterns

NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
async def world(postgres_url: str, redis_url: str, certificates: Certificates) -> AsyncIterator[World]:
    settings = {"install_shipped_patterns": True, "insight_pause_seconds": 3600}
    async with insight_world(postgres_url, redis_url, certificates, NOON, **settings) as made:
        for _ in range(200):
            if len(await kept(made)) == len(shipped_patterns()):
                break
            await asyncio.sleep(0.05)
        yield made


async def kept(world: World) -> dict[str, Pattern]:
    answer = await patterns(world).ListPatterns(ListPatternsRequest())
    return {each.name.removeprefix("patterns/"): each for each in answer.patterns}


async def ship(world: World, *shipped: ShippedPattern) -> None:
    """As a service does that starts with these."""
    clock = world.clock
    await ShipPatterns(
        world.service.runtime.store.unit_of_work,
        PostgresShippedLog(clock),
        lambda uow: PostgresPatternWriter(uow.connection, clock),
        PatternReader().read,
        shipped,
        clock,
    )()


async def test_all_are_there_and_those_that_cost_much_wait_for_staff(world: World) -> None:
    found = await kept(world)
    assert set(found) == {each.id for each in shipped_patterns()}
    assert [name for name, each in found.items() if each.paused] == ["service-fault-usage"]


async def test_a_bad_voice_is_told_from_what_a_probe_measures(world: World) -> None:
    name = world.profile.hold()

    def call(at: float) -> Observation:
        heard = VoiceQuality(codec="PCMA", delay_ms=320, jitter_ms=60, loss_percent=8)
        return observation(name, MARCH_2 + minutes(at), voice_quality=heard)

    await observe(world, call(0), call(10))
    await observe(world, call(20))
    (signal,) = await signals_seen(world, name, SIGNAL_KIND_VOICE_QUALITY)
    assert signal.pattern.pattern == "patterns/voice-quality"
    assert signal.pattern.measures["calls"] == 3
    assert len(signal.evidence_records) == 3


async def test_what_staff_have_changed_or_removed_stays_so(world: World) -> None:
    await change(world, "patterns/repeated-drops", paused=True)
    await remove(world, "patterns/drops-then-care")
    await ship(world, *shipped_patterns())
    found = await kept(world)
    assert found["repeated-drops"].paused
    assert "drops-then-care" not in found


async def test_a_newer_document_comes_to_those_that_nobody_has_touched(world: World) -> None:
    shipped = {each.id: each for each in shipped_patterns()}
    newer = [
        replace(shipped[name], document=shipped[name].document.replace("at_least: 2", "at_least: 4"))
        for name in ("stream-quality", "device-change")
    ]
    own = shipped["device-change"].document.replace("at_least: 2", "at_least: 3")
    await change(world, "patterns/device-change", document=own)
    await ship(world, *newer)
    found = await kept(world)
    assert "at_least: 4" in found["stream-quality"].document
    assert found["device-change"].document == own
    await ship(world, *newer)
    assert (await kept(world))["stream-quality"].revision == found["stream-quality"].revision


async def test_a_pattern_that_staff_removed_does_not_come_back_with_a_newer_document(world: World) -> None:
    one = replace(shipped_patterns()[0], id="one-more")
    await ship(world, one)
    assert (await kept(world))["one-more"].revision == 1
    await remove(world, "patterns/one-more")
    await ship(world, replace(one, document=one.document + "# newer\n"))
    assert "one-more" not in await kept(world)


async def test_a_pattern_of_the_staffs_own_with_the_same_id_is_left_alone(world: World) -> None:
    mine = (await kept(world))["voice-quality"].document
    request = CreatePatternRequest(pattern_id="another", pattern=Pattern(document=mine))
    await patterns(world).CreatePattern(request)
    await ship(world, replace(shipped_patterns()[0], id="another"))
    assert (await kept(world))["another"].document == mine
