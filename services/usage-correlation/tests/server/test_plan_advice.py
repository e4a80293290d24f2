"""Which plan suits what a subscriber really used, and what would a trip cost?"""

from datetime import timedelta
from fractions import Fraction

import grpc
import pytest
from forecast_samples import MEGABYTE, advice, amount, at, call, daily, data, pack, record_all, sold
from usage_acts import summary
from usage_samples import fresh, tariff_document
from usage_world import World

from cxmesh.catalog.v1.plan_pb2 import PLAN_STATE_DRAFT, PLAN_STATE_RETIRED
from cxmesh.usage.v1 import plan_advice_pb2 as messages
from cxmesh.usage.v1.plan_advice_pb2 import CostEstimate, PlanAdvice, PlanOption
from cxmesh.usage.v1.plan_advice_service_pb2 import (
    BatchGetPlanAdviceRequest,
    DailyUsage,
    EstimateCostRequest,
    EstimateCostResponse,
    GetPlanAdviceRequest,
)
from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_DATA, USAGE_TYPE_SMS, USAGE_TYPE_VOICE
from mesh.rpc import error_from

DECEMBER = at(2025, 12, 1, 5)
NETWORK = "302720"
INVALID = grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture(scope="module", autouse=True)
def plans(world: World) -> None:
    world.catalogue.sell("standard", tariff_document("standard", monthly="5.00"))
    world.catalogue.sell("talker", tariff_document("talker", day="0.02", monthly="9.00"))
    world.catalogue.sell("same", tariff_document("same", monthly="5.00"))
    world.catalogue.sell("euro", tariff_document("euro", day="0.01", currency="EUR"))
    world.catalogue.sell("unborn", tariff_document("unborn", day="0.01", since="2027-01-01"))
    world.catalogue.sell("retired", tariff_document("retired", day="0.01"), PLAN_STATE_RETIRED)
    world.catalogue.sell("draft", tariff_document("draft", day="0.01"), PLAN_STATE_DRAFT)
    world.catalogue.sell("young", tariff_document("young", day="0.16", since="2026-03-10"))


async def advise(world: World, name: str, *plans: str, cycles: int = 0, options: int = 0) -> PlanAdvice:
    request = GetPlanAdviceRequest(
        name=f"subscriptions/{name}/planAdvice",
        plans=[f"plans/{plan}" for plan in plans],
        cycle_count=cycles,
        option_count=options,
    )
    return await advice(world).GetPlanAdvice(request)


def by_plan(found: PlanAdvice) -> dict[str, PlanOption]:
    return {option.plan.removeprefix("plans/"): option for option in found.options}


async def talker(world: World, plan: str = "standard", minutes: int = 30) -> str:
    """A subscription with a call by day on the first five days of each of three months."""
    name = world.profile.hold(plan)
    months = [at(2025, 12, 2), at(2026, 1, 2), at(2026, 2, 2)]
    await record_all(world, [call(name, minutes * 60, moment) for month in months for moment in daily(month, 5)])
    return name


async def test_real_usage_is_priced_under_every_plan_that_may_be_taken(world: World) -> None:
    name = await talker(world)
    found = await advise(world, name)
    options = by_plan(found)
    assert found.state == messages.PLAN_ADVICE_STATE_READY
    assert (found.current_plan, found.best_plan) == ("plans/standard", "plans/talker")
    assert (found.cycle_count, found.record_count) == (3, 15)
    # 3 x 150 minutes at 17 cents and 3 x 5; at 2 cents and 3 x 9.
    assert (amount(options["standard"].total), amount(options["standard"].recurring)) == (Fraction("91.5"), 15)
    assert (amount(options["talker"].total), amount(options["talker"].usage)) == (36, 9)
    assert amount(options["talker"].saving) == Fraction("55.5")
    assert not {"euro", "unborn", "retired", "draft"} & options.keys()
    assert amount(options["young"].total) == 72  # at the prices of now, though it was not sold then


