"""What does usage come to, under the plan in force and under others?"""

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from usage_samples import MARCH_2, fresh, minutes, tariff_document, usage_record
from usage_world import World

from cxmesh.catalog.v1.events_pb2 import PlanChanged
from cxmesh.catalog.v1.plan_pb2 import PLAN_STATE_RETIRED
from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_SMS
from cxmesh.usage.v1.usage_service_pb2 import (
    ComparePlansRequest,
    ComparePlansResponse,
    GetUsageSummaryRequest,
    RecordUsageRequest,
)
from mesh.rpc import error_from
from mesh.store import Store
from usage_correlation.handlers.ports import ChangeKind
from usage_correlation.server.events import subscriptions
from usage_correlation.store.changes import ChangeStore, note_changes
from usage_correlation.store.subscribers import SubscriberStore
from usage_correlation.wiring_accounts import ChangesOfOthers

SMS = """
format: cxmesh-tariff/1
id: sms
name: sms
currency: USD
time_zone: UTC
versions:
  - from: "2020-01-01"
    rates: [{line: sms, service: sms, price: "0.10", per: message}]
"""


@pytest.fixture(scope="module", autouse=True)
def plans(world: World) -> None:
    world.catalogue.sell("day-saver", tariff_document("day-saver", day="0.10", monthly="9.99"))
    world.catalogue.sell("day-giver", tariff_document("day-giver", day="0.17"))
    world.catalogue.sell("euro", tariff_document("euro", currency="EUR"))
    world.catalogue.sell("retired", tariff_document("retired", day="0.01"), PLAN_STATE_RETIRED)
    world.catalogue.sell("young", tariff_document("young", day="0.05", since="2026-03-10"))
    world.catalogue.sell("unborn", tariff_document("unborn", day="0.01", since="2027-01-01"))
    world.catalogue.sell("sms", SMS)


async def used(world: World, seconds: int, plan: str = "standard", start: datetime = MARCH_2) -> str:
    name = world.profile.hold(plan)
    await world.stub().RecordUsage(RecordUsageRequest(records=[usage_record(name, seconds, start=start)]))
    return name


async def compare(world: World, name: str, *plans: str, cycle: datetime | None = None) -> ComparePlansResponse:
    request = ComparePlansRequest(subscription=f"subscriptions/{name}", plans=[f"plans/{plan}" for plan in plans])
    if cycle is not None:
        request.cycle_time.FromDatetime(cycle)
    return await world.stub("service/offer-decision").ComparePlans(request)


def costs(answer: ComparePlansResponse) -> list[tuple[str, int, int]]:
    """Plan, total and recurring in hundredths."""
    return [
        (
            cost.plan.removeprefix("plans/"),
            cost.total.units * 100 + cost.total.nanos // 10**7,
            cost.recurring.units * 100 + cost.recurring.nanos // 10**7,
        )
        for cost in answer.costs
    ]


async def test_all_plans_that_are_sold_are_compared_cheapest_first(world: World) -> None:
    name = await used(world, 300 * 60)
    answer = await compare(world, name)
    assert (answer.current_plan, answer.record_count) == ("plans/standard", 1)
    # Of the same price: by name. In another currency, retired, not in force yet or without a rate for calls: not there.
    assert costs(answer) == [
        ("young", 1500, 0),
        ("day-saver", 3999, 999),
        ("day-giver", 5100, 0),
        ("standard", 5100, 0),
    ]


async def test_the_plan_in_force_is_always_among_those_asked_for(world: World) -> None:
    name = await used(world, 60)
    assert [plan for plan, *_ in costs(await compare(world, name, "day-saver"))] == ["standard", "day-saver"]


async def test_a_retired_plan_is_compared_when_it_is_the_one_in_force_or_asked_for(world: World) -> None:
    name = await used(world, 60, "retired")
    assert costs(await compare(world, name))[0] == ("retired", 1, 0)
    assert ("retired", 1, 0) in costs(await compare(world, await used(world, 60), "retired"))


async def test_usage_is_that_of_the_cycle_asked_for(world: World) -> None:
    name = await used(world, 60, start=MARCH_2 - timedelta(days=7))
    assert (await compare(world, name)).record_count == 0
    past = await compare(world, name, cycle=MARCH_2 - timedelta(days=7))
    assert (past.record_count, costs(past)[-1]) == (1, ("day-saver", 1009, 999))


