"""Are records stored, counted and known again?"""

import asyncio
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from usage_acts import counts, lines, record, summary
from usage_samples import ABROAD, MARCH_2, fresh, minutes, tariff_document, usage_record
from usage_world import World

from cxmesh.usage.v1.error_reason_pb2 import ErrorReason
from cxmesh.usage.v1.usage_record_pb2 import (
    UsageRecord,
)
from cxmesh.usage.v1.usage_service_pb2 import (
    ListUsageRecordsRequest,
    RecordUsageRequest,
)
from mesh.rpc import error_from


async def test_new_records_are_stored_and_counted_by_kind_of_charge(world: World) -> None:
    name = world.profile.hold()
    evening = MARCH_2 + timedelta(hours=8)
    answer = await record(
        world,
        usage_record(name, 60),
        usage_record(name, 30),
        usage_record(name, 600, start=evening),
        usage_record(name, 120, destination=ABROAD),
    )
    assert counts(answer) == (4, 0, 0)
    found = await summary(world, name)
    assert lines(found) == {
        "voice.day": (2, 90, 26),  # 90 s at 0.17 a minute are 25.5 cents: half up, on the total
        "voice.evening": (1, 600, 85),
        "voice.international": (1, 120, 54),
    }
    assert found.plan == "plans/standard"
    assert (found.total.units, found.total.nanos, found.total.currency_code) == (1, 650_000_000, "USD")
    assert found.latest_record_time.ToDatetime(UTC) == evening


async def test_the_same_records_again_are_acknowledged_and_ignored(world: World) -> None:
    name = world.profile.hold()
    records = [usage_record(name) for _ in range(3)]
    assert counts(await record(world, *records)) == (3, 0, 0)
    assert counts(await record(world, *records)) == (0, 3, 0)
    assert counts(await record(world, *records, usage_record(name))) == (1, 3, 0)
    assert lines(await summary(world, name)) == {"voice.day": (4, 240, 68)}


async def test_the_same_record_twice_in_one_call_counts_once(world: World) -> None:
    name = world.profile.hold()
    twice = usage_record(name)
    assert counts(await record(world, twice, twice)) == (1, 1, 0)
    assert lines(await summary(world, name)) == {"voice.day": (1, 60, 17)}


async def test_the_same_id_from_another_source_is_another_record(world: World) -> None:
    name = world.profile.hold()
    one, other = usage_record(name, record_id=fresh("r")), usage_record(name)
    other.record_id, other.source = one.record_id, "msc-8"
    assert counts(await record(world, one, other)) == (2, 0, 0)


CHANGES = {
    "quantity": 61,
    "destination": "12125550101",
    "location_id": "cell-1",
    "start_time": Timestamp(seconds=int(MARCH_2.timestamp()) + 1),
}


@pytest.mark.parametrize("field", [*CHANGES, "subscription"])
async def test_a_known_id_with_other_content_is_reported_and_the_first_stays(world: World, field: str) -> None:
    name = world.profile.hold()
    first, second = usage_record(name, record_id=fresh("r")), UsageRecord()
    second.CopyFrom(first)
    if field == "subscription":
        second.subscription = f"subscriptions/{world.profile.hold()}"
    elif field == "start_time":
        second.start_time.CopyFrom(CHANGES[field])
    else:
        setattr(second, field, CHANGES[field])
    await record(world, first)
    answer = await record(world, usage_record(name), second)
    assert counts(answer) == (1, 0, 1)
    (rejection,) = answer.rejections
    assert (rejection.index, rejection.reason) == (1, ErrorReason.ERROR_REASON_RECORD_CONFLICT)
    assert (rejection.field, rejection.description) == (
        "record_id",
        f"msc-7/{first.record_id} is stored with other content",
    )
    assert lines(await summary(world, name)) == {"voice.day": (2, 120, 34)}


async def test_a_conflict_within_one_call_is_reported_too(world: World) -> None:
    name = world.profile.hold()
    first, other = usage_record(name, record_id=fresh("r")), usage_record(name, 61)
    other.record_id = first.record_id
    answer = await record(world, first, other)
    assert (counts(answer), answer.rejections[0].index) == ((1, 0, 1), 1)


async def test_the_first_content_stays_whatever_the_order_in_a_later_call(world: World) -> None:
    name = world.profile.hold()
    first, other = usage_record(name, record_id=fresh("r")), usage_record(name, 61)
    other.record_id = first.record_id
    await record(world, first)
    answer = await record(world, other, first)
    assert (counts(answer), answer.rejections[0].index) == ((0, 1, 1), 0)


