"""Is stored usage given out as it came in, whole and in order?"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.interval_pb2 import Interval
from usage_samples import ABROAD, DOMESTIC, MARCH_2, fresh, minutes, usage_record
from usage_world import World

from cxmesh.usage.v1.usage_record_pb2 import (
    USAGE_TYPE_CONTENT,
    USAGE_TYPE_VOICE,
    UsageColumns,
    UsageRecord,
)
from cxmesh.usage.v1.usage_service_pb2 import ExportUsageRequest, ListUsageRecordsRequest, RecordUsageRequest
from mesh.rpc import error_from
from usage_correlation.handlers import read_usage

CONTENT = """
format: cxmesh-tariff/1
id: content
name: content
currency: USD
time_zone: UTC
versions:
  - from: "2020-01-01"
    roaming_zones: [{id: germany, networks: ["262"]}]
    rates:
      - {line: content, service: content, price: "1.00", per: event}
      - {line: content.roaming, service: content, roaming: germany, price: "2.00", per: event}
"""


def interval(start: datetime | None, end: datetime | None) -> Interval:
    message = Interval()
    if start is not None:
        message.start_time.FromDatetime(start)
    if end is not None:
        message.end_time.FromDatetime(end)
    return message


WEEK = interval(MARCH_2, MARCH_2 + timedelta(days=7))


async def store(world: World, records: Sequence[UsageRecord]) -> None:
    for first in range(0, len(records), 1000):
        answer = await world.stub().RecordUsage(RecordUsageRequest(records=records[first : first + 1000]))
        assert not answer.rejections


async def listed(world: World, name: str, size: int = 1000, within: Interval | None = None) -> list[list[UsageRecord]]:
    request = ListUsageRecordsRequest(parent=f"subscriptions/{name}", page_size=size, interval=within)
    pages = []
    while True:
        answer = await world.stub().ListUsageRecords(request)
        pages.append(list(answer.records))
        if not answer.next_page_token:
            return pages
        request.page_token = answer.next_page_token


async def exported(
    world: World, names: Sequence[str], within: Interval = WEEK, *, ids: bool = False
) -> list[UsageColumns]:
    request = ExportUsageRequest(
        subscriptions=[f"subscriptions/{name}" for name in names], interval=within, include_record_ids=ids
    )
    call = world.stub("service/billing-accuracy").ExportUsage(request)
    return [answer.columns async for answer in call]


def rows(parts: Sequence[UsageColumns]) -> list[tuple[object, ...]]:
    return [
        (
            part.subscriptions[part.subscription_index[row]].removeprefix("subscriptions/"),
            part.usage_type[row],
            part.start_time_micros[row],
            part.quantity[row],
            part.destinations[part.destination_index[row]],
            part.visited_networks[part.visited_network_index[row]],
        )
        for part in parts
        for row in range(len(part.quantity))
    ]


async def test_records_are_listed_as_they_came_in(world: World) -> None:
    name = world.profile.hold(world.catalogue.sell(fresh("content"), CONTENT))
    sent = usage_record(
        name, 3, usage_type=USAGE_TYPE_CONTENT, destination="film", visited_network="26201", location_id="cell-7"
    )
    sent.start_time.nanos = 123_456_000
    await store(world, [sent])
    assert await listed(world, name) == [[sent]]


async def test_finer_digits_than_microseconds_are_dropped_and_are_no_other_content(world: World) -> None:
    name = world.profile.hold()
    sent = usage_record(name)
    sent.start_time.nanos = 123_456_789
    await store(world, [sent])
    again = await world.stub().RecordUsage(RecordUsageRequest(records=[sent]))
    assert again.duplicate_count == 1
    ((found,),) = await listed(world, name)
    assert found.start_time.nanos == 123_456_000


async def test_records_are_listed_by_start_page_by_page_also_where_starts_are_equal(world: World) -> None:
    name = world.profile.hold()
    sent = [usage_record(name, n, source=f"msc-{n % 3}", start=MARCH_2 + minutes(n // 4)) for n in range(20)]
    await store(world, sent[::-1])
    pages = await listed(world, name, size=3)
    assert [len(page) for page in pages] == [3] * 6 + [2]
    expected = sorted(sent, key=lambda each: (each.start_time.seconds, each.source, each.record_id))
    assert [each for page in pages for each in page] == expected


async def test_a_list_holds_the_records_that_begin_in_the_interval(world: World) -> None:
    name = world.profile.hold()
    sent = [usage_record(name, start=MARCH_2 + minutes(n)) for n in range(4)]
    await store(world, sent)

    async def within(start: datetime | None, end: datetime | None) -> list[UsageRecord]:
        return [each for page in await listed(world, name, within=interval(start, end)) for each in page]

    assert await within(MARCH_2 + minutes(1), MARCH_2 + minutes(3)) == sent[1:3]
    assert await within(None, MARCH_2 + minutes(1)) == sent[:1]
    assert await within(MARCH_2 + minutes(3), None) == sent[3:]
    assert await within(MARCH_2, MARCH_2) == []


async def test_an_unknown_subscription_has_no_list(world: World) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await listed(world, "nobody")
    error = error_from(refused.value)
    assert (error.status, error.reason) == (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_SUBSCRIPTION_NOT_FOUND")


async def test_an_export_holds_all_records_by_subscription_and_start(world: World) -> None:
    names = sorted(world.profile.hold() for _ in range(5))
    sent = [
        usage_record(name, n, start=MARCH_2 + minutes(n), destination=ABROAD if n % 2 else DOMESTIC)
        for name in names
        for n in range(30)
    ]
    await store(world, sent[::-1])
    expected = [
        (
            each.subscription.removeprefix("subscriptions/"),
            USAGE_TYPE_VOICE,
            each.start_time.ToMicroseconds(),
            each.quantity,
            each.destination,
            "",
        )
        for each in sent
    ]
    parts = await exported(world, [*names[::-1], names[0], "nobody"])
    assert rows(parts) == expected
    assert [list(part.destinations) for part in parts] == [[DOMESTIC, ABROAD]]
    assert not any(part.record_id or part.source_index or part.sources for part in parts)


async def test_record_ids_are_exported_when_asked_for(world: World) -> None:
    name = world.profile.hold()
    sent = [usage_record(name, source=f"msc-{n % 2}", start=MARCH_2 + minutes(n)) for n in range(4)]
    await store(world, sent)
    (part,) = await exported(world, [name], ids=True)
    found = [(part.sources[index], each) for index, each in zip(part.source_index, part.record_id, strict=True)]
    assert found == [(each.source, each.record_id) for each in sent]


async def test_an_export_holds_only_what_begins_in_the_interval(world: World) -> None:
    name = world.profile.hold()
    await store(world, [usage_record(name, n, start=MARCH_2 + minutes(n)) for n in range(4)])
    found = await exported(world, [name], interval(MARCH_2 + minutes(1), MARCH_2 + minutes(3)))
    assert [row[3] for row in rows(found)] == [1, 2]
    assert await exported(world, [name], interval(MARCH_2, MARCH_2)) == []
    assert await exported(world, ["nobody"]) == []


async def test_subscriptions_are_never_split_over_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_usage, "FULL_PART", 10)
    monkeypatch.setattr(read_usage, "MOST_IN_PART", 12)
    names = sorted(world.profile.hold() for _ in range(6))
    sizes = [4, 4, 5, 12, 3, 11]
    await store(
        world, [usage_record(n, start=MARCH_2) for n, size in zip(names, sizes, strict=True) for _ in range(size)]
    )
    parts = await exported(world, names)
    holders = [[each.removeprefix("subscriptions/") for each in part.subscriptions] for part in parts]
    # 4 + 4 would pass 12 with 5 more; 12 fills a part alone; 3 and 11 don't fit together.
    assert holders == [names[:2], names[2:3], names[3:4], names[4:5], names[5:6]]


async def test_a_subscription_that_is_too_long_for_a_part_comes_in_several(world: World) -> None:
    name = world.profile.hold()
    size = 1200
    await store(world, [usage_record(name, n, start=MARCH_2 + timedelta(seconds=n)) for n in range(size)])
    usage = world.service.runtime.store
    async with usage.unit_of_work() as uow:
        # Fifty times as many, the quickest way; identities don't matter here.
        await uow.connection.exec_driver_sql(
            "INSERT INTO usage.usage_record SELECT record.* FROM usage.usage_record AS record "
            "JOIN usage.subscription USING (subscription_key), generate_series(1, 49) WHERE subscription_id = %s",
            (name,),
        )
    parts = await exported(world, [name])
    assert [len(part.quantity) for part in parts] == [50_000, 10_000]
    starts = [start for part in parts for start in part.start_time_micros]
    assert starts == sorted(starts)


@pytest.mark.parametrize(
    ("within", "field"),
    [
        (interval(None, MARCH_2), "interval.start_time"),
        (interval(MARCH_2, None), "interval.end_time"),
        (interval(MARCH_2, MARCH_2 - minutes(1)), "interval.end_time"),
        (Interval(start_time=Timestamp(seconds=2**60), end_time=Timestamp(seconds=2**61)), "interval.start_time"),
        (Interval(start_time=Timestamp(), end_time=Timestamp(nanos=-1)), "interval.end_time"),
    ],
)
async def test_an_export_needs_both_bounds_and_in_order(world: World, within: Interval, field: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await exported(world, ["s-1"], within)
    error = error_from(refused.value)
    assert (error.status, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_VALUE")
    assert error.field_violations[0].field == field
