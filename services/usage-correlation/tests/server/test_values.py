"""Do records with prices of their own cost the percentage that the plan in force charges, wherever they are rated?"""

import asyncio
from datetime import timedelta
from fractions import Fraction

import pytest
from forecast_samples import advice, amount, at, consumption, daily, record_all
from google.type.interval_pb2 import Interval
from google.type.money_pb2 import Money
from rated_anew import tell, until_rated_anew
from usage_acts import counts, lines, record, summary
from usage_samples import MARCH_2, fresh, minutes, usage_record
from usage_world import World
from value_samples import MINUTES, content, sell_share, share

from cxmesh.catalog.v1.events_pb2 import PlanChanged
from cxmesh.profile.v1.events_pb2 import SubscriptionChanged
from cxmesh.usage.v1.consumption_pb2 import RatedUsage
from cxmesh.usage.v1.consumption_service_pb2 import ListRatedUsageRequest
from cxmesh.usage.v1.error_reason_pb2 import ErrorReason
from cxmesh.usage.v1.plan_advice_service_pb2 import EstimateCostRequest, GetPlanAdviceRequest
from cxmesh.usage.v1.usage_record_pb2 import UsageColumns, UsageRecord
from cxmesh.usage.v1.usage_service_pb2 import ComparePlansRequest, ExportUsageRequest, ListUsageRecordsRequest


async def listed(world: World, name: str) -> list[UsageRecord]:
    request = ListUsageRecordsRequest(parent=f"subscriptions/{name}", page_size=1000)
    return list((await world.stub().ListUsageRecords(request)).records)


async def exported(world: World, *names: str) -> UsageColumns:
    interval = Interval()
    interval.start_time.FromDatetime(MARCH_2)
    interval.end_time.FromDatetime(MARCH_2 + timedelta(days=7))
    request = ExportUsageRequest(subscriptions=[f"subscriptions/{name}" for name in names], interval=interval)
    (part,) = [answer.columns async for answer in world.stub().ExportUsage(request)]
    return part


async def rated(world: World, name: str) -> list[RatedUsage]:
    request = ListRatedUsageRequest(parent=f"subscriptions/{name}", page_size=1000)
    return list((await consumption(world).ListRatedUsage(request)).rated_usage)


async def test_a_percentage_of_the_value_is_charged_on_arrival(world: World) -> None:
    name = world.profile.hold(sell_share(world))
    film, call = content(name), usage_record(name, 60, start=MARCH_2 + minutes(1))
    assert counts(await record(world, film, call)) == (2, 0, 0)
    assert lines(await summary(world, name)) == {"content": (1, 1, 125), "calls": (1, 60, 10)}
    first, second = await rated(world, name)
    assert (first.exact_amount, first.charges[0].value) == ("1.2475", "1.2475")
    assert first.record == film
    assert (second.exact_amount, second.charges[0].value) == ("0.1", "")


async def test_records_are_listed_and_exported_with_their_values(world: World) -> None:
    plan = sell_share(world)
    with_value, without = world.profile.hold(plan), world.profile.hold(plan)
    sent = [
        content(with_value),
        usage_record(with_value, 60, start=MARCH_2 + minutes(1)),
        content(with_value, 0, 0, start=MARCH_2 + minutes(2)),
    ]
    await record(world, *sent, usage_record(without, 60))
    assert await listed(world, with_value) == sent
    columns = await exported(world, with_value, without)
    assert list(columns.value_micros) == [4_990_000, 0, 0, 0]
    assert [columns.value_currencies[at] for at in columns.value_currency_index] == ["USD", "", "USD", ""]
    columns = await exported(world, without)
    assert [*columns.value_micros, *columns.value_currencies, *columns.value_currency_index] == []


async def test_the_value_is_part_of_the_content(world: World) -> None:
    name = world.profile.hold(sell_share(world))
    film = content(name)
    await record(world, film)
    other, without = UsageRecord(), UsageRecord()
    other.CopyFrom(film)
    other.value.nanos = 0
    without.CopyFrom(film)
    without.ClearField("value")
    answer = await record(world, film, other, without)
    assert counts(answer) == (0, 1, 2)
    assert {each.reason for each in answer.rejections} == {ErrorReason.ERROR_REASON_RECORD_CONFLICT}