async def test_what_it_was_rated_at_is_what_it_is_compared_with(world: World) -> None:
    name = await talker(world)
    (now,) = [each for each in (await advise(world, name, cycles=1)).options if each.plan == "plans/standard"]
    told = await summary(world, name, at(2026, 2, 10))
    assert amount(now.usage) == amount(told.total)


async def test_allowances_that_mattered_are_told(world: World) -> None:
    plan = sold(world, "bundle", minutes=100, megabytes=10, monthly="3.00")
    name = await talker(world)
    option = by_plan(await advise(world, name, plan))[plan]
    (talk,) = option.allowances
    assert (talk.allowance, talk.display_name, talk.unit) == ("talk", "Talk", "second")
    assert (talk.amount, talk.used) == (str(3 * 6000), str(3 * 6000))
    assert amount(option.total) == 3 * (3 + 50 * Fraction("0.20"))


async def test_what_rolls_over_saves_in_the_next_cycle(world: World) -> None:
    rolling = sold(world, "roll", minutes=100, more=", rollover_cycles: 1", monthly="3.00")
    name = world.profile.hold("standard")
    first, second = [at(2026, 1, 5)], daily(at(2026, 2, 2), 5)
    await record_all(world, [call(name, 1800, moment) for moment in (*first, *second)])
    option = by_plan(await advise(world, name, rolling))[rolling]
    assert amount(option.total) == 9
    assert option.allowances[0].used == str(6 * 1800)


async def test_a_plan_in_force_that_is_not_sold_any_more_is_compared_all_the_same(world: World) -> None:
    name = await talker(world, "retired")
    found = await advise(world, name)
    assert found.best_plan == "plans/retired"
    assert all(amount(option.saving) <= 0 for option in found.options)


async def test_the_plan_in_force_is_best_among_equals(world: World) -> None:
    name = await talker(world, "same", minutes=1)
    found = await advise(world, name, "standard")
    assert [option.plan for option in found.options] == ["plans/same", "plans/standard"]
    assert found.best_plan == "plans/same"
    other = await advise(world, await talker(world, "standard", minutes=1), "same")
    assert other.best_plan == "plans/standard"


async def test_plans_without_a_price_for_some_of_the_usage_are_no_option(world: World) -> None:
    name = world.profile.hold(sold(world, "bundle"))
    await record_all(world, [data(name, 5, at(2026, 2, 3, 12))])
    found = await advise(world, name, "standard", cycles=1)
    assert found.unpriced_plans == ["plans/standard"]
    assert "standard" not in by_plan(found)


async def test_only_the_cheapest_are_told_when_few_are_wanted(world: World) -> None:
    name = await talker(world)
    found = await advise(world, name, "talker", "young", "same", options=1)
    assert [option.plan for option in found.options] == ["plans/talker", "plans/standard"]


@pytest.mark.parametrize("day", [1, 15, 31])
async def test_whole_cycles_alone_are_priced(world: World, day: int) -> None:
    name = world.profile.hold("standard", day=day, activated=at(2026, 1, 20))
    await record_all(world, [call(name, 60, moment) for moment in daily(at(2026, 1, 20), 54, 16)])
    found = await advise(world, name)
    assert found.cycle_count == 1
    assert at(2026, 1, 20) < found.start_time.ToDatetime(DECEMBER.tzinfo) < found.end_time.ToDatetime(DECEMBER.tzinfo)


async def test_without_a_whole_cycle_it_is_too_early(world: World) -> None:
    name = world.profile.hold("standard", activated=at(2026, 2, 20))
    assert (await advise(world, name)).state == messages.PLAN_ADVICE_STATE_NO_COMPLETE_CYCLE


async def test_without_usage_the_cheapest_recurring_charges_win(world: World) -> None:
    name = world.profile.hold("standard")
    found = await advise(world, name, "talker", "same")
    assert (found.best_plan, found.record_count) == ("plans/standard", 0)