async def test_what_is_stored_is_acknowledged_whatever_became_of_its_subscription(world: World) -> None:
    name = world.profile.hold(name=fresh("gone"))
    known, other = usage_record(name), usage_record(name)
    await record(world, known)
    # Forget it here as well: a restart would.
    del world.profile.known[f"subscriptions/{name}"]
    world.clock.advance(timedelta(seconds=301))
    other.record_id = known.record_id
    other.quantity = 99
    answer = await record(world, known, other, usage_record(name))
    assert counts(answer) == (0, 1, 2)
    assert [each.reason for each in answer.rejections] == [
        ErrorReason.ERROR_REASON_RECORD_CONFLICT,
        ErrorReason.ERROR_REASON_SUBSCRIPTION_NOT_FOUND,
    ]


async def test_zero_is_kept_and_counted(world: World) -> None:
    name = world.profile.hold()
    assert counts(await record(world, usage_record(name, 0))) == (1, 0, 0)
    assert lines(await summary(world, name)) == {"voice.day": (1, 0, 0)}


async def test_late_records_count_in_their_own_cycle(world: World) -> None:
    name = world.profile.hold(day=10)
    before = datetime(2026, 3, 9, 15, tzinfo=UTC)
    after = datetime(2026, 3, 11, 15, tzinfo=UTC)
    await record(world, usage_record(name, 60, start=after))
    await record(world, usage_record(name, 30, start=before))
    assert lines(await summary(world, name)) == {"voice.day": (1, 60, 17)}
    assert lines(await summary(world, name, before)) == {"voice.day": (1, 30, 9)}


async def test_each_record_is_rated_under_the_plan_in_force_when_it_began(world: World) -> None:
    world.catalogue.sell("double", tariff_document("double", day="0.34"))
    name = world.profile.hold()
    change = MARCH_2 + minutes(1)
    world.profile.change_plan(name, "double", change)
    await record(world, usage_record(name, 60), usage_record(name, 60, start=change))
    found = await summary(world, name)
    assert found.plan == "plans/double"
    assert lines(found) == {"voice.day": (2, 120, 51)}


async def test_many_calls_for_the_same_subscriptions_at_once_lose_nothing(world: World) -> None:
    names = [world.profile.hold() for _ in range(5)]
    shared = [usage_record(name) for name in names for _ in range(10)]
    batches = [[*shared, *(usage_record(name) for name in names)] for _ in range(12)]
    answers = await asyncio.gather(*(record(world, *batch) for batch in batches))
    assert sum(answer.accepted_count for answer in answers) == 50 + 12 * 5
    for name in names:
        assert lines(await summary(world, name)) == {"voice.day": (22, 1320, 374)}


async def test_a_thousand_records_are_one_question_to_the_profile(world: World) -> None:
    names = [world.profile.hold() for _ in range(1000)]
    asked = len(world.profile.asked)
    assert counts(await record(world, *map(usage_record, names))) == (1000, 0, 0)
    assert len(world.profile.asked) == asked + 1
    assert counts(await record(world, *map(usage_record, names))) == (1000, 0, 0)
    assert len(world.profile.asked) == asked + 1


@pytest.mark.parametrize("size", [0, 1001])
async def test_a_call_without_records_or_with_too_many_is_refused(world: World, size: int) -> None:
    name = world.profile.hold()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await record(world, *(usage_record(name) for _ in range(size)))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "records must hold 1 to 1000 records" in (refused.value.details() or "")


@pytest.mark.parametrize("peer", ["profile", "catalogue"])
async def test_nothing_is_stored_while_those_who_know_cannot_be_asked(world: World, peer: str) -> None:
    known = world.profile.hold()
    await record(world, usage_record(known))
    name = world.profile.hold(world.catalogue.sell(fresh("plan")))
    fake = getattr(world, peer)
    fake.down = True
    try:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await world.stub().RecordUsage(
                RecordUsageRequest(records=[usage_record(known), usage_record(name)]), timeout=5
            )
    finally:
        fake.down = False
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    assert error_from(refused.value).retry_after is not None
    assert lines(await summary(world, known)) == {"voice.day": (1, 60, 17)}


async def test_partners_report_in_their_own_name_alone(world: World) -> None:
    name = world.profile.hold()
    own = [usage_record(name, source=source) for source in ("acme", "acme:msc-7")]
    assert counts(await record(world, *own, as_="partner/acme")) == (2, 0, 0)
    for source in ("acme2", "acme-2:x", "msc-7", "other:acme"):
        foreign = usage_record(name, source=source)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await record(world, usage_record(name, source="acme"), foreign, as_="partner/acme")
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
        error = error_from(refused.value)
        assert (error.reason, error.metadata["source"]) == ("ERROR_REASON_CALLER_NOT_ALLOWED", source)
    # Nothing of the refused calls was stored.
    found = await world.stub().ListUsageRecords(ListUsageRecordsRequest(parent=f"subscriptions/{name}"))
    assert len(found.records) == 2
