"""Are patterns kept, changed while usage comes in, and looked for in it?"""

import asyncio
from datetime import timedelta

import grpc
import pytest
from pattern_acts import (
    DROPS,
    HEAVY,
    after,
    change,
    count,
    make,
    nothing_waits,
    observation,
    observe,
    patterns,
    remove,
    told,
)
from usage_acts import record
from usage_samples import MARCH_2, fresh, usage_record
from usage_world import World

from cxmesh.usage.v1 import pattern_service_pb2 as pb
from cxmesh.usage.v1.pattern_pb2 import Pattern
from cxmesh.usage.v1.signal_pb2 import SIGNAL_KIND_PATTERN, SIGNAL_KIND_REPEATED_DROPS
from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_DATA, UsageRecord
from mesh.rpc import error_from


def data(name: str, quantity: int, minute: float = 0) -> UsageRecord:
    return usage_record(name, quantity, start=after(minute), usage_type=USAGE_TYPE_DATA, destination="")


@pytest.fixture(autouse=True, scope="module")
def plan_with_data(world: World) -> None:
    from usage_samples import tariff_document  # noqa: PLC0415 - beside the only use

    rate = '      - {line: data, service: data, price: "0.000001", per: megabyte}\n    recurring:'
    world.catalogue.sell("data", tariff_document("data").replace("    recurring:", rate))


async def test_a_pattern_raises_a_signal_with_the_records_that_made_it(world: World) -> None:
    pattern, name = await make(world, HEAVY), world.profile.hold("data")
    await record(world, data(name, 500), data(name, 90, 1), data(name, 400, 30))
    last = data(name, 100, 59)
    await record(world, last)
    [signal] = await told(world, pattern.name, 1)
    assert signal.kind == SIGNAL_KIND_PATTERN
    assert signal.subscription == f"subscriptions/{name}"
    assert signal.customer == f"customers/c-{name}"
    assert signal.event_time.ToDatetime() == after(59).replace(tzinfo=None)
    assert signal.evidence_records[-1] == f"msc-7/{last.record_id}"
    assert len(signal.evidence_records) == 3
    assert signal.pattern.revision == 1
    assert dict(signal.pattern.measures) == {"bytes": 1000.0}
    assert dict(signal.pattern.labels) == {"plan": "data", "severity": "info"}
    await remove(world, pattern.name)


async def test_nothing_waits_where_no_pattern_looks(world: World) -> None:
    pattern = await make(world, DROPS)
    name = world.profile.hold()
    await record(world, usage_record(name))
    assert await count(world, "correlation_queue") == 0
    await remove(world, pattern.name)


async def test_a_change_holds_from_the_next_record(world: World) -> None:
    pattern, name = await make(world, HEAVY), world.profile.hold("data")
    await record(world, data(name, 600))
    await nothing_waits(world)
    changed = await change(world, pattern.name, document=HEAVY.replace("1000", "700"))
    assert changed.revision == 2
    await record(world, data(name, 100, 1))  # what was counted is kept
    [signal] = await told(world, pattern.name, 1)
    assert signal.pattern.revision == 2
    await remove(world, pattern.name)


async def test_what_is_counted_otherwise_begins_with_nothing(world: World) -> None:
    pattern, name = await make(world, HEAVY), world.profile.hold("data")
    await record(world, data(name, 600))
    await nothing_waits(world)
    await change(world, pattern.name, document=HEAVY.replace(">= 100", ">= 50"))
    await record(world, data(name, 600, 1))
    await nothing_waits(world)
    assert await told(world, pattern.name, 1, seconds=0.2) == []
    await record(world, data(name, 400, 2))
    assert len(await told(world, pattern.name, 1)) == 1
    await remove(world, pattern.name)


async def test_a_paused_pattern_sees_nothing_and_keeps_what_it_had(world: World) -> None:
    pattern, name = await make(world, HEAVY), world.profile.hold("data")
    await record(world, data(name, 600))
    await nothing_waits(world)
    await change(world, pattern.name, paused=True)
    await record(world, data(name, 600, 1))
    assert await count(world, "correlation_queue") == 0
    await change(world, pattern.name, paused=False)
    await record(world, data(name, 300, 2))
    await nothing_waits(world)
    assert await told(world, pattern.name, 1, seconds=0.2) == []
    await record(world, data(name, 100, 3))
    [signal] = await told(world, pattern.name, 1)
    assert dict(signal.pattern.measures) == {"bytes": 1000.0}
    await remove(world, pattern.name)