@pytest.mark.parametrize(
    ("plans", "status", "field"),
    [
        (["nowhere"], grpc.StatusCode.NOT_FOUND, None),
        (["euro"], INVALID, "plans"),
        (["unborn"], INVALID, "plans"),
        (["bad name"], INVALID, "plans[0]"),
        (["same", "same"], INVALID, "plans"),
    ],
)
async def test_plans_that_cannot_be_compared_are_refused(
    world: World, plans: list[str], status: grpc.StatusCode, field: str | None
) -> None:
    name = world.profile.hold("standard")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await advise(world, name, *plans)
    assert refused.value.code() is status
    assert [each.field for each in error_from(refused.value).field_violations] == ([field] if field else [])


async def test_nobody_has_no_advice(world: World) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await advise(world, "nobody")
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_thousands_are_advised_together_as_each_would_be_alone(world: World) -> None:
    days = [world.profile.hold("standard", day=day) for day in (1, 10, 28)]
    euros = world.profile.hold("euro")
    rolling = world.profile.hold(sold(world, "roll", more=", rollover_cycles: 2"))
    young = world.profile.hold("standard", activated=at(2026, 3, 1, 12))
    everybody = [*days, euros, rolling]
    await record_all(world, [call(name, 600, moment) for name in everybody for moment in daily(DECEMBER, 100, 12)])
    names = [f"subscriptions/{name}/planAdvice" for name in (*everybody, young, "nobody")]
    request = BatchGetPlanAdviceRequest(names=names, option_count=50)
    parts = [part async for part in advice(world).BatchGetPlanAdvice(request)]
    found = {each.name: each for part in parts for each in part.advice}
    assert found.keys() == set(names)
    assert found[names[5]].state == messages.PLAN_ADVICE_STATE_NO_COMPLETE_CYCLE
    assert found[names[6]].state == messages.PLAN_ADVICE_STATE_SUBSCRIPTION_NOT_FOUND
    for name in everybody:
        assert found[f"subscriptions/{name}/planAdvice"] == await advise(world, name)


async def test_three_options_each_are_enough_for_many(world: World) -> None:
    name = await talker(world)
    request = BatchGetPlanAdviceRequest(names=[f"subscriptions/{name}/planAdvice"])
    (part,) = [part async for part in advice(world).BatchGetPlanAdvice(request)]
    assert 3 <= len(part.advice[0].options) <= 4


@pytest.mark.parametrize(
    "request_",
    [
        BatchGetPlanAdviceRequest(),
        BatchGetPlanAdviceRequest(names=["x"]),
        BatchGetPlanAdviceRequest(names=["subscriptions/x/planAdvice"], cycle_count=13),
        BatchGetPlanAdviceRequest(names=["subscriptions/x/planAdvice"], option_count=-1),
    ],
)
async def test_bad_batches_are_refused(world: World, request_: BatchGetPlanAdviceRequest) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        _ = [part async for part in advice(world).BatchGetPlanAdvice(request_)]
    assert refused.value.code() is INVALID


def megabytes(count: int, **more: int) -> DailyUsage:
    return DailyUsage(usage_type=USAGE_TYPE_DATA, quantity=count * MEGABYTE, **more)


async def estimate(world: World, name: str, *daily_usage: DailyUsage, **trip: object) -> EstimateCostResponse:
    request = EstimateCostRequest(subscription=f"subscriptions/{name}", daily_usage=daily_usage)
    request.day_count = trip.pop("days", 5)  # type: ignore[assignment]  # by name
    if "start" in trip:
        request.start_time.FromDatetime(trip.pop("start"))  # type: ignore[arg-type]  # by name
    for field, value in trip.items():
        if field == "plans":
            request.plans.extend(f"plans/{plan}" for plan in value)  # type: ignore[attr-defined]  # by name
        else:
            setattr(request, field, value)
    return await advice(world).EstimateCost(request)


