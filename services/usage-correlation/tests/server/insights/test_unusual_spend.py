"""Does spending speak up that is far above what is usual for the subscriber?"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from insight_world import insight_world, months, move_to, rounds_go_on, signals_seen
from usage_acts import record, signals_of
from usage_samples import usage_record
from usage_world import World

from cxmesh.usage.v1.signal_pb2 import SIGNAL_KIND_UNUSUAL_SPEND, Signal
from mesh.testkit import Certificates

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)
MAY_9 = datetime(2026, 5, 9, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
async def world(postgres_url: str, redis_url: str, certificates: Certificates) -> AsyncIterator[World]:
    async with insight_world(postgres_url, redis_url, certificates, NOW, insight_round_hours=10_000) as made:
        yield made


async def _usually(world: World, *minutes: int, activated: datetime | None = None) -> str:
    """A subscriber who called so much in the months from January on, at 17 cents a minute."""
    name = world.profile.hold(activated=activated or datetime(2020, 1, 1, tzinfo=UTC))
    starts = months(len(minutes))
    await record(world, *(usage_record(name, 60 * each, start=at) for each, at in zip(minutes, starts, strict=True)))
    return name


async def _unusual(world: World, name: str) -> list[Signal]:
    return [each for each in await signals_of(world, name) if each.kind == SIGNAL_KIND_UNUSUAL_SPEND]


async def test_spending_far_above_the_usual_is_told_while_the_cycle_lasts(world: World) -> None:
    name = await _usually(world, 100, 110, 90, 100)
    call = usage_record(name, 60 * 300, start=MAY_9)
    await record(world, call)
    (signal,) = await signals_seen(world, name, SIGNAL_KIND_UNUSUAL_SPEND)
    said = signal.unusual_spend
    assert (said.spent.units, said.spent.currency_code) == (51, "USD")
    assert (said.usual.units, said.compared_cycle_count) == (17, 4)
    assert said.standard_deviation.units * 10**9 + said.standard_deviation.nanos == pytest.approx(1.388e9, rel=0.01)
    assert said.cycle_start_time.ToDatetime(UTC) == datetime(2026, 5, 1, 4, tzinfo=UTC)
    assert signal.event_time == call.start_time
    assert list(signal.evidence_records) == [f"{call.source}/{call.record_id}"]


@pytest.mark.parametrize(
    ("minutes", "now", "why"),
    [
        ((100, 110, 90, 100), 120, "not half as much again"),
        ((100, 400, 20, 250), 450, "their spending always varies so much"),
        ((1, 1, 1, 1), 20, "a few cents are no matter"),
        ((100, 110), 400, "too little is known"),
    ],
)
async def test_what_is_not_far_above_the_usual_is_not_told(world, minutes, now, why) -> None:
    name = await _usually(world, *minutes)
    await record(world, usage_record(name, 60 * now, start=MAY_9))
    await rounds_go_on(world, 1.0)
    assert await _unusual(world, name) == [], why


async def test_a_cycle_that_began_before_the_activation_is_no_measure(world: World) -> None:
    name = await _usually(world, 5, 100, 100, activated=datetime(2026, 1, 1, 12, tzinfo=UTC))
    await record(world, usage_record(name, 60 * 300, start=MAY_9))
    await rounds_go_on(world, 1.0)
    assert await _unusual(world, name) == []


async def test_it_is_told_once_a_cycle_and_again_in_the_next(world: World) -> None:
    name = await _usually(world, 50, 55, 45, 50)
    await record(world, usage_record(name, 60 * 300, start=MAY_9))
    await signals_seen(world, name, SIGNAL_KIND_UNUSUAL_SPEND)
    await record(world, usage_record(name, 60 * 300, start=MAY_9 + timedelta(hours=2)))
    await rounds_go_on(world)
    assert len(await _unusual(world, name)) == 1
    move_to(world, NOW + timedelta(days=31))
    await record(world, usage_record(name, 60 * 6000, start=MAY_9 + timedelta(days=31)))
    assert len(await signals_seen(world, name, SIGNAL_KIND_UNUSUAL_SPEND, 2)) == 2