@pytest.mark.parametrize(
    ("value", "description"),
    [
        (Money(currency_code="USD", units=-1), "-1 units and 0 nanos of 'USD': must be 0 or more and less than"),
        (Money(currency_code="USD", nanos=-1000), "0 units and -1000 nanos of 'USD': must be 0 or more"),
        (Money(currency_code="USD", nanos=1), "0 units and 1 nanos of 'USD': must be 0 or more"),
        (Money(currency_code="USD", nanos=10**9), "0 units and 1000000000 nanos of 'USD': must be 0 or more"),
        (Money(currency_code="USD", units=10**9), "1000000000 units and 0 nanos of 'USD': must be 0 or more"),
        (Money(currency_code="usd"), "0 units and 0 nanos of 'usd': must have a currency code of three capital"),
        (Money(units=1), "1 units and 0 nanos of '': must have a currency code of three capital"),
    ],
)
async def test_a_value_that_cannot_be_is_refused_alone(world: World, value: Money, description: str) -> None:
    name = world.profile.hold(sell_share(world))
    bad = content(name)
    bad.value.CopyFrom(value)
    answer = await record(world, content(name), bad, usage_record(name))
    assert counts(answer) == (2, 0, 1)
    (rejection,) = answer.rejections
    assert (rejection.index, rejection.reason) == (1, ErrorReason.ERROR_REASON_INVALID_RECORD)
    assert rejection.field == "value"
    assert rejection.description.startswith(description)


@pytest.mark.parametrize("free", [0, 1])
async def test_a_value_in_another_currency_than_the_plans_is_refused_alone(world: World, free: int) -> None:
    plan = sell_share(world, free=free)
    name = world.profile.hold(plan)
    answer = await record(world, content(name), content(name, currency="EUR"), usage_record(name))
    assert counts(answer) == (2, 0, 1)
    (rejection,) = answer.rejections
    assert (rejection.index, rejection.reason) == (1, ErrorReason.ERROR_REASON_NOT_RATEABLE)
    assert rejection.field == "value"
    assert rejection.description == f"4.99 EUR: must be in USD, the currency of plans/{plan}"


async def test_the_highest_value_is_exact(world: World) -> None:
    name = world.profile.hold(sell_share(world, "100"))
    await record(world, content(name, 999_999_999, 999_999_000))
    (found,) = await rated(world, name)
    assert found.exact_amount == "999999999.999999"


async def test_a_late_record_before_the_free_ones_are_used_up_rates_the_values_after_it_anew(world: World) -> None:
    name = world.profile.hold(sell_share(world, free=1))
    await record(world, content(name, 10, 0, start=MARCH_2 + minutes(2)))
    assert lines(await summary(world, name)) == {"content": (1, 1, 0)}
    await record(world, content(name, 2, 0, start=MARCH_2))
    # The film that came first, for two dollars, is the free one now.
    assert lines(await summary(world, name)) == {"content": (2, 2, 250)}
    assert [each.exact_amount for each in await rated(world, name)] == ["0", "2.5"]


async def test_a_percentage_changed_for_the_past_is_charged_of_stored_values(world: World) -> None:
    plan = sell_share(world)
    name = world.profile.hold(plan)
    await record(world, content(name), usage_record(name, 60))
    world.catalogue.sell(plan, share(plan, "50"))
    await tell(world, PlanChanged(plan=f"plans/{plan}"), plan)
    await until_rated_anew(world)
    assert lines(await summary(world, name)) == {"content": (1, 1, 250), "calls": (1, 60, 10)}


async def test_a_value_loses_its_price_when_the_plan_turns_out_to_be_in_another_currency(world: World) -> None:
    name = world.profile.hold(sell_share(world))
    euro = sell_share(world, currency="EUR")
    await record(world, content(name), usage_record(name, 60, start=MARCH_2 + minutes(1)))
    world.profile.change_plan(name, euro, MARCH_2 - minutes(1))
    await tell(world, SubscriptionChanged(subscription=world.profile.known[f"subscriptions/{name}"]), name)
    await until_rated_anew(world)
    assert lines(await summary(world, name)) == {"calls": (1, 60, 10)}
    film, call = await rated(world, name)
    assert film.unrated_reason == "no price at present, by its value"
    assert (call.exact_amount, call.plan) == ("0.1", f"plans/{euro}")