def cost_of(found: EstimateCostResponse, plan: str) -> CostEstimate:
    (one,) = [each for each in found.estimates if each.plan == f"plans/{plan}"]
    return one


async def test_a_trip_is_priced_where_it_goes(world: World) -> None:
    plan = sold(world, "bundle", roaming="2.00")
    name = world.profile.hold(plan)
    minutes = DailyUsage(usage_type=USAGE_TYPE_VOICE, quantity=600, record_count=2)
    found = await estimate(world, name, megabytes(10), minutes, visited_network=NETWORK)
    mine = found.estimates[0]
    assert (mine.plan, mine.basis) == (f"plans/{plan}", messages.ESTIMATE_BASIS_CURRENT_PLAN)
    # Five days of 10 MB at 2 dollars and 10 minutes at one.
    assert (amount(mine.usage), amount(mine.recurring), amount(mine.total)) == (150, 0, 150)
    assert {line.charge_code: (line.quantity, amount(line.amount)) for line in mine.lines} == {
        "roaming.data": (50 * MEGABYTE, 100),
        "roaming.voice": (3000, 50),
    }
    assert (found.record_count, found.visited_networks) == (15, [NETWORK])


async def test_a_country_is_priced_from_its_cheapest_network_to_its_dearest(world: World) -> None:
    name = world.profile.hold(sold(world, "bundle", roaming="2.00"))
    found = await estimate(world, name, megabytes(1), country_code="CA", days=1)
    assert (amount(found.estimates[0].lowest_usage), amount(found.estimates[0].usage)) == (2, 5)
    assert list(found.visited_networks) == ["302", "30237"]


async def test_usage_at_home_uses_what_allowances_have_left(world: World) -> None:
    plan = sold(world, "bundle", megabytes=100, data="0.10")
    name = world.profile.hold(plan)
    await record_all(world, [data(name, 60, at(2026, 3, 5, 12))])
    mine = (await estimate(world, name, megabytes(30), days=2)).estimates[0]
    (surf,) = mine.allowances
    assert (surf.amount, surf.used) == (str(40 * MEGABYTE), str(40 * MEGABYTE))
    assert (amount(mine.usage), mine.lines[0].covered_quantity) == (2, 40 * MEGABYTE)


async def test_a_trip_over_the_end_of_the_cycle_has_the_next_cycles_allowances_too(world: World) -> None:
    plan = sold(world, "bundle", megabytes=100, data="0.10")
    name = world.profile.hold(plan)
    found = await estimate(world, name, megabytes(60), days=4, start=at(2026, 3, 30, 12))
    # Two days in March with 100 MB, and two in April with 100.
    assert amount(cost_of(found, plan).usage) == 4


async def test_other_plans_and_packs_are_alternatives(world: World) -> None:
    plan = sold(world, "bundle", roaming="2.00", monthly="10.00")
    cheaper = sold(world, "traveller", roaming="0.50", monthly="20.00")
    added = fresh("pack")
    world.catalogue.sell(added, pack(added, plan, megabytes=20, monthly="5.00"))
    foreign = fresh("pack")
    world.catalogue.sell(foreign, pack(foreign, "another"))
    name = world.profile.hold(plan)
    minutes = DailyUsage(usage_type=USAGE_TYPE_VOICE, quantity=60)
    found = await estimate(
        world,
        name,
        megabytes(10),
        minutes,
        visited_network=NETWORK,
        start=at(2026, 4, 10),
        plans=[cheaper, added, foreign],
    )
    assert [each.plan for each in found.estimates] == [f"plans/{each}" for each in (plan, added, cheaper)]
    with_pack, other = cost_of(found, added), cost_of(found, cheaper)
    # 20 MB are included, 30 cost 10 cents, and the five minutes cost what they always do.
    assert with_pack.basis == messages.ESTIMATE_BASIS_PACK
    assert (amount(with_pack.usage), amount(with_pack.recurring)) == (3 + 5, 5)
    assert other.basis == messages.ESTIMATE_BASIS_OTHER_PLAN
    # 22 of the 30 days of April, as each plan prorates: 14.67 - 7.33.
    assert (amount(other.usage), amount(other.recurring)) == (25 + 5, Fraction("7.34"))


