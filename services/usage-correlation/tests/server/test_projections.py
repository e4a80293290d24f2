"""Where do bill cycles lead, as callers are told?"""

from datetime import datetime, timedelta
from fractions import Fraction

import grpc
import pytest
from forecast_samples import amount, at, call, daily, data, projections, record_all, sold
from usage_acts import make_policy, policy
from usage_samples import tariff_document
from usage_world import World

from cxmesh.usage.v1.projection_pb2 import (
    PROJECTION_STATE_HISTORY_TOO_SHORT,
    PROJECTION_STATE_NO_USAGE,
    PROJECTION_STATE_READY,
    ExpectedCrossing,
    Projection,
)
from cxmesh.usage.v1.projection_service_pb2 import BatchGetProjectionsRequest, GetProjectionRequest

JANUARY = at(2026, 1, 1)
NOON = at(2026, 3, 15, 12)


@pytest.fixture(scope="module", autouse=True)
def plans(world: World) -> None:
    world.catalogue.sell("standard", tariff_document("standard", monthly="9.00"))
    world.catalogue.sell("unborn", tariff_document("unborn", since="2027-01-01"))


async def project(world: World, name: str, as_: str = "service/operator") -> Projection:
    request = GetProjectionRequest(name=f"subscriptions/{name}/projection")
    return await projections(world, as_).GetProjection(request)


async def steady(world: World, plan: str, seconds: int = 600, since: datetime = JANUARY) -> str:
    """A subscription with one call at three in the afternoon (UTC) of each day until now."""
    name = world.profile.hold(plan)
    days = (NOON - since).days
    await record_all(world, [call(name, seconds, moment) for moment in daily(since, days)])
    return name


def crossing(found: Projection, allowance: str, percent: int) -> ExpectedCrossing:
    (one,) = [each for each in found.crossings if each.percent == percent and each.allowance == allowance]
    return one


async def test_a_steady_subscriber_is_told_what_the_bill_will_be(world: World) -> None:
    name = await steady(world, "standard")
    found = await project(world, name)
    assert found.state == PROJECTION_STATE_READY
    # Ten minutes at 17 cents on each of 31 days: 52.70, 14 of them gone.
    assert amount(found.spent) == Fraction("23.80")
    assert float(amount(found.usage.low)) <= 52.7 <= float(amount(found.usage.high))
    assert abs(float(amount(found.usage.expected)) - 52.7) < 5
    assert amount(found.recurring) == 9
    assert amount(found.total.expected) == amount(found.usage.expected) + 9
    assert found.usage.coverage_percent == 80
    assert found.history_days >= 72


async def test_the_same_question_has_the_same_answer(world: World) -> None:
    name = await steady(world, "standard", since=at(2026, 2, 1))
    assert await project(world, name) == await project(world, name)


async def test_an_allowance_makes_the_price_of_what_is_to_come(world: World) -> None:
    # 10 minutes a day use 200 minutes up on the 20th; then each day costs 2 dollars until the 31st.
    plan = sold(world, "bundle", minutes=200, voice="0.20")
    name = await steady(world, plan)
    found = await project(world, name)
    assert amount(found.spent) == 0
    assert 15 < float(amount(found.usage.expected)) < 29
    used_up = crossing(found, "talk", 100)
    assert abs(used_up.expected_time.ToDatetime() - datetime(2026, 3, 21)) < timedelta(days=3)  # noqa: DTZ001 - as protobuf gives it
    assert used_up.earliest_time.ToDatetime() <= used_up.expected_time.ToDatetime() <= used_up.latest_time.ToDatetime()


async def test_coming_thresholds_have_a_time_and_a_likelihood(world: World) -> None:
    name = await steady(world, "standard")
    near = await make_policy(world, policy(40, (50, 100), subscription=f"subscriptions/{name}"))
    far = await make_policy(world, policy(900, (100,), subscription=f"subscriptions/{name}"))
    found = await project(world, name)
    named = {(each.spend_policy, each.percent): each for each in found.crossings if each.spend_policy}
    assert (f"spendPolicies/{near}", 50) not in named  # 20 dollars are spent already
    soon, never = named[f"spendPolicies/{near}", 100], named[f"spendPolicies/{far}", 100]
    assert soon.probability > 0.9
    assert abs(soon.expected_time.ToDatetime() - datetime(2026, 3, 24)) < timedelta(days=3)  # noqa: DTZ001 - the same
    assert never.probability == 0
    assert not never.HasField("expected_time")
    assert list(found.crossings).index(never) > list(found.crossings).index(soon)


async def test_weekends_are_projected_from_weekends(world: World) -> None:
    name = world.profile.hold("standard")
    weekdays = [moment for moment in daily(JANUARY, 73) if moment.weekday() < 5]
    await record_all(world, [call(name, 600, moment) for moment in weekdays])
    found = await project(world, name)
    # 22 workdays in March, against 31 days.
    assert abs(float(amount(found.usage.expected)) - 22 * 1.70) < 4


async def test_who_is_abroad_is_taken_to_stay_for_a_while(world: World) -> None:
    plan = sold(world, "bundle", megabytes=10_000)
    home, away = world.profile.hold(plan), world.profile.hold(plan)
    for name, network in ((home, ""), (away, "302720")):
        await record_all(world, [data(name, 20, moment) for moment in daily(JANUARY, 70)])
        await record_all(world, [data(name, 20, moment, network) for moment in daily(at(2026, 3, 12), 3)])
    stays, travels = await project(world, home), await project(world, away)
    assert amount(stays.usage.high) == 0
    assert amount(travels.spent) == 120
    assert amount(travels.usage.expected) > 200
    assert amount(travels.usage.high) > amount(travels.usage.low) + 100