async def test_plans_are_compared_and_advised_by_what_they_charge_of_values(world: World) -> None:
    mine, cheaper = sell_share(world), sell_share(world, "10")
    name = world.profile.hold(mine)
    months = [at(2025, 12, 2), at(2026, 1, 2), at(2026, 2, 2), at(2026, 3, 2)]
    await record_all(world, [content(name, 10, 0, start=month) for month in months])
    request = ComparePlansRequest(subscription=f"subscriptions/{name}", plans=[f"plans/{cheaper}"])
    compared = await world.stub().ComparePlans(request)
    assert [(cost.plan, amount(cost.total)) for cost in compared.costs] == [
        (f"plans/{cheaper}", 1),
        (f"plans/{mine}", Fraction("2.5")),
    ]
    wanted = GetPlanAdviceRequest(name=f"subscriptions/{name}/planAdvice", plans=[f"plans/{cheaper}"], cycle_count=3)
    found = await advice(world).GetPlanAdvice(wanted)
    assert found.best_plan == f"plans/{cheaper}"
    assert {option.plan: amount(option.total) for option in found.options} == {
        f"plans/{cheaper}": 3,
        f"plans/{mine}": Fraction("7.5"),
    }


async def test_own_usage_is_estimated_with_its_values(world: World) -> None:
    name = world.profile.hold(sell_share(world))
    await record_all(world, [content(name, 10, 0, start=day) for day in daily(at(2026, 2, 20), 23)])
    request = EstimateCostRequest(subscription=f"subscriptions/{name}", day_count=7)
    request.start_time.FromDatetime(at(2026, 3, 16, 4))
    estimates = (await advice(world).EstimateCost(request)).estimates
    assert amount(estimates[0].usage) == 7 * Fraction("2.5")


async def test_where_something_is_shared_values_have_their_price_too(world: World) -> None:
    plan = fresh("family")
    world.catalogue.sell(plan, share(plan, allowances=MINUTES))
    customer = fresh("c")
    one, other = (world.profile.hold(plan, customer=customer) for _ in range(2))
    await record(world, usage_record(one, 600), usage_record(other, 60, start=MARCH_2 + minutes(20)))
    await record(world, content(other, start=MARCH_2 + minutes(30)))
    assert [each.exact_amount for each in await rated(world, other)] == ["0.1", "1.2475"]
    assert [each.exact_amount for each in await rated(world, one)] == ["0"]


async def test_one_by_one_comes_to_the_same_as_together(world: World) -> None:
    plan = sell_share(world, "12.5", free=2)
    one_by_one, together = world.profile.hold(plan), world.profile.hold(plan)

    def used(name: str) -> list[UsageRecord]:
        made = [content(name, number, number * 1000, start=MARCH_2 + minutes(7 * number % 5)) for number in range(8)]
        return [*made, usage_record(name, 90), content(name, 0, 0)]

    for each in used(one_by_one):
        await record(world, each)
    await record(world, *used(together))
    assert lines(await summary(world, one_by_one)) == lines(await summary(world, together))
    spent = [sum(Fraction(each.exact_amount) for each in await rated(world, name)) for name in (one_by_one, together)]
    assert spent[0] == spent[1] > 0


async def test_a_group_of_calls_holds_those_with_values_and_those_without(world: World) -> None:
    """What waits together is stored in one statement."""

    names = [world.profile.hold(sell_share(world)) for _ in range(12)]
    sent = [content(name) if number % 3 else usage_record(name, 60) for number, name in enumerate(names)]
    answers = await asyncio.gather(*(record(world, each) for each in sent))
    assert {counts(answer) for answer in answers} == {(1, 0, 0)}
    assert [await listed(world, name) for name in names] == [[each] for each in sent]