async def test_a_removed_pattern_raises_nothing_and_its_signals_stay(world: World) -> None:
    pattern, name = await make(world, HEAVY), world.profile.hold("data")
    await record(world, data(name, 1000))
    assert len(await told(world, pattern.name, 1)) == 1
    await remove(world, pattern.name)
    await record(world, data(world.profile.hold("data"), 1000))
    assert len(await told(world, pattern.name, 2, seconds=0.3)) == 1
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await patterns(world).GetPattern(pb.GetPatternRequest(name=pattern.name))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_the_same_records_again_raise_nothing_again(world: World) -> None:
    pattern, name = await make(world, HEAVY), world.profile.hold("data")
    records, before = [data(name, 600), data(name, 600, 1)], await count(world, "pattern_event")
    for _ in range(3):
        await record(world, *records)
        await nothing_waits(world)
    assert len(await told(world, pattern.name, 1)) == 1
    assert await count(world, "pattern_event") == before + 2
    await remove(world, pattern.name)


async def test_places_are_used_with_the_customers_consent_alone(world: World) -> None:
    pattern = await make(world, DROPS)
    names = [world.profile.hold() for _ in range(3)]
    world.profile.consent(names[1])
    world.profile.consent(names[2])
    world.profile.consent(names[2], granted=False)
    await observe(world, *(observation(name, after(at)) for name in names for at in range(3)))
    [signal] = await told(world, pattern.name, 1)
    await nothing_waits(world)
    assert signal.subscription == f"subscriptions/{names[1]}"
    assert signal.kind == SIGNAL_KIND_REPEATED_DROPS
    assert dict(signal.pattern.labels) == {"cell": "c1"}
    assert len(await told(world, pattern.name, 2, seconds=0.2)) == 1
    await remove(world, pattern.name)


async def test_a_pattern_can_be_read_listed_and_made_again_the_same(world: World) -> None:
    pattern = await make(world, HEAVY)
    got = await patterns(world).GetPattern(pb.GetPatternRequest(name=pattern.name))
    assert got == pattern
    assert (got.display_name, got.signal_kind, got.revision) == ("Much data within an hour", SIGNAL_KIND_PATTERN, 1)
    again = pb.CreatePatternRequest(pattern_id=pattern.name.removeprefix("patterns/"), pattern=Pattern(document=HEAVY))
    assert await patterns(world).CreatePattern(again) == pattern
    again.pattern.document = DROPS
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await patterns(world).CreatePattern(again)
    assert caught.value.code() is grpc.StatusCode.ALREADY_EXISTS
    others = [await make(world, DROPS) for _ in range(2)]
    names, token = [], ""
    while True:
        page = await patterns(world).ListPatterns(pb.ListPatternsRequest(page_size=1, page_token=token))
        names += [each.name for each in page.patterns]
        token = page.next_page_token
        if not token:
            break
    assert names == sorted(each.name for each in (pattern, *others))
    for each in (pattern, *others):
        await remove(world, each.name)


async def test_an_update_that_changes_nothing_makes_no_revision(world: World) -> None:
    pattern = await make(world, HEAVY)
    assert await change(world, pattern.name, document=HEAVY) == pattern
    await remove(world, pattern.name)


async def test_slow_conditions_are_told(world: World) -> None:
    pattern = await make(world, HEAVY.replace("quantity >= 100", 'destination.matches("^43")'))
    assert list(pattern.slow_conditions) == ['usage_type == "data" && destination.matches("^43")']
    await remove(world, pattern.name)


async def dry_run(world: World, **fields: object) -> list[tuple[str, int, tuple[str, ...], dict[str, float]]]:
    request = pb.DryRunPatternRequest(**fields)
    request.interval.start_time.FromDatetime(after(-60))
    request.interval.end_time.FromDatetime(after(24 * 60))
    parts = [each async for each in patterns(world).DryRunPattern(request)]
    return [said(signal) for part in parts for signal in part.signals]