async def test_prices_that_changed_within_the_cycle_hold_each_for_its_time(world: World) -> None:
    later = tariff_document("later", day="0.34", since="2026-03-03").split("versions:\n")[1]
    document = tariff_document("grown") + later
    name = await used(world, 60, world.catalogue.sell(fresh("grown"), document))
    await world.stub().RecordUsage(
        RecordUsageRequest(records=[usage_record(name, 60, start=MARCH_2 + timedelta(days=1))])
    )
    mine = world.profile.known[f"subscriptions/{name}"].plan.removeprefix("plans/")
    assert (mine, 51, 0) in costs(await compare(world, name))


@pytest.mark.parametrize(
    ("plan", "reason", "status"),
    [
        ("never-heard-of", "ERROR_REASON_PLAN_NOT_FOUND", grpc.StatusCode.NOT_FOUND),
        ("euro", "ERROR_REASON_INVALID_VALUE", grpc.StatusCode.INVALID_ARGUMENT),
        ("unborn", "ERROR_REASON_INVALID_VALUE", grpc.StatusCode.INVALID_ARGUMENT),
        ("sms", "ERROR_REASON_INVALID_VALUE", grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_a_plan_asked_for_that_cannot_be_compared_is_named(
    world: World, plan: str, reason: str, status: grpc.StatusCode
) -> None:
    name = await used(world, 60)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await compare(world, name, plan)
    error = error_from(refused.value)
    assert (error.status, error.reason) == (status, reason)
    assert f"plans/{plan}" in error.message


async def test_nothing_is_compared_with_a_plan_that_has_no_price_for_the_usage(world: World) -> None:
    name = await used(world, 60)
    world.clock.advance(timedelta(seconds=301))  # what was known of the subscription is forgotten
    world.profile.change_plan(name, "sms", MARCH_2 + minutes(1))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await compare(world, name)
    error = error_from(refused.value)
    assert (error.status, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_NOT_RATEABLE")
    assert error.metadata == {"plan": "plans/sms"}


async def test_a_summary_after_a_change_of_plan_holds_both_plans_lines(world: World) -> None:
    name = await used(world, 60)
    world.clock.advance(timedelta(seconds=301))
    change = MARCH_2 + minutes(1)
    world.profile.change_plan(name, "sms", change)
    message = usage_record(name, 2, usage_type=USAGE_TYPE_SMS, start=change)
    await world.stub().RecordUsage(RecordUsageRequest(records=[message]))
    found = await world.stub().GetUsageSummary(GetUsageSummaryRequest(name=f"subscriptions/{name}/usageSummary"))
    assert found.plan == "plans/sms"
    assert [(line.charge_code, line.amount.nanos) for line in found.lines] == [
        ("sms", 200_000_000),
        ("voice.day", 170_000_000),
    ]


async def test_a_subscription_that_ended_has_the_summary_of_its_last_cycle(world: World) -> None:
    name = await used(world, 60)
    world.clock.advance(timedelta(seconds=301))
    held = world.profile.known[f"subscriptions/{name}"]
    held.plan_periods[-1].end_time.FromDatetime(MARCH_2 + minutes(5))
    request = GetUsageSummaryRequest(name=f"subscriptions/{name}/usageSummary")
    found = await world.stub().GetUsageSummary(request)
    assert (found.plan, found.total.nanos) == ("plans/standard", 170_000_000)
    late = usage_record(name, start=MARCH_2 + minutes(5))
    (rejection,) = (await world.stub().RecordUsage(RecordUsageRequest(records=[late]))).rejections
    assert rejection.description == "no plan was in force at 2026-03-02T15:05:00Z"
    request.cycle_time.FromDatetime(MARCH_2 + timedelta(days=60))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.stub().GetUsageSummary(request)
    assert error_from(refused.value).field_violations[0].field == "cycle_time"


async def test_a_summary_of_a_cycle_to_come_is_empty(world: World) -> None:
    request = GetUsageSummaryRequest(name=f"subscriptions/{world.profile.hold()}/usageSummary")
    request.cycle_time.FromDatetime(MARCH_2 + timedelta(days=60))
    found = await world.stub().GetUsageSummary(request)
    assert (found.plan, list(found.lines)) == ("plans/standard", [])


async def test_a_summary_without_usage_is_empty(world: World) -> None:
    name = world.profile.hold()
    found = await world.stub("service/offer-decision").GetUsageSummary(
        GetUsageSummaryRequest(name=f"subscriptions/{name}/usageSummary")
    )
    assert (list(found.lines), found.total.units, found.total.currency_code) == ([], 0, "USD")
    assert not found.HasField("latest_record_time")
    assert found.cycle_start_time.ToDatetime(UTC) == datetime(2026, 3, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize("moment", [Timestamp(seconds=-1), Timestamp(seconds=2**60), Timestamp(nanos=-1)])
async def test_a_moment_that_cannot_be_is_in_no_cycle(world: World, moment: Timestamp) -> None:
    name = world.profile.hold()
    for call in (
        world.stub().GetUsageSummary(
            GetUsageSummaryRequest(name=f"subscriptions/{name}/usageSummary", cycle_time=moment)
        ),
        world.stub().ComparePlans(ComparePlansRequest(subscription=f"subscriptions/{name}", cycle_time=moment)),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        error = error_from(refused.value)
        assert (error.status, error.field_violations[0].field) == (grpc.StatusCode.INVALID_ARGUMENT, "cycle_time")


async def test_a_cycle_before_the_activation_has_no_summary(world: World) -> None:
    name = world.profile.hold(activated=MARCH_2)
    request = GetUsageSummaryRequest(name=f"subscriptions/{name}/usageSummary")
    request.cycle_time.FromDatetime(MARCH_2 - timedelta(days=60))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.stub().GetUsageSummary(request)
    assert error_from(refused.value).reason == "ERROR_REASON_INVALID_VALUE"


@pytest.mark.parametrize("method", ["GetUsageSummary", "ComparePlans"])
async def test_an_unknown_subscription_is_not_found(world: World, method: str) -> None:
    request = (
        GetUsageSummaryRequest(name="subscriptions/nobody/usageSummary")
        if method == "GetUsageSummary"
        else ComparePlansRequest(subscription="subscriptions/nobody")
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await getattr(world.stub(), method)(request)
    error = error_from(refused.value)
    assert (error.status, error.reason) == (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_SUBSCRIPTION_NOT_FOUND")
    assert error.metadata == {"subscription": "subscriptions/nobody"}


def listening(world: World) -> list[Any]:
    """What the service does with events; Any: each its own type of event."""
    told = ChangesOfOthers(SubscriberStore(world.service.runtime.store, world.clock))
    return subscriptions("usage-correlation", note_changes, world.clock, told.subscriptions, told.plans)


async def test_a_changed_plan_is_asked_for_again(world: World) -> None:
    plan = world.catalogue.sell(fresh("plan"), tariff_document("x", day="0.17"))
    name = await used(world, 60, plan)
    world.catalogue.sell(plan, tariff_document("x", day="1.00"))
    store = world.service.runtime.store
    (_, on_plans) = listening(world)
    async with store.unit_of_work() as uow:
        await on_plans.handler(uow, [_delivery(world, PlanChanged(plan=f"plans/{plan}"))])
    assert (plan, 100, 0) in costs(await compare(world, name))


def _delivery(world: World, message: PlanChanged) -> object:
    from uuid import uuid4  # noqa: PLC0415 - this helper alone needs them

    from opentelemetry.trace import INVALID_SPAN_CONTEXT  # noqa: PLC0415 - the same

    from mesh.events import Delivery  # noqa: PLC0415 - the same

    return Delivery(uuid4(), message, message.plan, world.clock.now(), INVALID_SPAN_CONTEXT, 1)


async def test_changes_are_noted_by_kind_and_id(world: World) -> None:
    store: Store = world.service.runtime.store
    log = ChangeStore(store, world.clock)
    version = (await log.since(-1)).version
    (_, on_plans) = listening(world)
    async with store.unit_of_work() as uow:
        await on_plans.handler(uow, [_delivery(world, PlanChanged(plan="plans/gold"))])
    assert (await log.since(version)).changed == {(ChangeKind.PLAN, "gold")}