async def test_the_eu_limit_on_roaming_lies_ahead_of_who_is_abroad(world: World) -> None:
    plan = sold(world, "euro-bundle", currency="EUR", megabytes=10_000)
    name = world.profile.hold(plan)
    await record_all(world, [data(name, 5, moment) for moment in daily(JANUARY, 70)])
    await record_all(world, [data(name, 5, moment, "302720") for moment in daily(at(2026, 3, 12), 3)])
    found = await project(world, name)
    limits = {each.percent: each for each in found.crossings if each.limit_policy}
    assert limits[100].limit_policy == "limitPolicies/eu-data-roaming"
    # 30 of 50 euros are spent, and each day abroad costs 10.
    assert limits[100].probability > 0.4
    assert limits[80].earliest_time.ToDatetime() <= limits[100].earliest_time.ToDatetime()


async def test_too_early_to_tell_is_said_with_the_reason(world: World) -> None:
    young = await steady(world, "standard", since=at(2026, 3, 8))
    silent = world.profile.hold("standard")
    found, nothing = await project(world, young), await project(world, silent)
    assert found.state == PROJECTION_STATE_HISTORY_TOO_SHORT
    assert not found.HasField("usage")
    assert amount(found.spent) > 0
    assert NOON < found.ready_time.ToDatetime(NOON.tzinfo) < at(2026, 3, 25)
    assert nothing.state == PROJECTION_STATE_NO_USAGE
    assert (amount(nothing.spent), amount(nothing.recurring)) == (0, 9)


async def test_a_plan_of_another_currency_from_mid_cycle_on_counts_alone(world: World) -> None:
    euro = sold(world, "euro", currency="EUR", minutes=1, voice="0.10")
    name = world.profile.hold("standard")
    world.profile.change_plan(name, euro, at(2026, 3, 10))
    await record_all(world, [call(name, 600, moment) for moment in daily(JANUARY, 73)])
    found = await project(world, name)
    assert found.spent.currency_code == found.total.expected.currency_code == "EUR"
    assert abs(float(amount(found.usage.expected)) - 22) < 3
    # 22 of 31 days of the monthly charge of 10.
    assert amount(found.recurring) == round(amount(found.recurring), 2)
    assert 6 < amount(found.recurring) < 8


async def test_usage_that_the_new_plan_has_no_price_for_is_counted_apart(world: World) -> None:
    name = world.profile.hold("standard")
    world.profile.change_plan(name, world.catalogue.sell("sms-alone", SMS_ALONE), at(2026, 3, 15, 11))
    await record_all(world, [call(name, 600, moment) for moment in daily(JANUARY, 73)])
    found = await project(world, name)
    assert found.unrated_count >= 14
    assert amount(found.usage.expected) == amount(found.spent)


SMS_ALONE = """
format: cxmesh-tariff/1
id: sms-alone
name: sms
currency: USD
time_zone: UTC
versions:
  - from: "2020-01-01"
    rates: [{line: sms, service: sms, price: "0.10", per: message}]
"""


async def test_many_are_projected_in_the_order_asked_for_and_none_holds_up_the_others(world: World) -> None:
    names = [await steady(world, "standard", since=at(2026, 2, 20)) for _ in range(3)]
    unborn = world.profile.hold("unborn")
    asked = [f"subscriptions/{name}/projection" for name in (names[0], "nobody", names[1], unborn, names[2])]
    parts = [part async for part in projections(world).BatchGetProjections(BatchGetProjectionsRequest(names=asked))]
    found = [each for part in parts for each in part.projections]
    assert [each.name for each in found] == [asked[0], asked[2], asked[4]]
    assert [name for part in parts for name in part.failed_names] == [asked[1], asked[3]]
    assert found[0] == await project(world, names[0])


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("subscriptions/nobody/projection", grpc.StatusCode.NOT_FOUND),
        ("subscriptions/nobody", grpc.StatusCode.INVALID_ARGUMENT),
        ("", grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_bad_requests_are_refused(world: World, name: str, status: grpc.StatusCode) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await projections(world).GetProjection(GetProjectionRequest(name=name))
    assert refused.value.code() is status


@pytest.mark.parametrize("names", [[], ["x"], ["subscriptions/a/projection"] * 2])
async def test_bad_batches_are_refused(world: World, names: list[str]) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        _ = [part async for part in projections(world).BatchGetProjections(BatchGetProjectionsRequest(names=names))]
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_without_prices_there_is_no_projection(world: World) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await project(world, world.profile.hold("unborn"))
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_offers_may_ask_and_partners_may_not(world: World) -> None:
    name = world.profile.hold("standard")
    assert (await project(world, name, "service/offer-decision")).state == PROJECTION_STATE_NO_USAGE
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await project(world, name, "partner/acme")
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_enough_is_known_from_the_moment_that_was_announced(world: World) -> None:
    """The last: the clock of the world moves on."""
    name = await steady(world, "standard", since=at(2026, 3, 8))
    ready = (await project(world, name)).ready_time.ToDatetime(NOON.tzinfo)
    world.clock.advance(ready - world.clock.now() - timedelta(seconds=1))
    assert (await project(world, name)).state == PROJECTION_STATE_HISTORY_TOO_SHORT
    world.clock.advance(timedelta(seconds=1))
    assert (await project(world, name)).state == PROJECTION_STATE_READY