async def test_own_usage_is_what_was_used_on_the_last_days(world: World) -> None:
    name = world.profile.hold(sold(world, "bundle", roaming="1.00"))
    days = daily(at(2026, 2, 20), 23)
    await record_all(world, [data(name, 3 if day.weekday() < 5 else 7, day) for day in days])
    # 16 March 2026 is a Monday: five workdays and a weekend.
    found = await estimate(world, name, visited_network=NETWORK, days=7, start=at(2026, 3, 16, 4))
    assert amount(found.estimates[0].usage) == 5 * 3 + 2 * 7


async def test_nothing_is_kept_of_an_estimate(world: World) -> None:
    plan = sold(world, "bundle")
    name = world.profile.hold(plan)
    await record_all(world, [data(name, 5, at(2026, 3, 5, 12))])
    before = await summary(world, name)
    await estimate(world, name, megabytes(500), visited_network=NETWORK)
    assert await summary(world, name) == before


@pytest.mark.parametrize(
    ("daily_usage", "trip", "field"),
    [
        ([megabytes(1)], {"days": 0}, "day_count"),
        ([megabytes(1)], {"days": 91}, "day_count"),
        ([megabytes(1)], {"visited_network": "1"}, "visited_network"),
        ([megabytes(1)], {"country_code": "ZZ"}, "country_code"),
        ([megabytes(1)], {"country_code": "Canada"}, "country_code"),
        ([megabytes(1)], {"start": at(2026, 3, 1)}, "start_time"),
        ([megabytes(1)], {"start": at(2029, 3, 1)}, "start_time"),
        ([DailyUsage(usage_type=USAGE_TYPE_DATA)], {}, "daily_usage[0].quantity"),
        ([DailyUsage(quantity=1)], {}, "daily_usage[0].usage_type"),
        ([DailyUsage(usage_type=USAGE_TYPE_VOICE, quantity=5, record_count=6)], {}, "daily_usage[0].record_count"),
        ([DailyUsage(usage_type=USAGE_TYPE_SMS, quantity=1001)], {}, "daily_usage[0].quantity"),
        ([], {}, "daily_usage"),
    ],
)
async def test_trips_that_cannot_be_are_refused(
    world: World, daily_usage: list[DailyUsage], trip: dict[str, object], field: str
) -> None:
    name = world.profile.hold(sold(world, "bundle"))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await estimate(world, name, *daily_usage, **trip)
    assert refused.value.code() is INVALID
    assert [each.field for each in error_from(refused.value).field_violations] == [field]


async def test_usage_without_a_price_under_the_plan_in_force_is_refused(world: World) -> None:
    name = world.profile.hold("standard")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await estimate(world, name, megabytes(1))
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_unknown_plans_and_subscriptions_are_not_found(world: World) -> None:
    name = world.profile.hold(sold(world, "bundle"))
    for subscription, plans in ((name, ["nowhere"]), ("nobody", [])):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await estimate(world, subscription, megabytes(1), plans=plans)
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_trip_that_begins_in_the_evening_is_used_from_then_on(world: World) -> None:
    name = world.profile.hold(sold(world, "bundle", roaming="1.00"))
    evening = world.clock.now() + timedelta(hours=14)  # ten at night in New York
    found = await estimate(world, name, megabytes(10, record_count=4), visited_network=NETWORK, days=1, start=evening)
    assert (amount(found.estimates[0].usage), found.record_count) == (10, 4)