def said(signal) -> tuple[str, int, tuple[str, ...], dict[str, float]]:
    return (
        signal.subscription,
        signal.event_time.ToMicroseconds(),
        tuple(signal.evidence_records),
        dict(signal.pattern.measures),
    )


SEVERAL = {
    "sliding": HEAVY,
    "stepping": HEAVY.replace("sliding: 1h", "sliding: 1h, every: 10m"),
    "tumbling": HEAVY.replace("sliding: 1h", "tumbling: day"),
    "settled": HEAVY.replace("{sum: quantity}, at_least: 1000", "{avg: quantity}, at_least: 300") + "lateness: 5m\n",
    "sequence": """
format: cxmesh-pattern/1
name: Much data, then a dropped call
events: {use: {type: usage, where: quantity > 300}, drop: {type: call_failure}}
sequence: {within: 2h, steps: [{event: use, count: 2}, {event: drop}]}
raises: {kind: PATTERN, measures: {count: count}}
""",
}


async def test_a_dry_run_gives_what_was_raised_live(world: World) -> None:
    made = {kind: await make(world, document) for kind, document in SEVERAL.items()}
    names = [world.profile.hold("data") for _ in range(3)]
    for step in range(12):
        await record(world, *(data(name, 100 + 90 * ((step + n) % 5), step * 11) for n, name in enumerate(names)))
        await observe(world, observation(names[step % 3], after(step * 11 + 5)))
        # Each arrives after the one before was looked at, as it would: first come, first told.
        await nothing_waits(world)
    world.clock.advance(timedelta(minutes=6))  # what is raised settled waits for that
    for kind, pattern in made.items():
        live = sorted(map(said, await told(world, pattern.name, 1)))
        subscriptions = [f"subscriptions/{name}" for name in names]
        assert live, kind
        assert sorted(await dry_run(world, pattern=pattern.name, subscriptions=subscriptions)) == live, kind
        assert sorted(await dry_run(world, document=SEVERAL[kind], subscriptions=subscriptions)) == live, kind
    for pattern in made.values():
        await remove(world, pattern.name)


async def test_a_dry_run_keeps_nothing_and_ends_after_so_many(world: World) -> None:
    names = [world.profile.hold("data") for _ in range(3)]
    await record(world, *(data(name, 1000) for name in names))
    before = [await count(world, table) for table in ("signal", "pattern_event", "pattern_due", "pattern")]
    assert len(await dry_run(world, document=HEAVY, max_signals=2)) == 2
    assert [await count(world, table) for table in ("signal", "pattern_event", "pattern_due", "pattern")] == before


async def test_a_dry_run_wants_an_interval_of_at_most_400_days(world: World) -> None:
    request = pb.DryRunPatternRequest(document=HEAVY)
    request.interval.start_time.FromDatetime(MARCH_2)
    request.interval.end_time.FromDatetime(MARCH_2.replace(year=2028))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await patterns(world).DryRunPattern(request).read()
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error_from(caught.value).field_violations[0].field == "interval.end_time"


async def test_a_dry_run_of_a_pattern_that_is_not_there(world: World) -> None:
    request = pb.DryRunPatternRequest(pattern=f"patterns/{fresh('none')}")
    request.interval.start_time.FromDatetime(MARCH_2)
    request.interval.end_time.FromDatetime(after(1))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await patterns(world).DryRunPattern(request).read()
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_calls_at_the_same_time_raise_each_signal_once(world: World) -> None:
    pattern = await make(world, HEAVY)
    names = [world.profile.hold("data") for _ in range(20)]
    await asyncio.gather(
        # Later than what other tests have sent: the clock of a lane knows no tests.
        *(record(world, *(data(name, 250, 200 + minute) for name in names)) for minute in range(6))
    )
    signals = await told(world, pattern.name, 20)
    await nothing_waits(world)
    assert sorted(each.subscription for each in await told(world, pattern.name, 21, seconds=0.2)) == sorted(
        f"subscriptions/{name}" for name in names
    )
    assert len(signals) == 20
    await remove(world, pattern.name)
