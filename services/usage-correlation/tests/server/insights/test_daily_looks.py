"""Are those noticed who have fallen silent, and those whose device could do more?"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from insight_world import insight_world, move_to, rounds_go_on, signals_seen
from pattern_acts import observation, observe
from usage_acts import record, signals_of
from usage_samples import usage_record
from usage_world import World

from cxmesh.usage.v1.observation_pb2 import DeviceSeen, Observation
from cxmesh.usage.v1.signal_pb2 import SIGNAL_KIND_SILENCE, SIGNAL_KIND_UNUSED_CAPABILITY
from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_DATA
from mesh.testkit import Certificates

DAY_0 = datetime(2026, 3, 1, 18, tzinfo=UTC)
NOW = DAY_0 + timedelta(days=28)
MINUTE = timedelta(minutes=1)
DATA = """
format: cxmesh-tariff/1
id: data-too
name: Data too
currency: USD
time_zone: America/New_York
versions:
  - from: "2020-01-01"
    rates:
      - {line: data, service: data, price: "0.01", per: megabyte}
"""


@pytest.fixture(scope="module")
async def world(postgres_url: str, redis_url: str, certificates: Certificates) -> AsyncIterator[World]:
    async with insight_world(postgres_url, redis_url, certificates, NOW, insight_round_hours=10_000) as made:
        yield made


def _device(name: str, *capabilities: str) -> Observation:
    return observation(name, NOW, device_seen=DeviceSeen(tac="35000001", model="Able", capabilities=capabilities))


async def _heard_of(world: World, days: range) -> str:
    name = world.profile.hold()
    await record(world, *(usage_record(name, start=DAY_0 + timedelta(days=day)) for day in days))
    return name


async def test_silence_and_unused_devices_are_told_when_their_time_has_come(world: World) -> None:
    daily, seldom, talking = (
        await _heard_of(world, range(28)), await _heard_of(world, range(0, 28, 4)), await _heard_of(world, range(28)),
    )  # fmt: skip
    world.catalogue.sell("data-too", DATA)
    able, using, plain = (world.profile.hold("data-too") for _ in range(3))
    seen = _device(able, "lte", "volte")
    await observe(world, seen, _device(using, "lte"), _device(plain, "gsm"))
    await record(world, usage_record(using, 10**6, start=NOW + MINUTE, usage_type=USAGE_TYPE_DATA, destination=""))
    move_to(world, NOW + timedelta(days=5))
    await record(world, usage_record(talking, start=NOW + timedelta(days=4)))
    await rounds_go_on(world)
    assert await signals_of(world, daily) == []
    move_to(world, NOW + timedelta(days=7))
    (signal,) = await signals_seen(world, daily, SIGNAL_KIND_SILENCE)
    last = DAY_0 + timedelta(days=27)
    assert signal.silence.last_usage_time.ToDatetime(UTC) == last
    assert (signal.silence.silent_days, signal.silence.used_days, signal.silence.observed_days) == (7, 28, 28)
    assert signal.event_time.ToDatetime(UTC).replace(microsecond=0) == last + timedelta(days=7)
    assert len(signal.evidence_records) == 20
    for name in (seldom, talking):
        assert SIGNAL_KIND_SILENCE not in [each.kind for each in await signals_of(world, name)]
    # Four weeks after the device was seen.
    move_to(world, NOW + timedelta(days=28, hours=8))
    (unused,) = await signals_seen(world, able, SIGNAL_KIND_UNUSED_CAPABILITY)
    assert (unused.unused_capability.tac, unused.unused_capability.model) == ("35000001", "Able")
    assert list(unused.unused_capability.capabilities) == ["lte", "volte"]
    assert unused.unused_capability.unused_usage_type == USAGE_TYPE_DATA
    assert list(unused.evidence_records) == [f"{seen.source}/{seen.observation_id}"]
    for name in (using, plain):
        assert await signals_of(world, name) == []
    await rounds_go_on(world)
    assert len([each for each in await signals_of(world, daily) if each.kind == SIGNAL_KIND_SILENCE]) == 1
